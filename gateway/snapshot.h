// SPDX-License-Identifier: MIT
// Snapshot: what the configuration names, loaded: the supergraph's API schema, each source with its bindings
// or its catalogue of key figures, and the graphs that planning chooses from. Immutable once loaded, shared
// by all loops; lives in one arena until the process ends or a reload takes its place.
#ifndef MER_GATEWAY_SNAPSHOT_H
#define MER_GATEWAY_SNAPSHOT_H

#include "gateway/config.h"
#include "gateway/persisted.h"
#include "planner/plan.h"
#include "resolvers/kpi/catalogue.h"
#include "resolvers/postgres/binding.h"
#include "schema/supergraph.h"

struct mer_snapshot_source {
    struct mer_slice sdl; // as /sources/NAME tells it
    const struct mer_binding *binding;
    const struct mer_kpi_catalogue *catalogue;
    struct mer_graph graph; // the source alone
    struct mer_source self; // its only source
};

struct mer_snapshot {
    struct mer_arena *arena;
    const struct mer_config *config;
    struct mer_graph graph;              // what clients see
    struct mer_snapshot_source *sources; // as in the configuration, and in graph.sources
    uint32_t sources_n;
    struct mer_documents *documents;   // trusted ones; NULL: none
    struct mer_slice explorer_headers; // JSON, in development; n == 0: none
};

// Reads the files (blocking: at start and on reload only). MER_ERR_IO, MER_ERR_INVALID with a line for
// people.
enum mer_err mer_snapshot_load(const struct mer_config *config, struct mer_snapshot **out,
                               struct mer_diag *diag) MER_MUST_CHECK;
void mer_snapshot_destroy(struct mer_snapshot *s);

// The supergraph alone; `ours`: with the directives that clients of a configured gateway may write.
enum mer_err mer_snapshot_supergraph(struct mer_arena *a, const char *path, bool ours,
                                     struct mer_supergraph **out, struct mer_diag *diag) MER_MUST_CHECK;

// A whole file into the arena. MER_ERR_IO.
enum mer_err mer_file_read(struct mer_arena *a, const char *path, struct mer_slice *out,
                           struct mer_diag *diag) MER_MUST_CHECK;

#endif
