// SPDX-License-Identifier: MIT
// Labels of progressive overrides: which are on for a request. `percent(N)` is on for so many of a hundred
// requests, by a draw for each; any other is on where an entry of that name under `labels` says so: by a
// header, by a claim of the verified token, or by a share of its own. What nobody speaks of is off.
//
// Called by the request's loop, once a request, before its plan is looked for.
#ifndef MER_GATEWAY_LABELS_H
#define MER_GATEWAY_LABELS_H

#include "gateway/config.h"
#include "gateway/token.h"
#include "planner/federation.h"

struct mer_labels_ask {
    struct mer_slice (*header)(void *owner, const char *name); // of the request; nil: it has none
    void *owner;
    const struct mer_claims *claims; // NULL: no token
    uint64_t *random;                // state of the draws, which the same state repeats
};

// A bit set over the federation's labels, in the arena; NULL where it has none.
const uint64_t *mer_labels_decide(struct mer_arena *a, const struct mer_config *c,
                                  const struct mer_federation *f, const struct mer_labels_ask *ask);

// "percent(12.5)"; false: another label.
bool mer_label_percent(struct mer_slice label, double *out);

#endif
