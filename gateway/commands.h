// SPDX-License-Identifier: MIT
// The commands that run and end (`serve` is serve.h). Each returns the process' exit status: 0 good, 1
// findings or failed while running, 2 wrong usage or configuration.
#ifndef MER_GATEWAY_COMMANDS_H
#define MER_GATEWAY_COMMANDS_H

#include "gateway/config.h"
#include "schema/types.h"

struct mer_plan_args {
    const char *query, *variables, *facts; // files; query "-" or NULL: standard input
    const char *tenant, *role, *region, *facilities, *max_age, *admin;
    bool json;
};

// What clients see; NULL: told why not.
const struct mer_schema *mer_command_api(struct mer_arena *a, const struct mer_config *c);
int mer_command_plan(struct mer_arena *a, const struct mer_config *c, const struct mer_plan_args *args);
struct mer_schema_args {
    bool json;
    const char *const *coordinates; // print these elements of it alone
    size_t coordinates_n;
};
// Prints the API schema as SDL, or as the answer of an introspection query. Of the configuration only
// `supergraph`.
int mer_command_schema(struct mer_arena *a, const struct mer_config *c, const struct mer_schema_args *args);
// Checks documents (files; *.json: lists of trusted documents; "-": standard input) against the API schema
// and the limits; prints `FILE:LINE:COLUMN: message` for each finding. A file may spread fragments of the
// others.
int mer_command_validate(struct mer_arena *a, const struct mer_config *c, const char *const *paths, size_t n);
// GET of a path of the admin listener; prints the body.
int mer_command_routes(struct mer_arena *a, const struct mer_config *c, const char *admin);
// POST of /reload there; 1 when it was refused.
int mer_command_reload(struct mer_arena *a, const struct mer_config *c, const char *admin);
// POST of /routes/REGION/promote or rollback; 1 when it was refused.
struct mer_cutover_args {
    const char *region, *environment; // NULL: back to the one before
};
int mer_command_cutover(struct mer_arena *a, const struct mer_config *c, const char *admin,
                        const struct mer_cutover_args *args);
// The configuration, and, unless offline, the bindings against the live databases
// (resolvers/postgres/check.h); prints `FILE:LINE:COLUMN: message` for each finding.
int mer_command_check(struct mer_arena *a, const struct mer_config *c, bool offline);
// The bindings' part of it: prints and counts the findings.
struct mer_snapshot;
uint32_t mer_check_databases(struct mer_arena *a, const struct mer_config *c, const struct mer_snapshot *s);
int mer_command_rollup(struct mer_arena *a, const struct mer_config *c, bool once, const char *from,
                       const char *to);

// One blocking HTTP/1.1 GET to "HOST:PORT" or "http://HOST:PORT" for the command line. False: nobody answered
// 200.
bool mer_admin_get(struct mer_arena *a, const char *address, const char *path, struct mer_slice *body);

#endif
