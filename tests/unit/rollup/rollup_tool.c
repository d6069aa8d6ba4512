// SPDX-License-Identifier: MIT
// The rollup worker as a process of its own, for tests/prove/rollup.py: options on the command line instead
// of a gateway's configuration.
//   rollup_tool --kpis FILE --region R --facility F… --source ENV=DSN… --target DSN
//               [--once] [--interval MS] [--lookback MS] [--from T --to T]
// Prints one line when a `once` round is done: computed changed cleared.
#include "base/log.h"
#include "base/time.h"
#include "rollup/rollup.h"

#include <stdio.h>
#include <stdlib.h>

#define LIST_MAX 64

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
    (void)sig;
    stop = 1;
}

struct args {
    struct mer_rollup_opts opts;
    struct mer_slice facilities[LIST_MAX];
    struct mer_rollup_source sources[LIST_MAX];
    const char *kpis;
};

static bool read_option(struct args *x, const char *name, const char *value)
{
    struct mer_rollup_opts *o = &x->opts;
    if (strcmp(name, "--kpis") == 0) {
        x->kpis = value;
    } else if (strcmp(name, "--region") == 0) {
        o->region = mer_slice_of(value);
    } else if (strcmp(name, "--facility") == 0 && o->facilities_n < LIST_MAX) {
        x->facilities[o->facilities_n++] = mer_slice_of(value);
    } else if (strcmp(name, "--source") == 0 && o->sources_n < LIST_MAX) {
        struct mer_slice rest = mer_slice_of(value);
        struct mer_slice env = mer_slice_cut(&rest, '=');
        x->sources[o->sources_n++] = (struct mer_rollup_source){env, rest};
    } else if (strcmp(name, "--target") == 0) {
        o->target_dsn = mer_slice_of(value);
    } else if (strcmp(name, "--interval") == 0) {
        o->interval_ms = (uint32_t)strtoul(value, NULL, 10);
    } else if (strcmp(name, "--lookback") == 0) {
        o->lookback_ms = (uint32_t)strtoul(value, NULL, 10);
    } else if (strcmp(name, "--from") == 0) {
        return mer_time_parse_rfc3339(mer_slice_of(value), &o->from_us);
    } else if (strcmp(name, "--to") == 0) {
        return mer_time_parse_rfc3339(mer_slice_of(value), &o->to_us);
    } else {
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    static struct args x;
    x.opts.facilities = x.facilities;
    x.opts.sources = x.sources;
    x.opts.stop = &stop;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--once") == 0) {
            x.opts.once = true;
        } else if (i + 1 == argc || !read_option(&x, argv[i], argv[i + 1])) {
            fprintf(stderr, "bad option %s\n", argv[i]);
            return 2;
        } else {
            i++;
        }
    }
    struct sigaction act = {.sa_handler = on_signal};
    sigaction(SIGTERM, &act, NULL);
    struct mer_arena *a = mer_arena_create(0);
    struct mer_kpi_catalogue *c;
    struct mer_diag diag;
    if (mer_kpi_catalogue_load(a, x.kpis ? x.kpis : "schema/kpis.yaml", &c, &diag)) {
        fprintf(stderr, "%s\n", diag.msg);
        mer_arena_destroy(a);
        return 2;
    }
    x.opts.catalogue = c;
    struct mer_rollup_report report;
    int status = mer_rollup_run(&x.opts, &report);
    printf("%llu %llu %llu\n", (unsigned long long)report.hours_computed,
           (unsigned long long)report.hours_changed, (unsigned long long)report.marks_cleared);
    mer_arena_destroy(a);
    return status;
}
