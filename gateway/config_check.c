// SPDX-License-Identifier: MIT
// Whether the parts of a configuration fit each other.
#include "gateway/config_value.h"

typedef const struct mer_config_node node;

// The node of a key, or of its section where the key is not given: a place to point at.
static node *at(node *section, const char *key)
{
    node *n = mer_config_tree_get(section, key);
    return n ? n : section;
}

static bool has(const struct mer_config_texts *texts, struct mer_slice s)
{
    for (uint32_t i = 0; i < texts->n; i++) {
        if (mer_slice_eq(texts->items[i], s)) {
            return true;
        }
    }
    return false;
}

// Region and facility: given where the tier has them, known, and nothing where it has none.
static bool check_site(struct mer_config_reader *r, node *section, const struct mer_config *c,
                       const struct mer_config_placement *p)
{
    const char *tier = mer_tier_name(p->tier);
    const struct mer_config_region *region = mer_config_region(c, p->region);
    if (p->tier == MER_TIER_GLOBAL ? p->region.p != NULL : p->region.p == NULL) {
        return mer_config_fail(r, at(section, "region"), "tier %s %s", tier,
                               p->region.p ? "has no `region`" : "needs a `region`");
    }
    if (p->region.p && !region) {
        return mer_config_fail(r, at(section, "region"), "region `%s` does not stand under `regions`",
                               p->region.p);
    }
    if ((p->tier == MER_TIER_EDGE) != (p->facility.p != NULL)) {
        return mer_config_fail(r, at(section, "facility"), "tier %s %s", tier,
                               p->facility.p ? "has no `facility`" : "needs a `facility`");
    }
    if (p->facility.p && !has(&region->facilities, p->facility)) {
        return mer_config_fail(r, at(section, "facility"),
                               "facility `%s` does not stand in regions.%s.facilities", p->facility.p,
                               p->region.p);
    }
    return true;
}

static bool check_self(struct mer_config_reader *r, node *root, const struct mer_config *c)
{
    struct mer_config_placement self = {
        .tier = c->self.tier, .region = c->self.region, .facility = c->self.facility};
    return check_site(r, mer_config_tree_get(root, "self"), c, &self);
}

static bool check_regions(struct mer_config_reader *r, node *root, const struct mer_config *c)
{
    node *section = mer_config_tree_get(root, "regions");
    node *n = section ? section->first : NULL;
    // NOLINTNEXTLINE(clang-analyzer-core.NullDereference)
    for (uint32_t i = 0; i < c->regions_n; i++, n = n->next) {
        const struct mer_config_region *region = &c->regions[i];
        for (uint32_t f = 0; f < region->facilities.n; f++) {
            if (mer_config_region_of_facility(c, region->facilities.items[f]) != region) {
                return mer_config_fail(r, at(n, "facilities"), "facility `%s` stands in two regions",
                                       region->facilities.items[f].p);
            }
        }
    }
    return true;
}

// A gateway opens SQL only to databases of its own site: every other one is asked through its gateway.
static bool check_own_site(struct mer_config_reader *r, node *section, const struct mer_config *c,
                           const struct mer_config_placement *p)
{
    bool own = p->tier == c->self.tier && mer_slice_eq(p->region, c->self.region) &&
               mer_slice_eq(p->facility, c->self.facility);
    return own ||
           mer_config_fail(r, at(section, "kind"),
                           "`%s` is a database of another site; allowed: kind graphql with that site's "
                           "gateway",
                           p->name.p);
}

static bool is_conninfo(struct mer_slice s)
{
    return mer_slice_starts(s, MER_S("postgres://")) || mer_slice_starts(s, MER_S("postgresql://")) ||
           memchr(s.p, '=', s.n) != NULL;
}

static bool check_postgres(struct mer_config_reader *r, node *section, const struct mer_config *c,
                           const struct mer_config_placement *p)
{
    if (!is_conninfo(p->url) || (p->write_url.p && !is_conninfo(p->write_url))) {
        return mer_config_fail(r, at(section, is_conninfo(p->url) ? "writeUrl" : "url"),
                               "allowed for a database: postgres://… or host=… port=… dbname=…");
    }
    if (p->write_url.p && p->role == MER_ROLE_REPLICA) {
        return mer_config_fail(r, at(section, "writeUrl"), "a replica takes no writes");
    }
    if (p->fence_url.p && !(is_conninfo(p->fence_url) && p->role == MER_ROLE_PRIMARY && p->environment.p)) {
        return mer_config_fail(r, at(section, "fenceUrl"),
                               "allowed for the primary of an environment: postgres://… or host=… port=… "
                               "dbname=…");
    }
    const struct mer_config_region *region = mer_config_region(c, p->region);
    if (p->environment.p && !(p->tier == MER_TIER_REGIONAL && has(&region->environments, p->environment))) {
        return mer_config_fail(r, at(section, "environment"),
                               "environment `%s` does not stand in the region's `environments`",
                               p->environment.p);
    }
    if (p->tier == MER_TIER_REGIONAL && region->environments.n && !p->environment.p) {
        return mer_config_fail(r, section, "`environment` is missing: the region has %u",
                               region->environments.n);
    }
    return check_own_site(r, section, c, p);
}

static bool check_graphql(struct mer_config_reader *r, node *section, const struct mer_config_placement *p)
{
    static const char *const not_here[] = {"environment", "role", "writeUrl", "fenceUrl"};
    for (size_t i = 0; i < sizeof(not_here) / sizeof(*not_here); i++) {
        node *n = mer_config_tree_get(section, not_here[i]);
        if (n) {
            return mer_config_fail(
                r, n, "`%s` is for kind postgres: a gateway chooses among its databases itself", not_here[i]);
        }
    }
    return mer_config_is_url(p->url) ||
           mer_config_fail(
               r, at(section, "url"),
               "allowed for a gateway: http:// or https:// and a host, without user and fragment");
}

static bool check_placements(struct mer_config_reader *r, node *list, const struct mer_config *c,
                             const struct mer_config_source *s)
{
    node *n = list->first;
    for (uint32_t i = 0; i < s->placements_n; i++, n = n->next) {
        const struct mer_config_placement *p = &s->placements[i];
        for (uint32_t j = 0; j < i; j++) {
            if (mer_slice_eq(p->name, s->placements[j].name)) {
                return mer_config_fail(r, at(n, "name"), "source `%s` has two placements `%s`", s->name.p,
                                       p->name.p);
            }
        }
        if (!check_site(r, n, c, p)) {
            return false;
        }
        if (p->kind == MER_CONFIG_POSTGRES ? !check_postgres(r, n, c, p) : !check_graphql(r, n, p)) {
            return false;
        }
    }
    return true;
}

static bool check_sources(struct mer_config_reader *r, node *root, const struct mer_config *c)
{
    node *section = mer_config_tree_get(root, "sources");
    node *n = section ? section->first : NULL;
    // NOLINTNEXTLINE(clang-analyzer-core.NullDereference)
    for (uint32_t i = 0; i < c->sources_n; i++, n = n->next) {
        node *list = mer_config_tree_get(n, "placements");
        const struct mer_config_source *s = &c->sources[i];
        if ((s->sdl.p != NULL) == (s->url.p != NULL)) {
            return mer_config_fail(r, n, "source `%s` needs `sdl`, or `url` for a plain subgraph", s->name.p);
        }
        if (s->url.p && (list || s->kpis.p)) {
            return mer_config_fail(r, list ? list : at(n, "kpis"), "a plain subgraph is at its `url` alone");
        }
        if (list && !check_placements(r, list, c, &c->sources[i])) {
            return false;
        }
    }
    return true;
}

static bool check_tls(struct mer_config_reader *r, node *root, const struct mer_config *c)
{
    bool complete = c->tls.certificate.p && c->tls.key.p;
    if (!complete && (c->tls.certificate.p || c->tls.key.p)) {
        return mer_config_fail(r, mer_config_tree_get(root, "tls"), "`certificate` and `key` go together");
    }
    node *list = mer_config_tree_get(root, "listen");
    node *n = list ? list->first : NULL;
    // NOLINTNEXTLINE(clang-analyzer-core.NullDereference)
    for (uint32_t i = 0; i < c->listens_n; i++, n = n->next) {
        const struct mer_config_listen *l = &c->listens[i];
        if (l->tls && !complete) {
            return mer_config_fail(r, at(n, "tls"), "TLS needs `tls.certificate` and `tls.key`");
        }
        if (l->client_ca.p && !l->tls) {
            return mer_config_fail(r, at(n, "clientCa"), "`clientCa` needs `tls: true`");
        }
    }
    return true;
}

static bool check_sources_listen(struct mer_config_reader *r, node *root, struct mer_config *c)
{
    node *n = mer_config_tree_get(root, "sourcesListen");
    if (!n) {
        return true;
    }
    if (!c->sources_listen.tls) {
        return mer_config_fail(r, at(n, "tls"), "other gateways show their certificate here; allowed: true");
    }
    if (!c->tls.certificate.p) {
        return mer_config_fail(r, n, "TLS needs `tls.certificate` and `tls.key`");
    }
    if (!c->sources_listen.client_ca.p) {
        c->sources_listen.client_ca = c->tls.ca;
    }
    return c->sources_listen.client_ca.p ||
           mer_config_fail(r, n, "`clientCa` or `tls.ca` is missing: it verifies other gateways");
}

static bool check_listeners(struct mer_config_reader *r, node *root, const struct mer_config *c)
{
    node *sources = mer_config_tree_get(root, "sourcesListen"), *admin = mer_config_tree_get(root, "admin");
    node *list = mer_config_tree_get(root, "listen");
    struct mer_slice taken[2] = {c->sources_listen.address, c->admin.address};
    if (taken[0].p && taken[1].p && mer_slice_eq(taken[0], taken[1])) {
        return mer_config_fail(r, at(admin, "address"), "`sourcesListen` has this address too");
    }
    node *n = list ? list->first : NULL;
    // NOLINTNEXTLINE(clang-analyzer-core.NullDereference)
    for (uint32_t i = 0; i < c->listens_n; i++, n = n->next) {
        struct mer_slice address = c->listens[i].address;
        if ((sources && mer_slice_eq(address, taken[0])) || (admin && mer_slice_eq(address, taken[1]))) {
            return mer_config_fail(r, at(n, "address"), "another listener has this address too");
        }
        for (uint32_t j = 0; j < i; j++) {
            if (mer_slice_eq(address, c->listens[j].address)) {
                return mer_config_fail(r, at(n, "address"), "another listener has this address too");
            }
        }
    }
    return true;
}

static bool check_rollup(struct mer_config_reader *r, node *root, const struct mer_config *c)
{
    node *section = mer_config_tree_get(root, "rollup");
    if (!section) {
        return true;
    }
    if (!is_conninfo(c->rollup.target)) {
        return mer_config_fail(r, at(section, "target"),
                               "allowed for a database: postgres://… or host=… port=… dbname=…");
    }
    const struct mer_config_region *region = mer_config_region(c, c->self.region);
    node *n = at(section, "source")->first;
    for (uint32_t i = 0; i < c->rollup.sources_n; i++, n = n->next) {
        const struct mer_config_rollup_source *s = &c->rollup.sources[i];
        if (!is_conninfo(s->url)) {
            return mer_config_fail(r, at(n, "url"),
                                   "allowed for a database: postgres://… or host=… port=… dbname=…");
        }
        if (s->environment.p && !(region && has(&region->environments, s->environment))) {
            return mer_config_fail(r, at(n, "environment"),
                                   "environment `%s` does not stand in the region's `environments`",
                                   s->environment.p);
        }
    }
    return true;
}

static bool check_persisted(struct mer_config_reader *r, node *root, const struct mer_config *c)
{
    return !c->persisted.only || c->persisted.file.p ||
           mer_config_fail(r, at(mer_config_tree_get(root, "persisted"), "only"),
                           "`only` needs `file`: nothing could be executed");
}

// Headers that each connection has of its own: a rule for them would break requests or answers.
static bool is_of_connection(struct mer_slice name)
{
    static const char *const own[] = {
        "accept",         "accept-encoding",
        "connection",     "content-encoding",
        "content-length", "content-type",
        "expect",         "host",
        "keep-alive",     "te",
        "trailer",        "transfer-encoding",
        "upgrade",
    };
    if (mer_slice_starts(name, MER_S("sec-websocket-"))) {
        return true;
    }
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        if (mer_slice_is(name, own[i])) {
            return true;
        }
    }
    return false;
}

static bool check_header_names(struct mer_config_reader *r, node *section, const char *key,
                               const struct mer_config_texts *names)
{
    for (uint32_t i = 0; i < names->n; i++) {
        if (is_of_connection(names->items[i])) {
            return mer_config_fail(r, at(section, key), "`%s` belongs to each connection alone",
                                   names->items[i].p);
        }
    }
    return true;
}

static bool check_headers(struct mer_config_reader *r, node *root, const struct mer_config *c)
{
    node *section = mer_config_tree_get(root, "headers");
    if (!section) {
        return true;
    }
    node *insert = mer_config_tree_get(section, "insert");
    node *n = insert ? insert->first : NULL;
    for (uint32_t i = 0; n && i < c->headers.insert_n; i++, n = n->next) {
        if (is_of_connection(c->headers.insert[i].name)) {
            return mer_config_fail(r, at(n, "name"), "`%s` belongs to each connection alone",
                                   c->headers.insert[i].name.p);
        }
    }
    return check_header_names(r, section, "propagate", &c->headers.propagate) &&
           check_header_names(r, section, "answer", &c->headers.answer);
}

// What stands in a request line must be no more than a path.
static bool check_subgraphs(struct mer_config_reader *r, node *root, const struct mer_config *c)
{
    node *each = mer_config_tree_get(mer_config_tree_get(root, "subgraphs"), "each");
    node *n = each ? each->first : NULL;
    for (uint32_t i = 0; n && i < c->subgraphs.each_n; i++, n = n->next) {
        struct mer_slice path = c->subgraphs.each[i].events_path;
        bool good = !path.p || (path.n && path.p[0] == '/');
        for (size_t k = 0; path.p && k < path.n; k++) {
            good = good && path.p[k] > ' ' && path.p[k] < 0x7f && path.p[k] != '#';
        }
        if (!good) {
            return mer_config_fail(r, at(n, "subscriptionsPath"), "a path is expected: `/subscriptions`");
        }
    }
    return true;
}

static bool check_labels(struct mer_config_reader *r, node *root, const struct mer_config *c)
{
    enum { LABELS_MAX = 64 };
    return c->labels_n <= LABELS_MAX ||
           mer_config_fail(r, mer_config_tree_get(root, "labels"), "allowed: at most %d entries", LABELS_MAX);
}

bool mer_config_check(struct mer_config_reader *r, const struct mer_config_node *root, struct mer_config *c)
{
    return check_regions(r, root, c) && check_self(r, root, c) && check_tls(r, root, c) &&
           check_sources_listen(r, root, c) && check_listeners(r, root, c) && check_sources(r, root, c) &&
           check_rollup(r, root, c) && check_persisted(r, root, c) && check_headers(r, root, c) &&
           check_subgraphs(r, root, c) && check_labels(r, root, c);
}
