// SPDX-License-Identifier: MIT
// Persisted: operations asked by what they are called instead of by their text.
//
// Documents are trusted ones, read from a file at start: immutable, in the arena given, any thread. A
// registry holds what clients of one loop have registered by hash (automatic persisted queries); it is
// bounded in bytes, the least recently used goes first, and it is keyed by tenant and hash: no tenant learns
// what another one asks, nor can a registration change what another tenant's hash means. A text enters only
// when its hash was computed here.
#ifndef MER_GATEWAY_PERSISTED_H
#define MER_GATEWAY_PERSISTED_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/map.h"

// ---- trusted documents ----

struct mer_documents {
    struct mer_map by_id; // struct mer_slice *: the text
};

// A JSON object from id to text, or Apollo's manifest ({"format": "apollo-persisted-query-manifest",
// "operations":
// [{"id", "body"}]}). An id may carry the prefix "sha256:". MER_ERR_INVALID with line and column.
enum mer_err mer_documents_parse(struct mer_arena *a, struct mer_slice json, struct mer_documents **out,
                                 struct mer_diag *diag) MER_MUST_CHECK;
// NULL when there is none; "sha256:HEX" and "HEX" name the same document. `d` may be NULL.
const struct mer_slice *mer_documents_get(const struct mer_documents *d, struct mer_slice id);

// ---- registered documents ----

struct mer_registry;

struct mer_registry *mer_registry_create(size_t max_bytes);
void mer_registry_destroy(struct mer_registry *r);
// The text, copied into the arena; false when this tenant has registered none of that hash.
bool mer_registry_get(struct mer_registry *r, struct mer_arena *a, struct mer_slice tenant,
                      struct mer_slice hash, struct mer_slice *text);
// The hash was checked by mer_sha256_is. What is longer than an eighth of the registry is not kept.
void mer_registry_put(struct mer_registry *r, struct mer_slice tenant, struct mer_slice hash,
                      struct mer_slice text);
size_t mer_registry_bytes(const struct mer_registry *r);

// 64 lower-case hexadecimal digits?
bool mer_sha256_is_hex(struct mer_slice hash);
bool mer_sha256_is(struct mer_slice text, struct mer_slice hash);
// SHA-256 as hexadecimal digits, 64 of them; no final NUL.
void mer_sha256_hex(struct mer_slice text, char out[64]);

#endif
