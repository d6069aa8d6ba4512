mer_fuzz_target(subgraph SOURCES fuzz_subgraph.c ${CMAKE_SOURCE_DIR}/tests/unit/resolvers/sub_graph.c USES resolvers)
if(TARGET fuzz_subgraph)
  target_include_directories(fuzz_subgraph PRIVATE ${CMAKE_SOURCE_DIR}/tests)
endif()
