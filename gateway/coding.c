// SPDX-License-Identifier: MIT
#include "gateway/coding.h"

#include <stdlib.h>
#include <zlib.h>

#include "base/log.h"

#define GZIP_WINDOW (15 + 16) // 32 KiB, with the gzip header
#define LEVEL       1         // the bytes saved above it are few, the time is not
#define STEP        (64u << 10)

struct mer_coder {
    z_stream in, out;
    bool in_ready, out_ready; // zlib's memory is there
};

struct mer_coder *mer_coder_create(void)
{
    struct mer_coder *c = calloc(1, sizeof(*c));
    MER_ASSERT(c);
    return c;
}

void mer_coder_destroy(struct mer_coder *c)
{
    if (c && c->in_ready) {
        inflateEnd(&c->in);
    }
    if (c && c->out_ready) {
        deflateEnd(&c->out);
    }
    free(c);
}

// zlib's input pointer is not const; it only reads.
static void feed(z_stream *z, struct mer_slice in)
{
    memcpy(&z->next_in, &in.p, sizeof(z->next_in));
    z->avail_in = (uInt)in.n;
}

static int unzip_step(z_stream *z, struct mer_buf *b)
{
    z->next_out = (Bytef *)mer_buf_reserve(b, STEP);
    z->avail_out = STEP;
    int rc = inflate(z, Z_NO_FLUSH);
    b->n += STEP - z->avail_out;
    return rc;
}

enum mer_err mer_coder_unzip(struct mer_coder *c, struct mer_arena *a, struct mer_slice in, size_t max,
                             struct mer_slice *out)
{
    if (in.n > UINT32_MAX / 2) {
        return MER_ERR_LIMIT;
    }
    if (!c->in_ready) {
        MER_ASSERT(inflateInit2(&c->in, GZIP_WINDOW) == Z_OK);
        c->in_ready = true;
    }
    inflateReset(&c->in);
    feed(&c->in, in);
    struct mer_buf b;
    mer_buf_init(&b, a, in.n * 3 + STEP < max + STEP ? in.n * 3 + STEP : max + STEP);
    int rc = Z_OK;
    while (rc == Z_OK && b.n <= max && !mer_arena_exhausted(a)) {
        rc = unzip_step(&c->in, &b);
    }
    if (b.n > max || mer_arena_exhausted(a)) {
        return MER_ERR_LIMIT;
    }
    if (rc != Z_STREAM_END || c->in.avail_in) {
        return MER_ERR_INVALID;
    }
    *out = mer_buf_slice(&b);
    return MER_OK;
}

static void begin_zip(struct mer_coder *c, struct mer_slice in)
{
    if (!c->out_ready) {
        MER_ASSERT(deflateInit2(&c->out, LEVEL, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) == Z_OK);
        c->out_ready = true;
    }
    deflateReset(&c->out);
    feed(&c->out, in);
}

struct mer_slice mer_coder_zip(struct mer_coder *c, struct mer_arena *a, struct mer_slice in)
{
    if (in.n > UINT32_MAX / 2) {
        return MER_NIL;
    }
    begin_zip(c, in);
    // What does not become shorter goes as it is, so its own length is room enough.
    char *to = mer_arena_bytes(a, in.n);
    c->out.next_out = (Bytef *)to;
    c->out.avail_out = (uInt)in.n;
    return deflate(&c->out, Z_FINISH) == Z_STREAM_END ? mer_slice_make(to, in.n - c->out.avail_out) : MER_NIL;
}

#define HEAD_BYTES 10u // of a member without a name
#define TAIL_BYTES 8u
#define FLUSH_ROOM 64u

static void add_le32(struct mer_buf *b, uint32_t v)
{
    for (int i = 0; i < 4; i++) {
        mer_buf_add_char(b, (char)(v >> (8 * i) & 0xff));
    }
}

// zlib makes a member of each; of all but the first the head goes, and the tail is that of all together.
void mer_coder_piece(struct mer_coder *c, struct mer_pieces *p, struct mer_slice in, bool last,
                     struct mer_buf *out)
{
    MER_ASSERT(in.n <= UINT32_MAX / 2);
    begin_zip(c, in);
    size_t room = deflateBound(&c->out, (uLong)in.n) + FLUSH_ROOM;
    char *to = mer_buf_reserve(out, room);
    c->out.next_out = (Bytef *)to;
    c->out.avail_out = (uInt)room;
    int rc = deflate(&c->out, last ? Z_FINISH : Z_SYNC_FLUSH);
    MER_ASSERT(rc == (last ? Z_STREAM_END : Z_OK) && c->out.avail_in == 0 && c->out.avail_out > 0);
    size_t n = room - c->out.avail_out - (last ? TAIL_BYTES : 0), skip = p->begun ? HEAD_BYTES : 0;
    memmove(to, to + skip, n - skip);
    out->n += n - skip;
    p->begun = true;
    p->crc = in.n ? (uint32_t)crc32(p->crc, (const Bytef *)in.p, (uInt)in.n) : p->crc;
    p->n += (uint32_t)in.n;
    if (last) {
        add_le32(out, p->crc);
        add_le32(out, p->n);
    }
}

// "gzip;q=0" and "gzip; q=0.000" refuse; every other weight takes it.
static bool is_refused(struct mer_slice params)
{
    while (params.n) {
        struct mer_slice p = mer_slice_trim(mer_slice_cut(&params, ';'));
        if (p.n >= 3 && (p.p[0] == 'q' || p.p[0] == 'Q') && p.p[1] == '=') {
            for (size_t i = 2; i < p.n; i++) {
                if (p.p[i] != '0' && p.p[i] != '.') {
                    return false;
                }
            }
            return true;
        }
    }
    return false;
}

bool mer_coding_accepts_gzip(struct mer_slice accept)
{
    bool any = false;
    while (accept.n) {
        struct mer_slice params = mer_slice_cut(&accept, ',');
        struct mer_slice name = mer_slice_trim(mer_slice_cut(&params, ';'));
        if (mer_slice_ieq(name, MER_S("gzip")) || mer_slice_ieq(name, MER_S("x-gzip"))) {
            return !is_refused(params);
        }
        any = any || (mer_slice_is(name, "*") && !is_refused(params));
    }
    return any;
}
