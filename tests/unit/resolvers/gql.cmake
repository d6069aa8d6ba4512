mer_unit_test(http1 SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_http1.c USES resolvers)
mer_unit_test(http2 SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_http2.c USES resolvers LIBS nghttp2)
mer_unit_test(stream_codecs SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_stream_codecs.c USES resolvers)
foreach(name gql_breaker gql_client gql_coding gql_origin gql_tls)
  mer_unit_test(${name} SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_${name}.c ${CMAKE_CURRENT_LIST_DIR}/gql_rig.c
    ${CMAKE_CURRENT_LIST_DIR}/gql_server.c USES resolvers LIBS ssl crypto z)
endforeach()
