// SPDX-License-Identifier: MIT
// Explain: what a plan would do for a given caller, without doing it: fetches in order, their parts, the
// placement chosen for each and why the others were not, and the SQL or GraphQL that would be sent. Uses the
// same cutting, placing and compiling as execution. Parts of entity fetches depend on what earlier fetches
// answer: they are shown as one part without ids. Any thread that owns the site; everything in the arena.
#ifndef MER_RESOLVERS_EXPLAIN_H
#define MER_RESOLVERS_EXPLAIN_H

#include "base/buf.h"
#include "resolvers/exec.h"
#include "resolvers/postgres/pool.h"

struct mer_explain_part {
    struct mer_slice region;
    const struct mer_slice *facilities;
    uint32_t facilities_n;
    const struct mer_place *place;   // NULL: none
    const enum mer_reject *verdicts; // by place
    const struct mer_exec_error *error;
    struct mer_slice sql, graphql;     // what would be sent
    const struct mer_pg_param *params; // of sql, $1 first
    uint32_t params_n;
    const char *note; // or NULL
};

struct mer_explain_fetch {
    const struct mer_plan_fetch *plan;
    struct mer_explain_part *parts;
    uint32_t parts_n;
};

struct mer_explain {
    const struct mer_site *site;
    struct mer_explain_fetch *fetches;
    uint32_t fetches_n;
};

// ask: as for execution; done and owner are not used, nor anything that connects.
void mer_explain_make(const struct mer_exec_ask *ask, struct mer_explain *out);
void mer_explain_write_text(struct mer_buf *b, const struct mer_explain *e);
void mer_explain_write_json(struct mer_buf *b, const struct mer_explain *e);

#endif
