// SPDX-License-Identifier: MIT
// Coding: gzip of requests and answers (RFC 9110 8.4, RFC 1952). One coder a loop, because zlib's state is a
// quarter of a megabyte that nobody wants to allocate for each answer; results live in the arena given. No
// I/O.
#ifndef MER_GATEWAY_CODING_H
#define MER_GATEWAY_CODING_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"

struct mer_coder;

struct mer_coder *mer_coder_create(void);
void mer_coder_destroy(struct mer_coder *c);

// One gzip member and nothing behind it. MER_ERR_LIMIT as soon as it would be longer than `max`, whatever is
// still to come; MER_ERR_INVALID: no gzip, cut short, or a wrong checksum.
enum mer_err mer_coder_unzip(struct mer_coder *c, struct mer_arena *a, struct mer_slice in, size_t max,
                             struct mer_slice *out) MER_MUST_CHECK;
// MER_NIL when it would not become shorter.
struct mer_slice mer_coder_zip(struct mer_coder *c, struct mer_arena *a, struct mer_slice in);

// One gzip member that is told piece by piece, each readable as soon as it is there. Pieces share the loop's
// coder, so none refers to an earlier one.
struct mer_pieces {
    uint32_t n, crc; // of all that was told
    bool begun;
};
void mer_coder_piece(struct mer_coder *c, struct mer_pieces *p, struct mer_slice in, bool last,
                     struct mer_buf *out);

// Does an accept-encoding header take gzip? (q=0 refuses; `*` counts.) An absent header does not.
bool mer_coding_accepts_gzip(struct mer_slice accept_encoding);

#endif
