// SPDX-License-Identifier: MIT
// Ordered merge of Relay connections: each part answered the first n edges of its own rows in the same order; the
// merged page is the first n of all. The order is the cursors' (resolvers/postgres/cursor.h), which carry the sort
// keys. Pure; one thread; values in the arena.
#ifndef MER_RESOLVERS_CONNECTION_H
#define MER_RESOLVERS_CONNECTION_H

#include "resolvers/value.h"

// The connection's value as each part answered it (null ones are passed over).
struct mer_parts_came {
    const struct mer_val *values;
    uint32_t n;
    bool lacking; // another part failed: the page lacks it, and a count would be silently smaller, so it is null
};

// field: the root field that was asked, args its coerced arguments, by argument index.
void mer_connection_merge(struct mer_arena *a, const struct mer_fetch_field *field, struct mer_in *const *args,
                          const struct mer_parts_came *came, struct mer_val *out);

#endif
