// SPDX-License-Identifier: MIT
// What a fetch asks of an object, while it is being put together: fields under response keys and slots, each
// question once. For emit.c alone.
#ifndef MER_PLANNER_EMIT_KIDS_H
#define MER_PLANNER_EMIT_KIDS_H

#include "base/map.h"
#include "planner/plan.h"

struct mer_facet;

struct mer_kid {
    struct mer_fetch_field field;
    struct mer_kids *below; // NULL: a leaf
    int32_t same_key;       // the next with the same response key; -1: none
};

// A source that objects are told to from here, without anything but a key: once is enough.
struct mer_kids_entry {
    const struct mer_facet *facet;
    struct mer_plan_fetch *fetch;
    bool always; // the key is asked under no condition
    struct mer_kids_entry *next;
};

struct mer_kids {
    struct mer_arena *keep, *scratch; // what resolvers read stays, the rest goes when the plan is made
    struct mer_kid **items;
    uint32_t n, cap;
    uint32_t slots_n;
    struct mer_kids_entry *entries;
    struct mer_map by_key; // response key → index + 1 of the first
};

struct mer_kids *mer_kids_create(struct mer_arena *keep, struct mer_arena *scratch);
// The kid that asks `want` (key, field, on, arguments, kept_if): one that is there and asks the same, or a
// new one, under another key where its own is taken by something that differs.
struct mer_kid *mer_kids_ask(struct mer_kids *k, const struct mer_fetch_field *want);
// Into the form that resolvers read; kids without fields ask __typename (`typename_field`).
void mer_kids_close(struct mer_kids *k, const struct mer_field *typename_field,
                    struct mer_fetch_field ***fields, uint32_t *fields_n, uint32_t *slots_n);

// Any of both keeps it.
struct mer_kept_if mer_kept_or(struct mer_arena *a, const struct mer_kept_if *x, const struct mer_kept_if *y);

#endif
