// SPDX-License-Identifier: MIT
// For KPI tests: the shipped analytics schema and catalogue, and fetch fields made from operation text.
#ifndef MER_TESTS_KPI_FIXTURE_H
#define MER_TESTS_KPI_FIXTURE_H

#include "resolvers/kpi/query.h"

struct kpi_fixture {
    struct mer_arena *a;
    struct mer_schema *schema;
    struct mer_kpi_catalogue *catalogue;
};

// Reads from the folder given (schema/). Ends the process with a message when something is wrong.
void kpi_fixture_load(struct kpi_fixture *x, const char *folder);

// The root fields of `{…}`; values must be literals. `on` names the type the selection starts at ("Query",
// "Facility").
struct mer_fetch_field **kpi_fixture_fields(const struct kpi_fixture *x, const char *on,
                                            struct mer_slice text, uint32_t *n);

#endif
