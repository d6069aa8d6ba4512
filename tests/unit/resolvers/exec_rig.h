// SPDX-License-Identifier: MIT
// Rig for what is pure in running a plan: an operation over a small source is planned as ever, each root
// field is given the answers of its parts as JSON, and the answer is put together and written. No I/O, no
// loop. One test's rig at a time; rig_end frees everything.
#ifndef MER_EXEC_RIG_H
#define MER_EXEC_RIG_H

#include "resolvers/exec_priv.h"

enum rig_from { RIG_DATABASE, RIG_GATEWAY };

struct rig_part {
    uint32_t fetch;
    const char *json;  // root: the object that holds the root key; entities: the array
    const char *error; // code, instead of an answer
    enum rig_from from;
    const char *facility; // or NULL
};

struct rig {
    struct mer_arena *a;
    struct mer_site site;
    struct mer_site_source sources[1];
    struct mer_site_region regions[2];
    struct mer_place places[2];
    struct mer_source source;
    struct mer_graph graph;
    struct mer_variables vars;
    struct mer_exec *x;
    struct mer_buf out;
    bool has_data;
    struct mer_slice written; // `out` as it was written, with the locations of errors
};

struct mer_schema *rig_schema(struct mer_arena *a, const char *sdl);
// Plans the query; its variables as a JSON object or NULL.
void rig_begin(struct rig *r, const char *sdl, const char *query, const char *variables);
// Puts the parts together, fetch by fetch, and writes the answer to r->out (without braces around).
void rig_answer(struct rig *r, const struct rig_part *parts, uint32_t parts_n);
void rig_end(struct rig *r);

// All at once: fails unless the written answer is this text.
void rig_expect(const char *sdl, const char *query, const struct rig_part *parts, uint32_t parts_n,
                const char *want);

#endif
