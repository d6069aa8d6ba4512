// SPDX-License-Identifier: MIT
// Cursors of keyset pages: opaque outside; inside, base64url of the JSON array
//   [version, order, shape, value, …]
// order: a hash over table, columns and direction; shape: '+' or '-' for the direction, then a letter for
// each value, n(umber), t(ime) or s(tring, compared by bytes); values: Postgres' texts of the row's order
// columns, null for null. They hold a position and nothing else: no tenant, no filter, no place; so a page
// goes on after a cutover, and a merger of several parts' pages can put rows in order by their cursors alone.
// Any thread, no state.
#ifndef MER_RESOLVERS_POSTGRES_CURSOR_H
#define MER_RESOLVERS_POSTGRES_CURSOR_H

#include "base/arena.h"
#include "resolvers/postgres/binding.h"

#define MER_CURSOR_VERSION_TEXT "1"
enum { MER_CURSOR_VERSION = 1, MER_CURSOR_VALUES_MAX = 8 };

struct mer_cursor {
    struct mer_slice order;
    struct mer_slice shape;
    struct mer_slice values[MER_CURSOR_VALUES_MAX]; // p NULL: null
    uint32_t n;
};

// False for whatever is not one of ours. The values are texts of the right kind, but not yet of the column's
// type.
bool mer_cursor_decode(struct mer_arena *a, struct mer_slice text, struct mer_cursor *out) MER_MUST_CHECK;
// <0, 0, >0 as a's row stands before, at or after b's. Both of one order and shape (the caller checks with
// mer_cursor_same).
int mer_cursor_compare(const struct mer_cursor *a, const struct mer_cursor *b);
bool mer_cursor_same(const struct mer_cursor *a, const struct mer_cursor *b);

// What the compiler writes into cursors of an order.
struct mer_slice mer_cursor_order(struct mer_arena *a, struct mer_slice table, const struct mer_bind_order *o,
                                  bool descending);
struct mer_slice mer_cursor_shape(struct mer_arena *a, const struct mer_bind_order *o, bool descending);

#endif
