# What is pure in running a plan: values, merging, projection, ages, the board.
set(exec_rig ${CMAKE_CURRENT_LIST_DIR}/exec_rig.c)
foreach(name value connection project freshness board)
  mer_unit_test(${name} SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_${name}.c ${exec_rig} USES resolvers)
endforeach()
mer_unit_test(defer SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_defer.c ${CMAKE_CURRENT_LIST_DIR}/sub_rig.c
  ${CMAKE_CURRENT_LIST_DIR}/sub_graph.c
  ${CMAKE_CURRENT_LIST_DIR}/gql_server.c USES resolvers LIBS ssl crypto z)
mer_unit_test(subgraph SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_subgraph.c ${CMAKE_CURRENT_LIST_DIR}/sub_rig.c
  ${CMAKE_CURRENT_LIST_DIR}/sub_graph.c
  ${CMAKE_CURRENT_LIST_DIR}/gql_server.c USES resolvers LIBS ssl crypto z)
