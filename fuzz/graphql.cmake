mer_fuzz_target(graphql SOURCES fuzz_graphql.c USES schema)
mer_fuzz_target(sdl SOURCES fuzz_sdl.c USES schema)
