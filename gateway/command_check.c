// SPDX-License-Identifier: MIT
// `meridian check`: the configuration, what it names, and, unless offline, what the bindings promise of the
// live databases.
#include <stdio.h>

#include "gateway/commands.h"
#include "gateway/snapshot.h"
#include "resolvers/postgres/check.h"

struct told {
    struct mer_slice file;
    uint32_t findings;
    struct mer_map seen; // the same of each database is told once
};

static void tell(struct mer_arena *a, struct told *t, struct mer_slice place, const struct mer_pg_finding *f)
{
    if (!mer_map_add(&t->seen, mer_arena_copy(a, f->message), t)) {
        return;
    }
    if (f->loc.line) {
        printf("%.*s:%u:%u: %.*s (%.*s)\n", MER_FMT(t->file), f->loc.line, f->loc.column, MER_FMT(f->message),
               MER_FMT(place));
    } else {
        printf("%.*s: %.*s (%.*s)\n", MER_FMT(t->file), MER_FMT(f->message), MER_FMT(place));
    }
    t->findings++;
}

static uint32_t check_source(struct mer_arena *a, const struct mer_config_source *c,
                             const struct mer_binding *b)
{
    struct told t = {.file = c->sdl};
    mer_map_init(&t.seen, a);
    for (uint32_t i = 0; i < c->placements_n; i++) {
        const struct mer_config_placement *p = &c->placements[i];
        struct mer_pg_check_ask ask = {
            .binding = b, .read = p->url.p, .write = p->write_url.n ? p->write_url.p : NULL, .tier = p->tier};
        struct mer_pg_finding *found = NULL;
        uint32_t n = 0;
        struct mer_diag d = {0};
        if (p->kind != MER_CONFIG_POSTGRES) {
            continue;
        }
        if (mer_pg_check(a, &ask, &found, &n, &d)) {
            printf("sources.%.*s.placements.%.*s: %s\n", MER_FMT(c->name), MER_FMT(p->name), d.msg);
            t.findings++;
        }
        for (uint32_t k = 0; k < n; k++) {
            tell(a, &t, p->name, &found[k]);
        }
    }
    return t.findings;
}

uint32_t mer_check_databases(struct mer_arena *a, const struct mer_config *c, const struct mer_snapshot *s)
{
    uint32_t findings = 0;
    for (uint32_t i = 0; i < c->sources_n; i++) {
        if (s->sources[i].binding) {
            findings += check_source(a, &c->sources[i], s->sources[i].binding);
        }
    }
    return findings;
}
