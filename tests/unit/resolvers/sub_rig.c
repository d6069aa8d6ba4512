// SPDX-License-Identifier: MIT
#include "sub_rig.h"

#include "mer_test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/time.h"
#include "schema/parser.h"
#include "without_locations.h"

// ---- servers ----

static void note(struct sub_server *s, const char *body)
{
    pthread_mutex_lock(&s->lock);
    if (s->asked_n < sizeof(s->asked) / sizeof(s->asked[0])) {
        char *copy = strdup(body);
        s->asked[s->asked_n] = mer_slice_of(copy);
    }
    s->asked_n++;
    pthread_mutex_unlock(&s->lock);
}

static void answer(struct gql_peer *p)
{
    struct sub_server *s = gql_peer_owner(p);
    const char *request = NULL;
    while ((request = gql_peer_read(p))) {
        const char *body = strstr(request, "\r\n\r\n") + 4;
        const struct sub_said *say = s->says;
        note(s, body);
        while (say->asked && !strstr(body, say->asked)) {
            say++;
        }
        if (!say->asked) {
            fprintf(stderr, "asked what has no answer: %s\n", body);
        }
        if (!say->asked || !say->body) {
            return;
        }
        if (strcmp(say->body, "…") == 0) {
            gql_peer_wait(p);
            return;
        }
        char head[160];
        snprintf(head, sizeof(head),
                 "HTTP/1.1 %d X\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n",
                 say->status ? say->status : 200, strlen(say->body));
        gql_peer_say(p, head);
        gql_peer_say(p, say->body);
    }
}

void sub_rig_open(struct sub_rig *r, const struct sub_said *people, const struct sub_said *works)
{
    *r = (struct sub_rig){.a = mer_arena_create(0), .loop = mer_loop_create()};
    r->servers[SUB_PEOPLE].says = people;
    r->servers[SUB_WORKS].says = works;
    struct mer_diag diag = {0};
    if (sub_graph_make(r->a, &r->graph, &diag)) {
        fail_msg("%s", diag.msg);
    }
    for (uint32_t i = 0; i < SUB_N; i++) {
        struct mer_diag d = {0};
        struct gql_server_opts o = {.script = answer, .owner = &r->servers[i]};
        pthread_mutex_init(&r->servers[i].lock, NULL);
        r->servers[i].server = gql_server_start(&o);
        struct mer_gql_client_opts c = {
            .url = mer_arena_printf(r->a, "http://127.0.0.1:%d/", gql_server_port(r->servers[i].server)),
            .connections_max = 1}; // so that requests come in their order
        r->clients[i] = mer_gql_client_create(r->loop, &c, &d);
        assert_non_null(r->clients[i]);
        r->links[i].client = r->clients[i];
        r->sources[i] = (struct mer_site_source){.name = r->graph.sources[i].name, .plain = true, .place = i};
        r->places[i] = (struct mer_place){.index = i, .source = i, .name = r->sources[i].name};
    }
    r->site = (struct mer_site){.loop = r->loop,
                                .graph = &r->graph,
                                .sources = r->sources,
                                .sources_n = SUB_N,
                                .places = r->places,
                                .links = r->links,
                                .places_n = SUB_N,
                                .board = mer_board_create(SUB_N)};
}

void sub_rig_close(struct sub_rig *r)
{
    for (uint32_t i = 0; i < SUB_N; i++) {
        mer_gql_client_unref(r->clients[i]);
        gql_server_stop(r->servers[i].server);
        for (uint32_t k = 0; k < r->servers[i].asked_n && k < 16; k++) {
            free((void *)(uintptr_t)r->servers[i].asked[k].p);
        }
        pthread_mutex_destroy(&r->servers[i].lock);
    }
    mer_board_destroy(r->site.board);
    mer_loop_destroy(r->loop);
    mer_arena_destroy(r->a);
}

// ---- running ----

static void finished(void *owner)
{
    struct sub_run *run = owner;
    bool has_data = false;
    if (mer_exec_in_parts(run->x) && !run->out.p) {
        mer_buf_init(&run->out, run->a, 256);
        mer_exec_write(run->x, &run->out, &has_data);
    } else if (mer_exec_in_parts(run->x)) {
        mer_buf_add_char(&run->out, '\n');
        mer_exec_write_part(run->x, &run->out);
    }
    run->done = !mer_exec_in_parts(run->x) || !mer_exec_more(run->x);
    run->done_us = mer_time_mono_us();
}

void sub_begin(struct sub_rig *r, struct sub_run *run, const char *query, const char *variables,
               const char *authorization)
{
    struct mer_ast_document *doc = NULL;
    struct mer_plan *plan = NULL;
    struct mer_diag d = {0};
    struct mer_json j;
    struct mer_in_error *errors = NULL;
    uint32_t n = 0;
    *run = (struct sub_run){.rig = r, .a = mer_arena_create(0), .begun_us = mer_time_mono_us()};
    struct mer_slice given = mer_slice_of(variables ? variables : "{}");
    assert_int_equal(mer_parse(run->a, mer_slice_of(query), MER_PARSE_EXECUTABLE, NULL, &doc, &d), MER_OK);
    if (mer_plan_build(run->a, &r->graph, doc, doc->operations[0], NULL, &plan, &d)) {
        fail_msg("%s: %s", query, d.msg);
    }
    assert_int_equal(mer_json_parse(run->a, given, NULL, &j, &d), MER_OK);
    assert_int_equal(mer_coerce_variables(run->a, r->graph.api, doc->operations[0], &j, mer_json_root(&j),
                                          &run->vars, &errors, &n),
                     MER_OK);
    run->header = (struct mer_gql_header){MER_S("authorization"), mer_slice_of(authorization)};
    struct mer_exec_ask ask = {.arena = run->a,
                               .site = &r->site,
                               .plan = plan,
                               .vars = &run->vars,
                               .variables = given,
                               .headers = &run->header,
                               .headers_n = authorization ? 1 : 0,
                               .max_age_us = -1,
                               .parts = r->parts,
                               .deadline_mono_us =
                                   run->begun_us + (r->wait_ms ? r->wait_ms : 700) * INT64_C(1000),
                               .done = finished,
                               .owner = run};
    run->x = mer_exec_start(&ask);
}

void sub_wait(struct sub_run *run)
{
    bool has_data = false;
    int64_t end = mer_time_mono_us() + 10000000;
    while (!run->done) {
        mer_loop_turn(run->rig->loop, 20);
        assert_true(mer_time_mono_us() < end);
    }
    if (!mer_exec_in_parts(run->x)) {
        mer_buf_init(&run->out, run->a, 256);
        mer_exec_write(run->x, &run->out, &has_data);
    }
    without_locations(&run->out);
}

void sub_end(struct sub_run *run)
{
    mer_exec_end(run->x);
    mer_arena_destroy(run->a);
}

void sub_expect(struct sub_rig *r, const char *query, const char *variables, const char *want)
{
    struct sub_run run;
    sub_begin(r, &run, query, variables, NULL);
    sub_wait(&run);
    if (!mer_slice_is(mer_buf_slice(&run.out), want)) {
        fail_msg("%s\n  got  %.*s\n  want %s", query, MER_FMT(mer_buf_slice(&run.out)), want);
    }
    sub_end(&run);
}

void sub_asked(struct sub_rig *r, int server, uint32_t n)
{
    struct sub_server *s = &r->servers[server];
    pthread_mutex_lock(&s->lock);
    for (uint32_t i = 0; s->asked_n != n && i < s->asked_n && i < 16; i++) {
        print_message("asked: %.*s\n", MER_FMT(s->asked[i]));
    }
    uint32_t asked_n = s->asked_n;
    pthread_mutex_unlock(&s->lock);
    assert_int_equal(asked_n, n);
}

void sub_asked_for(struct sub_rig *r, int server, uint32_t nth, const char *text)
{
    const struct sub_server *s = &r->servers[server];
    assert_true(nth < s->asked_n);
    if (!strstr(s->asked[nth].p, text)) {
        fail_msg("request %u\n  was  %s\n  want %s", nth, s->asked[nth].p, text);
    }
}
