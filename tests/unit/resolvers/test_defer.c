// SPDX-License-Identifier: MIT
// Deferred parts: what is told when, in both formats.
#include "sub_rig.h"

#include "mer_test.h"

#define DATA(x)           "{\"data\":" x "}"
#define PENDING(id, path) "{\"id\":\"" id "\",\"path\":[" path "]}"
#define DONE(id)          "\"completed\":[{\"id\":\"" id "\"}]"

static const struct sub_said people[] = {
    {"_entities", DATA("{\"_entities\":[{\"stock\":7}]}"), 0},
    {"people{", DATA("{\"people\":[{\"id\":\"1\",\"name\":\"Ada\"},{\"id\":\"2\",\"name\":\"Bo\"}]}"), 0},
    {"person(", DATA("{\"person\":{\"id\":\"1\",\"name\":\"Ada\"}}"), 0},
    {"add(", DATA("{\"add\":{\"id\":\"1\",\"name\":\"Ada\"}}"), 0},
    {NULL, NULL, 0}};

static const struct sub_said works[] = {
    {"count", DATA("{\"count\":3}"), 0},
    {"\"id\":\"2\"",
     DATA("{\"_entities\":[{\"title\":\"Dr\",\"score\":0.5},{\"title\":\"Ms\",\"score\":null}]}"), 0},
    {"works{",
     DATA(
         "{\"_entities\":[{\"title\":\"Dr\",\"works\":[{\"sku\":\"a\",\"at\":{\"n\":1},\"label\":\"x\"}]}]}"),
     0},
    {"_entities", DATA("{\"_entities\":[{\"title\":\"Dr\",\"score\":0.5}]}"), 0},
    {NULL, NULL, 0}};

struct row {
    const char *query, *variables, *now, *then; // the current format; of 2022
};

static void expect(const struct row *rows, size_t n, const struct sub_said *p, const struct sub_said *w)
{
    for (size_t i = 0; i < n; i++) {
        for (enum mer_exec_parts parts = MER_EXEC_PARTS_2022; parts <= MER_EXEC_PARTS; parts++) {
            struct sub_rig r;
            const char *want = parts == MER_EXEC_PARTS ? rows[i].now : rows[i].then;
            sub_rig_open(&r, p, w);
            r.parts = parts;
            if (want) {
                sub_expect(&r, rows[i].query, rows[i].variables, want);
            }
            sub_rig_close(&r);
        }
    }
}

static void what_needs_a_request_of_its_own_is_told_later(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{person(id:1){name...@defer(label:\"a\"){title}}}", NULL,
         "\"data\":{\"person\":{\"name\":\"Ada\"}},\"pending\":[{\"id\":\"0\",\"path\":[\"person\"],"
         "\"label\":\"a\"}]\n"
         "\"incremental\":[{\"id\":\"0\",\"data\":{\"title\":\"Dr\"}}]," DONE("0"),
         "\"data\":{\"person\":{\"name\":\"Ada\"}}\n"
         "\"incremental\":[{\"path\":[\"person\"],\"label\":\"a\",\"data\":{\"title\":\"Dr\"}}]"},
        {"{person(id:1){...@defer{name}title...@defer{id}}}", NULL,
         "\"data\":{\"person\":{\"name\":\"Ada\",\"title\":\"Dr\",\"id\":\"1\"}}",
         "\"data\":{\"person\":{\"name\":\"Ada\",\"title\":\"Dr\",\"id\":\"1\"}}"},
        {"query($v:Boolean!){person(id:1){name...@defer(if:$v){title}}}", "{\"v\":false}",
         "\"data\":{\"person\":{\"name\":\"Ada\",\"title\":\"Dr\"}}",
         "\"data\":{\"person\":{\"name\":\"Ada\",\"title\":\"Dr\"}}"},
        {"query($v:Boolean!){person(id:1){name...@defer@include(if:$v){title}}}", "{\"v\":false}",
         "\"data\":{\"person\":{\"name\":\"Ada\"}}", "\"data\":{\"person\":{\"name\":\"Ada\"}}"},
        {"query($v:Boolean!){person(id:1){name title@include(if:$v)...@defer{title}}}", "{\"v\":true}",
         "\"data\":{\"person\":{\"name\":\"Ada\",\"title\":\"Dr\"}}", NULL},
        {"query($v:Boolean!){person(id:1){name title@include(if:$v)...@defer{title}}}", "{\"v\":false}",
         "\"data\":{\"person\":{\"name\":\"Ada\"}},\"pending\":[" PENDING(
             "0", "\"person\"") "]\n"
                                "\"incremental\":[{\"id\":\"0\",\"data\":{\"title\":\"Dr\"}}]," DONE("0"),
         NULL},
        {"{person(id:1){name}...@defer{count}}", NULL,
         "\"data\":{\"person\":{\"name\":\"Ada\"}},\"pending\":[" PENDING(
             "0", "") "]\n"
                      "\"incremental\":[{\"id\":\"0\",\"data\":{\"count\":3}}]," DONE("0"),
         "\"data\":{\"person\":{\"name\":\"Ada\"}}\n\"incremental\":[{\"path\":[],\"data\":{\"count\":3}}]"},
        {"mutation{add(name:\"x\"){name...@defer{title}}}", NULL,
         "\"data\":{\"add\":{\"name\":\"Ada\"}},\"pending\":[" PENDING(
             "0", "\"add\"") "]\n"
                             "\"incremental\":[{\"id\":\"0\",\"data\":{\"title\":\"Dr\"}}]," DONE("0"),
         NULL},
    };
    expect(rows, sizeof(rows) / sizeof(rows[0]), people, works);
}

static void fragments_meet(void **state)
{
    (void)state;
    static const struct row rows[] = {
        // one in another
        {"{person(id:1){name...@defer{title...@defer{works{sku...@defer{stock}}}}}}", NULL,
         "\"data\":{\"person\":{\"name\":\"Ada\"}},\"pending\":[" PENDING(
             "0",
             "\"person\"") "]\n"
                           "\"pending\":[" PENDING(
                               "1",
                               "\"person\",\"works\",0") "],"
                                                         "\"incremental\":[{\"id\":\"0\",\"data\":{\"title\":"
                                                         "\"Dr\",\"works\":[{\"sku\":\"a\"}]}}]," DONE(
                                                             "0") "\n"
                                                                  "\"incremental\":[{\"id\":\"1\",\"data\":{"
                                                                  "\"stock\":7}}]," DONE("1"),
         NULL},
        // the same said in two: told with the first that is complete
        {"{person(id:1){name...@defer(label:\"a\"){title}...@defer(label:\"b\"){title works{sku stock}}}}",
         NULL,
         "\"data\":{\"person\":{\"name\":\"Ada\"}},\"pending\":[{\"id\":\"0\",\"path\":[\"person\"],"
         "\"label\":\"a\"},"
         "{\"id\":\"1\",\"path\":[\"person\"],\"label\":\"b\"}]\n"
         "\"incremental\":[{\"id\":\"0\",\"data\":{\"title\":\"Dr\"}}]," DONE(
             "0") "\n"
                  "\"incremental\":[{\"id\":\"1\",\"data\":{\"works\":[{\"sku\":\"a\",\"stock\":7}]}}]," DONE(
                      "1"),
         "\"data\":{\"person\":{\"name\":\"Ada\"}}\n"
         "\"incremental\":[{\"path\":[\"person\"],\"label\":\"a\",\"data\":{\"title\":\"Dr\"}}]\n"
         "\"incremental\":[{\"path\":[\"person\"],\"label\":\"b\",\"data\":{\"title\":\"Dr\",\"works\":[{"
         "\"sku\":\"a\","
         "\"stock\":7}]}}]"},
        // what the rest says, too, is told there, and the part goes on below it
        {"{person(id:1){title works{sku}...@defer(label:\"a\"){works{sku stock}name}}}", NULL,
         "\"data\":{\"person\":{\"title\":\"Dr\",\"works\":[{\"sku\":\"a\"}]}},"
         "\"pending\":[{\"id\":\"0\",\"path\":[\"person\"],\"label\":\"a\"}]\n"
         "\"incremental\":[{\"id\":\"0\",\"data\":{\"name\":\"Ada\"}},"
         "{\"id\":\"0\",\"subPath\":[\"works\",0],\"data\":{\"stock\":7}}]," DONE("0"),
         "\"data\":{\"person\":{\"title\":\"Dr\",\"works\":[{\"sku\":\"a\"}]}}\n"
         "\"incremental\":[{\"path\":[\"person\"],\"label\":\"a\",\"data\":{\"works\":[{\"sku\":\"a\","
         "\"stock\":7}],"
         "\"name\":\"Ada\"}}]"},
        // a fragment at several objects
        {"{people{name...F@defer}} fragment F on Person{score}", NULL,
         "\"data\":{\"people\":[{\"name\":\"Ada\"},{\"name\":\"Bo\"}]},\"pending\":[" PENDING(
             "0",
             "\"people\",0") "," PENDING("1",
                                         "\"people\",1") "]\n"
                                                         "\"incremental\":[{\"id\":\"0\",\"data\":{\"score\":"
                                                         "0.5}},{\"id\":\"1\",\"data\":{\"score\":null}}],"
                                                         "\"completed\":[{\"id\":\"0\"},{\"id\":\"1\"}]",
         NULL},
    };
    expect(rows, sizeof(rows) / sizeof(rows[0]), people, works);
}

static void failures_stay_in_their_part(void **state)
{
    (void)state;
#define WHY(path)                                                                                            \
    "\"errors\":[{\"message\":\"no\",\"path\":[" path                                                        \
    "],\"extensions\":{\"code\":\"FETCH_ERROR\",\"source\":\"works\"}}]"
    static const struct sub_said broken[] = {
        {"title",
         DATA("{\"_entities\":[{\"title\":null}]},\"errors\":[{\"message\":\"no\",\"path\":[\"_entities\",0,"
              "\"title\"]}]"),
         0},
        {"score",
         DATA("{\"_entities\":[{\"score\":null}]},\"errors\":[{\"message\":\"no\",\"path\":[\"_entities\",0,"
              "\"score\"]}]"),
         0},
        {NULL, NULL, 0}};
    static const struct row rows[] = {
        {"{person(id:1){name...@defer{score}}}", NULL,
         "\"data\":{\"person\":{\"name\":\"Ada\"}},\"pending\":[" PENDING(
             "0", "\"person\"") "]\n"
                                "\"incremental\":[{\"id\":\"0\",\"data\":{\"score\":null}," WHY(
                                    "\"person\",\"score\"") "}]," DONE("0"),
         "\"data\":{\"person\":{\"name\":\"Ada\"}}\n\"incremental\":[{\"path\":[\"person\"],\"data\":{"
         "\"score\":null}," WHY("\"person\",\"score\"") "}]"},
        {"{person(id:1){name...@defer{title}}}", NULL,
         "\"data\":{\"person\":{\"name\":\"Ada\"}},\"pending\":[" PENDING(
             "0", "\"person\"") "]\n"
                                "\"completed\":[{\"id\":\"0\"," WHY("\"person\",\"title\"") "}]",
         "\"data\":{\"person\":{\"name\":\"Ada\"}}\n\"incremental\":[{\"path\":[\"person\"],\"data\":"
         "null," WHY("\"person\",\"title\"") "}]"},
    };
    expect(rows, sizeof(rows) / sizeof(rows[0]), people, broken);
}

static void what_is_null_has_no_part(void **state)
{
    (void)state;
    static const struct sub_said nobody[] = {{"person", DATA("{\"person\":null}"), 0}, {NULL, NULL, 0}};
    static const struct row rows[] = {
        {"{person(id:1){name...@defer{title}}}", NULL, "\"data\":{\"person\":null}",
         "\"data\":{\"person\":null}"},
    };
    expect(rows, 1, nobody, works);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_needs_a_request_of_its_own_is_told_later),
        cmocka_unit_test(fragments_meet),
        cmocka_unit_test(failures_stay_in_their_part),
        cmocka_unit_test(what_is_null_has_no_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
