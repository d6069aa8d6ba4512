// SPDX-License-Identifier: MIT
// Browser: what a gateway says to browsers about other origins (CORS, Fetch standard 3.2), and how it knows a
// request that a foreign page could have made one send without asking first (CSRF). Pure functions of a
// request and the configuration; any thread.
//
// The rule about foreign pages: an operation is executed only when the request could not have come from one
// of them without a preflight. That holds when one of these is true:
//   - POST: content-type is application/json (anything else is 415 before it comes to this);
//   - a bearer token stands in `authorization`; browsers attach none by themselves, and no cookie counts
//   here;
//   - one of the headers `x-meridian-csrf`, `apollo-require-preflight`, `x-apollo-operation-name`, or any
//   other
//     `meridian-…` header, is there; or content-type is application/json (on a GET);
//   - the browser says that its own page asks (`sec-fetch-site: same-origin` or `none`, or an `origin` that
//   is ours or
//     stands in `cors.origins`);
//   - it is no browser: neither `sec-fetch-site` nor `origin` nor the user agent says so.
#ifndef MER_GATEWAY_BROWSER_H
#define MER_GATEWAY_BROWSER_H

#include "gateway/config.h"
#include "gateway/server.h"

#define MER_BROWSER_HEADERS_MAX 4

// Is the page one of ours, by what the request was sent to?
bool mer_browser_is_own(const struct mer_http_req *req, struct mer_slice origin);
// May pages of this origin ask? Development without a list: all.
bool mer_browser_allows(const struct mer_config *c, struct mer_slice origin);
// CORS headers of an answer into out; how many.
size_t mer_browser_headers(const struct mer_config *c, const struct mer_http_req *req,
                           struct mer_http_header *out);
// Answers OPTIONS, a preflight or not. The request is the server's again when it returns.
void mer_browser_answer_options(const struct mer_config *c, struct mer_http_req *req);
// False: a foreign page may have sent it; do not execute.
bool mer_browser_safe(const struct mer_config *c, const struct mer_http_req *req);

#endif
