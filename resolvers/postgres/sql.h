// SPDX-License-Identifier: MIT
// The SQL compiler: one fetch part becomes one statement that answers one row with one text column, the JSON
// to splice: an object of the operation's root fields by response key, in order; for entities an array in the
// order of the ids asked, null for those that are not there.
//
// What holds for every statement:
// - Its text depends on the shape alone: which fields, which arguments are there (null counts as absent),
// which
//   way a boolean switch stands, whether one partition or several. Every value is a bind parameter with a
//   cast. Names and expressions come from the schema's bindings; response keys are GraphQL names.
// - Every table is read with `tenant = $n` where its binding names a tenant column. The build option
//   MER_TEST_NO_TENANT_PREDICATE leaves that out, to prove that row-level security alone holds too.
// - Keyset pages: `first` rows and one more; cursors carry (version, order hash, key values, id) and nothing
// else.
// - DateTime is RFC 3339 with Z, Decimal and 64-bit integers are JSON strings with all their digits.
// - A field of a @hole type answers the row's partition value (a facility's code) as JSON string, or null.
// - An argument that is null is one that is not there, but in a mutation's input, which keeps the difference.
//
// How it is built was measured on Postgres 15 (a page of 50 orders with customer, lines and products, generic
// plan, statements a second on one core): concat with scalar subqueries 1,770; format 1,630; the same with
// joins and ordered aggregates 1,520; row_to_json 1,420; json_build_object 1,390. Scalar subqueries also keep
// the page's order without a sort. All of it hangs on index lookups: at random_page_cost 4 the planner scans
// small tables for every row, which costs three quarters of the rate; 1.1 is right for data in memory.
//
// A light statement that comes often has a second text for many askers at once (`many`, see pool.h): Postgres
// begins and ends a statement once for all of them, which is most of what a lookup by key costs it.
//
// Where the operation has a memo (planner/fetch.h) the texts of statements are kept there, by the way they
// were asked: then only values are compiled, see sql_keep.c.
//
// Session settings it relies on: TimeZone UTC, DateStyle ISO, standard_conforming_strings on. No I/O; no
// state but the memo, so any thread where there is none, and the operation's where there is one. The text and
// the parameters live in the arena given, or with the operation; all are NUL-terminated.
#ifndef MER_RESOLVERS_POSTGRES_SQL_H
#define MER_RESOLVERS_POSTGRES_SQL_H

#include "planner/fetch.h"
#include "resolvers/postgres/binding.h"
#include "resolvers/postgres/pool.h"

struct mer_sql_ask {
    const struct mer_binding *binding;
    const struct mer_fetch_op *op;
    const struct mer_variables *vars;
    // Partition values (facility codes) this part may touch at root fields with @partition; the field's own
    // argument narrows them further. 0: the arguments alone decide.
    const struct mer_slice *partitions;
    uint32_t partitions_n;
    // Node ids of an entity fetch.
    const struct mer_slice *entity_ids;
    uint32_t entity_ids_n;
    struct mer_slice tenant; // of the verified claim
    struct mer_slice region; // this site's own
};

struct mer_sql {
    struct mer_slice text;
    struct mer_slice many; // the same for any number of askers; nil: there is none
    const struct mer_pg_param *params;
    uint32_t params_n;
    bool long_running; // not known to be short (a lookup by key or a keyset page by index)
    bool light;        // known to read a few rows by key
};

// MER_ERR_INVALID: the request's values are wrong (a bad cursor, a negative `first`, …): BAD_USER_INPUT, the
// text is fit for the caller. MER_ERR_NOT_FOUND: the operation asks what the bindings cannot answer: a bug of
// the planner or of the schema. MER_ERR_LIMIT: the arena is exhausted, or too many parameters.
enum mer_err mer_sql_compile(struct mer_arena *a, const struct mer_sql_ask *ask, struct mer_sql *out,
                             struct mer_diag *diag) MER_MUST_CHECK;

#endif
