// SPDX-License-Identifier: MIT
#include "gateway/graphql_http.h"

#include <stdarg.h>
#include <stdio.h>

// ---- what the client accepts ----

static int quality(struct mer_slice params)
{
    while (params.n) {
        struct mer_slice p = mer_slice_trim(mer_slice_cut(&params, ';'));
        if (p.n >= 3 && (p.p[0] == 'q' || p.p[0] == 'Q') && p.p[1] == '=') {
            int q = p.p[2] == '1' ? 1000 : 0;
            int scale = 100;
            for (size_t i = 4; i < p.n && i < 7 && p.p[2] == '0'; i++, scale /= 10) {
                q += p.p[i] >= '0' && p.p[i] <= '9' ? (p.p[i] - '0') * scale : 0;
            }
            return q;
        }
    }
    return 1000;
}

struct offer {
    int q[3];
    int specificity[3];
};

static void consider(struct offer *o, enum mer_media m, int specificity, int q)
{
    if (specificity > o->specificity[m]) {
        o->specificity[m] = specificity;
        o->q[m] = q;
    }
}

static void take_range(struct offer *o, struct mer_slice range)
{
    struct mer_slice params = range;
    struct mer_slice type = mer_slice_trim(mer_slice_cut(&params, ';'));
    int q = quality(params);
    if (mer_slice_ieq(type, MER_S("application/graphql-response+json"))) {
        consider(o, MER_MEDIA_RESPONSE_JSON, 3, q);
    } else if (mer_slice_ieq(type, MER_S("application/json"))) {
        consider(o, MER_MEDIA_JSON, 3, q);
    } else if (mer_slice_ieq(type, MER_S("text/html"))) {
        consider(o, MER_MEDIA_HTML, 3, q);
    } else if (mer_slice_ieq(type, MER_S("application/*"))) {
        consider(o, MER_MEDIA_RESPONSE_JSON, 2, q);
        consider(o, MER_MEDIA_JSON, 2, q);
    } else if (mer_slice_is(type, "*/*")) {
        consider(o, MER_MEDIA_RESPONSE_JSON, 1, q);
        consider(o, MER_MEDIA_JSON, 1, q);
    }
}

enum mer_media mer_media_choose(const struct mer_http_req *req)
{
    struct mer_slice accept = mer_http_header(req, "accept");
    if (mer_slice_trim(accept).n == 0) {
        return MER_MEDIA_JSON;
    }
    struct offer o = {{0, 0, 0}, {0, 0, 0}};
    while (accept.n) {
        take_range(&o, mer_slice_cut(&accept, ','));
    }
    bool get = mer_slice_is(req->method, "GET");
    if (get && o.q[MER_MEDIA_HTML] > o.q[MER_MEDIA_JSON] && o.q[MER_MEDIA_HTML] > o.q[MER_MEDIA_RESPONSE_JSON]) {
        return MER_MEDIA_HTML;
    }
    bool both_wild = o.specificity[MER_MEDIA_JSON] == o.specificity[MER_MEDIA_RESPONSE_JSON];
    if (o.q[MER_MEDIA_JSON] > 0 && (o.q[MER_MEDIA_JSON] > o.q[MER_MEDIA_RESPONSE_JSON] ||
                                    (both_wild && o.specificity[MER_MEDIA_JSON] < 3 &&
                                     o.q[MER_MEDIA_JSON] == o.q[MER_MEDIA_RESPONSE_JSON]))) {
        return MER_MEDIA_JSON; // a wildcard gets what old clients understand
    }
    return o.q[MER_MEDIA_RESPONSE_JSON] > 0 ? MER_MEDIA_RESPONSE_JSON : MER_MEDIA_NONE;
}

struct mer_slice mer_media_type(enum mer_media m)
{
    return m == MER_MEDIA_RESPONSE_JSON ? MER_S("application/graphql-response+json; charset=utf-8")
           : m == MER_MEDIA_HTML        ? MER_S("text/html; charset=utf-8")
                                        : MER_S("application/json; charset=utf-8");
}

// ---- parameters ----

static bool refuse(struct mer_http_problem *p, int status, const char *code, const char *fmt, ...)
    MER_PRINTF(4, 5);
static bool refuse(struct mer_http_problem *p, int status, const char *code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(p->message, sizeof(p->message), fmt, ap);
    va_end(ap);
    p->status = status;
    p->code = code;
    return false;
}

static bool bad(struct mer_http_problem *p, const char *message)
{
    return refuse(p, 400, "BAD_USER_INPUT", "%s", message);
}

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static struct mer_slice url_decode(struct mer_arena *a, struct mer_slice s)
{
    char *out = mer_arena_bytes(a, s.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '+') {
            out[n++] = ' ';
        } else if (s.p[i] == '%' && i + 2 < s.n && hex(s.p[i + 1]) >= 0 && hex(s.p[i + 2]) >= 0) {
            out[n++] = (char)(hex(s.p[i + 1]) * 16 + hex(s.p[i + 2]));
            i += 2;
        } else {
            out[n++] = s.p[i];
        }
    }
    return mer_slice_make(out, n);
}

static bool read_get(struct mer_http_req *req, struct mer_graphql_params *out, struct mer_http_problem *problem)
{
    struct mer_slice rest = req->query, variables = MER_NIL;
    while (rest.n) {
        struct mer_slice value = mer_slice_cut(&rest, '&');
        struct mer_slice name = mer_slice_cut(&value, '=');
        struct mer_slice *to = mer_slice_is(name, "query")           ? &out->query
                               : mer_slice_is(name, "operationName") ? &out->operation_name
                               : mer_slice_is(name, "variables")     ? &variables
                                                                     : NULL;
        if (to && to->p) {
            return bad(problem, "a parameter is given twice");
        }
        if (to) {
            *to = url_decode(req->arena, value);
        }
    }
    out->is_get = true;
    if (out->query.n == 0) {
        return bad(problem, "Must provide query string.");
    }
    if (variables.n == 0) {
        return true;
    }
    struct mer_diag d = {0};
    struct mer_json_limits limits = {.unique_keys = true};
    if (mer_json_parse(req->arena, variables, &limits, &out->json, &d)) {
        return refuse(problem, 400, "BAD_USER_INPUT", "variables: %.150s", d.msg);
    }
    const struct mer_json_node *root = mer_json_root(&out->json);
    if (root->type == MER_JSON_NULL) {
        return true;
    }
    if (root->type != MER_JSON_OBJECT) {
        return bad(problem, "variables must be an object");
    }
    out->variables = root;
    out->variables_json = &out->json;
    return true;
}

static bool is_json(struct mer_slice type, bool *charset_ok)
{
    struct mer_slice params = type;
    struct mer_slice media = mer_slice_trim(mer_slice_cut(&params, ';'));
    *charset_ok = true;
    while (params.n) {
        struct mer_slice p = mer_slice_trim(mer_slice_cut(&params, ';'));
        struct mer_slice value = p;
        struct mer_slice name = mer_slice_trim(mer_slice_cut(&value, '='));
        if (mer_slice_ieq(name, MER_S("charset"))) {
            value = mer_slice_trim(value);
            if (value.n >= 2 && value.p[0] == '"') {
                value = mer_slice_make(value.p + 1, value.n - 2);
            }
            *charset_ok = mer_slice_ieq(value, MER_S("utf-8")) || mer_slice_ieq(value, MER_S("utf8"));
        }
    }
    return mer_slice_ieq(media, MER_S("application/json"));
}

static bool text_member(struct mer_http_req *req, struct mer_graphql_params *out, const char *key,
                        struct mer_slice *to, struct mer_http_problem *problem)
{
    const struct mer_json_node *n = mer_json_get(&out->json, mer_json_root(&out->json), mer_slice_of(key));
    if (n && n->type == MER_JSON_STRING) {
        *to = mer_json_string(req->arena, &out->json, n);
    } else if (n && n->type != MER_JSON_NULL) {
        return refuse(problem, 400, "BAD_USER_INPUT", "%s must be a string", key);
    }
    return true;
}

static bool read_body(struct mer_http_req *req, struct mer_graphql_params *out, struct mer_http_problem *problem)
{
    struct mer_diag d = {0};
    struct mer_json_limits limits = {.unique_keys = true};
    if (mer_json_parse(req->arena, req->body, &limits, &out->json, &d)) {
        return refuse(problem, 400, "BAD_USER_INPUT", "body:%u:%u: %.150s", d.line, d.column, d.msg);
    }
    const struct mer_json_node *root = mer_json_root(&out->json);
    if (root->type != MER_JSON_OBJECT) {
        return bad(problem, root->type == MER_JSON_ARRAY ? "batching is off: the body must be one object"
                                                         : "the body must be a JSON object");
    }
    if (!text_member(req, out, "query", &out->query, problem) ||
        !text_member(req, out, "operationName", &out->operation_name, problem)) {
        return false;
    }
    const struct mer_json_node *v = mer_json_get(&out->json, root, MER_S("variables"));
    const struct mer_json_node *ext = mer_json_get(&out->json, root, MER_S("extensions"));
    if (v && v->type != MER_JSON_OBJECT && v->type != MER_JSON_NULL) {
        return bad(problem, "variables must be an object");
    }
    if (ext && ext->type != MER_JSON_OBJECT && ext->type != MER_JSON_NULL) {
        return bad(problem, "extensions must be an object");
    }
    if (out->query.n == 0) {
        return bad(problem, "Must provide query string.");
    }
    out->variables = v && v->type == MER_JSON_OBJECT ? v : NULL;
    out->variables_json = &out->json;
    return true;
}

bool mer_graphql_params_read(struct mer_http_req *req, struct mer_graphql_params *out,
                             struct mer_http_problem *problem)
{
    *out = (struct mer_graphql_params){0};
    if (mer_slice_is(req->method, "GET") || mer_slice_is(req->method, "HEAD")) {
        return read_get(req, out, problem);
    }
    if (!mer_slice_is(req->method, "POST")) {
        return refuse(problem, 405, "BAD_USER_INPUT", "GET and POST are allowed");
    }
    bool charset_ok = false;
    if (!is_json(mer_http_header(req, "content-type"), &charset_ok)) {
        return refuse(problem, 415, "BAD_USER_INPUT", "content-type must be application/json");
    }
    if (!charset_ok) {
        return refuse(problem, 415, "BAD_USER_INPUT", "charset must be utf-8");
    }
    if (mer_http_header(req, "content-encoding").n) {
        return refuse(problem, 415, "BAD_USER_INPUT", "content-encoding is not supported");
    }
    return read_body(req, out, problem);
}
