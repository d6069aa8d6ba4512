// SPDX-License-Identifier: MIT
// GraphQL over HTTP, the part that is pure: which parameters a request brings, what the client accepts, which status
// an answer has (the GraphQL over HTTP specification, and the contract's own additions). No I/O; any thread.
#ifndef MER_GATEWAY_GRAPHQL_HTTP_H
#define MER_GATEWAY_GRAPHQL_HTTP_H

#include "base/json.h"
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
    struct mer_slice query, operation_name;
    struct mer_json json;                 // the body, or the variables of a GET
    const struct mer_json_node *variables; // object, or NULL
    const struct mer_json *variables_json;
    bool is_get;
};

// What was wrong with the request itself.
struct mer_http_problem {
    int status;
    const char *code;
    char message[200];
};

// Reads the parameters of GET and POST. False: problem says why. Everything lives in the request's arena.
bool mer_graphql_params_read(struct mer_http_req *req, struct mer_graphql_params *out,
                             struct mer_http_problem *problem);

#endif
