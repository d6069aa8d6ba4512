mer_unit_test(kpi SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_kpi.c ${CMAKE_CURRENT_LIST_DIR}/test_kpi_finish.c
  ${CMAKE_CURRENT_LIST_DIR}/kpi_fixture.c USES resolvers LIBS pq)
target_include_directories(test_kpi PRIVATE ${CMAKE_CURRENT_LIST_DIR} ${MER_PG_INCLUDE})

# Figures from real databases against figures computed from raw rows; the worker's tool fills the stored ones.
add_executable(kpi_tool ${CMAKE_CURRENT_LIST_DIR}/kpi_tool.c ${CMAKE_CURRENT_LIST_DIR}/kpi_fixture.c)
target_include_directories(kpi_tool PRIVATE ${CMAKE_CURRENT_LIST_DIR} ${MER_PG_INCLUDE})
target_link_libraries(kpi_tool PRIVATE mer_resolvers mer_flags pq)
add_test(NAME kpi.exact
  COMMAND /usr/bin/python3 ${CMAKE_SOURCE_DIR}/tests/prove/kpis.py --tool $<TARGET_FILE:kpi_tool>
    --rollup $<TARGET_FILE:rollup_tool> --rounds 10)
set_tests_properties(kpi.exact PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 240)
add_test(NAME docs.kpis COMMAND /usr/bin/python3 ${CMAKE_SOURCE_DIR}/docs/kpis.py --check)
