// SPDX-License-Identifier: MIT
#include "gateway/explorer.h"

#define FILE_MAX (16u << 20)

// A file of the build, or of the source tree, as bytes of the executable.
#define EMBED(symbol, path)                                                                                  \
    __asm__(".section .rodata\n.balign 16\n.global " #symbol "\n.hidden " #symbol "\n" #symbol               \
            ":\n.incbin \"" path "\"\n.global " #symbol "_end\n.hidden " #symbol "_end\n" #symbol            \
            "_end:\n.byte 0\n.previous\n");                                                                  \
    extern const char symbol[], symbol##_end[]

EMBED(mer_explorer_page_html, MER_EXPLORER_HERE "/page.html");
EMBED(mer_explorer_plain_html, MER_EXPLORER_HERE "/plain.html");
EMBED(mer_explorer_plain_js, MER_EXPLORER_OUT "/plain.js.gz");
EMBED(mer_explorer_own_js, MER_EXPLORER_OUT "/meridian.js.gz");
EMBED(mer_explorer_own_css, MER_EXPLORER_OUT "/meridian.css.gz");
EMBED(mer_explorer_graphiql_js, MER_EXPLORER_OUT "/graphiql.js.gz");
EMBED(mer_explorer_graphiql_css, MER_EXPLORER_OUT "/graphiql.css.gz");
EMBED(mer_explorer_react_js, MER_EXPLORER_OUT "/react.js.gz");
EMBED(mer_explorer_react_dom_js, MER_EXPLORER_OUT "/react-dom.js.gz");

struct asset {
    const char *name, *type;
    const char *from, *to; // gzip
    bool versioned;        // its name changes with its bytes
};

#define SCRIPT "text/javascript; charset=utf-8"
#define STYLE  "text/css; charset=utf-8"

static const struct asset assets[] = {
    {"plain.js", SCRIPT, mer_explorer_plain_js, mer_explorer_plain_js_end, false},
    {"meridian.js", SCRIPT, mer_explorer_own_js, mer_explorer_own_js_end, false},
    {"meridian.css", STYLE, mer_explorer_own_css, mer_explorer_own_css_end, false},
    {"graphiql-3.8.3.js", SCRIPT, mer_explorer_graphiql_js, mer_explorer_graphiql_js_end, true},
    {"graphiql-3.8.3.css", STYLE, mer_explorer_graphiql_css, mer_explorer_graphiql_css_end, true},
    {"react-18.3.1.js", SCRIPT, mer_explorer_react_js, mer_explorer_react_js_end, true},
    {"react-dom-18.3.1.js", SCRIPT, mer_explorer_react_dom_js, mer_explorer_react_dom_js_end, true},
};

// As numbers: to the compiler these are two objects, which never meet.
static struct mer_slice between(const char *from, const char *to)
{
    return mer_slice_make(from, (size_t)((uintptr_t)to - (uintptr_t)from));
}

bool mer_explorer_has_graphiql(void)
{
    return between(mer_explorer_graphiql_js, mer_explorer_graphiql_js_end).n > 0;
}

struct mer_slice mer_explorer_page(void)
{
    const char *from = mer_explorer_has_graphiql() ? mer_explorer_page_html : mer_explorer_plain_html;
    const char *to = mer_explorer_has_graphiql() ? mer_explorer_page_html_end : mer_explorer_plain_html_end;
    return between(from, to);
}

static void respond(struct mer_http_req *req, int status, const struct asset *a, struct mer_slice body,
                    bool zipped)
{
    struct mer_http_header h[6] = {
        {MER_S("content-type"), mer_slice_of(a->type)},
        {MER_S("cache-control"),
         a->versioned ? MER_S("public, max-age=31536000, immutable") : MER_S("no-cache")},
        {MER_S("content-security-policy"), MER_S(MER_EXPLORER_POLICY)},
        {MER_S("x-content-type-options"), MER_S("nosniff")},
        {MER_S("vary"), MER_S("accept-encoding")},
        {MER_S("content-encoding"), MER_S("gzip")},
    };
    mer_http_respond(req, status, h, zipped ? 6 : 5, &body, 1);
}

static const struct asset json = {.type = "application/json; charset=utf-8"};

static void not_found(struct mer_http_req *req)
{
    respond(req, 404, &json,
            MER_S("{\"errors\":[{\"message\":\"no such path\",\"extensions\":{\"code\":\"NOT_FOUND\"}}]}"),
            false);
}

static void send_asset(struct mer_http_req *req, struct mer_coder *coder, const struct asset *a)
{
    struct mer_slice body = between(a->from, a->to);
    if (body.n == 0) {
        not_found(req);
    } else if (mer_coding_accepts_gzip(mer_http_header(req, "accept-encoding"))) {
        respond(req, 200, a, body, true);
    } else if (mer_coder_unzip(coder, req->arena, body, FILE_MAX, &body) == MER_OK) {
        respond(req, 200, a, body, false);
    } else {
        not_found(req);
    }
}

// A name that another host's owner could point at this machine must not read a developer's token.
static bool is_loopback(struct mer_slice authority)
{
    bool bracket = authority.n > 0 && authority.p[0] == '[';
    struct mer_slice name = mer_slice_cut(&authority, bracket ? ']' : ':');
    return mer_slice_is(name, "127.0.0.1") || mer_slice_is(name, "localhost") || mer_slice_is(name, "[::1");
}

static void send_presets(struct mer_http_req *req, struct mer_slice presets)
{
    struct mer_slice site = mer_http_header(req, "sec-fetch-site");
    bool own = is_loopback(req->authority) && (site.n == 0 || mer_slice_is(site, "same-origin"));
    struct mer_slice headers =
        own && presets.n ? presets : MER_S("{\"authorization\":\"Bearer \",\"meridian-explain\":\"plan\"}");
    respond(req, 200, &json, mer_arena_printf(req->arena, "{\"headers\":%.*s}", MER_FMT(headers)), false);
}

void mer_explorer_handle(struct mer_http_req *req, struct mer_coder *coder, struct mer_slice presets)
{
    struct mer_slice prefix = MER_S("/explorer/");
    struct mer_slice name = mer_slice_make(req->path.p + prefix.n, req->path.n - prefix.n);
    if (!mer_slice_is(req->method, "GET") && !mer_slice_is(req->method, "HEAD")) {
        not_found(req);
        return;
    }
    if (mer_slice_is(name, "presets.json")) {
        send_presets(req, presets);
        return;
    }
    for (size_t i = 0; i < sizeof(assets) / sizeof(assets[0]); i++) {
        if (mer_slice_is(name, assets[i].name)) {
            send_asset(req, coder, &assets[i]);
            return;
        }
    }
    not_found(req);
}
