// SPDX-License-Identifier: MIT
// GraphQL over HTTP, the part that is pure: which parameters a request brings, what the client accepts, which
// status an answer has (the GraphQL over HTTP specification, and the contract's own additions). No I/O; any
// thread.
#ifndef MER_GATEWAY_GRAPHQL_HTTP_H
#define MER_GATEWAY_GRAPHQL_HTTP_H

#include "base/json.h"
#include "gateway/coding.h"
#include "gateway/persisted.h"
#include "gateway/server.h"

enum mer_media {
    MER_MEDIA_RESPONSE_JSON = 0, // application/graphql-response+json
    MER_MEDIA_JSON = 1,          // application/json
    MER_MEDIA_HTML = 2,          // a browser's GET: the explorer
    MER_MEDIA_NONE = 3,          // nothing that we have: 406
};
// By the accept header (RFC 9110 12.5.1: q values, wildcards). Without one: application/json.
enum mer_media mer_media_choose(const struct mer_http_req *req);
struct mer_slice mer_media_type(enum mer_media m);

struct mer_graphql_params {
    struct mer_slice query, operation_name; // query.n == 0 only beside a document_id or hash
    struct mer_slice document_id;           // of a trusted document
    struct mer_slice hash;                  // extensions.persistedQuery.sha256Hash, 64 hexadecimal digits
    struct mer_json json;                   // the body, or the variables of a GET
    struct mer_json extensions;             // of a GET
    const struct mer_json_node *variables;  // object, or NULL
    const struct mer_json *variables_json;
    bool is_get; // or HEAD
};

// What was wrong with the request itself.
struct mer_http_problem {
    int status;
    const char *code;
    char message[200];
    const char *limit; // which was reached, or NULL
    uint64_t value;
};

struct mer_graphql_limits {
    size_t body;     // bytes of a body; one that came as gzip counts by its decoded bytes
    uint32_t values; // JSON values of a body, or of a parameter of a GET: keys, and what they hold; 0: as
                     // many as the scanner takes
};

// Reads the parameters of GET, HEAD and POST. False: problem says why. Everything lives in the request's
// arena.
bool mer_graphql_params_read(struct mer_http_req *req, struct mer_coder *coder,
                             const struct mer_graphql_limits *limits, struct mer_graphql_params *out,
                             struct mer_http_problem *problem);

// Where texts that were not sent come from.
struct mer_graphql_documents {
    const struct mer_documents *trusted; // NULL: none
    bool only;                           // nothing but them
    struct mer_registry *registry;       // NULL: clients register nothing
};
// Fills params->query where the request names its document by id or hash; checks a hash against the text that
// is beside it. False: problem says why; its status 0 means what a GraphQL error has.
bool mer_graphql_document(const struct mer_graphql_documents *from, struct mer_arena *a,
                          struct mer_slice tenant, struct mer_graphql_params *params,
                          struct mer_http_problem *problem);

#endif
