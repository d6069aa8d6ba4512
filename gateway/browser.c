// SPDX-License-Identifier: MIT
#include "gateway/browser.h"

#include "gateway/auth.h"

#define METHODS "GET, HEAD, POST, OPTIONS"
#define EXPOSED "age, etag, meridian-cache, retry-after, server-timing, www-authenticate"

bool mer_browser_allows(const struct mer_config *c, struct mer_slice origin)
{
    const struct mer_config_texts *list = &c->cors.origins;
    if (list->n == 0) {
        return c->development;
    }
    for (uint32_t i = 0; i < list->n; i++) {
        if (mer_slice_eq(list->items[i], origin) || mer_slice_is(list->items[i], "*")) {
            return true;
        }
    }
    return false;
}

// What goes back into a header must be what a browser sends: no blanks, no controls.
static bool is_plain(struct mer_slice s, size_t longest)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < 0x20 || s.p[i] > 0x7e) {
            return false;
        }
    }
    return s.n > 0 && s.n <= longest;
}

size_t mer_browser_headers(const struct mer_config *c, const struct mer_http_req *req,
                           struct mer_http_header *out)
{
    struct mer_slice origin = mer_http_header(req, "origin");
    if (origin.n == 0 || !is_plain(origin, 256) || !mer_browser_allows(c, origin)) {
        return 0;
    }
    out[0] = (struct mer_http_header){MER_S("access-control-allow-origin"), origin};
    out[1] = (struct mer_http_header){MER_S("access-control-expose-headers"), MER_S(EXPOSED)};
    return 2;
}

void mer_browser_answer_options(const struct mer_config *c, struct mer_http_req *req)
{
    struct mer_http_header h[10];
    size_t n = mer_browser_headers(c, req, h);
    struct mer_slice wanted = mer_http_header(req, "access-control-request-headers");
    h[n++] = (struct mer_http_header){MER_S("allow"), MER_S(METHODS)};
    h[n++] = (struct mer_http_header){
        MER_S("vary"), MER_S("origin, access-control-request-method, access-control-request-headers")};
    if (n > 2 && mer_http_header(req, "access-control-request-method").n) {
        h[n++] = (struct mer_http_header){MER_S("access-control-allow-methods"), MER_S("GET, HEAD, POST")};
        h[n++] = (struct mer_http_header){MER_S("access-control-max-age"), MER_S("3600")};
        if (is_plain(wanted, 2048)) {
            // Which headers do not matter: no cookie and no ambient credential counts here, see browser.h.
            h[n++] = (struct mer_http_header){MER_S("access-control-allow-headers"), wanted};
        }
    }
    mer_http_respond(req, 204, h, n, NULL, 0);
}

// ---- requests that a foreign page could make ----

bool mer_browser_is_own(const struct mer_http_req *req, struct mer_slice origin)
{
    struct mer_slice scheme = req->is_tls ? MER_S("https://") : MER_S("http://");
    return mer_slice_starts(origin, scheme) &&
           mer_slice_ieq(mer_slice_make(origin.p + scheme.n, origin.n - scheme.n), req->authority);
}

// A header that no page can set on another origin's behalf without a preflight.
static bool has_unsafe_header(const struct mer_http_req *req)
{
    static const char *const names[] = {"x-meridian-csrf", "apollo-require-preflight",
                                        "x-apollo-operation-name"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (mer_http_header(req, names[i]).n) {
            return true;
        }
    }
    for (size_t i = 0; i < mer_http_headers_n(req); i++) {
        if (mer_slice_starts(mer_http_header_at(req, i).name, MER_S("meridian-"))) {
            return true;
        }
    }
    struct mer_slice type = mer_http_header(req, "content-type");
    return mer_slice_ieq(mer_slice_trim(mer_slice_cut(&type, ';')), MER_S("application/json")) ||
           mer_auth_bearer(mer_http_header(req, "authorization")).n > 0;
}

bool mer_browser_safe(const struct mer_config *c, const struct mer_http_req *req)
{
    if (has_unsafe_header(req)) {
        return true;
    }
    struct mer_slice site = mer_http_header(req, "sec-fetch-site");
    struct mer_slice origin = mer_http_header(req, "origin");
    if (mer_slice_is(site, "same-origin") || mer_slice_is(site, "none")) {
        return true;
    }
    if (origin.n) {
        return mer_browser_is_own(req, origin) || mer_browser_allows(c, origin);
    }
    // Old browsers send neither; all of them call themselves Mozilla, and a page cannot change that unasked.
    struct mer_slice agent = mer_http_header(req, "user-agent");
    return site.n == 0 && !mer_slice_starts(agent, MER_S("Mozilla/")) &&
           !mer_slice_starts(agent, MER_S("Opera/"));
}
