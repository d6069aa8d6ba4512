// SPDX-License-Identifier: MIT
// Reload: another snapshot in the place of the one that is served, when its files have changed or when
// somebody asks.
//
// It has a thread of its own, which looks at the files once a second, reads and checks them, plans what was
// asked most, and then hands each worker what is ready. Requests in flight end on the snapshot that they
// began on. What cannot be served is refused with a line in the log, and the old one stays. A file that is
// still being written is left alone until it has stood still for a moment.
#ifndef MER_GATEWAY_RELOAD_H
#define MER_GATEWAY_RELOAD_H

#include "gateway/worker.h"

struct mer_reload;

// Counts for /metrics.
struct mer_reload_stats {
    uint64_t reloads, refused;
};

struct mer_reload *mer_reload_create(const struct mer_config *config);
// Begins, for these workers, whose loops are about to run. A reference to the snapshot is taken.
void mer_reload_start(struct mer_reload *r, struct mer_worker *const *workers, uint32_t n,
                      struct mer_snapshot *snapshot);
// After this nothing more is handed to a worker. While the loops still run.
void mer_reload_stop(struct mer_reload *r);
void mer_reload_destroy(struct mer_reload *r);
void mer_reload_stats(const struct mer_reload *r, struct mer_reload_stats *out); // any thread

// Any thread: reloads soon.
void mer_reload_ask(struct mer_reload *r);
// On a loop's thread: reloads, and answers the request when that is done.
void mer_reload_handle(struct mer_worker *w, struct mer_http_req *req);
// The requests that still wait are told that nothing comes of it: the worker drains.
void mer_reload_give_up(struct mer_worker *w);

#endif
