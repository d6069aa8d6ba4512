// SPDX-License-Identifier: MIT
// The command line: `meridian COMMAND …`. Exit status 0 good, 1 failed while running or findings, 2 wrong
// usage or configuration.
#include <stdio.h>

#include "base/log.h"
#include "gateway/commands.h"
#include "gateway/serve.h"

#define SETS_MAX  64
#define FILES_MAX 4096

struct args {
    const char *config, *supergraph, *listen, *from, *to;
    const char *files[FILES_MAX]; // arguments without a name
    size_t files_n;
    const char *sets[SETS_MAX];
    size_t sets_n;
    bool once, offline;
    struct mer_plan_args plan;
    char threads[64];
};

static void print_usage(FILE *to)
{
    fprintf(to, "%s",
            "usage: meridian serve  --config FILE [--set KEY.PATH=VALUE]… [--threads N]\n"
            "       meridian serve  --supergraph FILE --listen HOST:PORT [--admin HOST:PORT] [--threads N]\n"
            "                       [--set KEY.PATH=VALUE]…\n"
            "       meridian rollup --config FILE [--once] [--from T --to T]\n"
            "       meridian check  (--config FILE [--offline]|--supergraph FILE)\n"
            "       meridian plan   (--config FILE|--supergraph FILE) [--query FILE|-] [--variables FILE] "
            "[--tenant T] [--role R]\n"
            "                       [--region R] [--facilities F,…] [--max-age S] [--facts FILE] [--json]\n"
            "       meridian schema (--config FILE|--supergraph FILE) [--json | COORDINATE…]\n"
            "       meridian validate (--config FILE|--supergraph FILE) DOCUMENT…\n"
            "       meridian routes|reload [--admin HOST:PORT] [--config FILE]\n"
            "       meridian promote REGION blue|green [--admin HOST:PORT] [--config FILE]\n"
            "       meridian rollback REGION [--admin HOST:PORT] [--config FILE]\n"
            "       meridian help|version\n");
}

static int usage_of(const char *what, const char *argument)
{
    fprintf(stderr, "meridian: %s%s%s\n", what, argument ? ": " : "", argument ? argument : "");
    print_usage(stderr);
    return 2;
}

static int usage(const char *what)
{
    return usage_of(what, NULL);
}

static bool take_flag(struct args *a, const char *name)
{
    bool *flag = strcmp(name, "--once") == 0      ? &a->once
                 : strcmp(name, "--offline") == 0 ? &a->offline
                 : strcmp(name, "--json") == 0    ? &a->plan.json
                                                  : NULL;
    if (flag) {
        *flag = true;
    }
    return flag != NULL;
}

struct option {
    const char *name;
    const char **value;
};

static const char **place_of(struct args *a, const char *name)
{
    const struct option options[] = {
        {"--config", &a->config},
        {"--supergraph", &a->supergraph},
        {"--listen", &a->listen},
        {"--from", &a->from},
        {"--to", &a->to},
        {"--query", &a->plan.query},
        {"--variables", &a->plan.variables},
        {"--facts", &a->plan.facts},
        {"--tenant", &a->plan.tenant},
        {"--role", &a->plan.role},
        {"--region", &a->plan.region},
        {"--facilities", &a->plan.facilities},
        {"--max-age", &a->plan.max_age},
        {"--admin", &a->plan.admin},
        {"--set", &a->sets[a->sets_n]},
        {"--threads", &a->sets[a->sets_n]},
    };
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        if (strcmp(name, options[i].name) == 0) {
            return options[i].value;
        }
    }
    return NULL;
}

// NULL, or what is wrong with it.
static const char *take_value(struct args *a, const char *name, const char *value)
{
    const char **place = place_of(a, name);
    if (!place || !value) {
        return place ? "a value is expected behind" : "unknown argument";
    }
    *place = value;
    if (place == &a->sets[a->sets_n]) {
        if (strcmp(name, "--threads") == 0) {
            snprintf(a->threads, sizeof(a->threads), "threads=%.40s", value);
            *place = a->threads;
        }
        a->sets_n++;
    }
    return a->sets_n < SETS_MAX ? NULL : "given too often";
}

// `--name value` and `--name=value`. NULL, or what is wrong with the argument at *i.
static const char *take(struct args *a, char **argv, int *i)
{
    char *name = argv[*i], *value = argv[*i + 1]; // NULL ends them
    if (name[0] != '-' || name[1] == 0) {
        a->files[a->files_n++] = name;
        return a->files_n < FILES_MAX ? NULL : "too many arguments";
    }
    if (take_flag(a, name)) {
        return NULL;
    }
    char *equals = strchr(name, '=');
    if (equals) {
        *equals = 0;
        value = equals + 1;
    }
    const char *wrong = take_value(a, name, value);
    *i += !wrong && !equals;
    return wrong;
}

static bool is_command(const char *name)
{
    static const char *const commands[] = {"serve",    "rollup", "check",  "plan",    "schema",
                                           "validate", "routes", "reload", "promote", "rollback"};
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(name, commands[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool asks_for(const char *argument, const char *word, const char *letter)
{
    bool dashes = strncmp(argument, "--", 2) == 0;
    return strcmp(argument + (dashes ? 2 : 0), word) == 0 || strcmp(argument, letter) == 0;
}

// What works on a supergraph without a configuration, beside `schema` and `validate`.
static int run_router(struct mer_arena *arena, const char *command, const struct args *a)
{
    struct mer_config c;
    struct mer_diag d = {0};
    bool serve = strcmp(command, "serve") == 0, check = strcmp(command, "check") == 0;
    if (!serve && !check && strcmp(command, "plan") != 0) {
        return usage("--config FILE is expected");
    }
    if (serve && !a->listen) {
        return usage("--listen HOST:PORT is expected");
    }
    struct mer_config_router in = {.supergraph = a->supergraph,
                                   .listen = serve ? a->listen : "127.0.0.1:1",
                                   .admin = serve ? a->plan.admin : NULL,
                                   .sets = a->sets,
                                   .sets_n = a->sets_n};
    if (mer_config_for_router(arena, &in, &c, &d)) {
        fprintf(stderr, "meridian: %s\n", d.msg);
        return 2;
    }
    return serve   ? mer_serve(&c)
           : check ? mer_command_check(arena, &c, true)
                   : mer_command_plan(arena, &c, &a->plan);
}

// Commands that ask a running gateway; they need a configuration only to know where it is.
static int run_admin(struct mer_arena *arena, const char *command, const struct args *a)
{
    struct mer_config c;
    struct mer_diag d = {0};
    bool promote = strcmp(command, "promote") == 0, rollback = strcmp(command, "rollback") == 0;
    size_t names = promote ? 2 : rollback ? 1 : 0;
    if (a->files_n != names) {
        return usage(promote    ? "promote REGION blue|green is expected"
                     : rollback ? "rollback REGION is expected"
                                : a->files[0]);
    }
    if (a->config && mer_config_load(arena, a->config, a->sets, a->sets_n, &c, &d)) {
        fprintf(stderr, "meridian: %s\n", d.msg);
        return 2;
    }
    const struct mer_config *known = a->config ? &c : NULL;
    if (promote || rollback) {
        const struct mer_cutover_args args = {a->files[0], promote ? a->files[1] : NULL};
        return mer_command_cutover(arena, known, a->plan.admin, &args);
    }
    return strcmp(command, "routes") == 0 ? mer_command_routes(arena, known, a->plan.admin)
                                          : mer_command_reload(arena, known, a->plan.admin);
}

static int run(struct mer_arena *arena, const char *command, const struct args *a)
{
    static const char *const admin[] = {"routes", "reload", "promote", "rollback"};
    struct mer_config c;
    struct mer_diag d = {0};
    for (size_t i = 0; i < sizeof(admin) / sizeof(admin[0]); i++) {
        if (strcmp(command, admin[i]) == 0) {
            return run_admin(arena, command, a);
        }
    }
    bool schema = strcmp(command, "schema") == 0, validate = strcmp(command, "validate") == 0;
    if (validate ? a->files_n == 0 : a->files_n > 0 && (!schema || a->plan.json)) {
        return usage_of(validate ? "DOCUMENT is expected" : "unknown argument",
                        validate ? NULL : a->files[0]);
    }
    const struct mer_schema_args about = {a->plan.json, a->files, a->files_n};
    if ((schema || validate) && a->supergraph && !a->config) {
        mer_config_defaults(arena, &c);
        c.supergraph = mer_slice_of(a->supergraph);
        return schema ? mer_command_schema(arena, &c, &about)
                      : mer_command_validate(arena, &c, a->files, a->files_n);
    }
    if (a->supergraph && !a->config) {
        return run_router(arena, command, a);
    }
    if (!a->config) {
        return usage(strcmp(command, "rollup") != 0 ? "--config FILE or --supergraph FILE is expected"
                                                    : "--config FILE is expected");
    }
    if (mer_config_load(arena, a->config, a->sets, a->sets_n, &c, &d)) {
        fprintf(stderr, "meridian: %s\n", d.msg);
        return 2;
    }
    if (strcmp(command, "serve") == 0) {
        return mer_serve(&c);
    }
    if (schema) {
        return mer_command_schema(arena, &c, &about);
    }
    if (validate) {
        return mer_command_validate(arena, &c, a->files, a->files_n);
    }
    if (strcmp(command, "rollup") == 0) {
        return mer_command_rollup(arena, &c, a->once, a->from, a->to);
    }
    if (strcmp(command, "check") == 0) {
        return mer_command_check(arena, &c, a->offline);
    }
    if (strcmp(command, "plan") == 0) {
        return mer_command_plan(arena, &c, &a->plan);
    }
    return usage("unknown command");
}

int main(int argc, char **argv)
{
    static struct args a;
    if (argc < 2) {
        return usage("a command is expected");
    }
    bool alone = asks_for(argv[1], "help", "-h");
    if (alone || (argc > 2 && is_command(argv[1]) && asks_for(argv[2], "help", "-h"))) {
        print_usage(stdout);
        return 0;
    }
    if (asks_for(argv[1], "version", "-V")) {
        puts("meridian " MER_VERSION);
        return 0;
    }
    if (!is_command(argv[1])) {
        return usage_of("unknown command", argv[1]);
    }
    for (int i = 2; i < argc; i++) {
        const char *wrong = take(&a, argv, &i);
        if (wrong) {
            return usage_of(wrong, argv[i]);
        }
    }
    struct mer_arena *arena = mer_arena_create(0);
    int rc = run(arena, argv[1], &a);
    mer_arena_destroy(arena);
    return rc;
}
