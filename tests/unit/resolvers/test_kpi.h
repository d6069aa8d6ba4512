// SPDX-License-Identifier: MIT
// Between test_kpi.c (which runs them) and test_kpi_finish.c: tests whose state is a struct kpi_fixture.
#ifndef MER_TESTS_TEST_KPI_H
#define MER_TESTS_TEST_KPI_H

void test_finish(void **state);
void test_finish_bad_parts(void **state);
void test_finish_bad_maps(void **state);

#endif
