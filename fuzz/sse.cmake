mer_fuzz_target(sse SOURCES fuzz_sse.c USES resolvers)
mer_fuzz_target(ws SOURCES fuzz_ws.c USES resolvers)
