// SPDX-License-Identifier: MIT
// Bindings: how a source's GraphQL types lie in its tables. Read once from the binding directives of the
// source's own SDL (schema/bindings.graphql lists and explains them), with defaults by naming convention,
// into flat arrays that the SQL compiler walks: binding->types[type->index].fields[field->index].
//
// Everything here lives in the arena given and is immutable after mer_binding_compile, so any thread may
// read; it points into the schema, which must outlive it. All SQL names and expressions come from here, and
// thus from the schema's author: nothing that a request brings is ever part of them.
#ifndef MER_RESOLVERS_POSTGRES_BINDING_H
#define MER_RESOLVERS_POSTGRES_BINDING_H

#include "base/arena.h"
#include "base/diag.h"
#include "schema/types.h"

// What a leaf is in SQL and how it is written as JSON.
enum mer_bind_scalar {
    MER_BIND_STRING = 0, // text: escaped by Postgres
    MER_BIND_ID = 1,     // text or uuid, written as text
    MER_BIND_INT = 2,
    MER_BIND_FLOAT = 3,
    MER_BIND_BOOLEAN = 4,
    MER_BIND_DATETIME = 5, // timestamptz; RFC 3339 with Z
    MER_BIND_DATE = 6,
    MER_BIND_DECIMAL = 7, // numeric or bigint; a JSON string, every digit kept
    MER_BIND_ENUM = 8,
    MER_BIND_JSON = 9, // anything else: to_json
};

// How an enum's names are stored (@stored): in_production, in-production, IN_PRODUCTION.
enum mer_bind_case { MER_CASE_SNAKE = 0, MER_CASE_KEBAB = 1, MER_CASE_UPPER = 2 };

struct mer_bind_column {
    struct mer_slice name;
    struct mer_slice sql_type; // "uuid", "timestamptz", …: what a value compared with it is cast to
    bool nullable;
};

struct mer_bind_columns {
    struct mer_bind_column *items;
    uint32_t n;
};

// The order of a list; all columns run the same way. Only the first may be null. by.n == 0: none.
struct mer_bind_order {
    struct mer_bind_columns by; // complete with key and partition, so that no two rows are equal
    bool descending;
    bool indexed; // an index of (partition, by…) serves it
    // What cursors say of it, on the way up and on the way down (see cursor.h).
    struct mer_slice cursor_order[2], cursor_shape[2];
};

// What a type is to the compiler.
enum mer_bind_kind {
    MER_BIND_PLAIN = 0,      // fields of the same row as the parent, or of a JSON payload
    MER_BIND_TABLE = 1,      // rows of a table
    MER_BIND_CONNECTION = 2, // edges, pageInfo, totalCount, …
    MER_BIND_EDGE = 3,
    MER_BIND_PAGE_INFO = 4,
    MER_BIND_HOLE = 5, // the gateway fills it; Postgres answers the row's partition value
};

enum mer_bind_field_kind {
    MER_FIELD_COLUMN = 0,
    MER_FIELD_EXPR = 1, // SQL expression over {t}
    MER_FIELD_ID = 2,   // the node id, made of type, region, partition and key
    MER_FIELD_TYPENAME = 3,
    MER_FIELD_JOIN = 4,  // object, list or connection of another table
    MER_FIELD_EMBED = 5, // object made of the same row
    MER_FIELD_HOLE = 6,
    MER_FIELD_ROOT = 7, // Query's own: a lookup by id, a list or a connection
    MER_FIELD_CALL = 8, // Mutation's own: a SQL function
    MER_FIELD_PART = 9, // edges, node, cursor, pageInfo …: known by the type's kind
};

enum mer_where_op {
    MER_WHERE_NONE = 0, // known by name (first, after, orderBy, id), or carries nested filters
    MER_WHERE_EQ = 1,
    MER_WHERE_IN = 2,
    MER_WHERE_LT = 3,
    MER_WHERE_LE = 4,
    MER_WHERE_GT = 5,
    MER_WHERE_GE = 6,
    MER_WHERE_RANGE = 7,    // {from, to}: half open
    MER_WHERE_PREFIX = 8,   // LIKE 'v%'
    MER_WHERE_CONTAINS = 9, // ILIKE '%v%'
    MER_WHERE_EXPR = 10,    // expression over {t} and {v}
    MER_WHERE_TRUE = 11,    // a boolean chooses between two expressions without value
};

enum mer_where_role {
    MER_ARG_FILTER = 0,
    MER_ARG_FIRST = 1,
    MER_ARG_AFTER = 2,
    MER_ARG_ORDER = 3,
    MER_ARG_ID = 4,        // looks one row up
    MER_ARG_PARTITION = 5, // carries partition values
    MER_ARG_GROUP = 6,     // an input object whose fields filter
};

// One argument or input field.
struct mer_bind_where {
    const struct mer_input *input;
    enum mer_where_role role;
    enum mer_where_op op;
    struct mer_slice column;       // EQ … CONTAINS
    struct mer_slice sql_type;     // element type of the bound value
    struct mer_slice expr;         // EXPR; TRUE: for true
    struct mer_slice expr_false;   // TRUE: for false, or nil: no filter
    struct mer_slice id_type;      // the value is a node id of this type (or its bare key); nil: plain
    bool slow;                     // no index serves it
    bool list;                     // IN and EXPR: the value is an array
    struct mer_bind_order *orders; // ORDER: by the enum's value index, ascending as declared
    struct mer_bind_where *group;  // GROUP: by the input type's field index
    uint32_t group_n;
};

struct mer_bind_type;

struct mer_bind_field {
    const struct mer_field *field;
    enum mer_bind_field_kind kind;
    enum mer_bind_scalar scalar;
    enum mer_bind_case enum_case; // of ENUM
    bool list;                    // a plain list
    struct mer_slice column;      // COLUMN
    struct mer_slice sql_type;    // of COLUMN
    struct mer_slice expr;        // EXPR
    struct mer_slice function;    // CALL
    const struct mer_bind_type
        *target; // of JOIN, ROOT: the table type (through the connection); NULL: abstract
    const struct mer_bind_type *shape; // the field's own composite type, e.g. the connection; NULL for leaves
    struct mer_slice *from, *to;       // JOIN: columns of the parent, of the target
    uint32_t on_n;                     // pairs of from and to; with via, of from and via_to
    struct mer_slice via;              // JOIN through a table …
    struct mer_slice *via_to,
        *via_from; // … its columns towards the parent (on_n), towards the target (via_n)
    uint32_t via_n;
    struct mer_slice where;           // fixed condition over {t}
    struct mer_bind_order order;      // of lists and connections; of one object: its first row is meant
    struct mer_bind_where *arguments; // by argument index
    struct mer_slice partition_arg;   // @partition
};

struct mer_bind_type {
    const struct mer_type *type;
    enum mer_bind_kind kind;
    struct mer_slice table;
    struct mer_bind_columns key;      // without tenant, partition and region
    struct mer_slice tenant;          // column; nil: rows belong to nobody
    struct mer_slice partition;       // column; nil: not cut
    struct mer_slice region;          // column; nil: the site's own region, when there is a partition
    struct mer_bind_order order;      // default
    enum mer_bind_case enum_case;     // of an enum
    const struct mer_bind_type *node; // of CONNECTION and EDGE
    struct mer_bind_field *fields;
};

struct mer_binding {
    const struct mer_schema *schema;
    struct mer_bind_type *types; // by schema type index
    uint32_t types_n;
};

struct mer_binding_column_use {
    struct mer_slice table, column;
};

// MER_ERR_INVALID with the type and field named, and the directive's line and column.
enum mer_err mer_binding_compile(struct mer_arena *a, const struct mer_schema *s, struct mer_binding **out,
                                 struct mer_diag *diag) MER_MUST_CHECK;

// Every table and column that plain bindings name (not those inside expressions), each once, for `meridian
// check`.
uint32_t mer_binding_columns(struct mer_arena *a, const struct mer_binding *b,
                             struct mer_binding_column_use **out);

static inline const struct mer_bind_type *mer_binding_type(const struct mer_binding *b,
                                                           const struct mer_type *t)
{
    return &b->types[t->index];
}
static inline const struct mer_bind_field *mer_binding_field(const struct mer_binding *b,
                                                             const struct mer_field *f)
{
    return &b->types[f->parent->index].fields[f->index];
}

#endif
