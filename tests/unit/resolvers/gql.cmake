mer_unit_test(http1 SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_http1.c USES resolvers)
mer_unit_test(gql_client SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_gql_client.c ${CMAKE_CURRENT_LIST_DIR}/gql_rig.c
  ${CMAKE_CURRENT_LIST_DIR}/gql_server.c USES resolvers LIBS ssl crypto)
mer_unit_test(gql_tls SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_gql_tls.c ${CMAKE_CURRENT_LIST_DIR}/gql_rig.c
  ${CMAKE_CURRENT_LIST_DIR}/gql_server.c USES resolvers LIBS ssl crypto)
