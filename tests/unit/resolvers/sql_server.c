// SPDX-License-Identifier: MIT
#include "unit/resolvers/sql_server.h"

#include "mer_test.h"
#include "pg_fixture.h"

#include <dirent.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

struct sql_server {
    struct pg_fixture *fixture;
    PGconn *reader, *admin;
};

// The runner's psql variables, as quoted literals.
static struct mer_slice with_variables(struct mer_arena *a, const char *text, bool edge)
{
    const char *const vars[][2] = {{":'self_name'", edge ? "'facility-la-001'" : "'us-east-blue'"},
                                   {":'self_tier'", edge ? "'edge'" : "'regional'"},
                                   {":'self_region'", "'us-east'"},
                                   {":'self_facility'", edge ? "'facility-la-001'" : "''"},
                                   {":'self_env'", edge ? "''" : "'blue'"}};
    struct mer_buf b;
    mer_buf_init(&b, a, strlen(text) + 64);
    while (*text) {
        bool replaced = false;
        for (size_t i = 0; !replaced && i < sizeof(vars) / sizeof(vars[0]); i++)
            if (strncmp(text, vars[i][0], strlen(vars[i][0])) == 0) {
                mer_buf_add_cstr(&b, vars[i][1]);
                text += strlen(vars[i][0]);
                replaced = true;
            }
        if (!replaced)
            mer_buf_add_char(&b, *text++);
    }
    return mer_buf_slice(&b);
}

static PGresult *must(PGconn *conn, PGresult *r, const char *what)
{
    ExecStatusType st = PQresultStatus(r);
    if (st != PGRES_COMMAND_OK && st != PGRES_TUPLES_OK)
        fail_msg("%s: %s", what, PQerrorMessage(conn));
    return r;
}

static int sql_file(const struct dirent *e)
{
    size_t n = strlen(e->d_name);
    return n > 4 && strcmp(e->d_name + n - 4, ".sql") == 0;
}

static void apply(struct sql_server *s, const char *path, bool edge)
{
    struct mer_arena *a = mer_arena_create(0);
    char *text = sql_lab_read(path);
    assert_non_null(text);
    PQclear(must(s->admin, PQexec(s->admin, mer_arena_cstr(a, with_variables(a, text, edge))), path));
    free(text);
    mer_arena_destroy(a);
}

static void migrate(struct sql_server *s, const char *folder, bool edge)
{
    char path[320];
    struct dirent **files;
    (void)snprintf(path, sizeof(path), "fleet/migrations/%s", folder);
    int n = scandir(path, &files, sql_file, alphasort);
    assert_true(n > 0);
    for (int i = 0; i < n; i++) {
        (void)snprintf(path, sizeof(path), "fleet/migrations/%s/%s", folder, files[i]->d_name);
        apply(s, path, edge);
        free(files[i]);
    }
    free(files);
}

struct sql_server *sql_server_open(const char *tier)
{
    struct pg_fixture *fixture = pg_fixture_create();
    if (!fixture)
        return NULL;
    struct sql_server *s = calloc(1, sizeof(*s));
    bool edge = strcmp(tier, "edge") == 0;
    s->fixture = fixture;
    s->admin = PQconnectdb(pg_fixture_dsn(fixture, "postgres"));
    assert_int_equal(PQstatus(s->admin), CONNECTION_OK);
    PQclear(must(s->admin, PQexec(s->admin, "set client_min_messages = warning"), "set"));
    migrate(s, "every", edge);
    migrate(s, "common", edge);
    migrate(s, tier, edge);
    if (!edge)
        PQclear(must(s->admin, PQexec(s->admin, "call rollup_marking(false)"), "rollup_marking"));
    apply(s, "tests/unit/resolvers/sql_seed.sql", edge);
    PQclear(must(s->admin, PQexec(s->admin, "analyze"), "analyze"));
    s->reader = PQconnectdb(pg_fixture_dsn(fixture, edge ? "gw_write" : "gw_read"));
    if (PQstatus(s->reader) != CONNECTION_OK)
        fail_msg("%s", PQerrorMessage(s->reader));
    return s;
}

void sql_server_close(struct sql_server *s)
{
    if (!s)
        return;
    PQfinish(s->reader);
    PQfinish(s->admin);
    pg_fixture_destroy(s->fixture);
    free(s);
}

const char *sql_server_admin(struct sql_server *s, const char *sql)
{
    static char answer[4096];
    PGresult *r = must(s->admin, PQexec(s->admin, sql), sql);
    (void)snprintf(answer, sizeof(answer), "%s", PQntuples(r) ? PQgetvalue(r, 0, 0) : "");
    PQclear(r);
    return answer;
}

const char *sql_server_dsn(struct sql_server *s)
{
    return pg_fixture_dsn(s->fixture, "gw_read");
}

static void scope(struct sql_server *s, const char *tenant, const char *facilities)
{
    const char *values[] = {tenant, facilities};
    PQclear(
        must(s->reader,
             PQexecParams(
                 s->reader,
                 "select set_config('app.tenant_id', $1, false), set_config('app.facilities', $2, false), "
                 "set_config('app.role', 'worker', false)",
                 2, NULL, values, NULL, NULL, 0),
             "scope"));
}

struct mer_slice sql_server_run(struct sql_server *s, struct mer_arena *a, const struct mer_sql *sql,
                                const char *tenant, const char *facilities)
{
    const char **values = MER_NEW_N(a, const char *, sql->params_n + 1);
    for (uint32_t i = 0; i < sql->params_n; i++)
        values[i] = sql->params[i].null ? NULL : sql->params[i].value.p;
    scope(s, tenant, facilities);
    PGresult *r =
        must(s->reader, PQexecParams(s->reader, sql->text.p, (int)sql->params_n, NULL, values, NULL, NULL, 0),
             sql->text.p);
    assert_int_equal(PQntuples(r), 1);
    assert_int_equal(PQnfields(r), 1);
    struct mer_slice answer = mer_arena_copy(a, mer_slice_of(PQgetvalue(r, 0, 0)));
    PQclear(r);
    // Whatever it was, it is one well-formed JSON text.
    struct mer_json json;
    struct mer_diag diag = {0};
    if (mer_json_parse(a, answer, NULL, &json, &diag) != MER_OK)
        fail_msg("%s in %.*s", diag.msg, MER_FMT(answer));
    return answer;
}

struct mer_slice sql_server_explain(struct sql_server *s, struct mer_arena *a, const struct mer_sql *sql)
{
    struct mer_buf b;
    mer_buf_init(&b, a, 1024);
    PQclear(must(s->reader,
                 PQexec(s->reader, "set plan_cache_mode = force_generic_plan; set random_page_cost = 1.1"),
                 "set"));
    PQclear(must(s->reader, PQprepare(s->reader, "x", sql->text.p, 0, NULL), sql->text.p));
    mer_buf_add_cstr(&b, "explain (costs off) execute x(");
    for (uint32_t i = 0; i < sql->params_n; i++) {
        if (i)
            mer_buf_add_char(&b, ',');
        char *quoted = sql->params[i].null
                           ? NULL
                           : PQescapeLiteral(s->reader, sql->params[i].value.p, sql->params[i].value.n);
        mer_buf_add_cstr(&b, quoted ? quoted : "null");
        PQfreemem(quoted);
    }
    mer_buf_add_cstr(&b, ")");
    PGresult *r = must(s->reader, PQexec(s->reader, mer_arena_cstr(a, mer_buf_slice(&b))), "explain");
    mer_buf_clear(&b);
    for (int i = 0; i < PQntuples(r); i++)
        mer_buf_printf(&b, "%s\n", PQgetvalue(r, i, 0));
    PQclear(r);
    PQclear(must(s->reader, PQexec(s->reader, "deallocate x; reset plan_cache_mode"), "deallocate"));
    return mer_buf_slice(&b);
}
