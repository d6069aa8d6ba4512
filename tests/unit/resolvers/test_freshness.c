// SPDX-License-Identifier: MIT
// What is said of ages: in rows, in extensions.freshness, and what is believed of another gateway's.
#include <stdio.h>

#include "mer_test.h"
#include "unit/resolvers/exec_rig.h"

#define NOW INT64_C(1765377010500000) // 2025-12-10T14:30:10.5Z
#define S   INT64_C(1000000)

static const char sdl[] = "type Query { h: H } type H { age: Age } type Age @hole { isStale: Boolean! "
                          "ageSeconds: Float facilityOnline: Boolean! warning: String"
                          " lastSync: String servedBy: String region: String environment: String fromCache: "
                          "Boolean! cacheAgeSeconds: Float"
                          " placement: Int }";

static struct mer_fresh_entry entry(int64_t as_of_us)
{
    return (struct mer_fresh_entry){
        .source = MER_S("rows"),
        .region = MER_S("us-east"),
        .environment = MER_S("blue"),
        .facility = MER_S("facility-la-001"),
        .tier = MER_TIER_REGIONAL,
        .as_of_us = as_of_us,
        .stale_after_us = 60 * S,
        .cached_at_us = MER_TIME_UNKNOWN,
        .online = true,
    };
}

static void expect_row(const struct mer_fresh_entry *e, const char *query, const char *want)
{
    struct rig r;
    struct mer_buf b;
    char full[512];
    snprintf(full, sizeof(full), "{ h { age { %s } } }", query);
    rig_begin(&r, sdl, full, NULL);
    const struct mer_shape *h = r.x->ask.plan->shape->variants->fields[0].sub;
    mer_buf_init(&b, r.a, 256);
    mer_fresh_write_row(&b, e, 7, h->variants->fields[0].sub, &r.vars, NOW);
    mer_assert_slice(mer_buf_slice(&b), want);
    rig_end(&r);
}

static void rows_tell_their_age(void **state)
{
    (void)state;
    struct mer_fresh_entry e = entry(NOW - 10 * S - 500000);
    expect_row(&e,
               "isStale ageSeconds facilityOnline warning lastSync servedBy region environment fromCache "
               "cacheAgeSeconds placement t: __typename",
               "{\"isStale\":false,\"ageSeconds\":10.500,\"facilityOnline\":true,\"warning\":null,"
               "\"lastSync\":\"2025-12-10T14:30:00Z\",\"servedBy\":\"REGIONAL\",\"region\":\"US_EAST\","
               "\"environment\":\"BLUE\",\"fromCache\":false,\"cacheAgeSeconds\":null,\"placement\":7,\"t\":"
               "\"Age\"}");
    e.as_of_us = NOW - 60 * S;
    expect_row(&e, "isStale", "{\"isStale\":false}");
    e.as_of_us--;
    expect_row(&e, "isStale", "{\"isStale\":true}");
    e.cached_at_us = NOW - 2 * S;
    expect_row(&e, "fromCache cacheAgeSeconds", "{\"fromCache\":true,\"cacheAgeSeconds\":2.000}");
}

static void an_age_is_never_negative_and_an_unknown_one_is_stale(void **state)
{
    (void)state;
    struct mer_fresh_entry e = entry(NOW + 3600 * S);
    expect_row(&e, "isStale ageSeconds", "{\"isStale\":false,\"ageSeconds\":0.000}");
    e = entry(MER_TIME_UNKNOWN);
    expect_row(&e, "isStale ageSeconds lastSync", "{\"isStale\":true,\"ageSeconds\":null,\"lastSync\":null}");
    e.online = false;
    expect_row(&e, "warning", "{\"warning\":\"facility-la-001 is OFFLINE.\"}");
}

static void a_facility_offline_is_warned_of_in_these_words(void **state)
{
    (void)state;
    struct mer_fresh_entry e = entry(NOW - 10 * S - 499999);
    e.online = false;
    expect_row(&e, "warning facilityOnline",
               "{\"warning\":\"facility-la-001 is OFFLINE. Data is cached from 2025-12-10T14:30:00Z.\","
               "\"facilityOnline\":false}");
}

static void expect_extension(const struct mer_fresh *f, const char *want)
{
    struct mer_buf b;
    mer_buf_init(&b, f->a, 512);
    mer_fresh_write_extension(&b, f, NOW);
    mer_assert_slice(mer_buf_slice(&b), want);
}

static void the_extension_tells_the_oldest_and_warns_once(void **state)
{
    (void)state;
    struct mer_arena *a = mer_arena_create(0);
    struct mer_fresh f;
    mer_fresh_init(&f, a);
    expect_extension(&f,
                     "{\"asOf\":null,\"ageSeconds\":null,\"stale\":false,\"sources\":[],\"warnings\":[]}");
    struct mer_fresh_entry e = entry(NOW - 2 * S);
    assert_int_equal(mer_fresh_add(&f, &e), 0);
    e.as_of_us = NOW - S; // the same place, younger: the older stands
    assert_int_equal(mer_fresh_add(&f, &e), 0);
    expect_extension(
        &f, "{\"asOf\":\"2025-12-10T14:30:08.5Z\",\"ageSeconds\":2.000,\"stale\":false,\"sources\":[{"
            "\"source\":\"rows\",\"tier\":\"regional\",\"region\":\"us-east\",\"environment\":\"blue\","
            "\"facility\":\"facility-la-001\",\"role\":\"primary\",\"asOf\":\"2025-12-10T14:30:08.5Z\","
            "\"ageSeconds\":2.000,\"stale\":false,\"online\":true,\"fromCache\":false,"
            "\"cacheAgeSeconds\":null}],\"warnings\":[]}");
    mer_fresh_add_unreachable(&f, MER_S("apac"));
    e = entry(MER_TIME_UNKNOWN);
    e.unreachable = true;
    e.region = MER_S("apac");
    e.source = MER_S("other");
    mer_fresh_add(&f, &e);
    e.region = MER_NIL; // the global tier has none
    mer_fresh_add(&f, &e);
    struct mer_buf b;
    mer_buf_init(&b, a, 512);
    mer_fresh_write_extension(&b, &f, NOW);
    assert_non_null(
        strstr(mer_arena_cstr(a, mer_buf_slice(&b)), "\"warnings\":[\"region apac is UNREACHABLE.\"]}"));
    mer_arena_destroy(a);
}

static struct mer_slice read_and_write(struct mer_arena *a, const char *theirs, uint32_t *n)
{
    struct mer_fresh f;
    struct mer_json j;
    struct mer_buf b;
    uint32_t *map = NULL;
    mer_fresh_init(&f, a);
    assert_int_equal(mer_json_parse(a, mer_slice_of(theirs), NULL, &j, NULL), MER_OK);
    mer_fresh_read_extension(&f, &j, mer_json_root(&j), NOW, 60 * S, &map, n);
    for (uint32_t i = 0; i < *n; i++) {
        assert_true(map[i] < f.n);
    }
    mer_buf_init(&b, a, 512);
    mer_fresh_write_extension(&b, &f, NOW);
    struct mer_json again;
    assert_int_equal(mer_json_parse(a, mer_buf_slice(&b), NULL, &again, NULL), MER_OK);
    return mer_buf_slice(&b);
}

static bool says(struct mer_arena *a, struct mer_slice text, const char *part)
{
    return strstr(mer_arena_cstr(a, text), part) != NULL;
}

static void another_gateways_table_is_read_with_doubt(void **state)
{
    (void)state;
    struct mer_arena *a = mer_arena_create(0);
    uint32_t n = 0;
    struct mer_slice out = read_and_write(a,
                                          "{\"sources\":[{\"source\":\"rows\",\"tier\":\"edge\",\"region\":"
                                          "\"apac\",\"facility\":\"f-1\",\"role\":"
                                          "\"replica\",\"asOf\":\"2025-12-10T14:30:00Z\",\"ageSeconds\":10.5,"
                                          "\"online\":false,\"fromCache\":true,"
                                          "\"cacheAgeSeconds\":4.25}],\"warnings\":[\"region eu-central is "
                                          "UNREACHABLE.\",\"region \\\"x is UNREACHABLE.\","
                                          "7]}",
                                          &n);
    assert_int_equal(n, 1);
    assert_true(says(a, out, "\"tier\":\"edge\",\"region\":\"apac\""));
    assert_true(says(a, out, "\"role\":\"replica\",\"asOf\":\"2025-12-10T14:30:00Z\""));
    assert_true(says(a, out, "\"cacheAgeSeconds\":4.250"));
    assert_true(says(a, out,
                     "\"warnings\":[\"f-1 is OFFLINE. Data is cached from 2025-12-10T14:30:00Z.\","
                     "\"region eu-central is UNREACHABLE.\"]"));
    // Its clock is an hour ahead: the age that it tells holds.
    out = read_and_write(a, "{\"sources\":[{\"asOf\":\"2025-12-10T15:30:00Z\",\"ageSeconds\":5}]}", &n);
    assert_true(says(a, out, "\"ageSeconds\":5.000"));
    // Nothing that it says gets into our texts as it is.
    out = read_and_write(
        a,
        "{\"sources\":[{\"source\":\"a\\\"b\",\"region\":\"x\\\",\\\"y\",\"facility\":\"<\\\\>\","
        "\"online\":false,\"asOf\":\"yesterday\",\"ageSeconds\":\"1\",\"tier\":7}, 5, null, []]}",
        &n);
    assert_int_equal(n, 4);
    assert_true(says(a, out, "\"source\":null,\"tier\":\"regional\",\"region\":null"));
    for (size_t i = 0; i < 5; i++) {
        static const char *const odd[] = {
            "{}", "[]", "{\"sources\":{}}", "{\"sources\":\"x\",\"warnings\":{}}",
            "{\"sources\":[{\"asOf\":\"9999-12-31T23:59:59Z\",\"ageSeconds\":-1e300}]}"};
        read_and_write(a, odd[i], &n);
    }
    mer_arena_destroy(a);
}

static void a_table_without_end_is_cut(void **state)
{
    (void)state;
    struct mer_arena *a = mer_arena_create(0);
    struct mer_buf b;
    uint32_t n = 0;
    mer_buf_init(&b, a, 1u << 20);
    mer_buf_add(&b, MER_S("{\"sources\":[{}"));
    for (int i = 0; i < 20000; i++) {
        mer_buf_printf(&b, ",{\"facility\":\"f%d\"}", i);
    }
    mer_buf_add(&b, MER_S("]}"));
    read_and_write(a, mer_arena_cstr(a, mer_buf_slice(&b)), &n);
    assert_int_equal(n, 4096);
    mer_arena_destroy(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_tell_their_age),
        cmocka_unit_test(an_age_is_never_negative_and_an_unknown_one_is_stale),
        cmocka_unit_test(a_facility_offline_is_warned_of_in_these_words),
        cmocka_unit_test(the_extension_tells_the_oldest_and_warns_once),
        cmocka_unit_test(another_gateways_table_is_read_with_doubt),
        cmocka_unit_test(a_table_without_end_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
