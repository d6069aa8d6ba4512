// SPDX-License-Identifier: MIT
// Compressed answers. What comes out is bounded, so a small body cannot become a large one.
#include "resolvers/graphql/client_priv.h"

#include <zlib.h>

#include "base/log.h"

#define GZIP_WINDOW (15 + 16) // 32 KiB, with the gzip header
#define STEP        (64u << 10)

static bool grow(z_stream *z, struct mer_buf *out, size_t max)
{
    size_t room = max - out->n < STEP ? max - out->n : STEP;
    if (room == 0) {
        return false;
    }
    z->next_out = (Bytef *)mer_buf_reserve(out, room);
    z->avail_out = (uInt)room;
    return true;
}

static enum mer_err run(z_stream *z, struct mer_buf *out, size_t max)
{
    int rc = Z_OK;
    while (rc == Z_OK) {
        char extra; // seen only when the answer fills its limit: does it end there?
        bool room = grow(z, out, max);
        if (!room) {
            z->next_out = (Bytef *)&extra;
            z->avail_out = 1;
        }
        uInt before = z->avail_out;
        rc = inflate(z, Z_NO_FLUSH);
        uInt got = before - z->avail_out;
        if (!room && got > 0) {
            return MER_ERR_LIMIT;
        }
        out->n += got;
        if (rc == Z_OK && got == 0 && z->avail_in == 0) {
            return MER_ERR_CLOSED; // it ends in the middle
        }
    }
    return rc == Z_STREAM_END && z->avail_in == 0 ? MER_OK : MER_ERR_CLOSED;
}

enum mer_err gql_inflate(struct mer_gql_client *c, struct mer_slice in, size_t max, struct mer_buf *out)
{
    z_stream *z = &c->inflater;
    if (in.n > UINT32_MAX / 2) {
        return MER_ERR_LIMIT;
    }
    if (!c->inflater_ready) {
        MER_ASSERT(inflateInit2(z, GZIP_WINDOW) == Z_OK);
        c->inflater_ready = true;
    }
    MER_ASSERT(inflateReset(z) == Z_OK);
    memcpy(&z->next_in, &in.p, sizeof(z->next_in)); // zlib's input pointer is not const; it only reads
    z->avail_in = (uInt)in.n;
    mer_buf_init(out, NULL, in.n < max / 4 ? in.n * 4 : max);
    return run(z, out, max);
}

void gql_inflate_end(struct mer_gql_client *c)
{
    if (c->inflater_ready) {
        inflateEnd(&c->inflater);
    }
}
