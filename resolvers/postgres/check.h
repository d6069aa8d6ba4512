// SPDX-License-Identifier: MIT
// What bindings promise, asked of a database: that the tables, columns and functions they name are there and
// may be read or called by the role that will, and that a column behind a Non-Null field is NOT NULL (what
// Postgres answers is spliced unread, so nobody would see a null there in time). For `meridian check`:
// connects by itself and blocks. Any thread; findings live in the arena given and name the place in the
// source's own SDL.
#ifndef MER_RESOLVERS_POSTGRES_CHECK_H
#define MER_RESOLVERS_POSTGRES_CHECK_H

#include "planner/tier.h"
#include "resolvers/postgres/binding.h"

struct mer_pg_check_ask {
    const struct mer_binding *binding;
    const char *read, *write; // connection strings; write may be NULL: no mutation comes there
    enum mer_tier tier;       // of the placement: it need not have what it does not serve
};

struct mer_pg_finding {
    struct mer_loc loc;
    struct mer_slice message;
};

// MER_ERR_IO: the database does not answer; diag says why, without secrets.
enum mer_err mer_pg_check(struct mer_arena *a, const struct mer_pg_check_ask *ask,
                          struct mer_pg_finding **out, uint32_t *n, struct mer_diag *diag) MER_MUST_CHECK;

#endif
