// SPDX-License-Identifier: MIT
// Warm: operations planned before anybody asks them, so that a reload or a start does not cost the first
// requests their plans. What was asked most on the snapshot before, then the trusted documents.
#ifndef MER_GATEWAY_WARM_H
#define MER_GATEWAY_WARM_H

#include "gateway/worker.h"

struct mer_warm_text {
    struct mer_slice text, name;
    uint32_t source; // of the source that was asked alone; UINT32_MAX: of clients
    uint64_t uses;
};

struct mer_warm {
    struct mer_warm_text *items; // the most used first
    uint32_t n;
};

// What requests on `r` asked, copied into the arena. On the loop's thread.
void mer_warm_collect(struct mer_arena *a, const struct mer_running *r, struct mer_warm *out);

// Adds the trusted documents of the snapshot to come that are not among them. Any thread.
void mer_warm_add_documents(struct mer_arena *a, const struct mer_snapshot *snapshot, struct mer_warm *texts);

// Plans them over another snapshot until the time is up; what is no longer valid is left out. Any thread.
// *out, in the arena, are the operations with one reference each, in the same order.
uint32_t mer_warm_make(struct mer_arena *a, const struct mer_worker *w, const struct mer_snapshot *snapshot,
                       const struct mer_warm *texts, int64_t end_mono_us, struct mer_operation ***out);
// Puts them into the cache and gives the references up. On the loop's thread.
void mer_warm_put(struct mer_plan_cache *plans, struct mer_operation **ops, uint32_t n);

// The snapshot's trusted documents, at start.
void mer_warm_documents(struct mer_worker *w, int64_t end_mono_us);

#endif
