// SPDX-License-Identifier: MIT
// The command line: `meridian COMMAND …`. Exit status 0 good, 1 failed while running or findings, 2 wrong usage or
// configuration.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/time.h"
#include "gateway/config.h"
#include "gateway/serve.h"
#include "gateway/snapshot.h"
#include "rollup/rollup.h"

#define SETS_MAX 64

struct args {
    const char *config;
    const char *sets[SETS_MAX];
    size_t sets_n;
    bool once, offline;
    const char *from, *to;
};

static int usage(const char *what)
{
    fprintf(stderr,
            "meridian: %s\n"
            "usage: meridian serve  --config FILE [--set KEY.PATH=VALUE]… [--threads N]\n"
            "       meridian rollup --config FILE [--set KEY.PATH=VALUE]… [--once] [--from T --to T]\n"
            "       meridian check  --config FILE [--offline]\n",
            what);
    return 2;
}

static bool value_of(int argc, char **argv, int *i, const char *name, const char **out)
{
    if (strcmp(argv[*i], name) != 0 || *i + 1 >= argc) {
        return false;
    }
    *out = argv[++*i];
    return true;
}

static bool parse_args(int argc, char **argv, struct args *a)
{
    for (int i = 2; i < argc; i++) {
        const char *v = NULL;
        if (value_of(argc, argv, &i, "--config", &a->config) || value_of(argc, argv, &i, "--from", &a->from) ||
            value_of(argc, argv, &i, "--to", &a->to)) {
            continue;
        }
        if (value_of(argc, argv, &i, "--set", &v) && a->sets_n < SETS_MAX) {
            a->sets[a->sets_n++] = v;
        } else if (value_of(argc, argv, &i, "--threads", &v) && a->sets_n < SETS_MAX) {
            static char set[64];
            snprintf(set, sizeof(set), "threads=%.40s", v);
            a->sets[a->sets_n++] = set;
        } else if (strcmp(argv[i], "--once") == 0) {
            a->once = true;
        } else if (strcmp(argv[i], "--offline") == 0) {
            a->offline = true;
        } else {
            return false;
        }
    }
    return true;
}

static volatile sig_atomic_t stop_rollup;

static void on_stop(int signo)
{
    (void)signo;
    stop_rollup = 1;
}

static bool read_hour(const char *text, int64_t *us)
{
    *us = 0;
    return !text || (mer_time_parse_rfc3339(mer_slice_of(text), us) && *us % 3600000000 == 0);
}

static int rollup(struct mer_arena *arena, const struct mer_config *c, const struct args *a)
{
    struct mer_diag d = {0};
    const struct mer_config_source *source = mer_config_source(c, MER_S("analytics"));
    const struct mer_config_region *region = mer_config_region(c, c->self.region);
    struct mer_kpi_catalogue *catalogue = NULL;
    if (!c->rollup.present || !source || !source->kpis.n || !region) {
        return usage("the configuration has no rollup section, no kpis or no region");
    }
    if (mer_kpi_catalogue_load(arena, source->kpis.p, &catalogue, &d)) {
        fprintf(stderr, "meridian: %s\n", d.msg);
        return 2;
    }
    struct mer_rollup_opts o = {
        .catalogue = catalogue,
        .region = c->self.region,
        .facilities = region->facilities.items,
        .facilities_n = region->facilities.n,
        .sources_n = c->rollup.sources_n,
        .target_dsn = c->rollup.target,
        .interval_ms = (uint32_t)c->rollup.interval_ms,
        .lookback_ms = (uint32_t)c->rollup.lookback_ms,
        .once = a->once || a->from || a->to,
        .stop = &stop_rollup,
    };
    struct mer_rollup_source *sources = MER_NEW_N(arena, struct mer_rollup_source, c->rollup.sources_n);
    for (uint32_t i = 0; i < o.sources_n; i++) {
        sources[i] = (struct mer_rollup_source){c->rollup.sources[i].environment, c->rollup.sources[i].url};
    }
    o.sources = sources;
    if (!read_hour(a->from, &o.from_us) || !read_hour(a->to, &o.to_us) || (a->from == NULL) != (a->to == NULL)) {
        return usage("--from and --to are RFC 3339 whole hours, given together");
    }
    mer_log_set_level(c->telemetry.log);
    signal(SIGTERM, on_stop);
    signal(SIGINT, on_stop);
    signal(SIGPIPE, SIG_IGN);
    return mer_rollup_run(&o, NULL);
}

static int check(const struct mer_config *c)
{
    struct mer_diag d = {0};
    struct mer_snapshot *s = NULL;
    if (mer_config_check_serving(c, &d) || mer_snapshot_load(c, &s, &d)) {
        fprintf(stderr, "meridian: %s\n", d.msg);
        return 1;
    }
    printf("%s: good\n", c->path.p);
    mer_snapshot_destroy(s);
    return 0;
}

int main(int argc, char **argv)
{
    struct args a = {0};
    if (argc < 2) {
        return usage("a command is expected");
    }
    if (!parse_args(argc, argv, &a)) {
        return usage("unknown or incomplete argument");
    }
    if (!a.config) {
        return usage("--config FILE is expected");
    }
    struct mer_arena *arena = mer_arena_create(0);
    struct mer_config c;
    struct mer_diag d = {0};
    int rc = 2;
    if (mer_config_load(arena, a.config, a.sets, a.sets_n, &c, &d)) {
        fprintf(stderr, "meridian: %s\n", d.msg);
    } else if (strcmp(argv[1], "serve") == 0) {
        rc = mer_serve(&c);
    } else if (strcmp(argv[1], "rollup") == 0) {
        rc = rollup(arena, &c, &a);
    } else if (strcmp(argv[1], "check") == 0) {
        rc = check(&c);
    } else {
        rc = usage("unknown command");
    }
    mer_arena_destroy(arena);
    return rc;
}
