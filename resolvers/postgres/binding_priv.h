// SPDX-License-Identifier: MIT
// What the binding's reader shares between its files: the place it is at, for errors, and small readers of
// directive arguments. Each reader returns false after it has filled the diag.
#ifndef MER_RESOLVERS_POSTGRES_BINDING_PRIV_H
#define MER_RESOLVERS_POSTGRES_BINDING_PRIV_H

#include "resolvers/postgres/binding.h"

struct bind_reader {
    struct mer_arena *a;
    const struct mer_schema *schema;
    struct mer_binding *binding;
    struct mer_diag *diag;
    struct mer_slice type, field, argument; // where we are
};

// Always false, so that a reader can `return bind_fail(...)`.
bool bind_fail(struct bind_reader *r, const struct mer_ast_directive *d, const char *fmt, ...)
    MER_PRINTF(3, 4);

const struct mer_ast_directive *bind_directive(const struct mer_ast_directives *ds, const char *name);
// *out stays as it is when the argument is absent or null.
bool bind_string(struct bind_reader *r, const struct mer_ast_directive *d, const char *name,
                 struct mer_slice *out);
bool bind_bool(struct bind_reader *r, const struct mer_ast_directive *d, const char *name, bool *out);
bool bind_strings(struct bind_reader *r, const struct mer_ast_directive *d, const char *name,
                  struct mer_slice **out, uint32_t *n);
// A string that is to stand in SQL as a name: lower-case letters, digits, '_', one '.' in a table's.
bool bind_name(struct bind_reader *r, const struct mer_ast_directive *d, const char *name,
               struct mer_slice *out);
bool bind_is_name(struct mer_slice s);

// orderNo and ORDER_NO: order_no.
struct mer_slice bind_snake(struct mer_arena *a, struct mer_slice name);
enum mer_bind_scalar bind_scalar_of(const struct mer_type *t);
// The SQL type of a leaf by convention.
struct mer_slice bind_sql_type(const struct mer_type *t, struct mer_slice column);
// The SQL type of a table's column as the type's key and fields tell it, else nil.
struct mer_slice bind_column_type(const struct mer_bind_type *t, struct mer_slice column);
// "name", "name type".
bool bind_column(struct bind_reader *r, const struct mer_ast_directive *d, struct mer_slice text,
                 const char *default_type, struct mer_bind_column *out);

// @order of a type, field or enum value over `t`'s rows; completes it with key and partition.
bool bind_order(struct bind_reader *r, const struct mer_ast_directive *d, const struct mer_bind_type *t,
                struct mer_bind_order *out);
bool bind_order_by_column(struct bind_reader *r, const struct mer_bind_type *t, struct mer_slice column,
                          struct mer_bind_order *out);
// The arguments of a root or joined field, over rows of `target` (NULL: abstract).
bool bind_arguments(struct bind_reader *r, const struct mer_field *f, struct mer_bind_field *out);

#endif
