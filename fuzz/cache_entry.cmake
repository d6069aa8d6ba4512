mer_fuzz_target(cache_entry SOURCES fuzz_cache_entry.c USES cache)
