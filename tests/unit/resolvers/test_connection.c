// SPDX-License-Identifier: MIT
// Ordered merge of pages: the first n edges of all parts in the cursors' order, honest about what is missing.
#include <stdio.h>

#include "mer_test.h"
#include "unit/resolvers/exec_rig.h"

static const char sdl[] =
    "type Query { rows(plants: [ID!], first: Int = 3): Rows @partition(arg: \"plants\") }"
    " type Rows { edges: [Edge!]! pageInfo: PageInfo! totalCount: Int age: Age }"
    " type Edge { cursor: String! node: Row! } type Row { n: Int! }"
    " type PageInfo { hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String endCursor: String }"
    " type Age @hole { facilityOnline: Boolean! ageSeconds: Float }";

// The cursor of a row that sorts by one number.
static void write_cursor(struct mer_buf *b, const char *order, int n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    char text[64];
    size_t len = (size_t)snprintf(text, sizeof(text), "[1,\"%s\",\"+n\",\"%d\"]", order, n);
    for (size_t i = 0; i < len; i += 3) {
        uint32_t v = (uint32_t)(unsigned char)text[i] << 16;
        v |= i + 1 < len ? (uint32_t)(unsigned char)text[i + 1] << 8 : 0;
        v |= i + 2 < len ? (uint32_t)(unsigned char)text[i + 2] : 0;
        for (size_t k = 0; k < 4 && i + k <= len; k++) {
            mer_buf_add_char(b, digits[v >> (18 - 6 * k) & 63]);
        }
    }
}

struct page {
    const char *keys;    // response keys of edges, separated by commas
    const char *numbers; // of the rows, separated by spaces
    const char *more;    // further members, with a comma before each
    const char *order;
};

static const char *page_json(struct mer_arena *a, const struct page *p)
{
    struct mer_buf b;
    struct mer_slice keys = mer_slice_of(p->keys);
    mer_buf_init(&b, a, 512);
    mer_buf_add(&b, MER_S("{\"rows\":{\"x\":0"));
    while (keys.n) {
        struct mer_slice rest = mer_slice_of(p->numbers);
        struct mer_slice key = mer_slice_cut(&keys, ',');
        mer_buf_printf(&b, ",\"%.*s\":[", MER_FMT(key));
        for (const char *sep = ""; rest.n; sep = ",") {
            int64_t n = 0;
            assert_true(mer_slice_to_i64(mer_slice_cut(&rest, ' '), &n));
            mer_buf_printf(&b, "%s{\"node\":{\"n\":%d},\"_k_cursor\":\"", sep, (int)n);
            write_cursor(&b, p->order ? p->order : "o", (int)n);
            mer_buf_add(&b, MER_S("\"}"));
        }
        mer_buf_add_char(&b, ']');
    }
    mer_buf_printf(&b, "%s}}", p->more ? p->more : "");
    return mer_arena_cstr(a, mer_buf_slice(&b));
}

static void expect(const char *query, const struct page *pages, uint32_t n, const char *failed,
                   const char *want)
{
    struct rig r;
    struct rig_part parts[8] = {0};
    struct mer_arena *a = mer_arena_create(0);
    for (uint32_t i = 0; i < n; i++) {
        parts[i] = (struct rig_part){0, page_json(a, &pages[i]), NULL, RIG_GATEWAY, NULL};
    }
    if (failed) {
        parts[n++] = (struct rig_part){0, NULL, failed, RIG_GATEWAY, NULL};
    }
    rig_begin(&r, sdl, query, NULL);
    rig_answer(&r, parts, n);
    if (!mer_slice_is(mer_buf_slice(&r.out), want)) {
        fail_msg("%s\n  got  %.*s\n  want %s", query, MER_FMT(mer_buf_slice(&r.out)), want);
    }
    rig_end(&r);
    mer_arena_destroy(a);
}

static void pages_are_merged_in_order(void **state)
{
    (void)state;
    static const struct page two[] = {{"edges", "1 4 5", "", NULL}, {"edges", "2 3 9", "", NULL}};
    static const struct page ends[] = {
        {"edges", "", "", NULL}, {"edges", "7", "", NULL}, {"edges", "-1 10", "", NULL}};
    expect(
        "{rows{edges{node{n}}}}", two, 2, NULL,
        "\"data\":{\"rows\":{\"edges\":[{\"node\":{\"n\":1}},{\"node\":{\"n\":2}},{\"node\":{\"n\":3}}]}}");
    expect("{rows(first:2){edges{node{n}}}}", two, 2, NULL,
           "\"data\":{\"rows\":{\"edges\":[{\"node\":{\"n\":1}},{\"node\":{\"n\":2}}]}}");
    expect(
        "{rows(first:9){edges{node{n}}}}", ends, 3, NULL,
        "\"data\":{\"rows\":{\"edges\":[{\"node\":{\"n\":-1}},{\"node\":{\"n\":7}},{\"node\":{\"n\":10}}]}}");
    expect("{rows(first:0){edges{node{n}}}}", two, 2, NULL, "\"data\":{\"rows\":{\"edges\":[]}}");
}

static void aliases_are_merged_each(void **state)
{
    (void)state;
    static const struct page two[] = {{"a,b", "1", ",\"c\":5,\"d\":5", NULL},
                                      {"a,b", "0", ",\"c\":6,\"d\":6", NULL}};
    expect("{rows{a:edges{node{n}} c:totalCount b:edges{node{n}} d:totalCount}}", two, 2, NULL,
           "\"data\":{\"rows\":{\"a\":[{\"node\":{\"n\":0}},{\"node\":{\"n\":1}}],\"c\":11,"
           "\"b\":[{\"node\":{\"n\":0}},{\"node\":{\"n\":1}}],\"d\":11}}");
}

static void the_page_info_is_of_the_merged_page(void **state)
{
    (void)state;
    static const struct page cut[] = {
        {"edges", "1 2", ",\"pageInfo\":{\"hasNextPage\":false,\"hasPreviousPage\":false}", NULL},
        {"edges", "3 4", ",\"pageInfo\":{\"hasNextPage\":false,\"hasPreviousPage\":true}", NULL}};
    static const struct page more[] = {{"edges", "1", ",\"pageInfo\":{\"hasNextPage\":true}", NULL},
                                       {"edges", "3", ",\"pageInfo\":{\"hasNextPage\":false}", NULL}};
    static const struct page hidden[] = {{"_k_edges", "5 6", ",\"pageInfo\":{\"hasNextPage\":false}", NULL},
                                         {"_k_edges", "1 2", ",\"pageInfo\":{\"hasNextPage\":false}", NULL}};
    expect("{rows{edges{node{n}} pageInfo{hasNextPage hasPreviousPage}}}", cut, 2, NULL,
           "\"data\":{\"rows\":{\"edges\":[{\"node\":{\"n\":1}},{\"node\":{\"n\":2}},{\"node\":{\"n\":3}}],"
           "\"pageInfo\":{\"hasNextPage\":true,\"hasPreviousPage\":true}}}");
    expect("{rows{edges{node{n}} pageInfo{hasNextPage}}}", more, 2, NULL,
           "\"data\":{\"rows\":{\"edges\":[{\"node\":{\"n\":1}},{\"node\":{\"n\":3}}],\"pageInfo\":{"
           "\"hasNextPage\":true}}}");
    expect(
        "{rows(first:4){pageInfo{hasNextPage startCursor endCursor}}}", hidden, 2, NULL,
        "\"data\":{\"rows\":{\"pageInfo\":{\"hasNextPage\":false,\"startCursor\":\"WzEsIm8iLCIrbiIsIjEiXQ\","
        "\"endCursor\":\"WzEsIm8iLCIrbiIsIjYiXQ\"}}}");
    expect("{rows(first:3){pageInfo{hasNextPage}}}", hidden, 2, NULL,
           "\"data\":{\"rows\":{\"pageInfo\":{\"hasNextPage\":true}}}");
}

#define LACKS(code, text)                                                                                    \
    ",\"errors\":[{\"message\":\"" text "\",\"path\":[\"rows\"],\"extensions\":{\"code\":\"" code            \
    "\",\"source\":\"rows\",\"tier\":\"regional\",\"region\":\"east\"}}]"
#define NO_PAGE LACKS("FETCH_ERROR", "the other gateway answered no page that can be merged")

static void a_page_that_lacks_a_part_says_so_and_counts_nothing(void **state)
{
    (void)state;
    static const struct page one[] = {{"edges", "1", ",\"totalCount\":1", NULL}};
    expect("{rows{edges{node{n}} totalCount}}", one, 1, "SOURCE_TIMEOUT",
           "\"data\":{\"rows\":{\"edges\":[{\"node\":{\"n\":1}}],\"totalCount\":null}}" LACKS(
               "SOURCE_TIMEOUT", "it failed"));
}

static void what_cannot_be_merged_is_a_part_that_failed(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "{\"rows\":null}",
        "{\"rows\":{\"edges\":null,\"totalCount\":5}}",
        "{\"rows\":{\"edges\":[null],\"totalCount\":5}}",
        "{\"rows\":{\"edges\":[{\"node\":{\"n\":1},\"_k_cursor\":\"x\"}],\"totalCount\":5}}",
        "{\"rows\":{\"edges\":[{\"node\":{\"n\":1},\"_k_cursor\":null}],\"totalCount\":5}}",
        "{\"rows\":{\"edges\":[{\"node\":{\"n\":1},\"_k_cursor\":7}],\"totalCount\":5}}",
        "{\"rows\":7}",
    };
    static const struct page good = {"edges", "1", ",\"totalCount\":1", NULL};
    struct mer_arena *a = mer_arena_create(0);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        const struct rig_part parts[] = {{0, page_json(a, &good), NULL, RIG_DATABASE, NULL},
                                         {0, wrong[i], NULL, RIG_GATEWAY, NULL}};
        rig_expect(sdl, "{rows{edges{node{n}} totalCount}}", parts, 2,
                   "\"data\":{\"rows\":{\"edges\":[{\"node\":{\"n\":1}}],\"totalCount\":null}}" NO_PAGE);
    }
    mer_arena_destroy(a);
}

static void all_parts_failed_is_one_null(void **state)
{
    (void)state;
    expect("{rows{totalCount}}", NULL, 0, "SOURCE_TIMEOUT",
           "\"data\":{\"rows\":null}" LACKS("SOURCE_TIMEOUT", "it failed"));
}

static void a_page_is_as_old_as_its_oldest_part(void **state)
{
    (void)state;
    struct rig r;
    struct mer_diag d = {0};
    rig_begin(&r, sdl, "{rows{age{ageSeconds} edges{node{n}}}}", NULL);
    const char *facts = "{\"now\":1765377000000000,\"facilities\":{"
                        "\"plant-1\":{\"lastSync\":1765376990000000,\"online\":true},"
                        "\"plant-2\":{\"lastSync\":1765376900000000,\"online\":true}}}";
    assert_int_equal(mer_board_read(r.site.board, 0, mer_slice_of(facts), 0, &d), MER_OK);
    static const struct page empty = {"edges", "", ",\"age\":null", NULL};
    const char *json = page_json(r.a, &empty);
    const struct rig_part parts[] = {{0, json, NULL, RIG_DATABASE, "plant-1"},
                                     {0, json, NULL, RIG_DATABASE, "plant-2"}};
    rig_answer(&r, parts, 2);
    const struct mer_fresh_entry *e = r.x->fresh.items;
    assert_int_equal(r.x->fresh.n, 2);
    assert_int_equal(e[0].as_of_us - e[1].as_of_us, 90000000);
    const struct mer_val *page = &r.x->fetches[0].roots[0]->slots[0];
    assert_int_equal(page->object->slots[0].kind, MER_VAL_AGE);
    assert_int_equal(page->object->slots[0].n, 1);
    rig_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_are_merged_in_order),
        cmocka_unit_test(aliases_are_merged_each),
        cmocka_unit_test(the_page_info_is_of_the_merged_page),
        cmocka_unit_test(a_page_that_lacks_a_part_says_so_and_counts_nothing),
        cmocka_unit_test(what_cannot_be_merged_is_a_part_that_failed),
        cmocka_unit_test(all_parts_failed_is_one_null),
        cmocka_unit_test(a_page_is_as_old_as_its_oldest_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
