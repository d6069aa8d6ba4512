mer_fuzz_target(http1 SOURCES fuzz_http1.c USES resolvers)
