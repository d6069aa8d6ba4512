mer_fuzz_target(json SOURCES fuzz_json.c ${CMAKE_SOURCE_DIR}/tests/prove/lib/json_write.c USES base)
if(TARGET fuzz_json)
  target_include_directories(fuzz_json PRIVATE ${CMAKE_SOURCE_DIR}/tests/prove/lib)
endif()
