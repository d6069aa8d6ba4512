// SPDX-License-Identifier: MIT
// What a statement answered lives as long as somebody holds it, on whatever thread.
#include "resolvers/postgres/pool_priv.h"

#include <stdatomic.h>
#include <stdlib.h>

struct mer_pg_rows {
    PGresult *res;
    atomic_uint holders;
};

struct mer_pg_rows *mer_pg_rows_make(PGresult *take_res)
{
    struct mer_pg_rows *rows = malloc(sizeof(*rows));
    if (!rows)
        abort();
    rows->res = take_res;
    atomic_init(&rows->holders, 1);
    return rows;
}

PGresult *mer_pg_rows_result(const struct mer_pg_rows *rows)
{
    return rows->res;
}

void mer_pg_rows_release(struct mer_pg_rows *rows)
{
    if (rows && atomic_fetch_sub(&rows->holders, 1) == 1) {
        PQclear(rows->res);
        free(rows);
    }
}

void *mer_pg_result_keep(const struct mer_pg_result *r)
{
    if (r->rows)
        atomic_fetch_add(&r->rows->holders, 1);
    return r->rows;
}

void mer_pg_result_release(void *handle)
{
    mer_pg_rows_release(handle);
}
