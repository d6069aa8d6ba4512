mer_fuzz_target(json SOURCES fuzz_json.c USES base)
