// SPDX-License-Identifier: MIT
// `meridian rollup` and `meridian check`.
#include <signal.h>
#include <stdio.h>

#include "base/time.h"
#include "gateway/commands.h"
#include "gateway/snapshot.h"
#include "rollup/rollup.h"

static volatile sig_atomic_t stop;

static void on_stop(int signo)
{
    (void)signo;
    stop = 1;
}

static int wrong(const char *what)
{
    fprintf(stderr, "meridian: %s\n", what);
    return 2;
}

static bool read_hour(const char *text, int64_t *us)
{
    *us = 0;
    return !text || (mer_time_parse_rfc3339(mer_slice_of(text), us) && *us % 3600000000 == 0);
}

static struct mer_rollup_source *copy_sources(struct mer_arena *a, const struct mer_config_rollup *r)
{
    struct mer_rollup_source *out = MER_NEW_N(a, struct mer_rollup_source, r->sources_n);
    for (uint32_t i = 0; i < r->sources_n; i++) {
        out[i] = (struct mer_rollup_source){r->sources[i].environment, r->sources[i].url};
    }
    return out;
}

int mer_command_rollup(struct mer_arena *a, const struct mer_config *c, bool once, const char *from,
                       const char *to)
{
    struct mer_diag d = {0};
    const struct mer_config_source *source = mer_config_source(c, MER_S("analytics"));
    const struct mer_config_region *region = mer_config_region(c, c->self.region);
    struct mer_kpi_catalogue *catalogue = NULL;
    if (!c->rollup.present || !source || !source->kpis.n || !region) {
        return wrong("the configuration has no rollup section, no kpis or no region");
    }
    if (mer_kpi_catalogue_load(a, source->kpis.p, &catalogue, &d)) {
        return wrong(d.msg);
    }
    struct mer_rollup_opts o = {
        .catalogue = catalogue,
        .region = c->self.region,
        .facilities = region->facilities.items,
        .facilities_n = region->facilities.n,
        .sources = copy_sources(a, &c->rollup),
        .sources_n = c->rollup.sources_n,
        .target_dsn = c->rollup.target,
        .interval_ms = (uint32_t)c->rollup.interval_ms,
        .lookback_ms = (uint32_t)c->rollup.lookback_ms,
        .once = once || from || to,
        .stop = &stop,
    };
    if (!read_hour(from, &o.from_us) || !read_hour(to, &o.to_us) || (from == NULL) != (to == NULL)) {
        return wrong("--from and --to are RFC 3339 whole hours, given together");
    }
    mer_log_set_level(c->telemetry.log);
    signal(SIGTERM, on_stop);
    signal(SIGINT, on_stop);
    signal(SIGPIPE, SIG_IGN);
    return mer_rollup_run(&o, NULL);
}

int mer_command_check(struct mer_arena *a, const struct mer_config *c, bool offline)
{
    struct mer_diag d = {0};
    struct mer_snapshot *s = NULL;
    if (mer_config_check_serving(c, &d) || mer_snapshot_load(c, &s, &d)) {
        fprintf(stderr, "meridian: %s\n", d.msg);
        return 1;
    }
    uint32_t findings = offline ? 0 : mer_check_databases(a, c, s);
    if (findings) {
        fprintf(stderr, "%u findings\n", findings);
    } else {
        printf("%.*s: good\n", MER_FMT(c->router ? c->supergraph : c->path));
    }
    mer_snapshot_unref(s);
    return findings ? 1 : 0;
}
