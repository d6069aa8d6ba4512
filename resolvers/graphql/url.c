// SPDX-License-Identifier: MIT
// Where an origin is. A loop never waits for a resolver: names are looked up by mer_gql_url_resolve, off the
// loops, and a client is told the address.
#include "resolvers/graphql/client_priv.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>

static bool starts(struct mer_slice *s, struct mer_slice prefix)
{
    if (!mer_slice_starts(*s, prefix)) {
        return false;
    }
    *s = mer_slice_make(s->p + prefix.n, s->n - prefix.n);
    return true;
}

static bool is_path(struct mer_slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] <= ' ' || s.p[i] == 0x7f || s.p[i] == '#') {
            return false;
        }
    }
    return true;
}

static bool is_name(struct mer_slice host)
{
    for (size_t i = 0; i < host.n; i++) {
        char c = host.p[i];
        bool good = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
                    c == '-' || c == '_';
        if (!good) {
            return false;
        }
    }
    return host.n > 0 && host.n <= 253;
}

static bool read_host(struct mer_arena *a, struct mer_slice host, bool bracketed, uint16_t port,
                      struct gql_url *out)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&out->address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out->address;
    if (memchr(host.n ? host.p : "", 0, host.n)) {
        return false;
    }
    out->host = mer_arena_cstr(a, host);
    out->port = port;
    if (bracketed) {
        out->address_len = sizeof(*v6);
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        return inet_pton(AF_INET6, out->host, &v6->sin6_addr) == 1;
    }
    out->address_len = sizeof(*v4);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    if (inet_pton(AF_INET, mer_slice_is(host, "localhost") ? "127.0.0.1" : out->host, &v4->sin_addr) == 1) {
        return true;
    }
    out->address_len = 0;
    return is_name(host);
}

// "HOST", "HOST:PORT", "[ADDRESS]" or "[ADDRESS]:PORT".
static bool split_authority(struct mer_slice s, struct mer_slice *host, bool *bracketed, uint64_t *port)
{
    *bracketed = s.n && s.p[0] == '[';
    size_t n = s.n;
    const char *colon = s.n ? memchr(s.p, ':', s.n) : NULL;
    if (*bracketed) {
        const char *end = memchr(s.p, ']', s.n);
        if (!end) {
            return false;
        }
        *host = mer_slice_make(s.p + 1, (size_t)(end - s.p) - 1);
        n = (size_t)(end - s.p) + 1;
    } else if (colon) {
        n = (size_t)(colon - s.p);
        *host = mer_slice_make(s.p, n);
    } else {
        *host = s;
    }
    if (n == s.n) {
        return true;
    }
    return s.p[n] == ':' && mer_slice_to_u64(mer_slice_make(s.p + n + 1, s.n - n - 1), port) && *port > 0 &&
           *port <= 65535;
}

enum mer_err gql_url_read(struct mer_arena *a, struct mer_slice text, struct gql_url *out,
                          struct mer_diag *diag)
{
    struct mer_slice rest = text, host;
    bool bracketed = false;
    *out = (struct gql_url){.tls = starts(&rest, MER_S("https://"))};
    if (!out->tls && !starts(&rest, MER_S("http://"))) {
        return mer_diag_set(diag, MER_ERR_INVALID, "%.*s: http:// or https:// is expected", MER_FMT(text));
    }
    const char *slash = rest.n ? memchr(rest.p, '/', rest.n) : NULL;
    size_t n = slash ? (size_t)(slash - rest.p) : rest.n;
    out->authority = mer_arena_copy(a, mer_slice_make(rest.p, n));
    out->path = slash ? mer_arena_copy(a, mer_slice_make(slash, rest.n - n)) : MER_S("/");
    uint64_t port = out->tls ? 443 : 80;
    if (!split_authority(out->authority, &host, &bracketed, &port)) {
        return mer_diag_set(diag, MER_ERR_INVALID, "%.*s: HOST or HOST:PORT is expected", MER_FMT(text));
    }
    if (!read_host(a, host, bracketed, (uint16_t)port, out)) {
        return mer_diag_set(diag, MER_ERR_INVALID, "%.*s: bad host", MER_FMT(text));
    }
    if (!is_path(out->path)) {
        return mer_diag_set(diag, MER_ERR_INVALID, "%.*s: bad path", MER_FMT(text));
    }
    return MER_OK;
}

// ---- names ----

static bool is_kept(const struct addrinfo *found, const struct sockaddr_storage *now, socklen_t len)
{
    for (; len && found; found = found->ai_next) {
        if (found->ai_addrlen == len && memcmp(found->ai_addr, now, len) == 0) {
            return true;
        }
    }
    return false;
}

static enum mer_err look_up(const struct gql_url *url, struct sockaddr_storage *out, socklen_t *len,
                            struct mer_diag *diag)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *found = NULL;
    char port[8];
    snprintf(port, sizeof(port), "%u", url->port);
    int rc = getaddrinfo(url->host, port, &hints, &found);
    if (rc != 0) {
        *len = 0;
        return mer_diag_set(diag, MER_ERR_NOT_FOUND, "%s: %s", url->host, gai_strerror(rc));
    }
    if (!is_kept(found, out, *len)) {
        memset(out, 0, sizeof(*out));
        memcpy(out, found->ai_addr, found->ai_addrlen);
        *len = found->ai_addrlen;
    }
    freeaddrinfo(found);
    return MER_OK;
}

enum mer_err mer_gql_url_resolve(struct mer_slice text, struct sockaddr_storage *out, socklen_t *len,
                                 struct mer_diag *diag)
{
    struct mer_arena *a = mer_arena_create(0);
    struct gql_url url;
    enum mer_err err = gql_url_read(a, text, &url, diag);
    if (!err && url.address_len) {
        *out = url.address;
        *len = url.address_len;
    } else if (!err) {
        err = look_up(&url, out, len, diag);
    }
    mer_arena_destroy(a);
    return err;
}
