// SPDX-License-Identifier: MIT
// Between the files that load a snapshot.
#ifndef MER_GATEWAY_SNAPSHOT_PRIV_H
#define MER_GATEWAY_SNAPSHOT_PRIV_H

#include "gateway/snapshot.h"

// Makes subgraph g of the supergraph, which is at that url, the snapshot's source i.
enum mer_err mer_snapshot_plain(struct mer_snapshot *s, const struct mer_supergraph *sg, uint32_t i,
                                const struct mer_subgraph *g, struct mer_slice url,
                                struct mer_diag *diag) MER_MUST_CHECK;
// Makes the subgraphs of the supergraph the snapshot's sources. Looks up the names in their urls (blocking).
enum mer_err mer_snapshot_subgraphs(struct mer_snapshot *s, const struct mer_supergraph *sg,
                                    struct mer_diag *diag) MER_MUST_CHECK;

#endif
