// SPDX-License-Identifier: MIT
// Between stream.c and tls_client.c.
#ifndef MER_LOOP_STREAM_PRIV_H
#define MER_LOOP_STREAM_PRIV_H

#include <openssl/ssl.h>

struct mer_tls_client;

// A client session over the connected descriptor; the caller frees it. SSL_CTX lives as long as the session.
SSL *mer_tls_client_session(struct mer_tls_client *tls, int fd);

#endif
