// SPDX-License-Identifier: MIT
// Explorer: the page that a browser gets at /graphql, and its files under /explorer/. GraphiQL and React come
// from npm when the gateway is built where npm is; else it is a plain form. All of it stands in the
// executable; nothing comes from another host, and the policy says so to the browser. Static; any thread.
#ifndef MER_GATEWAY_EXPLORER_H
#define MER_GATEWAY_EXPLORER_H

#include "gateway/coding.h"
#include "gateway/config.h"
#include "gateway/server.h"

// content-security-policy of page and files. GraphiQL's editor sets styles; nothing else is loosened.
#define MER_EXPLORER_POLICY                                                                                  \
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "        \
    "font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

struct mer_slice mer_explorer_page(void);
bool mer_explorer_has_graphiql(void);

// Answers GET and HEAD below /explorer/. `presets`: JSON of headers to begin with, or nil; told to pages that
// came from a loopback address only.
void mer_explorer_handle(struct mer_http_req *req, struct mer_coder *coder, struct mer_slice presets);

#endif
