mer_fuzz_target(http1 SOURCES fuzz_http1.c USES resolvers)
mer_fuzz_target(http2 SOURCES fuzz_http2.c USES resolvers)
