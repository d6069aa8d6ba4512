// SPDX-License-Identifier: MIT
// Token memory: tokens that were verified, so that the next request with the same one costs a look-up. One
// for each loop; everything here is called on that loop's thread.
//
// A token is found by its whole bytes (never by a part or by a hash alone), until it expires or the keys were
// loaded anew (`generation`). Bounded by entries and bytes, least recently used first. What is found is
// counted by references, because a request may outlive its place in the table.
#ifndef MER_GATEWAY_TOKEN_MEMORY_H
#define MER_GATEWAY_TOKEN_MEMORY_H

#include "gateway/token.h"

struct mer_known_token {
    struct mer_claims claims;
    /* private */
    struct mer_known_token *chain; // of its bucket
    struct mer_known_token *newer, *older;
    struct mer_slice token;
    uint64_t hash, generation;
    size_t bytes;
    uint32_t refs; // one of the table's, as long as it stands there
};

struct mer_token_memory;
struct mer_token_memory *mer_token_memory_create(uint32_t entries_max, size_t bytes_max);
// Tokens that somebody still holds live on until their unref.
void mer_token_memory_destroy(struct mer_token_memory *m);

// With a reference for the caller, or NULL.
struct mer_known_token *mer_token_memory_get(struct mer_token_memory *m, struct mer_slice token,
                                             uint64_t generation, int64_t now_us);
// Copies both. With a reference for the caller; never NULL.
struct mer_known_token *mer_token_memory_put(struct mer_token_memory *m, struct mer_slice token,
                                             uint64_t generation, const struct mer_claims *claims);
void mer_known_token_unref(struct mer_known_token *t);

uint32_t mer_token_memory_count(const struct mer_token_memory *m);

#endif
