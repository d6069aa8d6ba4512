// SPDX-License-Identifier: MIT
#include "gateway/auth.h"

#include "base/log.h"
#include "base/time.h"
#include "gateway/auth_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define FILE_BYTES_MAX (1u << 20)

struct mer_auth {
    struct mer_arena *a;
    struct mer_auth_opts opts;
    struct mer_auth_keys keys;
    uint64_t generation; // no two in one process are the same
    atomic_uint refs;
};

static atomic_uint_fast64_t generations;

static struct mer_slice keep(struct mer_arena *a, struct mer_slice s)
{
    return s.p ? (struct mer_slice){mer_arena_cstr(a, s), s.n} : MER_NIL;
}

static struct mer_auth *auth_new(const struct mer_auth_opts *opts)
{
    struct mer_auth *auth = calloc(1, sizeof(*auth));
    MER_ASSERT(auth);
    auth->a = mer_arena_create(0);
    auth->opts.jwks = keep(auth->a, opts->jwks);
    auth->opts.audience = keep(auth->a, opts->audience);
    auth->opts.issuer = keep(auth->a, opts->issuer);
    auth->opts.wants = opts->wants;
    auth->generation = atomic_fetch_add(&generations, 1) + 1;
    atomic_init(&auth->refs, 1);
    return auth;
}

struct mer_auth *mer_auth_ref(struct mer_auth *auth)
{
    atomic_fetch_add_explicit(&auth->refs, 1, memory_order_relaxed);
    return auth;
}

void mer_auth_unref(struct mer_auth *auth)
{
    if (auth && atomic_fetch_sub_explicit(&auth->refs, 1, memory_order_acq_rel) == 1) {
        mer_auth_keys_release(&auth->keys);
        mer_arena_destroy(auth->a);
        free(auth);
    }
}

static struct mer_auth *auth_fill(struct mer_auth *auth, struct mer_slice text, struct mer_diag *diag)
{
    // NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage)
    if (mer_auth_keys_parse(auth->a, text, &auth->keys, diag) != MER_OK) {
        mer_auth_unref(auth);
        return NULL;
    }
    return auth;
}

struct mer_auth *mer_auth_parse(const struct mer_auth_opts *opts, struct mer_slice jwks_text,
                                struct mer_diag *diag)
{
    struct mer_auth *auth = auth_new(opts);
    return auth_fill(auth, mer_arena_copy(auth->a, jwks_text), diag);
}

static enum mer_err read_file(struct mer_arena *a, const char *path, struct mer_slice *out,
                              struct mer_diag *diag)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return mer_diag_set(diag, MER_ERR_IO, "%s: %s", path, strerror(errno));
    }
    char *p = mer_arena_bytes(a, FILE_BYTES_MAX);
    size_t n = 0;
    ssize_t got = 0;
    while (n < FILE_BYTES_MAX && (got = read(fd, p + n, FILE_BYTES_MAX - n)) > 0) {
        n += (size_t)got;
    }
    int why = errno;
    close(fd);
    if (got < 0) {
        return mer_diag_set(diag, MER_ERR_IO, "%s: %s", path, strerror(why));
    }
    *out = (struct mer_slice){p, n};
    return n < FILE_BYTES_MAX ? MER_OK : mer_diag_set(diag, MER_ERR_INVALID, "%s: larger than 1 MiB", path);
}

struct mer_auth *mer_auth_create(const struct mer_auth_opts *opts, struct mer_diag *diag)
{
    struct mer_auth *auth = auth_new(opts);
    struct mer_slice text;
    if (read_file(auth->a, auth->opts.jwks.p, &text, diag) != MER_OK) {
        mer_auth_unref(auth);
        return NULL;
    }
    return auth_fill(auth, text, diag);
}

struct mer_auth *mer_auth_reload(const struct mer_auth *auth, struct mer_diag *diag)
{
    return mer_auth_create(&auth->opts, diag);
}

struct mer_slice mer_auth_bearer(struct mer_slice authorization)
{
    struct mer_slice rest = mer_slice_trim(authorization);
    struct mer_slice scheme = mer_slice_cut(&rest, ' ');
    return mer_slice_ieq(scheme, MER_S("Bearer")) ? mer_slice_trim(rest) : MER_NIL;
}

// The key that the header names. A key without a kid is for tokens without one, and then it is the only key.
static const struct mer_auth_key *find_key(const struct mer_auth *auth, const struct mer_token_header *header)
{
    const struct mer_auth_keys *keys = &auth->keys;
    if (keys->n == 1 && !header->kid.p) {
        return &keys->items[0];
    }
    for (uint32_t i = 0; header->kid.p && i < keys->n; i++) {
        if (keys->items[i].kid.p && mer_slice_eq(keys->items[i].kid, header->kid)) {
            return &keys->items[i];
        }
    }
    return NULL;
}

static const char *verify_signature(const struct mer_auth *auth, struct mer_arena *a, struct mer_slice token,
                                    struct mer_token_parts *parts)
{
    struct mer_token_header header;
    const char *why = mer_token_split(a, token, parts);
    why = why ? why : mer_token_read_header(a, parts->header, &header);
    if (why) {
        return why;
    }
    const struct mer_auth_key *key = find_key(auth, &header);
    if (!key) {
        return "no key of this kid";
    }
    // What the key is for is the key's to say, never the token's.
    if (!mer_slice_is(header.alg, key->alg)) {
        return "alg is not the key's";
    }
    return mer_auth_key_verifies(key, token, parts->signature) ? NULL : "the signature is wrong";
}

bool mer_auth_verify(const struct mer_auth *auth, struct mer_arena *a, struct mer_slice token,
                     int64_t now_wall_us, struct mer_claims *out)
{
    memset(out, 0, sizeof(*out));
    struct mer_token_parts parts;
    struct mer_token_expect expect = {auth->opts.audience, auth->opts.issuer, now_wall_us, auth->opts.wants};
    out->refused = verify_signature(auth, a, token, &parts);
    if (!out->refused) {
        out->refused = mer_token_read_claims(a, parts.payload, &expect, out);
    }
    return !out->refused;
}

struct mer_known_token *mer_auth_know(const struct mer_auth *auth, struct mer_token_memory *memory,
                                      struct mer_arena *scratch, struct mer_slice token, const char **refused)
{
    int64_t now_us = mer_time_wall_us();
    *refused = NULL;
    struct mer_known_token *known = mer_token_memory_get(memory, token, auth->generation, now_us);
    if (known) {
        return known;
    }
    struct mer_claims claims;
    if (!mer_auth_verify(auth, scratch, token, now_us, &claims)) {
        *refused = claims.refused;
        return NULL;
    }
    return mer_token_memory_put(memory, token, auth->generation, &claims);
}
