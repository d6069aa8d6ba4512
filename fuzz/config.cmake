mer_fuzz_target(config SOURCES fuzz_config.c USES gateway)
