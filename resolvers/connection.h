// SPDX-License-Identifier: MIT
// Ordered merge of Relay connections: each part answered the first n edges of its own rows in the same order;
// the merged page is the first n of all. The order is the cursors' (resolvers/postgres/cursor.h), which carry
// the sort keys. Pure; one thread; values in the arena.
#ifndef MER_RESOLVERS_CONNECTION_H
#define MER_RESOLVERS_CONNECTION_H

#include "resolvers/freshness.h"
#include "resolvers/value.h"

// The connection's value as each part answered it (each fits).
struct mer_parts_came {
    const struct mer_val *values;
    uint32_t n;
    const struct mer_fresh_entry *ages; // the freshness table
    bool lacking; // another part failed: the page lacks it, and a count would be silently smaller, so it is
                  // null
};

// Is this part's connection one that can be merged: an object with a list of edges that all have a cursor of
// ours, of one order? What is not must not be among the parts that came.
bool mer_connection_fits(struct mer_arena *a, const struct mer_fetch_field *field,
                         const struct mer_val *value);

// field: the root field that was asked, args its coerced arguments, by argument index.
void mer_connection_merge(struct mer_arena *a, const struct mer_fetch_field *field,
                          struct mer_in *const *args, const struct mer_parts_came *came, struct mer_val *out);

#endif
