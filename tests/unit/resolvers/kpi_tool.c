// SPDX-License-Identifier: MIT
// Answers key figures from real databases as a gateway does, one statement after the other, for
// tests/prove/kpis.py:
//   kpi_tool --schema FOLDER --global DSN --region NAME=DSN… --facility CODE=REGION… --tenant T [--now T]
//            [--fail REGION]… [--hop] [--entity NODE_ID] --query TEXT
// --fail: that region's parts do not come. --hop: every part goes through its GraphQL form first, as between
// gateways. Prints one JSON object of the root fields, or {"error": …, "message": …}.
#include "base/time.h"
#include "kpi_fixture.h"
#include "resolvers/kpi/finish.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

#define LIST_MAX 32

struct place {
    struct mer_slice name;
    const char *dsn;
    PGconn *conn;
};

struct tool {
    struct kpi_fixture x;
    struct place global, regions[LIST_MAX];
    uint32_t regions_n;
    struct mer_kpi_facility facilities[LIST_MAX];
    uint32_t facilities_n;
    struct mer_slice failing[LIST_MAX];
    uint32_t failing_n;
    struct mer_slice tenant, entity, query;
    const char *schema;
    int64_t now_us;
    bool hop;
    struct mer_kpi_cells sets[LIST_MAX * 4];
    struct mer_slice missing[LIST_MAX * 4];
    struct mer_kpi_answers answers;
};

static void die(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(2);
}

// Under row-level security, as the gateway's role with an executive's scope.
static void connect_place(struct tool *t, struct place *p)
{
    if (p->conn)
        return;
    p->conn = PQconnectdb(p->dsn);
    const char *tenant[] = {mer_arena_cstr(t->x.a, t->tenant)};
    PGresult *r = PQexecParams(
        p->conn,
        "SELECT set_config('app.tenant_id', $1, false), set_config('app.facilities', '*', false),"
        " set_config('app.role', 'executive', false), set_config('TimeZone', 'UTC', false)",
        1, NULL, tenant, NULL, NULL, 0);
    if (PQresultStatus(r) != PGRES_TUPLES_OK)
        die(PQerrorMessage(p->conn));
    PQclear(r);
}

static struct mer_slice run(struct tool *t, struct place *p, const struct mer_sql *sql)
{
    const char *values[32];
    connect_place(t, p);
    for (uint32_t i = 0; i < sql->params_n; i++)
        values[i] = sql->params[i].null ? NULL : sql->params[i].value.p;
    PGresult *r = PQexecParams(p->conn, sql->text.p, (int)sql->params_n, NULL, values, NULL, NULL, 0);
    if (PQresultStatus(r) != PGRES_TUPLES_OK || PQntuples(r) != 1 || PQnfields(r) != 1)
        die(PQerrorMessage(p->conn));
    struct mer_slice text = mer_arena_copy(t->x.a, mer_slice_of(PQgetvalue(r, 0, 0)));
    PQclear(r);
    return text;
}

static enum mer_err make_ask(struct tool *t, const struct mer_fetch_field *f, struct mer_kpi_ask **ask,
                             struct mer_diag *diag)
{
    static struct mer_variables vars;
    mer_map_init(&vars.by_name, t->x.a);
    struct mer_kpi_ask_opts opts = {
        .catalogue = t->x.catalogue,
        .schema = t->x.schema,
        .field = f,
        .vars = &vars,
        .facilities = t->facilities,
        .facilities_n = t->facilities_n,
        .entity_id = t->entity,
        .now_us = t->now_us,
    };
    return mer_kpi_ask_make(t->x.a, &opts, ask, diag);
}

// What another gateway would make of the part that it is sent.
static struct mer_kpi_part hop(struct tool *t, const struct mer_kpi_part *part)
{
    uint32_t n;
    struct mer_kpi_ask *ask;
    struct mer_diag diag = {0};
    struct mer_fetch_field **f = kpi_fixture_fields(&t->x, "Query", mer_kpi_cells_graphql(t->x.a, part), &n);
    if (make_ask(t, f[0], &ask, &diag))
        die(diag.msg);
    return mer_kpi_part_of_cells(ask, t->tenant);
}

static void add_set(struct tool *t, struct place *p, struct mer_kpi_part part, bool compare)
{
    struct mer_sql sql;
    if (t->hop)
        part = hop(t, &part);
    if (p == &t->global)
        mer_kpi_stored_sql(t->x.a, &part, &sql);
    else
        mer_kpi_raw_part_sql(t->x.a, &part, &sql);
    t->sets[t->answers.sets_n++] = (struct mer_kpi_cells){run(t, p, &sql), compare};
}

static void ask_raw(struct tool *t, const struct mer_kpi_part *part, bool compare)
{
    struct mer_slice region = part->facilities[0].region;
    for (uint32_t i = 0; i < t->failing_n; i++)
        if (mer_slice_eq(t->failing[i], region)) {
            t->missing[t->answers.missing_regions_n++] = region;
            return;
        }
    for (uint32_t i = 0; i < t->regions_n; i++)
        if (mer_slice_eq(t->regions[i].name, region)) {
            add_set(t, &t->regions[i], *part, compare);
            return;
        }
    die("no such region");
}

static void answer_field(struct tool *t, const struct mer_fetch_field *f, struct mer_buf *out)
{
    struct mer_kpi_ask *ask;
    struct mer_diag diag = {0};
    enum mer_err err = make_ask(t, f, &ask, &diag);
    if (err) {
        mer_buf_printf(out, "{\"error\":%d,\"message\":", err);
        mer_json_write_string(out, mer_slice_of(diag.msg));
        mer_buf_add_char(out, '}');
        return;
    }
    t->answers = (struct mer_kpi_answers){.sets = t->sets, .missing_regions = t->missing};
    for (int compare = 0; compare <= (ask->has_compare ? 1 : 0); compare++) {
        struct mer_kpi_mark *marks;
        struct mer_kpi_part *parts;
        uint32_t n;
        add_set(t, &t->global, mer_kpi_part_of(ask, compare, t->tenant), compare);
        if (mer_kpi_read_marks(t->x.a, t->sets[t->answers.sets_n - 1].json, &marks, &n, &diag))
            die(diag.msg);
        n = mer_kpi_split(t->x.a, ask, compare, t->tenant, marks, n, &parts);
        for (uint32_t i = 0; i < n; i++)
            ask_raw(t, &parts[i], compare);
    }
    if (mer_kpi_finish(t->x.a, ask, &t->answers, out, NULL, &diag))
        die(diag.msg);
}

static bool read_option(struct tool *t, const char *name, const char *value)
{
    struct mer_slice rest = mer_slice_of(value), first;
    if (strcmp(name, "--schema") == 0)
        t->schema = value;
    else if (strcmp(name, "--global") == 0)
        t->global.dsn = value;
    else if (strcmp(name, "--tenant") == 0)
        t->tenant = rest;
    else if (strcmp(name, "--entity") == 0)
        t->entity = rest;
    else if (strcmp(name, "--query") == 0)
        t->query = rest;
    else if (strcmp(name, "--now") == 0)
        return mer_time_parse_rfc3339(rest, &t->now_us);
    else if (strcmp(name, "--fail") == 0 && t->failing_n < LIST_MAX)
        t->failing[t->failing_n++] = rest;
    else if (strcmp(name, "--region") == 0 && t->regions_n < LIST_MAX) {
        first = mer_slice_cut(&rest, '=');
        t->regions[t->regions_n++] = (struct place){.name = first, .dsn = rest.p};
    } else if (strcmp(name, "--facility") == 0 && t->facilities_n < LIST_MAX) {
        first = mer_slice_cut(&rest, '=');
        t->facilities[t->facilities_n++] = (struct mer_kpi_facility){first, rest};
    } else
        return false;
    return true;
}

int main(int argc, char **argv)
{
    static struct tool t = {.schema = "schema"};
    t.now_us = mer_time_wall_us();
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--hop") == 0)
            t.hop = true;
        else if (i + 1 == argc || !read_option(&t, argv[i], argv[i + 1]))
            die(argv[i]);
        else
            i++;
    }
    kpi_fixture_load(&t.x, t.schema);
    uint32_t n;
    struct mer_fetch_field **f = kpi_fixture_fields(&t.x, t.entity.n ? "Facility" : "Query", t.query, &n);
    struct mer_buf out;
    mer_buf_init(&out, NULL, 4096);
    for (uint32_t i = 0; i < n; i++) {
        mer_buf_add_char(&out, i ? ',' : '{');
        mer_json_write_string(&out, f[i]->key);
        mer_buf_add_char(&out, ':');
        answer_field(&t, f[i], &out);
    }
    printf("%.*s}\n", MER_FMT(mer_buf_slice(&out)));
    mer_buf_fini(&out);
    PQfinish(t.global.conn);
    for (uint32_t i = 0; i < t.regions_n; i++)
        PQfinish(t.regions[i].conn);
    mer_arena_destroy(t.x.a);
    return 0;
}
