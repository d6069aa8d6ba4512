// SPDX-License-Identifier: MIT
// Plain subgraphs in a snapshot: GraphQL servers that are none of ours. Of a supergraph alone each subgraph
// is one, at the url that stands there.
#include "gateway/snapshot_priv.h"

#include "base/log.h"
#include "planner/federation.h"
#include "resolvers/graphql/client.h"
#include "schema/subgraph_schema.h"

// A host that has no address today may have one tomorrow: the rest is served.
static enum mer_err find_server(struct mer_snapshot_source *s, struct mer_slice name, struct mer_slice url,
                                struct mer_diag *diag)
{
    struct mer_diag why = {0};
    s->url = url;
    enum mer_err err = mer_gql_url_resolve(url, &s->address, &s->address_len, &why);
    if (err == MER_ERR_NOT_FOUND) {
        mer_log(MER_LOG_WARN, "snapshot", "subgraph without an address subgraph=%.*s message=%.200s",
                MER_FMT(name), why.msg);
        return MER_OK;
    }
    return err ? mer_diag_set(diag, err, "subgraph %.*s: %.200s", MER_FMT(name), why.msg) : MER_OK;
}

enum mer_err mer_snapshot_plain(struct mer_snapshot *s, const struct mer_supergraph *sg, uint32_t i,
                                const struct mer_subgraph *g, struct mer_slice url, struct mer_diag *diag)
{
    struct mer_snapshot_source *source = &s->sources[i];
    const struct mer_schema *schema = NULL;
    enum mer_err err = find_server(source, g->name, url, diag);
    err = err ? err : mer_supergraph_subschema(s->arena, sg, g->index, &schema, diag);
    source->self = (struct mer_source){.name = g->name, .index = i, .schema = schema};
    return err ? err : mer_graph_of_source(s->arena, &source->self, &source->graph, diag);
}

static struct mer_slice url_of(const struct mer_config *c, const struct mer_subgraph *g)
{
    for (uint32_t i = 0; i < c->subgraphs.each_n; i++) {
        if (mer_slice_eq(c->subgraphs.each[i].name, g->name) && c->subgraphs.each[i].url.n) {
            return c->subgraphs.each[i].url;
        }
    }
    return g->url;
}

// What is said of a subgraph that is none would have no effect and go unnoticed. A supergraph that is
// reloaded may have left one out, so it is no reason not to serve.
static void tell_unknown(const struct mer_snapshot *s, const struct mer_supergraph *sg)
{
    for (uint32_t i = 0; i < s->config->subgraphs.each_n; i++) {
        struct mer_slice name = s->config->subgraphs.each[i].name;
        struct mer_buf known;
        bool found = false;
        mer_buf_init(&known, NULL, 128);
        for (uint32_t k = 0; k < sg->subgraphs_n; k++) {
            found = found || mer_slice_eq(sg->subgraphs[k].name, name);
            mer_buf_add(&known, k ? MER_S(", ") : MER_NIL);
            mer_buf_add(&known, sg->subgraphs[k].name);
        }
        if (!found) {
            mer_log(MER_LOG_WARN, "snapshot",
                    "subgraphs.each.%.*s: no subgraph of the supergraph has this name; they are %.400s",
                    MER_FMT(name), mer_arena_cstr(s->arena, mer_buf_slice(&known)));
        }
        mer_buf_fini(&known);
    }
}

enum mer_err mer_snapshot_subgraphs(struct mer_snapshot *s, const struct mer_supergraph *sg,
                                    struct mer_diag *diag)
{
    struct mer_source *sources = MER_NEW_N(s->arena, struct mer_source, sg->subgraphs_n);
    enum mer_err err = MER_OK;
    tell_unknown(s, sg);
    s->sources = MER_NEW_N(s->arena, struct mer_snapshot_source, sg->subgraphs_n);
    s->sources_n = sg->subgraphs_n;
    for (uint32_t i = 0; i < sg->subgraphs_n && !err; i++) {
        const struct mer_subgraph *g = &sg->subgraphs[i];
        err = mer_snapshot_plain(s, sg, i, g, url_of(s->config, g), diag);
        sources[i] = s->sources[i].self;
    }
    return err ? err : mer_graph_of_supergraph(s->arena, sg, sources, sg->subgraphs_n, &s->graph, diag);
}
