// SPDX-License-Identifier: MIT
#include "gateway/worker.h"

#include <malloc.h>
#include <stdlib.h>

#include "base/log.h"
#include "gateway/site_build.h"

enum mer_err mer_running_create(struct mer_worker *w, struct mer_snapshot *snapshot,
                                const struct mer_running *before, struct mer_running **out,
                                struct mer_diag *diag)
{
    struct mer_site *site = NULL;
    enum mer_err err = mer_site_build(w->loop, snapshot, before ? before->site : NULL, &site, diag);
    if (err) {
        return err;
    }
    struct mer_running *r = calloc(1, sizeof(*r));
    MER_ASSERT(r);
    *r = (struct mer_running){.worker = w, .site = site, .refs = 1};
    r->snapshot = mer_snapshot_ref(snapshot);
    r->plans = mer_plan_cache_create((uint32_t)w->config->cache.plans);
    r->answers = mer_memory_cache_create(w->answers_bytes);
    for (uint32_t i = 0; i < site->sources_n; i++) {
        r->plain = r->plain || site->sources[i].plain;
    }
    site->cache = w->cache;
    site->answers = r->answers;
    *out = r;
    return MER_OK;
}

struct mer_running *mer_running_ref(struct mer_running *r)
{
    r->refs++;
    return r;
}

// Schemas and plans are many small blocks: what a reload took is given back now. A sanitizer has a heap of
// its own, and the C library's must not be touched beside it.
static void give_back(void)
{
#ifndef MER_SANITIZED
    malloc_trim(0);
#endif
}

void mer_running_unref(struct mer_running *r)
{
    if (!r || --r->refs > 0) {
        return;
    }
    mer_plan_cache_destroy(r->plans);
    mer_memory_cache_destroy(r->answers);
    mer_site_destroy(r->site);
    mer_snapshot_unref(r->snapshot);
    free(r);
    give_back();
}
