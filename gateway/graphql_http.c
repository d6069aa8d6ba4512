// SPDX-License-Identifier: MIT
#include "gateway/graphql_http.h"

#include <stdarg.h>
#include <stdio.h>

#include "gateway/persisted.h"

#define NESTING_MAX 128u // of JSON; no input type goes as deep

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
    bool get = mer_slice_is(req->method, "GET") || mer_slice_is(req->method, "HEAD");
    if (get && o.q[MER_MEDIA_HTML] > o.q[MER_MEDIA_JSON] &&
        o.q[MER_MEDIA_HTML] > o.q[MER_MEDIA_RESPONSE_JSON]) {
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

// ---- extensions.persistedQuery ----

static bool text_of(struct mer_arena *a, const struct mer_json *j, const struct mer_json_node *n,
                    const char *key, struct mer_slice *to, struct mer_http_problem *problem)
{
    if (n && n->type == MER_JSON_STRING) {
        *to = mer_json_string(a, j, n);
    } else if (n && n->type != MER_JSON_NULL) {
        return refuse(problem, 400, "BAD_USER_INPUT", "%s must be a string", key);
    }
    return true;
}

static bool read_extensions(struct mer_arena *a, const struct mer_json *j, const struct mer_json_node *ext,
                            struct mer_graphql_params *out, struct mer_http_problem *problem)
{
    if (!ext || ext->type == MER_JSON_NULL) {
        return true;
    }
    if (ext->type != MER_JSON_OBJECT) {
        return bad(problem, "extensions must be an object");
    }
    const struct mer_json_node *p = mer_json_get(j, ext, MER_S("persistedQuery"));
    if (!p || p->type == MER_JSON_NULL) {
        return true;
    }
    int64_t version = 0;
    const struct mer_json_node *v = mer_json_get(j, p, MER_S("version"));
    if (!v || !mer_json_i64(j, v, &version) || version != 1) {
        return bad(problem, "extensions.persistedQuery.version must be 1");
    }
    if (!text_of(a, j, mer_json_get(j, p, MER_S("sha256Hash")), "sha256Hash", &out->hash, problem)) {
        return false;
    }
    return mer_sha256_is_hex(out->hash) ||
           bad(problem, "extensions.persistedQuery.sha256Hash must be 64 lower-case hexadecimal digits");
}

// An operation must be named in one of three ways.
static bool has_operation(const struct mer_graphql_params *out, struct mer_http_problem *problem)
{
    if (out->document_id.n && (out->query.n || out->hash.n)) {
        return bad(problem,
                   "documentId stands for the document: neither query nor persistedQuery may be beside it");
    }
    return out->query.n || out->document_id.n || out->hash.n || bad(problem, "Must provide query string.");
}

// ---- GET ----

struct reader {
    struct mer_http_req *req;
    const struct mer_graphql_limits *limits;
    struct mer_http_problem *problem;
};

struct url_params {
    struct mer_slice variables, extensions;
};

static bool read_url(struct mer_http_req *req, struct mer_graphql_params *out, struct url_params *more,
                     struct mer_http_problem *problem)
{
    struct mer_slice rest = req->query;
    while (rest.n) {
        struct mer_slice value = mer_slice_cut(&rest, '&');
        struct mer_slice name = mer_slice_cut(&value, '=');
        struct mer_slice *to = mer_slice_is(name, "query")           ? &out->query
                               : mer_slice_is(name, "operationName") ? &out->operation_name
                               : mer_slice_is(name, "documentId")    ? &out->document_id
                               : mer_slice_is(name, "variables")     ? &more->variables
                               : mer_slice_is(name, "extensions")    ? &more->extensions
                                                                     : NULL;
        if (to && to->p) {
            return bad(problem, "a parameter is given twice");
        }
        if (to) {
            *to = url_decode(req->arena, value);
        }
    }
    return true;
}

// JSON that a client sent, within the limits that the scanner itself holds.
static bool read_json(const struct reader *r, const char *what, struct mer_slice text, struct mer_json *out)
{
    struct mer_diag d = {0};
    struct mer_json_limits limits = {
        .unique_keys = true, .max_depth = NESTING_MAX, .max_nodes = r->limits->values};
    enum mer_err err = mer_json_parse(r->req->arena, text, &limits, out, &d);
    struct mer_http_problem *p = r->problem;
    if (err != MER_ERR_LIMIT) {
        return !err || refuse(p, 400, "BAD_USER_INPUT", "%s:%u:%u: %.150s", what, d.line, d.column, d.msg);
    }
    bool many = r->limits->values && out->nodes_n >= r->limits->values;
    p->limit = many ? "values" : "nesting";
    p->value = many ? (uint64_t)r->limits->values + 1 : NESTING_MAX + 1;
    return refuse(p, 400, "QUERY_TOO_COMPLEX", "%s:%u:%u: the JSON exceeds limit %s: allowed are %u.", what,
                  d.line, d.column, p->limit, many ? r->limits->values : NESTING_MAX);
}

static bool read_get(const struct reader *r, struct mer_graphql_params *out)
{
    struct mer_http_req *req = r->req;
    struct mer_http_problem *problem = r->problem;
    struct url_params more = {MER_NIL, MER_NIL};
    out->is_get = true;
    if (!read_url(req, out, &more, problem)) {
        return false;
    }
    if (more.extensions.n &&
        (!read_json(r, "extensions", more.extensions, &out->extensions) ||
         !read_extensions(req->arena, &out->extensions, mer_json_root(&out->extensions), out, problem))) {
        return false;
    }
    if (!has_operation(out, problem)) {
        return false;
    }
    if (more.variables.n == 0) {
        return true;
    }
    if (!read_json(r, "variables", more.variables, &out->json)) {
        return false;
    }
    const struct mer_json_node *root = mer_json_root(&out->json);
    if (root->type != MER_JSON_NULL && root->type != MER_JSON_OBJECT) {
        return bad(problem, "variables must be an object");
    }
    out->variables = root->type == MER_JSON_OBJECT ? root : NULL;
    out->variables_json = &out->json;
    return true;
}

// ---- POST ----

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

// The body as it is meant: decoded. Encodings in a row, or one that we do not know: 415.
static bool decode(struct mer_http_req *req, struct mer_coder *coder, size_t max_bytes,
                   struct mer_slice *body, struct mer_http_problem *problem)
{
    struct mer_slice coding = mer_slice_trim(mer_http_header(req, "content-encoding"));
    *body = req->body;
    if (coding.n == 0 || mer_slice_ieq(coding, MER_S("identity"))) {
        return true;
    }
    bool one = mer_http_header_count(req, "content-encoding") == 1;
    if (!one || !(mer_slice_ieq(coding, MER_S("gzip")) || mer_slice_ieq(coding, MER_S("x-gzip")))) {
        return refuse(problem, 415, "BAD_USER_INPUT", "content-encoding: gzip is understood, once");
    }
    enum mer_err err = mer_coder_unzip(coder, req->arena, req->body, max_bytes, body);
    if (err == MER_ERR_LIMIT) {
        problem->limit = "body";
        problem->value = max_bytes;
        return refuse(problem, 413, "PAYLOAD_TOO_LARGE", "the body is longer than %zu bytes when decoded",
                      max_bytes);
    }
    return err == MER_OK || bad(problem, "the body is not gzip");
}

static bool read_body(const struct reader *r, struct mer_slice body, struct mer_graphql_params *out)
{
    struct mer_http_problem *problem = r->problem;
    if (!read_json(r, "body", body, &out->json)) {
        return false;
    }
    const struct mer_json *j = &out->json;
    const struct mer_json_node *root = mer_json_root(j);
    if (root->type != MER_JSON_OBJECT) {
        return bad(problem, root->type == MER_JSON_ARRAY ? "batching is off: the body must be one object"
                                                         : "the body must be a JSON object");
    }
    struct mer_arena *a = r->req->arena;
    if (!text_of(a, j, mer_json_get(j, root, MER_S("query")), "query", &out->query, problem) ||
        !text_of(a, j, mer_json_get(j, root, MER_S("operationName")), "operationName", &out->operation_name,
                 problem) ||
        !text_of(a, j, mer_json_get(j, root, MER_S("documentId")), "documentId", &out->document_id,
                 problem) ||
        !read_extensions(a, j, mer_json_get(j, root, MER_S("extensions")), out, problem) ||
        !has_operation(out, problem)) {
        return false;
    }
    const struct mer_json_node *v = mer_json_get(j, root, MER_S("variables"));
    if (v && v->type != MER_JSON_OBJECT && v->type != MER_JSON_NULL) {
        return bad(problem, "variables must be an object");
    }
    out->variables = v && v->type == MER_JSON_OBJECT ? v : NULL;
    out->variables_json = &out->json;
    return true;
}

bool mer_graphql_params_read(struct mer_http_req *req, struct mer_coder *coder,
                             const struct mer_graphql_limits *limits, struct mer_graphql_params *out,
                             struct mer_http_problem *problem)
{
    const struct reader r = {req, limits, problem};
    *out = (struct mer_graphql_params){0};
    if (mer_slice_is(req->method, "GET") || mer_slice_is(req->method, "HEAD")) {
        return read_get(&r, out);
    }
    if (!mer_slice_is(req->method, "POST")) {
        return refuse(problem, 405, "BAD_USER_INPUT", "GET, HEAD, POST and OPTIONS are allowed");
    }
    bool charset_ok = false;
    if (!is_json(mer_http_header(req, "content-type"), &charset_ok)) {
        return refuse(problem, 415, "BAD_USER_INPUT", "content-type must be application/json");
    }
    if (!charset_ok) {
        return refuse(problem, 415, "BAD_USER_INPUT", "charset must be utf-8");
    }
    struct mer_slice body = MER_NIL;
    return decode(req, coder, limits->body, &body, problem) && read_body(&r, body, out);
}

// ---- documents that were not sent ----

static bool not_found(struct mer_http_problem *problem)
{
    return refuse(problem, 0, "PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound");
}

bool mer_graphql_document(const struct mer_graphql_documents *from, struct mer_arena *a,
                          struct mer_slice tenant, struct mer_graphql_params *params,
                          struct mer_http_problem *problem)
{
    struct mer_slice id = params->document_id.n ? params->document_id : params->hash;
    const struct mer_slice *trusted = id.n ? mer_documents_get(from->trusted, id) : NULL;
    if (params->query.n && params->hash.n && !mer_sha256_is(params->query, params->hash)) {
        return refuse(problem, 400, "BAD_USER_INPUT", "provided sha does not match query");
    }
    if (trusted) {
        params->query = *trusted;
        return true;
    }
    if (params->query.n && from->only) {
        return refuse(problem, 403, "FORBIDDEN",
                      "only trusted documents are executed here: ask by documentId");
    }
    if (params->query.n) {
        return true;
    }
    bool registered = params->hash.n && from->registry && !from->only &&
                      mer_registry_get(from->registry, a, tenant, params->hash, &params->query);
    return registered || not_found(problem);
}
