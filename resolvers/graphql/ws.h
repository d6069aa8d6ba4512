// SPDX-License-Identifier: MIT
// WebSocket (RFC 6455) without I/O, of both sides: bytes in, messages out, and bytes to be written. Frames
// are libwslay's business: masks, fragments, control frames, UTF-8 and the codes of a close. Here is what
// both of our sides do with it: text messages alone, a longest message, nothing compressed.
//
// One a connection, on its loop's thread. What is to be written gathers in `out`; whoever writes takes it
// from there. In the callback anything may be called but mer_ws_destroy and mer_ws_feed.
#ifndef MER_RESOLVERS_GRAPHQL_WS_H
#define MER_RESOLVERS_GRAPHQL_WS_H

#include "base/buf.h"

// Of a close: what the protocol says, RFC 6455 7.4.1.
enum { MER_WS_NORMAL = 1000, MER_WS_GOING = 1001, MER_WS_UNACCEPTABLE = 1003 };

struct mer_ws;
struct mer_ws_opts {
    bool client;
    size_t message_max; // bytes
    // A text message; valid until it returns.
    void (*on_text)(void *owner, struct mer_slice text);
    void *owner;
};

struct mer_ws *mer_ws_create(const struct mer_ws_opts *opts);
void mer_ws_destroy(struct mer_ws *w); // NULL is allowed
// False: nothing more is read. The connection is to be closed when what is in `out` has been written.
bool mer_ws_feed(struct mer_ws *w, struct mer_slice bytes) MER_MUST_CHECK;
void mer_ws_send(struct mer_ws *w, struct mer_slice text);
void mer_ws_ping(struct mer_ws *w);
// Says so; nothing is sent after it, and nothing told any more. The peer's own close is answered by itself.
void mer_ws_close(struct mer_ws *w, uint16_t code, struct mer_slice reason);
// What is to be written; clear it when it is taken.
struct mer_buf *mer_ws_out(struct mer_ws *w);
// The code of the peer's close: 0 before, 1005 where it said none.
uint16_t mer_ws_closed_by(const struct mer_ws *w);

// sec-websocket-accept for a key; out of at least 29 bytes, ended by a zero.
void mer_ws_accept(struct mer_slice key, char *out);
// A new key of 24 characters; out of at least 25 bytes.
void mer_ws_key(char *out);

#endif
