// SPDX-License-Identifier: MIT
// Guard: what Debian's libh2o 2.2.5 lacks to stand in the open, added from outside.
//
// The library calls its own exported functions through the dynamic linker, so functions of the same names in
// our executable win. They stand in guard_http1.c and guard_http2.c: each checks or repairs and calls the
// library's own. guard_http2.c also takes over every HTTP/2 connection's frame reader, and so sees each frame
// before the library. docs/architecture.md lists the holes that are closed; reasons stand beside each check.
//
// This works only while the executable exports the functions and the library is the one they were written
// for: mer_guard_selftest holds conversations with the library and sees that every hook was called and does
// its work. Until it has passed, mer_guard_ready() is false and the server refuses HTTP/2. An executable
// links the CMake target mer_h2o_guard directly, which exports the symbols.
//
// Every socket that is given to h2o_http2_accept must carry a struct mer_guard_conn first in what its
// on_close.data points to. Counters are process-wide, any thread; all else belongs to the connection's loop.
#ifndef MER_GATEWAY_H2O_GUARD_GUARD_H
#define MER_GATEWAY_H2O_GUARD_GUARD_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/diag.h"

struct st_h2o_http2_conn_t;
struct st_h2o_http2_stream_t;
struct st_h2o_req_t;

enum { MER_GUARD_MAGIC = 0x6d657267, MER_GUARD_DISCARDS = 32 };

// One class of abuse, one counter.
enum mer_guard_class {
    MER_GUARD_WINDOW = 0,        // finished streams kept off the window assertion (also harmless peers)
    MER_GUARD_RESETS = 1,        // connections ended: too many streams reset, by whomever
    MER_GUARD_CONTINUATION = 2,  // connections ended: endless or oversized header blocks
    MER_GUARD_SPIN = 3,          // connections ended: a frame that the library would look at for ever
    MER_GUARD_HPACK = 4,         // connections ended: too many fields or table updates in a header block
    MER_GUARD_FLOOD = 5,         // connections ended: frames that carry nothing
    MER_GUARD_UNKNOWN_FRAME = 6, // frames of unknown type, ignored
    MER_GUARD_BODY_SIZE = 7,     // HTTP/2 bodies over the limit
    MER_GUARD_BODY_BUDGET = 8,   // streams refused: the connection or the process holds too many body bytes
    MER_GUARD_MALFORMED = 9,     // HTTP/2 requests reset: bad path, method, authority, length
    MER_GUARD_HTTP1_HEAD = 10,   // HTTP/1 heads refused
    MER_GUARD_HTTP1_CHUNK = 11,  // chunked bodies refused
    MER_GUARD_CLASSES = 12,
};

struct mer_guard_limits {
    size_t headers_bytes;     // 64 KiB of one header block
    uint32_t headers_n;       // 100
    size_t body_bytes;        // 1 MiB
    size_t body_conn_bytes;   // 4 MiB of bodies held by one connection
    size_t body_budget_bytes; // 64 MiB of bodies held by the process
    uint32_t frames_per_s;    // 10,000 frames without progress, beyond what requests and answers account for
    uint32_t resets;          // 200, and more than half of the streams
};

struct mer_guard_upload { // a stream whose body is arriving
    struct st_h2o_http2_stream_t *stream;
    uint32_t id;
    size_t bytes; // counted in the budgets
    uint64_t since_ms;
};

struct mer_guard_discard { // a stream that was answered before its body was complete
    uint32_t id;           // 0: free
    bool ended;            // the peer will send no more of it
    bool closed;           // the library has closed it
    bool told;             // the peer was asked to stop
};

struct mer_guard_conn {
    uint32_t magic;
    uint32_t error_class;           // of the verdict
    const char *verdict;            // not NULL: the connection ends with this at its next frame
    struct st_h2o_http2_conn_t *h2; // NULL: not HTTP/2 (yet)
    ssize_t (*expect)(struct st_h2o_http2_conn_t *conn, const unsigned char *src, size_t len,
                      const char **err_desc);
    bool preface; // has been received
    bool closed;  // the protocol is done with the socket
    bool held;    // open only until its last write is done
    uint64_t opened, resets, recent_resets;
    uint32_t continuations;  // of the header block being read
    uint64_t block_since_ms; // 0: no header block is open
    uint64_t window_at_ms;   // the second in which frames are counted
    uint64_t frames, credit;
    uint64_t written_at; // bytes written when that second began
    size_t body_bytes;   // in the budgets
    size_t discarded_bytes;
    struct mer_guard_upload *uploads;
    uint32_t uploads_n, uploads_cap;
    struct mer_guard_token *token; // the last one that came Huffman coded, or NULL
    uint32_t discards_n;           // in use
    struct mer_guard_discard discards[MER_GUARD_DISCARDS];
};

// Before any connection is accepted; zero fields take the defaults above. Process-wide.
void mer_guard_configure(const struct mer_guard_limits *limits);
// Runs once in a process, on a loop of its own, within milliseconds; later calls return the first result.
enum mer_err mer_guard_selftest(struct mer_diag *diag) MER_MUST_CHECK;
bool mer_guard_ready(void);

void mer_guard_conn_init(struct mer_guard_conn *g);
void mer_guard_conn_fini(struct mer_guard_conn *g);

// What a watcher of slow connections wants to know; times are of the monotonic clock, 0: nothing of the kind
// is open.
struct mer_guard_view {
    bool closing;            // only a last write is waited for
    uint64_t block_since_ms; // oldest unfinished header block
    uint64_t body_since_ms;  // oldest unfinished body
    uint32_t streams;        // open ones
};
void mer_guard_conn_view(const struct mer_guard_conn *g, struct mer_guard_view *out);
// GOAWAY; streams that are open may finish.
void mer_guard_conn_goaway(struct mer_guard_conn *g);
// The body was over the limit and has been dropped: answer 413.
bool mer_guard_is_too_large(const struct mer_guard_conn *g, const struct st_h2o_req_t *req);

// Called instead of the library's own plain text for errors it answers by itself (413, 400, 417 …). NULL: as
// it is.
typedef bool mer_guard_error_fn(struct st_h2o_req_t *req, int status);
void mer_guard_set_error_answer(mer_guard_error_fn *fn);

uint64_t mer_guard_count(enum mer_guard_class c);
// Body bytes held by the process in HTTP/2 streams.
size_t mer_guard_body_bytes(void);
// Prometheus text.
void mer_guard_write_metrics(struct mer_buf *out);

#endif
