// SPDX-License-Identifier: MIT
// Plain subgraphs over real sockets: what they are asked, and what becomes of what they answer, right or
// wrong.
#include "sub_rig.h"

#include "mer_test.h"

#include <stdio.h>

#include "base/time.h"

#define DATA(x) "{\"data\":" x "}"
#define TOLD(message, source, path)                                                                          \
    "{\"message\":\"" message "\",\"path\":[" path                                                           \
    "],\"extensions\":{\"code\":\"FETCH_ERROR\",\"source\":\"" source "\"}}"
#define CODED(code, message, source, path)                                                                   \
    "{\"message\":\"" message "\",\"path\":[" path "],\"extensions\":{\"code\":\"" code                      \
    "\",\"source\":\"" source "\"}}"

static const struct sub_said nothing[] = {{NULL, NULL, 0}};

// ---- asking ----

static void equal_representations_are_asked_once(void **state)
{
    (void)state;
    static const struct sub_said people[] = {
        {"people", DATA("{\"people\":[{\"id\":\"1\"},{\"id\":\"2\"},null,{\"id\":\"1\"}]}"), 0},
        {NULL, NULL, 0}};
    static const struct sub_said works[] = {
        {"_entities", DATA("{\"_entities\":[{\"title\":\"one\"},{\"title\":\"two\"}]}"), 0}, {NULL, NULL, 0}};
    struct sub_rig r;
    sub_rig_open(&r, people, works);
    sub_expect(&r, "{people{title}}", NULL,
               "\"data\":{\"people\":[{\"title\":\"one\"},{\"title\":\"two\"},null,{\"title\":\"one\"}]}");
    sub_asked(&r, SUB_WORKS, 1);
    sub_asked_for(&r, SUB_WORKS, 0,
                  "\"variables\":{\"r1\":[{\"__typename\":\"Person\",\"id\":\"1\"},"
                  "{\"__typename\":\"Person\",\"id\":\"2\"}]}");
    sub_rig_close(&r);
}

static void long_lists_go_in_pieces(void **state)
{
    (void)state;
    static const struct sub_said people[] = {
        {"people",
         DATA("{\"people\":[{\"id\":\"1\"},{\"id\":\"2\"},{\"id\":\"3\"},{\"id\":\"4\"},{\"id\":\"5\"}]}"),
         0},
        {NULL, NULL, 0}};
    static const struct sub_said works[] = {
        {"\"id\":\"1\"", DATA("{\"_entities\":[{\"title\":\"a\"},{\"title\":\"b\"}]}"), 0},
        {"\"id\":\"3\"", DATA("{\"_entities\":[{\"title\":\"c\"},{\"title\":\"d\"}]}"), 0},
        {"\"id\":\"5\"", DATA("{\"_entities\":[{\"title\":\"e\"}]}"), 0},
        {NULL, NULL, 0}};
    struct sub_rig r;
    sub_rig_open(&r, people, works);
    r.site.entities_max = 2;
    sub_expect(
        &r, "{people{title}}", NULL,
        "\"data\":{\"people\":[{\"title\":\"a\"},{\"title\":\"b\"},{\"title\":\"c\"},{\"title\":\"d\"},{"
        "\"title\":\"e\"}]}");
    sub_asked(&r, SUB_WORKS, 3);
    sub_rig_close(&r);
}

static void one_turn_is_one_request_to_each(void **state)
{
    (void)state;
    static const struct sub_said works[] = {
        {"best",
         DATA("{\"best\":{\"owner\":{\"id\":\"1\"}},\"any\":{\"__typename\":\"Person\",\"id\":\"2\"}}"), 0},
        {NULL, NULL, 0}};
    static const struct sub_said people[] = {
        {"_e",
         "{\"data\":{\"_e1\":[{\"who\":\"Ann\",\"when\":null}],\"_e2\":[{\"name\":null}]},\"errors\":["
         "{\"message\":\"lost\",\"path\":[\"_e1\",0,\"when\"],\"extensions\":{\"code\":\"GONE\"}},"
         "{\"message\":\"shy\",\"path\":[\"_e2\",0,\"name\"]}]}",
         0},
        {NULL, NULL, 0}};
    struct sub_rig r;
    sub_rig_open(&r, people, works);
    sub_expect(
        &r, "{best{owner{who:name when:born}} any{... on Person{name}}}", NULL,
        "\"data\":{\"best\":{\"owner\":{\"who\":\"Ann\",\"when\":null}},\"any\":{\"name\":null}},\"errors\":["
        "{\"message\":\"lost\",\"path\":[\"best\",\"owner\",\"when\"],\"extensions\":{\"code\":\"FETCH_"
        "ERROR\",\"source\":\"people\",\"sourceCode\":\"GONE\"}}," TOLD("shy", "people",
                                                                        "\"any\",\"name\"") "]");
    sub_asked(&r, SUB_WORKS, 1);
    sub_asked(&r, SUB_PEOPLE, 1);
    sub_rig_close(&r);
}

static void an_entity_is_asked_for_once_in_an_operation(void **state)
{
    (void)state;
    static const struct sub_said works[] = {
        {"best",
         DATA("{\"best\":{\"owner\":{\"id\":\"1\"}},\"any\":{\"__typename\":\"Person\",\"id\":\"1\"}}"), 0},
        {NULL, NULL, 0}};
    static const struct sub_said people[] = {
        {"_entities",
         "{\"data\":{\"_entities\":[{\"name\":null}]},\"errors\":[{\"message\":\"shy\",\"path\":["
         "\"_entities\",0,\"name\"]}]}",
         0},
        {NULL, NULL, 0}};
    static const struct sub_said down[] = {{"_entities", "{}", 503}, {NULL, NULL, 0}};
    struct sub_rig r;
    sub_rig_open(&r, people, works);
    sub_expect(&r, "{best{owner{name}} any{... on Person{name}}}", NULL,
               "\"data\":{\"best\":{\"owner\":{\"name\":null}},\"any\":{\"name\":null}},\"errors\":[" TOLD(
                   "shy", "people", "\"best\",\"owner\",\"name\"") "," TOLD("shy", "people",
                                                                            "\"any\",\"name\"") "]");
    sub_asked(&r, SUB_PEOPLE, 1);
    sub_asked_for(&r, SUB_PEOPLE, 0, "{\"r1\":[{\"__typename\":\"Person\",\"id\":\"1\"}]}");
    sub_rig_close(&r);
    sub_rig_open(&r, down, works);
#define DOWN(path) CODED("SOURCE_UNAVAILABLE", "subgraph people is not able to answer", "people", path)
    sub_expect(&r, "{best{owner{name}} any{... on Person{name}}}", NULL,
               "\"data\":{\"best\":{\"owner\":{\"name\":null}},\"any\":{\"name\":null}},\"errors\":[" DOWN(
                   "\"best\",\"owner\"") "," DOWN("\"any\"") "]");
    sub_asked(&r, SUB_PEOPLE, 1);
    sub_rig_close(&r);
}

static void variables_and_conditions_are_the_clients(void **state)
{
    (void)state;
    static const struct sub_said people[] = {{"person", DATA("{\"person\":{\"born\":1815}}"), 0},
                                             {NULL, NULL, 0}};
    struct sub_rig r;
    sub_rig_open(&r, people, nothing);
    sub_expect(&r,
               "query($k:Kind=HIGH,$id:ID!,$no:Boolean!){person(id:$id,kind:$k){name @include(if:$no) born}}",
               "{\"id\":\"\\u0041\\\"\",\"no\":false}", "\"data\":{\"person\":{\"born\":1815}}");
    sub_asked_for(&r, SUB_PEOPLE, 0,
                  "{\"query\":\"query($k:Kind=HIGH,$id:ID!){person(id:$id kind:$k){born}}\","
                  "\"variables\":{\"id\":\"\\u0041\\\"\"}}");
    sub_expect(&r, "{person(id:\"a\\\"\\n\"){born}}", NULL, "\"data\":{\"person\":{\"born\":1815}}");
    sub_asked_for(&r, SUB_PEOPLE, 1, "{\"query\":\"{person(id:\\\"a\\\\\\\"\\\\n\\\"){born}}\"}");
    sub_rig_close(&r);
}

static void nothing_is_asked_where_all_is_skipped(void **state)
{
    (void)state;
    static const struct sub_said people[] = {
        {"people", DATA("{\"people\":[{\"id\":\"1\",\"name\":\"Ann\"}]}"), 0}, {NULL, NULL, 0}};
    struct sub_rig r;
    sub_rig_open(&r, people, nothing);
    sub_expect(&r, "query($no:Boolean!){people{name title @include(if:$no)} count @include(if:$no)}",
               "{\"no\":false}", "\"data\":{\"people\":[{\"name\":\"Ann\"}]}");
    sub_asked(&r, SUB_WORKS, 0);
    sub_rig_close(&r);
}

static void compound_keys_are_told_as_they_nest(void **state)
{
    (void)state;
    static const struct sub_said works[] = {
        {"best", DATA("{\"best\":{\"sku\":\"s\\u0041\",\"at\":{\"n\":7},\"label\":\"L\"}}"), 0},
        {NULL, NULL, 0}};
    static const struct sub_said people[] = {{"_entities", DATA("{\"_entities\":[{\"stock\":3}]}"), 0},
                                             {NULL, NULL, 0}};
    struct sub_rig r;
    sub_rig_open(&r, people, works);
    sub_expect(&r, "{best{label stock}}", NULL, "\"data\":{\"best\":{\"label\":\"L\",\"stock\":3}}");
    sub_asked_for(&r, SUB_PEOPLE, 0, "[{\"__typename\":\"Work\",\"sku\":\"s\\u0041\",\"at\":{\"n\":7}}]");
    sub_rig_close(&r);
}

static void an_object_without_its_key_is_not_asked_for(void **state)
{
    (void)state;
    static const struct sub_said works[] = {
        {"best",
         "{\"data\":{\"best\":{\"sku\":null,\"at\":{\"n\":7},\"label\":\"L\"}},\"errors\":[{\"message\":\"no "
         "sku\",\"path\":[\"best\",\"sku\"]}]}",
         0},
        {NULL, NULL, 0}};
    struct sub_rig r;
    sub_rig_open(&r, nothing, works);
    sub_expect(&r, "{best{label stock}}", NULL,
               "\"data\":{\"best\":{\"label\":\"L\",\"stock\":null}},\"errors\":[" TOLD("no sku", "works",
                                                                                        "\"best\"") "]");
    sub_asked(&r, SUB_PEOPLE, 0);
    sub_rig_close(&r);
}

static void mutations_go_one_after_the_other(void **state)
{
    (void)state;
    static const struct sub_said people[] = {{"add", DATA("{\"add\":{\"id\":\"9\"}}"), 0}, {NULL, NULL, 0}};
    static const struct sub_said works[] = {{"_entities", DATA("{\"_entities\":[{\"title\":\"new\"}]}"), 0},
                                            {"mutation{rate", DATA("{\"rate\":{\"label\":\"L\"}}"), 0},
                                            {NULL, NULL, 0}};
    struct sub_rig r;
    sub_rig_open(&r, people, works);
    sub_expect(&r, "mutation{add(name:\"x\"){title} rate(n:1){label}}", NULL,
               "\"data\":{\"add\":{\"title\":\"new\"},\"rate\":{\"label\":\"L\"}}");
    sub_asked_for(&r, SUB_WORKS, 0, "_entities");
    sub_asked_for(&r, SUB_WORKS, 1, "rate");
    sub_rig_close(&r);
}

// ---- sharing ----

static void equal_requests_of_one_scope_share_an_answer(void **state)
{
    (void)state;
    static const struct sub_said people[] = {{"people", DATA("{\"people\":[{\"name\":\"Ann\"}]}"), 0},
                                             {NULL, NULL, 0}};
    static const char *const who[] = {"Bearer a", "Bearer a", "Bearer b", NULL, "Bearer a"};
    struct sub_run runs[5];
    struct sub_rig r;
    sub_rig_open(&r, people, nothing);
    for (int i = 0; i < 5; i++) {
        sub_begin(&r, &runs[i], "{people{name}}", NULL, who[i]);
    }
    for (int i = 0; i < 3; i++) {
        mer_loop_turn(r.loop, 0);
    }
    sub_end(&runs[0]); // who began it leaves: the others' answer comes all the same
    for (int i = 1; i < 5; i++) {
        sub_wait(&runs[i]);
        mer_assert_slice(mer_buf_slice(&runs[i].out), "\"data\":{\"people\":[{\"name\":\"Ann\"}]}");
        sub_end(&runs[i]);
    }
    sub_asked(&r, SUB_PEOPLE, 3);
    r.site.unshared = true;
    for (int i = 0; i < 2; i++) {
        sub_begin(&r, &runs[i], "{people{name}}", NULL, NULL);
    }
    for (int i = 0; i < 2; i++) {
        sub_wait(&runs[i]);
        sub_end(&runs[i]);
    }
    sub_asked(&r, SUB_PEOPLE, 5);
    sub_rig_close(&r);
}

static void whoever_ends_early_takes_nothing_along(void **state)
{
    (void)state;
    static const struct sub_said people[] = {{"people", "…", 0}, {NULL, NULL, 0}};
    struct sub_run runs[2];
    struct sub_rig r;
    sub_rig_open(&r, people, nothing);
    for (int i = 0; i < 2; i++) {
        sub_begin(&r, &runs[i], "{people{name}}", NULL, NULL);
    }
    for (int i = 0; i < 5; i++) {
        mer_loop_turn(r.loop, 5);
    }
    for (int i = 0; i < 2; i++) {
        sub_end(&runs[i]);
        assert_false(runs[i].done);
    }
    sub_rig_close(&r);
}

// Who waits with others for a server that says nothing waits as long as it may itself, not as long as they.
static void each_waits_its_own_time(void **state)
{
    (void)state;
    static const struct sub_said people[] = {{"people", "…", 0}, {NULL, NULL, 0}};
    static const int64_t begin_ms[] = {0, 0, 100, 300};
    struct sub_run runs[4];
    struct sub_rig r;
    sub_rig_open(&r, people, nothing);
    r.wait_ms = 400;
    int64_t begin = mer_time_mono_us();
    for (int i = 0; i < 4; i++) {
        while (mer_time_mono_us() < begin + begin_ms[i] * 1000) {
            mer_loop_turn(r.loop, 5);
        }
        sub_begin(&r, &runs[i], "{people{name}}", NULL, NULL);
    }
    for (int i = 0; i < 4; i++) {
        sub_wait(&runs[i]);
        assert_in_range(runs[i].done_us - runs[i].begun_us, 390 * 1000, 500 * 1000);
        sub_end(&runs[i]);
    }
    sub_asked(&r, SUB_PEOPLE, 2); // the second time for those that joined the first late
    sub_rig_close(&r);
}

// A server's silence counts against it also where who asked it left, and those who joined had less time.
static void silence_is_heard_though_the_sender_left(void **state)
{
    (void)state;
    static const struct sub_said people[] = {{"people", "…", 0}, {NULL, NULL, 0}};
    struct sub_run runs[2];
    struct sub_rig r;
    struct mer_gql_stats stats;
    sub_rig_open(&r, people, nothing);
    r.wait_ms = 700;
    sub_begin(&r, &runs[0], "{people{name}}", NULL, NULL);
    r.wait_ms = 100;
    sub_begin(&r, &runs[1], "{people{name}}", NULL, NULL);
    for (int i = 0; i < 3; i++) {
        mer_loop_turn(r.loop, 5);
    }
    sub_end(&runs[0]);
    sub_wait(&runs[1]);
    assert_in_range(runs[1].done_us - runs[1].begun_us, 90 * 1000, 300 * 1000);
    sub_end(&runs[1]);
    mer_gql_client_stats(r.clients[SUB_PEOPLE], &stats);
    assert_int_equal(stats.failed_total, 1);
    sub_asked(&r, SUB_PEOPLE, 1);
    sub_rig_close(&r);
}

// ---- errors ----

static void an_error_is_told_wherever_its_entity_stands(void **state)
{
    (void)state;
    static const struct sub_said people[] = {
        {"people", DATA("{\"folk\":[{\"id\":\"1\"},{\"id\":\"2\"},{\"id\":\"1\"}]}"), 0}, {NULL, NULL, 0}};
    static const struct sub_said works[] = {
        {"_entities",
         "{\"data\":{\"_entities\":[{\"done\":[{\"l\":\"x\"},{\"l\":null}]},{\"done\":[]}]},"
         "\"errors\":[{\"message\":\"torn\",\"path\":[\"_entities\",0,\"done\",1,\"l\"]}]}",
         0},
        {NULL, NULL, 0}};
    struct sub_rig r;
    sub_rig_open(&r, people, works);
    sub_expect(&r, "{folk:people{done:works{l:label}}}", NULL,
               "\"data\":{\"folk\":[{\"done\":[{\"l\":\"x\"},{\"l\":null}]},{\"done\":[]},{\"done\":[{\"l\":"
               "\"x\"},{\"l\":"
               "null}]}]},\"errors\":[" TOLD("torn", "works", "\"folk\",0,\"done\",1,\"l\"") "," TOLD(
                   "torn", "works", "\"folk\",2,\"done\",1,\"l\"") "]");
    sub_rig_close(&r);
}

static void what_failed_below_a_null_is_told_where_it_was(void **state)
{
    (void)state;
    static const struct sub_said people[] = {
        {"people", DATA("{\"people\":[{\"id\":\"1\"},{\"id\":\"2\"}]}"), 0}, {NULL, NULL, 0}};
    static const struct sub_said works[] = {
        {"_entities",
         "{\"data\":{\"_entities\":[null,{\"w\":null}]},\"errors\":["
         "{\"message\":\"no title\",\"path\":[\"_entities\",0,\"t\"]},"
         "{\"message\":\"no label\",\"path\":[\"_entities\",1,\"w\",3,\"l\"]}]}",
         0},
        {NULL, NULL, 0}};
    struct sub_rig r;
    sub_rig_open(&r, people, works);
    sub_expect(&r, "{people{t:title w:works{l:label}}}", NULL,
               "\"data\":{\"people\":[null,null]},\"errors\":[" TOLD(
                   "no title", "works",
                   "\"people\",0,\"t\"") ","
                                         "{\"message\":\"Cannot return null for non-nullable field "
                                         "Person.title.\",\"path\":[\"people\",1,\"t\"],"
                                         "\"extensions\":{\"code\":\"FETCH_ERROR\"}}," TOLD(
                                             "no label", "works", "\"people\",1,\"w\",3,\"l\"") "]");
    sub_rig_close(&r);
}

static void errors_of_what_came_all_the_same_are_told(void **state)
{
    (void)state;
    static const struct sub_said people[] = {
        {"people",
         "{\"data\":{\"people\":[{\"who\":\"Ann\"}]},\"errors\":[{\"message\":\"old\",\"path\":[\"people\","
         "0,\"who\"]},{\"message\":\"lost\"},{\"message\":\"odd\",\"path\":[\"nobody\"]}]}",
         0},
        {NULL, NULL, 0}};
    struct sub_rig r;
    sub_rig_open(&r, people, nothing);
    sub_expect(&r, "{people{who:name}}", NULL,
               "\"data\":{\"people\":[{\"who\":\"Ann\"}]},\"errors\":[" TOLD(
                   "old", "people", "\"people\",0,\"who\"") ",{\"message\":\"lost\",\"extensions\":{\"code\":"
                                                            "\"FETCH_ERROR\",\"source\":\"people\"}}"
                                                            ",{\"message\":\"odd\",\"extensions\":{\"code\":"
                                                            "\"FETCH_ERROR\",\"source\":\"people\"}}]");
    sub_rig_close(&r);
}

static void an_answer_of_any_status_is_understood(void **state)
{
    (void)state;
    static const struct sub_said people[] = {
        {"person",
         "{\"errors\":[{\"message\":\"down\",\"extensions\":{\"stacktrace\":[\"at x\"],"
         "\"why\":{\"a\": [1,\"x\"]},\"code\":\"OOPS\",\"source\":\"me\",\"serviceName\":\"q\"}}],"
         "\"data\":null}",
         500},
        {"people", DATA("{\"people\":[{\"name\":\"Ann\"}]}"), 418},
        {NULL, NULL, 0}};
    struct sub_rig r;
    sub_rig_open(&r, people, nothing);
    sub_expect(
        &r, "{p:person(id:1){name}}", NULL,
        "\"data\":{\"p\":null},\"errors\":[{\"message\":\"down\",\"path\":[\"p\"],\"extensions\":{\"code\":"
        "\"FETCH_ERROR\",\"source\":\"people\",\"sourceCode\":\"OOPS\",\"why\":{\"a\": "
        "[1,\"x\"]},\"serviceName\":\"q\"}}]");
    sub_expect(&r, "{people{name}}", NULL, "\"data\":{\"people\":[{\"name\":\"Ann\"}]}");
    sub_rig_close(&r);
}

static void what_is_no_answer_is_one_error(void **state)
{
    (void)state;
    static const struct {
        struct sub_said said;
        const char *code, *message;
    } cases[] = {
        {{"_entities", "{\"data\":{\"_entities\":[{\"title\":\"a\"}]}}", 0},
         "FETCH_ERROR",
         "subgraph works answered a wrong number of entities"},
        {{"_entities", "{\"data\":{\"_entities\":{}}}", 0},
         "FETCH_ERROR",
         "subgraph works answered a wrong number of entities"},
        {{"_entities", "{\"data\":null}", 0},
         "FETCH_ERROR",
         "subgraph works gave an answer that is not understood"},
        {{"_entities", "{\"data\":5,\"errors\":[]}", 0},
         "FETCH_ERROR",
         "subgraph works gave an answer that is not understood"},
        {{"_entities", "{\"data\":{\"_entities\":[{\"tit", 0},
         "FETCH_ERROR",
         "subgraph works gave an answer that is not understood"},
        {{"_entities", "<html>", 503}, "SOURCE_UNAVAILABLE", "subgraph works is not able to answer"},
        {{"_entities", NULL, 0}, "SOURCE_UNAVAILABLE", "subgraph works is not reachable"},
        {{"_entities", "…", 0}, "SOURCE_TIMEOUT", "subgraph works did not answer in time"},
    };
    static const struct sub_said people[] = {
        {"people", DATA("{\"people\":[{\"id\":\"1\",\"name\":\"Ann\"},{\"id\":\"2\",\"name\":\"Bo\"}]}"), 0},
        {NULL, NULL, 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct sub_said works[] = {cases[i].said, {NULL, NULL, 0}};
        char want[512];
        snprintf(want, sizeof(want),
                 "\"data\":{\"people\":[{\"name\":\"Ann\",\"works\":null},{\"name\":\"Bo\",\"works\":null}]},"
                 "\"errors\":["
                 "{\"message\":\"%s\",\"path\":[\"people\",0],\"extensions\":{\"code\":\"%s\",\"source\":"
                 "\"works\"}}]",
                 cases[i].message, cases[i].code);
        struct sub_rig r;
        sub_rig_open(&r, people, works);
        sub_expect(&r, "{people{name works{label}}}", NULL, want);
        sub_rig_close(&r);
    }
}

static void values_of_wrong_types_are_null_with_an_error(void **state)
{
    (void)state;
    static const struct {
        const char *field, *value, *told; // told NULL: it is wrong
    } cases[] = {
        {"id", "7", "\"7\""},
        {"name", "7", NULL},
        {"name", "[\"x\"]", NULL},
        {"born", "2147483647", "2147483647"},
        {"born", "2147483648", NULL},
        {"born", "1.5", NULL},
        {"born", "\"1\"", NULL},
        {"free", "1", NULL},
        {"weight", "1e999", "1e999"},
        {"weight", "\"1\"", NULL},
        {"tags", "\"x\"", NULL},
        {"tags", "[\"x\"]", "[\"x\"]"},
        {"extra", "{\"n\":12345678901234567890.10}", "{\"n\":12345678901234567890.10}"},
        {"rank", "\"LOW\"", "\"LOW\""},
        {"rank", "5", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char body[256], query[64], want[512];
        snprintf(body, sizeof(body), "{\"data\":{\"person\":{\"%s\":%s}}}", cases[i].field, cases[i].value);
        snprintf(query, sizeof(query), "{person(id:1){%s}}", cases[i].field);
        snprintf(want, sizeof(want), "\"data\":{\"person\":{\"%s\":%s}}%s%s%s", cases[i].field,
                 cases[i].told ? cases[i].told : "null",
                 cases[i].told ? ""
                               : ",\"errors\":[{\"message\":\"subgraph people answered a value of a wrong "
                                 "type\",\"path\":[\"person\",\"",
                 cases[i].told ? "" : cases[i].field,
                 cases[i].told ? ""
                               : "\"],\"extensions\":{\"code\":\"FETCH_ERROR\",\"source\":\"people\"}}]");
        const struct sub_said people[] = {{"person", body, 0}, {NULL, NULL, 0}};
        struct sub_rig r;
        sub_rig_open(&r, people, nothing);
        sub_expect(&r, query, NULL, want);
        sub_rig_close(&r);
    }
}

static void what_clients_do_not_know_is_not_told(void **state)
{
    (void)state;
    static const struct sub_said people[] = {{"person", DATA("{\"person\":{\"rank\":\"INNER\"}}"), 0},
                                             {NULL, NULL, 0}};
    static const struct sub_said works[] = {{"things",
                                             DATA("{\"things\":[{\"__typename\":\"Work\"},{\"__typename\":"
                                                  "\"Secret\"},{\"__typename\":\"Spot\"},{}]}"),
                                             0},
                                            {NULL, NULL, 0}};
    struct sub_rig r;
    sub_rig_open(&r, people, works);
    sub_expect(&r, "{person(id:1){rank}}", NULL,
               "\"data\":{\"person\":{\"rank\":null}},\"errors\":[" TOLD(
                   "subgraph people answered a value that enum Kind does not have", "people",
                   "\"person\",\"rank\"") "]");
#define CANNOT(n)                                                                                            \
    "{\"message\":\"a source answered an object of a type that cannot stand here\",\"path\":[\"things\"," n  \
    "],\"extensions\":{\"code\":\"FETCH_ERROR\"}}"
    sub_expect(&r, "{things{__typename}}", NULL,
               "\"data\":{\"things\":[{\"__typename\":\"Work\"},null,null,null]},\"errors\":[" CANNOT(
                   "1") "," CANNOT("2") "," CANNOT("3") "]");
    sub_rig_close(&r);
}

static void keys_out_of_order_and_unknown_keys_do_no_harm(void **state)
{
    (void)state;
    static const struct sub_said people[] = {
        {"person",
         DATA("{\"x\":[1,{}],\"person\":{\"born\":1,\"y\":{},\"na\\u006de\":\"Ann\",\"id\":\"1\"}}"), 0},
        {NULL, NULL, 0}};
    struct sub_rig r;
    sub_rig_open(&r, people, nothing);
    sub_expect(&r, "{person(id:1){id name born}}", NULL,
               "\"data\":{\"person\":{\"id\":\"1\",\"name\":\"Ann\",\"born\":1}}");
    sub_rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_representations_are_asked_once),
        cmocka_unit_test(long_lists_go_in_pieces),
        cmocka_unit_test(one_turn_is_one_request_to_each),
        cmocka_unit_test(an_entity_is_asked_for_once_in_an_operation),
        cmocka_unit_test(variables_and_conditions_are_the_clients),
        cmocka_unit_test(nothing_is_asked_where_all_is_skipped),
        cmocka_unit_test(compound_keys_are_told_as_they_nest),
        cmocka_unit_test(an_object_without_its_key_is_not_asked_for),
        cmocka_unit_test(mutations_go_one_after_the_other),
        cmocka_unit_test(equal_requests_of_one_scope_share_an_answer),
        cmocka_unit_test(whoever_ends_early_takes_nothing_along),
        cmocka_unit_test(each_waits_its_own_time),
        cmocka_unit_test(silence_is_heard_though_the_sender_left),
        cmocka_unit_test(an_error_is_told_wherever_its_entity_stands),
        cmocka_unit_test(what_failed_below_a_null_is_told_where_it_was),
        cmocka_unit_test(errors_of_what_came_all_the_same_are_told),
        cmocka_unit_test(an_answer_of_any_status_is_understood),
        cmocka_unit_test(what_is_no_answer_is_one_error),
        cmocka_unit_test(values_of_wrong_types_are_null_with_an_error),
        cmocka_unit_test(what_clients_do_not_know_is_not_told),
        cmocka_unit_test(keys_out_of_order_and_unknown_keys_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
