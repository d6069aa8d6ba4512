// SPDX-License-Identifier: MIT
// Any bytes as what a client says over HTTP. The first byte chooses: g a URL's query, p a body, z a gzip
// body, a an accept header, t a list of trusted documents, o an origin in a preflight, r a round trip through
// gzip.
#include "base/log.h"
#include "gateway/answer.h"
#include "gateway/browser.h"
#include "gateway/graphql_http.h"

#include "http_request.h"

#define BODY_MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_request(struct mer_arena *a, struct mer_coder *coder, char kind, struct mer_slice rest)
{
    struct http_request r;
    struct mer_graphql_params p;
    struct mer_http_problem problem = {0};
    bool get = kind == 'g';
    http_request_init(&r, a, get ? "GET" : "POST", "/graphql",
                      kind == 'z' ? "content-type: application/json\ncontent-encoding: gzip"
                                  : "content-type: application/json");
    *(get ? &r.pub.query : &r.pub.body) = rest;
    if (mer_graphql_params_read(&r.pub, coder, &(struct mer_graphql_limits){BODY_MAX, 32768}, &p, &problem)) {
        MER_ASSERT(p.query.n || p.hash.n || p.document_id.n);
        MER_ASSERT(p.hash.n == 0 || p.hash.n == 64);
        MER_ASSERT(p.is_get == get);
    } else {
        MER_ASSERT(problem.status >= 400 && problem.status < 500 && problem.message[0]);
    }
}

static void read_headers(struct mer_arena *a, char kind, struct mer_slice rest)
{
    struct http_request r;
    struct mer_slice any[] = {MER_S("*")};
    struct mer_config c = {.cors = {.origins = {any, 1}}};
    http_request_init(&r, a, kind == 'a' ? "GET" : "OPTIONS", "/graphql", "");
    r.headers[r.headers_n++] =
        (struct mer_http_header){kind == 'a' ? MER_S("accept") : MER_S("origin"), rest};
    r.headers[r.headers_n++] =
        (struct mer_http_header){MER_S("access-control-request-method"), MER_S("POST")};
    r.headers[r.headers_n++] = (struct mer_http_header){MER_S("access-control-request-headers"), rest};
    (void)mer_browser_safe(&c, &r.pub);
    if (kind == 'a') {
        MER_ASSERT(mer_media_choose(&r.pub) <= MER_MEDIA_NONE);
        (void)mer_coding_accepts_gzip(rest);
        (void)mer_answer_etag_matches(rest, MER_S("W/\"a\""));
        return;
    }
    mer_browser_answer_options(&c, &r.pub);
    MER_ASSERT(r.status == 204);
    for (size_t i = 0; i < r.answered_n; i++) {
        for (size_t k = 0; k < r.answered[i].value.n; k++) {
            MER_ASSERT(r.answered[i].value.p[k] >= 0x20); // nothing that would end a header
        }
    }
}

static void round_trip(struct mer_arena *a, struct mer_coder *coder, struct mer_slice rest)
{
    struct mer_slice back = MER_NIL, zipped = rest.n ? mer_coder_zip(coder, a, rest) : MER_NIL;
    if (zipped.n) {
        MER_ASSERT(mer_coder_unzip(coder, a, zipped, rest.n, &back) == MER_OK && mer_slice_eq(back, rest));
    }
    if (mer_coder_unzip(coder, a, rest, BODY_MAX, &back) == MER_OK) {
        MER_ASSERT(back.n <= BODY_MAX);
    }
}

static void read_documents(struct mer_arena *a, struct mer_slice rest)
{
    struct mer_documents *docs = NULL;
    struct mer_diag d = {0};
    if (mer_documents_parse(a, rest, &docs, &d) == MER_OK) {
        MER_MAP_EACH(&docs->by_id, e)
        {
            MER_ASSERT(mer_documents_get(docs, e->key) != NULL);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct mer_arena *a = mer_arena_create(64u << 20);
    struct mer_coder *coder = mer_coder_create();
    struct mer_slice rest = {(const char *)data + 1, size - 1};
    switch (data[0]) {
    case 'g':
    case 'p':
    case 'z':
        read_request(a, coder, (char)data[0], rest);
        break;
    case 'a':
    case 'o':
        read_headers(a, (char)data[0], rest);
        break;
    case 't':
        read_documents(a, rest);
        break;
    default:
        round_trip(a, coder, rest);
    }
    mer_coder_destroy(coder);
    mer_arena_destroy(a);
    return 0;
}
