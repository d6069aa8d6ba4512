mer_fuzz_target(plan SOURCES fuzz_plan.c USES gateway)
if(TARGET fuzz_plan)
  target_compile_definitions(fuzz_plan PRIVATE MER_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
endif()
