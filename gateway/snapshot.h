// SPDX-License-Identifier: MIT
// Snapshot: what the configuration names, loaded: the supergraph's API schema, each source with its bindings
// or its catalogue of key figures, and the graphs that planning chooses from. A configuration that was made
// for a supergraph alone (config.router) has a source for each of its subgraphs. Immutable once loaded,
// shared by all loops; lives in one arena and is counted: a reload puts another in its place, and it goes
// when the last request that began on it has ended.
#ifndef MER_GATEWAY_SNAPSHOT_H
#define MER_GATEWAY_SNAPSHOT_H

#include <stdatomic.h>
#include <sys/socket.h>

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
    // Of a plain subgraph:
    struct mer_slice url; // n == 0: the source is one of ours
    struct sockaddr_storage address;
    socklen_t address_len;
};

// A file that was read, as it was found then.
struct mer_snapshot_file {
    const char *path;
    uint64_t identity;
};

struct mer_snapshot {
    struct mer_arena *arena;
    atomic_uint refs;
    struct mer_snapshot_file *files;
    uint32_t files_n;
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
// Any thread. The load gives one reference.
struct mer_snapshot *mer_snapshot_ref(struct mer_snapshot *s);
void mer_snapshot_unref(struct mer_snapshot *s);
// Looks at the files (blocking): a number that stays the same for as long as they do; of those that were read
// it is mer_snapshot_identity.
uint64_t mer_snapshot_look(const struct mer_snapshot *s);
uint64_t mer_snapshot_identity(const struct mer_snapshot *s);

// The supergraph alone; `ours`: with the directives that clients of a configured gateway may write.
enum mer_err mer_snapshot_supergraph(struct mer_arena *a, const char *path, bool ours,
                                     struct mer_supergraph **out, struct mer_diag *diag) MER_MUST_CHECK;

// A whole file into the arena. MER_ERR_IO.
enum mer_err mer_file_read(struct mer_arena *a, const char *path, struct mer_slice *out,
                           struct mer_diag *diag) MER_MUST_CHECK;

#endif
