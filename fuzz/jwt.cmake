mer_fuzz_target(jwt SOURCES fuzz_jwt.c USES gateway)
