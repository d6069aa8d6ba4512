// SPDX-License-Identifier: MIT
// A snapshot of a supergraph alone: each subgraph is a source, a GraphQL server at the url that stands there.
#include "gateway/snapshot_priv.h"

#include "base/log.h"
#include "resolvers/graphql/client.h"
#include "schema/subgraph_schema.h"
#include "planner/federation.h"

// A host that has no address today may have one tomorrow: the rest is served.
static enum mer_err find_server(const struct mer_config *c, struct mer_snapshot_source *s,
                                const struct mer_subgraph *g, struct mer_diag *diag)
{
    struct mer_diag why = {0};
    s->url = g->url;
    for (uint32_t i = 0; i < c->subgraphs.each_n; i++) {
        if (mer_slice_eq(c->subgraphs.each[i].name, g->name) && c->subgraphs.each[i].url.n) {
            s->url = c->subgraphs.each[i].url;
        }
    }
    enum mer_err err = mer_gql_url_resolve(s->url, &s->address, &s->address_len, &why);
    if (err == MER_ERR_NOT_FOUND) {
        mer_log(MER_LOG_WARN, "snapshot", "subgraph without an address subgraph=%.*s message=%.200s",
                MER_FMT(g->name), why.msg);
        return MER_OK;
    }
    return err ? mer_diag_set(diag, err, "subgraph %.*s: %.200s", MER_FMT(g->name), why.msg) : MER_OK;
}

static enum mer_err load_subgraph(struct mer_snapshot *s, const struct mer_supergraph *sg, uint32_t i,
                                  struct mer_diag *diag)
{
    struct mer_snapshot_source *source = &s->sources[i];
    const struct mer_schema *schema = NULL;
    enum mer_err err = find_server(s->config, source, &sg->subgraphs[i], diag);
    err = err ? err : mer_supergraph_subschema(s->arena, sg, i, &schema, diag);
    source->self = (struct mer_source){.name = sg->subgraphs[i].name, .index = i, .schema = schema};
    return err ? err : mer_graph_of_source(s->arena, &source->self, &source->graph, diag);
}

enum mer_err mer_snapshot_subgraphs(struct mer_snapshot *s, const struct mer_supergraph *sg,
                                    struct mer_diag *diag)
{
    struct mer_source *sources = MER_NEW_N(s->arena, struct mer_source, sg->subgraphs_n);
    enum mer_err err = MER_OK;
    s->sources = MER_NEW_N(s->arena, struct mer_snapshot_source, sg->subgraphs_n);
    s->sources_n = sg->subgraphs_n;
    for (uint32_t i = 0; i < sg->subgraphs_n && !err; i++) {
        err = load_subgraph(s, sg, i, diag);
        sources[i] = s->sources[i].self;
    }
    return err ? err : mer_graph_of_supergraph(s->arena, sg, sources, sg->subgraphs_n, &s->graph, diag);
}
