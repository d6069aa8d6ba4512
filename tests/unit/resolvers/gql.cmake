mer_unit_test(http1 SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_http1.c USES resolvers)
