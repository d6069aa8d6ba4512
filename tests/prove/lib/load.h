// SPDX-License-Identifier: MIT
// What the tools of the proofs and benchmarks begin with: files as schemas and as a graph to plan on. A file
// that cannot be read or is wrong ends the process with a line that says so. Everything lives in the arena.
#ifndef MER_PROVE_LOAD_H
#define MER_PROVE_LOAD_H

#include "schema/types.h"

struct mer_slice load_file(struct mer_arena *a, const char *path);
// SDL; with "api:" before the path what clients see of a supergraph.
const struct mer_schema *load_schema(struct mer_arena *a, const char *path);

struct mer_graph;
// A supergraph, then a SDL file for each source, named by its file.
void load_graph(struct mer_arena *a, int n, char **paths, struct mer_graph *out);
// A supergraph's text, with its subgraphs as plain sources.
void load_graph_text(struct mer_arena *a, struct mer_slice text, struct mer_graph *out);

#endif
