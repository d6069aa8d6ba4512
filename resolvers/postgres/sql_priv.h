// SPDX-License-Identifier: MIT
// What the files of the SQL compiler share: the compilation's state, parameters, and the string of JSON
// pieces. Functions return false once ctx->err is set; the first error wins.
#ifndef MER_RESOLVERS_POSTGRES_SQL_PRIV_H
#define MER_RESOLVERS_POSTGRES_SQL_PRIV_H

#include "base/buf.h"
#include "resolvers/postgres/sql.h"

enum {
    SQL_FIRST_MAX = 1000,
    SQL_PARAMS_MAX = 2000,
    SQL_SHORT_ROWS = 2000,
    SQL_LIGHT_ROWS = 8,
    SQL_MANY_PARAMS = 16,
    SQL_DEPTH_MAX = 64
};

struct sql_keep;

// The types of a statement's parameters, for its form for many.
struct sql_types {
    struct mer_slice names[SQL_MANY_PARAMS];
    uint32_t n;
    bool unfit; // a parameter is a list, or there are too many of them
};

struct sql_ctx {
    struct mer_arena *a;
    const struct mer_sql_ask *ask;
    const struct mer_binding *binding;
    struct mer_diag *diag;
    enum mer_err err;
    struct mer_pg_param *params;
    uint32_t params_n, params_cap;
    uint32_t tenant_param, region_param; // 0: not bound yet
    uint32_t alias_n;
    uint32_t depth;
    uint64_t multiplier; // how often the place being compiled runs, at most
    uint64_t rows;       // rows that may be read in all
    bool slow;
    struct sql_types *many; // parameters are written as columns of "many", and their types noted
    // sql_keep.c
    struct sql_keep *keep; // what is kept with the operation, or NULL
    bool sketch;           // leave out the objects whose text is known
    uint32_t skipped;      // so many were left out
    uint32_t varied;       // times that something of the request was looked at, but for tenant and region
    struct mer_buf once; // 't' and 'r': tenant and region, each time they were needed; while keep && !sketch
};

// A row under an alias (t1, t2, …).
struct sql_row {
    const struct mer_bind_type *type;
    uint32_t alias;
};

bool sql_fail(struct sql_ctx *c, enum mer_err err, const char *fmt, ...) MER_PRINTF(3, 4);

// ---- sql_cat.c: an expression of type text, made of literal JSON and SQL values, as one concat() ----

struct sql_cat {
    struct mer_buf *out;
    uint32_t args;
    bool open; // inside a literal
};

void sql_cat_begin(struct sql_cat *cat, struct mer_buf *out);
// JSON of our own making: punctuation and GraphQL names, never a quote of SQL's.
void sql_cat_slice(struct sql_cat *cat, struct mer_slice json);
#define sql_cat_text(cat, literal) sql_cat_slice((cat), MER_S(literal))
// An argument that is not part of a literal
// comes next: returns the buf to write its SQL to.
struct mer_buf *sql_cat_value(struct sql_cat *cat);
void sql_cat_end(struct sql_cat *cat);
// A response key and its colon, after a comma unless it is the first.
bool sql_cat_key(struct sql_ctx *c, struct sql_cat *cat, struct mer_slice key, bool *first);
// A SQL literal.
void sql_literal(struct mer_buf *b, struct mer_slice s);

// ---- sql_param.c: values ----

// Appends "$n::type", or "$n::type[]"; in a form for many "many.pn".
bool sql_bind_text(struct sql_ctx *c, struct mer_buf *b, struct mer_slice value, bool null,
                   struct mer_slice type);
bool sql_bind_array(struct sql_ctx *c, struct mer_buf *b, const struct mer_slice *values, uint32_t n,
                    struct mer_slice type);
bool sql_bind_tenant(struct sql_ctx *c, struct mer_buf *b);
bool sql_bind_region(struct sql_ctx *c, struct mer_buf *b);
// Makes the parameter where there is none yet, and writes nothing.
bool sql_need_tenant(struct sql_ctx *c);
bool sql_need_region(struct sql_ctx *c);
// A coerced value as text for `type`; *null when nothing can equal it. `name` is the argument, for the
// message.
bool sql_value(struct sql_ctx *c, const struct mer_in *in, const struct mer_bind_where *w,
               struct mer_slice type, struct mer_slice *out, bool *null);
// The value of a scalar in a mutation's input, checked as far as Postgres would choke on it.
bool sql_check_scalar(struct sql_ctx *c, const struct mer_type *t, const struct mer_in *in);
bool sql_is_uuid(struct mer_slice s);
// Is `s` a text that can be cast to the type without an error?
bool sql_castable(struct mer_slice s, struct mer_slice type);

// ---- sql_id.c: node ids ----

struct sql_id {
    struct mer_slice type, region, partition, key;
    bool bare; // no node id: all of it is in key
};

struct sql_id sql_id_parse(struct mer_slice text);
// The partition value of an argument: a code, or what the node id of a partition carries (of the type `only`,
// if set); nil for other ids.
struct mer_slice sql_id_partition(const struct mer_binding *b, struct mer_slice text,
                                  const struct mer_type *only);
// The JSON string of a row's node id.
bool sql_id_write(struct sql_ctx *c, struct sql_cat *cat, struct sql_row row);
// Key column values of one id for a table (keys[type->key.n]); p NULL where the id cannot name a row of it.
void sql_id_keys(const struct mer_bind_type *t, struct mer_slice text, struct mer_slice *partition,
                 struct mer_slice *keys);

// ---- sql_where.c: conditions ----

// Appends "tN", "tN.column".
void sql_alias(struct mer_buf *b, uint32_t alias);
void sql_column(struct mer_buf *b, uint32_t alias, struct mer_slice column);
// Begins a condition: " where " or " and ".
void sql_and(struct mer_buf *b, bool *first);
bool sql_tenant(struct sql_ctx *c, struct mer_buf *b, struct sql_row row, bool *first);
// An expression of the schema with its {…} filled in; v NULL where there is no value.
bool sql_expr(struct sql_ctx *c, struct mer_buf *b, struct mer_slice expr, uint32_t alias,
              const struct mer_bind_where *w, const struct mer_in *v);
bool sql_filters(struct sql_ctx *c, struct mer_buf *b, const struct mer_bind_field *f,
                 struct mer_in *const *args, uint32_t alias, bool *first);
// The coerced arguments of a field.
bool sql_arguments(struct sql_ctx *c, const struct mer_fetch_field *f, struct mer_in ***out);

// ---- sql_row.c: what a row answers ----

bool sql_object(struct sql_ctx *c, struct sql_cat *cat, struct sql_row row, const struct mer_bind_type *shape,
                const struct mer_fetch_field *parent);
bool sql_kept(struct sql_ctx *c, const struct mer_fetch_field *f, const struct mer_type *of);

// ---- sql_list.c, sql_page.c: lists and connections ----

// How a root field's rows are held to its partitions.
enum sql_cut {
    SQL_CUT_NONE = 0,
    SQL_CUT_ONE = 1,  // partition = $n
    SQL_CUT_EACH = 2, // partition = f.v, inside a lateral over unnest($n) f(v)
    SQL_CUT_ANY = 3,  // partition = any($n)
};

// Where the rows of a list come from: the parent's row for a joined field, the partitions for a root field.
struct sql_list {
    const struct mer_bind_field *field;
    const struct mer_fetch_field *fetch;
    struct mer_in **args;
    struct sql_row parent; // type NULL at the root
    const struct mer_slice *partitions;
    uint32_t partitions_n;
    enum sql_cut cut;
};

bool sql_list(struct sql_ctx *c, struct sql_cat *cat, const struct sql_list *l);
bool sql_connection(struct sql_ctx *c, struct sql_cat *cat, const struct sql_list *l);
// " from … where …" of the target's rows, as t<alias>.
bool sql_source(struct sql_ctx *c, struct mer_buf *b, const struct sql_list *l, uint32_t alias, bool *first);
// " order by …", without the column that is held to one value.
void sql_order_by(struct mer_buf *b, const struct mer_bind_order *o, bool descending, uint32_t alias,
                  struct mer_slice held);
// The column that every row of the list has the same value in, or nil.
struct mer_slice sql_held(const struct sql_list *l);

// ---- sql.c: the whole of it ----

// Writes the statement to `text` and its parameters to c; false with c->err.
bool sql_compile(struct sql_ctx *c, struct mer_buf *text);
// The statement's form for many askers, NUL-terminated; nil where it has none.
struct mer_slice sql_compile_many(const struct sql_ctx *fresh);
void sql_finish(const struct sql_ctx *c, struct mer_slice text, struct mer_sql *out);

// ---- sql_keep.c: statements that were compiled before ----

// `fresh` is a compilation that has not begun.
enum mer_err sql_keep_compile(const struct sql_ctx *fresh, struct mer_fetch_memo *memo, struct mer_sql *out);

// One object of the selection as it is being compiled.
struct sql_keep_at {
    uint32_t varied;
    uint64_t rows;
    size_t once;
    bool slow;
};

// True: the object was left out; its parameters and rows are counted as if it had not been.
bool sql_keep_skip(struct sql_ctx *c, struct sql_cat *cat, struct sql_row row,
                   const struct mer_bind_type *shape, const struct mer_fetch_field *parent);
void sql_keep_begin(struct sql_ctx *c, struct sql_keep_at *at);
void sql_keep_end(struct sql_ctx *c, const struct sql_keep_at *at, struct sql_row row,
                  const struct mer_bind_type *shape, const struct mer_fetch_field *parent);

// ---- sql_call.c: mutations ----

bool sql_call(struct sql_ctx *c, struct mer_buf *b, const struct mer_fetch_field *f);

#endif
