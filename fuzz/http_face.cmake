mer_fuzz_target(http_face SOURCES fuzz_http_face.c ${CMAKE_SOURCE_DIR}/tests/unit/gateway/http_request.c USES gateway)
if(TARGET fuzz_http_face)
  target_include_directories(fuzz_http_face PRIVATE ${CMAKE_SOURCE_DIR}/tests/unit/gateway)
endif()
