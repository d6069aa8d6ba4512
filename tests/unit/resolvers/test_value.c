// SPDX-License-Identifier: MIT
// Reading values: what a source answered along the selection that asked for it, right or wrong.
#include "mer_test.h"
#include "unit/resolvers/exec_rig.h"

static const char sdl[] =
    "type Query { node(id: ID!): Node plant: Plant grid: [[Int!]!] tags: [String!] at: Time any: Any }"
    " scalar Time scalar Any enum Kind { A B }"
    " interface Node { id: ID! }"
    " type Plant implements Node @key(fields: \"id\") { id: ID! name: String n: Int! on: Boolean f: Float "
    "kind: Kind"
    "   machines: [Machine!] home: Town grid: [[Town]] }"
    " type Town { name: String! }"
    " type Machine implements Node { id: ID! name: Int label: String }";

#define WRONG                                                                                                \
    "\"message\":\"the other gateway answered a value of a wrong "                                           \
    "type\",\"path\":[%s],\"extensions\":{\"code\":"                                                         \
    "\"FETCH_ERROR\",\"source\":\"rows\",\"tier\":\"regional\",\"region\":\"east\"}"

struct row {
    const char *query, *json, *data;
    const char *path; // of the one error, or NULL
};

static void expect(const struct row *row, enum rig_from from)
{
    struct rig r;
    struct mer_buf want;
    const struct rig_part part = {0, row->json, NULL, from, NULL};
    rig_begin(&r, sdl, row->query, NULL);
    rig_answer(&r, &part, 1);
    mer_buf_init(&want, r.a, 256);
    mer_buf_printf(&want, "\"data\":%s", row->data);
    if (row->path) {
        mer_buf_printf(&want, ",\"errors\":[{" WRONG "}]", row->path);
    }
    if (!mer_slice_eq(mer_buf_slice(&r.out), mer_buf_slice(&want))) {
        fail_msg("%s %s\n  got  %.*s\n  want %.*s", row->query, row->json, MER_FMT(mer_buf_slice(&r.out)),
                 MER_FMT(mer_buf_slice(&want)));
    }
    rig_end(&r);
}

static void right_answers_are_told_as_they_came(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{plant{name n on f kind}}",
         "{\"plant\":{\"name\":\"\\u00e4\\\"\",\"n\":-3,\"on\":true,\"f\":1e3,\"kind\":\"B\"}}",
         "{\"plant\":{\"name\":\"\\u00e4\\\"\",\"n\":-3,\"on\":true,\"f\":1e3,\"kind\":\"B\"}}", NULL},
        {"{plant{b:n a:name}}", "{\"plant\":{\"a\":null,\"b\":1}}", "{\"plant\":{\"b\":1,\"a\":null}}", NULL},
        {"{plant{n extra:name}}", "{\"plant\":{\"x\":[{}],\"n\":1}}", "{\"plant\":{\"n\":1,\"extra\":null}}",
         NULL},
        {"{grid}", "{\"grid\":[[1,2],[]]}", "{\"grid\":[[1,2],[]]}", NULL},
        {"{plant{grid{name}}}", "{\"plant\":{\"grid\":[[{\"name\":\"x\"},null],null,[]]}}",
         "{\"plant\":{\"grid\":[[{\"name\":\"x\"},null],null,[]]}}", NULL},
        {"{any at}", "{\"any\":{\"a\":[1]}}", "{\"any\":{\"a\":[1]},\"at\":null}", NULL},
        {"{node(id:\"x\"){id ...on Plant{t:name} ...on Machine{t:label l:label}}}",
         "{\"node\":{\"__typename\":\"Machine\",\"id\":\"m\",\"t\":\"T\",\"l\":\"L\"}}",
         "{\"node\":{\"id\":\"m\",\"t\":\"T\",\"l\":\"L\"}}", NULL},
        {"{node(id:\"x\"){...on Plant{name}}}", "{\"node\":{\"__typename\":\"Machine\"}}", "{\"node\":{}}",
         NULL},
        {"{node(id:\"x\"){__typename}}", "{\"node\":{\"__typename\":\"Plant\"}}",
         "{\"node\":{\"__typename\":\"Plant\"}}", NULL},
        {"{plant{__typename home{__typename}}}", "{\"plant\":{\"home\":{\"__typename\":\"Town\"}}}",
         "{\"plant\":{\"__typename\":\"Plant\",\"home\":{\"__typename\":\"Town\"}}}", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        expect(&rows[i], RIG_DATABASE);
        expect(&rows[i], RIG_GATEWAY);
    }
}

static void wrong_types_are_null_with_an_error(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{plant{name}}", "{\"plant\":{\"name\":5}}", "{\"plant\":{\"name\":null}}", "\"plant\",\"name\""},
        {"{plant{name}}", "{\"plant\":{\"name\":{\"a\":1}}}", "{\"plant\":{\"name\":null}}",
         "\"plant\",\"name\""},
        {"{plant{name}}", "{\"plant\":\"x\"}", "{\"plant\":null}", "\"plant\""},
        {"{plant{name}}", "{\"plant\":[{\"name\":\"x\"}]}", "{\"plant\":null}", "\"plant\""},
        {"{plant{n}}", "{\"plant\":{\"n\":1.5}}", "{\"plant\":null}", "\"plant\",\"n\""},
        {"{plant{n}}", "{\"plant\":{\"n\":123456789012345}}", "{\"plant\":null}", "\"plant\",\"n\""},
        {"{plant{on}}", "{\"plant\":{\"on\":\"true\"}}", "{\"plant\":{\"on\":null}}", "\"plant\",\"on\""},
        {"{plant{f}}", "{\"plant\":{\"f\":\"1\"}}", "{\"plant\":{\"f\":null}}", "\"plant\",\"f\""},
        {"{plant{kind}}", "{\"plant\":{\"kind\":1}}", "{\"plant\":{\"kind\":null}}", "\"plant\",\"kind\""},
        {"{plant{machines{label}}}", "{\"plant\":{\"machines\":{\"label\":\"x\"}}}",
         "{\"plant\":{\"machines\":null}}", "\"plant\",\"machines\""},
        {"{plant{machines{label}}}", "{\"plant\":{\"machines\":[[{\"label\":\"x\"}]]}}",
         "{\"plant\":{\"machines\":null}}", "\"plant\",\"machines\",0"},
        {"{plant{grid{name}}}", "{\"plant\":{\"grid\":[{\"name\":\"x\"}]}}", "{\"plant\":{\"grid\":[null]}}",
         "\"plant\",\"grid\",0"},
        {"{grid}", "{\"grid\":[[1,[2]]]}", "{\"grid\":null}", "\"grid\",0,1"},
        {"{tags}", "{\"tags\":\"x\"}", "{\"tags\":null}", "\"tags\""},
        {"{tags}",
         "{\"tags\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}",
         "{\"tags\":null}", "\"tags\",0"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        expect(&rows[i], RIG_GATEWAY);
    }
}

static void an_object_of_a_type_that_cannot_stand_there_is_null_with_an_error(void **state)
{
    (void)state;
    static const char *const answers[] = {"{\"node\":{\"__typename\":\"Town\",\"id\":\"x\"}}",
                                          "{\"node\":{\"__typename\":\"\",\"id\":\"x\"}}",
                                          "{\"node\":{\"id\":\"x\"}}", "{\"node\":{\"__typename\":null}}"};
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        const struct rig_part part = {0, answers[i], NULL, RIG_GATEWAY, NULL};
        rig_expect(
            sdl, "{node(id:\"x\"){id}}", &part, 1,
            "\"data\":{\"node\":null},\"errors\":[{\"message\":\"a source answered an object of a type that "
            "cannot stand here\",\"path\":[\"node\"],\"extensions\":{\"code\":\"FETCH_ERROR\"}}]");
    }
}

// Names that a client chose like our own keys are asked for under others.
static void a_clients_alias_cannot_pose_as_a_key(void **state)
{
    (void)state;
    const struct rig_part part = {
        0, "{\"node\":{\"__typename\":\"Machine\",\"c__typename\":\"Plant\",\"c_k_id\":\"k\"}}", NULL,
        RIG_DATABASE, NULL};
    rig_expect(sdl, "{node(id:\"x\"){... on Machine{__typename:label _k_id:label}}}", &part, 1,
               "\"data\":{\"node\":{\"__typename\":\"Plant\",\"_k_id\":\"k\"}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_answers_are_told_as_they_came),
        cmocka_unit_test(wrong_types_are_null_with_an_error),
        cmocka_unit_test(an_object_of_a_type_that_cannot_stand_there_is_null_with_an_error),
        cmocka_unit_test(a_clients_alias_cannot_pose_as_a_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
