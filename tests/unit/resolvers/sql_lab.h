// SPDX-License-Identifier: MIT
// What the tests of the SQL compiler share: the operations source as it is shipped, and a way from the text
// of an operation to its statement without a planner.
#ifndef MER_TEST_SQL_LAB_H
#define MER_TEST_SQL_LAB_H

#include "resolvers/postgres/sql.h"

struct sql_lab {
    struct mer_arena *a; // of the schema; lives as long as the lab
    struct mer_schema *schema;
    struct mer_binding *binding;
};

// schema/operations.graphql and schema/bindings.graphql, from the root of the sources.
void sql_lab_open(struct sql_lab *lab);
void sql_lab_close(struct sql_lab *lab);
// A schema of the test's own beside bindings.graphql; the error the binding's reader gives.
enum mer_err sql_lab_bind(struct mer_arena *a, const char *sdl, struct mer_binding **out,
                          struct mer_diag *diag);

struct sql_lab_ask {
    const char *query;     // one operation; inline fragments are fine
    const char *variables; // JSON or NULL
    const char *entity;    // type name: the operation's root selection is of this type
    const char *ids[8];    // of entities
    const char *partitions[8];
    const char *tenant; // NULL: t-foo
    const char *region; // NULL: us-east
};

// Parses, coerces and compiles; fails the test when the operation itself is wrong.
enum mer_err sql_lab_compile(const struct sql_lab *lab, struct mer_arena *a, const struct sql_lab_ask *ask,
                             struct mer_sql *out, struct mer_diag *diag);
// As above, and fails the test unless it compiles.
struct mer_sql sql_lab_must(const struct sql_lab *lab, struct mer_arena *a, const struct sql_lab_ask *ask);

// Text, parameters and lane.
bool sql_lab_same(const struct mer_sql *a, const struct mer_sql *b);

// The operation as a fetch, NULL where a field is not known (for fuzzing).
struct mer_fetch_op *sql_lab_fetch(struct mer_arena *a, const struct mer_schema *s,
                                   const struct mer_ast_operation *op, const struct mer_type *entity);
char *sql_lab_read(const char *path);

#endif
