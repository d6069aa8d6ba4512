// SPDX-License-Identifier: MIT
// Fence: what decides which environment of a region takes writes, as one environment's database holds it, and
// the functions by which a role of its own may look at it and move it (fleet/migrations/region/042). For a
// cutover (gateway/cutover_move.h): connects by itself and blocks, never without a deadline. One thread.
//
// Every call that returns false has filled `why`, without secrets, and `sqlstate` where Postgres itself
// refused.
#ifndef MER_RESOLVERS_POSTGRES_FENCE_H
#define MER_RESOLVERS_POSTGRES_FENCE_H

#include "base/arena.h"
#include "base/json.h"

struct pg_conn;

struct mer_fence {
    struct mer_slice environment;
    char why[200];
    char sqlstate[6];
    bool sent; // the last statement may have been executed
    /* private */
    const char *dsn;
    struct mer_arena *arena;
    struct pg_conn *conn;
};

struct mer_fence_facts {
    struct mer_slice live, state;    // of the region, as told here
    struct mer_slice previous, kind; // of the last move, n == 0: there was none
    int64_t epoch;
    bool standby; // of another server: takes no writes
    struct mer_json json;
    const struct mer_json_node *beats;    // facility → microseconds
    const struct mer_json_node *unstable; // texts: other regions in the middle of something
};

// What is answered lives in the arena.
void mer_fence_init(struct mer_fence *f, struct mer_slice environment, const char *dsn,
                    struct mer_arena *arena);
void mer_fence_close(struct mer_fence *f);

bool mer_fence_look(struct mer_fence *f, struct mer_fence_facts *out) MER_MUST_CHECK;
// Puts an entry into the outbox that only has to arrive on the other side; whether it did.
bool mer_fence_probe(struct mer_fence *f, int64_t *probe) MER_MUST_CHECK;
bool mer_fence_probed(struct mer_fence *f, struct mer_slice teller, int64_t probe,
                      bool *there) MER_MUST_CHECK;

struct mer_fence_move {
    struct mer_slice target;
    int64_t epoch; // that was looked at
    bool rollback;
    struct mer_slice asked_by;
    int64_t stable_s;
};
// At the live environment: from its commit on nothing is written there.
bool mer_fence_move(struct mer_fence *f, const struct mer_fence_move *m, int64_t *epoch) MER_MUST_CHECK;

#endif
