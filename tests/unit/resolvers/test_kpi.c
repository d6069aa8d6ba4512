// SPDX-License-Identifier: MIT
// The catalogue's errors, exact decimals, buckets of time, and what an ask is made of.
#include "mer_test.h"

#include "base/time.h"
#include "kpi_fixture.h"
#include "resolvers/kpi/decimal.h"
#include "resolvers/kpi/maps.h"
#include "test_kpi.h"

#include <math.h>

static int64_t at(const char *text)
{
    int64_t us = 0;
    assert_true(mer_time_parse_rfc3339(mer_slice_of(text), &us));
    return us;
}

// ---- the catalogue ----

#define HEAD                                                                                                 \
    "version: 1\nsources:\n  s: {from: t x, row: x, at: x.at}\n  i: {from: t x, row: x, start: x.a, end: "   \
    "x.b}\n"
#define COMPONENTS "components:\n  n: {type: int, source: s, value: count(*)}\n"
#define KPIS       "kpis:\n  N: {label: l, unit: u, value: n, better: higher}\n"

static void test_catalogue_errors(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"", "k.yaml:1:1: the file is empty"},
        {"version: 2\nsources: {}\ncomponents: {}\nkpis: {}\n", "k.yaml:1:10: version must be 1"},
        {"version: 1\nsources: {}\ncomponents: {}\n", "k.yaml:1:1: kpis is missing"},
        {"version: [", "k.yaml:"},
        {HEAD COMPONENTS KPIS "more: 1\n",
         "k.yaml:9:1: unknown key; allowed are version, sources, components, kpis"},
        {"version: 1\nsources:\n  s: {from: t, row: x}\n" COMPONENTS KPIS, "k.yaml:3:6: exactly one of at,"},
        {"version: 1\nsources:\n  s: {from: t, row: 'x; drop', at: y}\n" COMPONENTS KPIS,
         "k.yaml:3:21: row must be"},
        {HEAD "components:\n  N: {type: int, source: s, value: v}\n" KPIS,
         "k.yaml:6:3: a name must be letters a-z"},
        {HEAD "components:\n  hour: {type: int, source: s, value: v}\n" KPIS,
         "k.yaml:6:3: hour is a column of its own"},
        {HEAD "components:\n  n: {type: text, source: s, value: v}\n" KPIS, "k.yaml:6:13: type must be"},
        {HEAD "components:\n  n: {type: int, source: zz, value: v}\n" KPIS,
         "k.yaml:6:26: there is no source zz"},
        {HEAD "components:\n  n: {type: int, source: s, value: 'sum({seconds})'}\n" KPIS,
         "k.yaml:6:36: {seconds} needs"},
        {HEAD "components:\n  n: {type: int, source: i, value: 'sum({end})'}\n" KPIS,
         "k.yaml:6:36: {end} needs"},
        {HEAD "components:\n  n: {type: int, source: s, value: v, combine: last}\n" KPIS,
         "k.yaml:6:6: combine: last"},
        {HEAD "components:\n  n: {type: sketch, source: s, value: v, combine: sum}\n" KPIS,
         "k.yaml:6:51: only numbers have"},
        {HEAD "components:\n  n: {type: histogram, source: i, value: v}\n" KPIS,
         "k.yaml:6:6: a histogram needs a source with at"},
        {HEAD "components:\n  n: {type: int, source: s, value: v, least: 5}\n" KPIS,
         "k.yaml:6:46: least goes with"},
        {HEAD "components:\n  n: {type: sketch, source: s, value: v, least: 1}\n" KPIS,
         "k.yaml:6:49: least must be"},
        {HEAD "components:\n  n: {type: sketch, source: s, value: v}\n" KPIS, "k.yaml:8:33: n is no number"},
        {HEAD COMPONENTS "kpis:\n  N: {label: l, unit: u, distinct: n, better: higher}\n",
         "k.yaml:8:36: there is no such component"},
        {HEAD COMPONENTS "kpis:\n  N: {label: l, unit: u, value: n, peak: n, better: higher}\n",
         "k.yaml:8:6: one of value"},
        {HEAD COMPONENTS "kpis:\n  N: {label: l, unit: u, percentile: 95, better: higher}\n",
         "k.yaml:8:6: one of value"},
        {HEAD COMPONENTS "kpis:\n  N: {label: l, unit: u, percentile: 100, of: n, better: higher}\n",
         "k.yaml:8:38: percentile must"},
        {"version: 1\nsources:\n  s: {from: t, row: x, moved: y}\n" COMPONENTS KPIS,
         "k.yaml:3:6: of is missing"},
        {"version: 1\nsources:\n  s: {from: t, row: x, at: y, worth: z}\n" COMPONENTS KPIS,
         "k.yaml:3:38: worth goes with moved"},
        {HEAD "components:\n  n: {type: int, source: s, value: v, combine: mean}\n" KPIS,
         "k.yaml:6:48: allowed are sum"},
        {HEAD
         "components:\n  n: {type: int, source: s, value: v}\n  n: {type: int, source: s, value: v}\n" KPIS,
         "k.yaml:7:3: component n stands here twice"},
        {HEAD COMPONENTS "kpis:\n  N: {label: l, unit: u, value: n + zz, better: higher}\n",
         "k.yaml:8:33: there is no component zz"},
        {HEAD COMPONENTS "kpis:\n  N: {label: l, unit: u, value: n n, better: higher}\n",
         "k.yaml:8:33: + or - is wanted"},
        {HEAD COMPONENTS "kpis:\n  N: {label: l, unit: u, value: n +, better: higher}\n",
         "k.yaml:8:33: a component is missing"},
        {HEAD COMPONENTS "kpis:\n  N: {label: l, unit: u, numerator: n, better: higher}\n",
         "k.yaml:8:6: either value, or"},
        {HEAD COMPONENTS "kpis:\n  N: {label: l, unit: u, value: n, scale: 0, better: higher}\n",
         "k.yaml:8:43: scale must"},
        {HEAD COMPONENTS "kpis:\n  N: {label: l, unit: u, value: n, target: 1e9, better: higher}\n",
         "k.yaml:8:44: target must"},
        {HEAD COMPONENTS "kpis:\n  N: {label: l, unit: u, value: n}\n", "k.yaml:8:6: better is missing"},
        {HEAD COMPONENTS "kpis:\n  N: {label: l, unit: u, value: n, better: best}\n",
         "k.yaml:8:44: allowed are higher"},
    };
    struct mer_arena *a = mer_arena_create(0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mer_kpi_catalogue *c;
        struct mer_diag diag = {0};
        enum mer_err err = mer_kpi_catalogue_parse(a, mer_slice_of(cases[i].text), "k.yaml", &c, &diag);
        if (err != MER_ERR_INVALID || strncmp(diag.msg, cases[i].want, strlen(cases[i].want)) != 0)
            fail_msg("case %zu: wanted \"%s\", have \"%s\"", i, cases[i].want, diag.msg);
        assert_null(c);
    }
    struct mer_kpi_catalogue *c;
    assert_int_equal(mer_kpi_catalogue_parse(a, MER_S(HEAD COMPONENTS KPIS), "k.yaml", &c, NULL), MER_OK);
    assert_int_equal(c->components_n, 1);
    assert_int_equal(mer_kpi_catalogue_load(a, "/nowhere", &c, NULL), MER_ERR_IO);
    mer_arena_destroy(a);
}

// ---- decimals and buckets ----

static void test_decimals(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"0", "0"},           {"-0.0000", "0"},
        {"1", "1"},           {"100", "100"},
        {"0.5", "0.5"},       {"-0.5", "-0.5"},
        {"12.3400", "12.34"}, {"0.00000001", "0.00000001"},
        {"-7", "-7"},         {"99999999999999999999.9999", "99999999999999999999.9999"},
        {"1.000000000", "1"},
    };
    struct mer_buf b;
    mer_buf_init(&b, NULL, 64);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mer_kpi_decimal v;
        assert_true(mer_kpi_decimal_parse(mer_slice_of(cases[i][0]), &v));
        mer_buf_clear(&b);
        mer_kpi_decimal_write(&b, v);
        if (!mer_slice_is(mer_buf_slice(&b), cases[i][1]))
            fail_msg("%s: wanted %s, have %.*s", cases[i][0], cases[i][1], MER_FMT(mer_buf_slice(&b)));
    }
    static const char *const wrong[] = {"",    "-",           ".5", "1.",
                                        "1e3", "1.000000001", "1x", "9999999999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        mer_kpi_decimal v;
        if (mer_kpi_decimal_parse(mer_slice_of(wrong[i]), &v))
            fail_msg("\"%s\" was taken", wrong[i]);
    }
    mer_buf_fini(&b);
}

static void test_buckets(void **state)
{
    (void)state;
    static const struct {
        enum mer_kpi_grain grain;
        const char *t, *bucket, *next;
    } cases[] = {
        {MER_KPI_HOUR, "2025-12-10T14:59:59Z", "2025-12-10T14:00:00Z", "2025-12-10T15:00:00Z"},
        {MER_KPI_DAY, "2024-02-29T23:00:00Z", "2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z"},
        {MER_KPI_WEEK, "2025-12-10T14:00:00Z", "2025-12-08T00:00:00Z", "2025-12-15T00:00:00Z"},
        {MER_KPI_WEEK, "2025-12-08T00:00:00Z", "2025-12-08T00:00:00Z", "2025-12-15T00:00:00Z"},
        {MER_KPI_WEEK, "1970-01-02T00:00:00Z", "1969-12-29T00:00:00Z", "1970-01-05T00:00:00Z"},
        {MER_KPI_MONTH, "2025-12-31T23:00:00Z", "2025-12-01T00:00:00Z", "2026-01-01T00:00:00Z"},
        {MER_KPI_MONTH, "2024-02-29T01:00:00Z", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"},
        {MER_KPI_MONTH, "2000-02-29T01:00:00Z", "2000-02-01T00:00:00Z", "2000-03-01T00:00:00Z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t bucket = mer_kpi_bucket(cases[i].grain, at(cases[i].t));
        assert_int_equal(bucket, at(cases[i].bucket));
        assert_int_equal(mer_kpi_bucket_next(cases[i].grain, bucket), at(cases[i].next));
    }
    assert_int_equal(mer_kpi_bucket(MER_KPI_RANGE, 12345), 12345);
}

// ---- maps ----

// A generator whose 64 bits are as good as a hash's (splitmix64).
static uint64_t next_hash(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

static void add_hashes(struct mer_kpi_map *map, uint32_t n, uint64_t seed)
{
    for (uint32_t i = 0; i < n; i++) {
        uint64_t h = next_hash(&seed), rest = h << 12;
        struct mer_kpi_entry *e = &map->entries[h >> 52];
        mer_kpi_decimal rank = (rest ? __builtin_clzll(rest) + 1 : 53) * (mer_kpi_decimal)MER_KPI_DECIMAL_ONE;
        e->value = rank > e->value ? rank : e->value;
    }
}

// Four standard errors; a few dozen must be told to the last one or two.
static void test_distinct_is_near(void **state)
{
    (void)state;
    static const uint32_t counts[] = {0, 1, 5, 30, 100, 1000, 5000, 12000, 20000, 100000, 1000000};
    static struct mer_kpi_entry entries[1 << MER_KPI_SKETCH_BITS], used[1 << MER_KPI_SKETCH_BITS];
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        for (uint64_t seed = 1; seed <= 3; seed++) {
            struct mer_kpi_map all = {.entries = entries}, map = {.entries = used};
            memset(entries, 0, sizeof entries);
            add_hashes(&all, counts[i], seed * 1000003);
            for (int k = 0; k < 1 << MER_KPI_SKETCH_BITS; k++)
                if (entries[k].value)
                    used[map.n++] = (struct mer_kpi_entry){k, entries[k].value};
            double have = mer_kpi_map_distinct(&map), n = counts[i];
            double most = n <= 30 ? 1 : n <= 100 ? 4 : n * 4 * 1.04 / 64;
            if (have < n - most || have > n + most)
                fail_msg("%u different ones (seed %d) are told as %f", counts[i], (int)seed, have);
        }
}

static void test_percentiles_are_near(void **state)
{
    (void)state;
    struct mer_arena *a = mer_arena_create(0);
    uint64_t seed = 5;
    for (int n = 1; n <= 1000; n = n * 3 + 1) {
        double *amounts = MER_NEW_N(a, double, (size_t)n);
        struct mer_kpi_map map = {0};
        for (int i = 0; i < n; i++) {
            amounts[i] = 1 + (double)(next_hash(&seed) % 3000000) / 1000 * (double)(next_hash(&seed) % 1000);
            struct mer_kpi_entry e = {(int64_t)ceil(log(amounts[i]) / log(MER_KPI_GROWTH)),
                                      MER_KPI_DECIMAL_ONE};
            mer_kpi_map_gather(a, &map, &(struct mer_kpi_map){.entries = &e, .n = 1});
        }
        mer_kpi_map_settle(&map, MER_KPI_SUM);
        for (uint32_t percent = 1; percent <= 99; percent += 7) {
            double have, want = 0;
            for (int i = 0; i < n; i++) { // nearest rank: the least with so many at or below it
                int at_or_below = 0;
                for (int k = 0; k < n; k++)
                    at_or_below += amounts[k] <= amounts[i];
                if (at_or_below * 100 >= n * (int)percent && (want == 0 || amounts[i] < want))
                    want = amounts[i];
            }
            assert_true(mer_kpi_map_percentile(&map, percent, &have));
            if (fabs(have - want) > want * 0.0100)
                fail_msg("percentile %u of %d: %f, true %f", percent, n, have, want);
        }
    }
    mer_arena_destroy(a);
}

// ---- asks ----

static const struct mer_kpi_facility fleet[] = {
    {{"facility-la-001", 15}, {"us-east", 7}},
    {{"facility-frankfurt-001", 22}, {"eu-central", 10}},
    {{"facility-newyork-001", 20}, {"us-east", 7}},
};

static enum mer_err make(const struct kpi_fixture *x, const char *query, const char *entity,
                         struct mer_kpi_ask **ask, struct mer_diag *diag)
{
    uint32_t n;
    struct mer_fetch_field **f =
        kpi_fixture_fields(x, entity ? "Facility" : "Query", mer_slice_of(query), &n);
    struct mer_variables *vars = MER_NEW(x->a, struct mer_variables);
    mer_map_init(&vars->by_name, x->a);
    struct mer_kpi_ask_opts opts = {
        .catalogue = x->catalogue,
        .schema = x->schema,
        .field = f[0],
        .vars = vars,
        .facilities = fleet,
        .facilities_n = 3,
        .entity_id = mer_slice_of(entity),
        .now_us = at("2025-12-10T14:30:00Z"),
    };
    return mer_kpi_ask_make(x->a, &opts, ask, diag);
}

static void test_ranges(void **state)
{
    const struct kpi_fixture *x = *state;
    static const struct {
        const char *range, *open, *from, *to;
        bool is_open;
    } cases[] = {
        {"from: \"2025-12-09T00:00:00Z\", to: \"2025-12-10T00:00:00Z\"", "false", "2025-12-09T00:00:00Z",
         "2025-12-10T00:00:00Z", false},
        // Every hour that is touched …
        {"from: \"2025-12-09T00:20:00Z\", to: \"2025-12-09T05:01:00Z\"", "false", "2025-12-09T00:00:00Z",
         "2025-12-09T06:00:00Z", false},
        // … but none that is not over, and with the open hour none that has not begun.
        {"from: \"2025-12-09T00:00:00Z\", to: \"2025-12-11T00:00:00Z\"", "false", "2025-12-09T00:00:00Z",
         "2025-12-10T14:00:00Z", false},
        {"from: \"2025-12-09T00:00:00Z\", to: \"2025-12-11T00:00:00Z\"", "true", "2025-12-09T00:00:00Z",
         "2025-12-10T15:00:00Z", true},
        {"from: \"2025-12-09T00:00:00Z\", to: \"2025-12-10T14:00:00Z\"", "true", "2025-12-09T00:00:00Z",
         "2025-12-10T14:00:00Z", false},
        {"from: \"2025-12-11T00:00:00Z\", to: \"2025-12-12T00:00:00Z\"", "true", "2025-12-11T00:00:00Z",
         "2025-12-11T00:00:00Z", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mer_kpi_ask *ask;
        struct mer_slice q = mer_arena_printf(
            x->a, "{globalKpis(range: {%s}, includeOpenHour: %s, metrics: [OEE]) {incompleteRegions}}",
            cases[i].range, cases[i].open);
        assert_int_equal(make(x, mer_arena_cstr(x->a, q), NULL, &ask, NULL), MER_OK);
        assert_int_equal(ask->range.from_us, at(cases[i].from));
        assert_int_equal(ask->range.to_us, at(cases[i].to));
        assert_int_equal(ask->open_hour, cases[i].is_open);
    }
}

#define R "range: {from: \"2025-12-01T00:00:00Z\", to: \"2025-12-10T00:00:00Z\"}"

static void test_asks(void **state)
{
    const struct kpi_fixture *x = *state;
    struct mer_kpi_ask *ask;
    assert_int_equal(make(x,
                          "{globalKpis(" R ", metrics: [OEE ORDERS OEE]) {series(grain: WEEK) {bucket}"
                          " byFacility(orderBy: BACKLOG) {totals {value}}}}",
                          NULL, &ask, NULL),
                     MER_OK);
    assert_int_equal(ask->metrics_n, 2);
    assert_int_equal(ask->grain, MER_KPI_WEEK);
    assert_int_equal(ask->facilities_n, 3);
    assert_true(mer_slice_is(ask->facilities[0].code, "facility-frankfurt-001")); // by region, then code
    uint64_t open = 1ull << mer_kpi_component_find(x->catalogue, MER_S("open_n"))->index;
    assert_true(ask->components & open); // what orders must be there too

    static const struct {
        const char *series;
        enum mer_kpi_grain want;
    } grains[] = {
        {"a: series(grain: WEEK) {bucket} b: series(grain: MONTH) {bucket}", MER_KPI_DAY},
        {"a: series(grain: DAY) {bucket} b: series(grain: MONTH) {bucket}", MER_KPI_DAY},
        {"a: series(grain: HOUR) {bucket} b: series(grain: MONTH) {bucket}", MER_KPI_HOUR},
        {"byRegion {series(grain: MONTH) {bucket}}", MER_KPI_MONTH},
        {"totals {value}", MER_KPI_RANGE},
    };
    for (size_t i = 0; i < sizeof grains / sizeof *grains; i++) {
        struct mer_slice q =
            mer_arena_printf(x->a, "{globalKpis(" R ", metrics: [OEE]) {%s}}", grains[i].series);
        assert_int_equal(make(x, mer_arena_cstr(x->a, q), NULL, &ask, NULL), MER_OK);
        assert_int_equal(ask->grain, grains[i].want);
    }

    assert_int_equal(make(x, "{globalKpis(" R ", metrics: [OEE], regions: [US_EAST]) {incompleteRegions}}",
                          NULL, &ask, NULL),
                     MER_OK);
    assert_int_equal(ask->facilities_n, 2);
    assert_int_equal(make(x,
                          "{globalKpis(" R
                          ", metrics: [OEE], facilityIds: [\"Facility~us-east~facility-la-001~\","
                          " \"facility-la-001\"]) {incompleteRegions}}",
                          NULL, &ask, NULL),
                     MER_OK);
    assert_int_equal(ask->facilities_n, 1);
    assert_int_equal(
        make(x, "{kpis(" R ", metrics: [FPY]) {value}}", "Facility~us-east~facility-la-001~", &ask, NULL),
        MER_OK);
    assert_int_equal(ask->kind, MER_KPI_OF_FACILITY);
}

static void test_refusals(void **state)
{
    const struct kpi_fixture *x = *state;
    static const struct {
        const char *query, *entity, *want;
        enum mer_err err;
    } cases[] = {
        {"{globalKpis(" R ", metrics: []) {incompleteRegions}}", NULL, "metrics must name", MER_ERR_INVALID},
        {"{globalKpis(" R ", metrics: [OEE], facilityIds: [\"x\"]) {incompleteRegions}}", NULL,
         "facility \"x\" is not", MER_ERR_NOT_FOUND},
        {"{globalKpis(" R ", metrics: [OEE]) {byFacility(top: -1) {region}}}", NULL, "top must not",
         MER_ERR_INVALID},
        {"{globalKpis(" R ", metrics: [OEE]) {byFacility {facility {kpis(" R ", metrics: [OEE]) {value}}}}}",
         NULL, "kpis cannot", MER_ERR_INVALID},
        {"{globalKpis(range: {from: \"1999-12-01T00:00:00Z\", to: \"2025-12-10T00:00:00Z\"}, metrics: [OEE])"
         " {series(grain: DAY) {bucket}}}",
         NULL, "the series has too many points", MER_ERR_LIMIT},
        {"{globalKpis(range: {from: \"2025-11-01T00:00:00Z\", to: \"2025-12-10T00:00:00Z\"}, metrics: [OEE])"
         " {byFacility(orderBy: PEAK_RATE) {region}}}",
         NULL, "PEAK_RATE is told of 31 days", MER_ERR_LIMIT},
        {"{kpis(" R ", metrics: [FPY]) {value}}", "Facility~us-east~nowhere~", "facility \"nowhere\" is not",
         MER_ERR_NOT_FOUND},
        {"{kpiCells(from: \"2025-12-01T00:00:00Z\", to: \"2025-12-02T00:00:00Z\", facilityIds: "
         "[\"facility-la-001\"],"
         " components: [\"zz\"])}",
         NULL, "a component is not", MER_ERR_INVALID},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mer_kpi_ask *ask;
        struct mer_diag diag = {0};
        assert_int_equal(make(x, cases[i].query, cases[i].entity, &ask, &diag), cases[i].err);
        if (strncmp(diag.msg, cases[i].want, strlen(cases[i].want)) != 0)
            fail_msg("case %zu: wanted \"%s\", have \"%s\"", i, cases[i].want, diag.msg);
    }
}

// ---- parts ----

static void test_split(void **state)
{
    const struct kpi_fixture *x = *state;
    struct mer_kpi_ask *ask;
    assert_int_equal(
        make(x, "{globalKpis(" R ", metrics: [OEE]) {series(grain: DAY) {bucket}}}", NULL, &ask, NULL),
        MER_OK);
    struct mer_kpi_mark marks[] = {
        {fleet[0].code, at("2025-12-09T22:00:00Z")}, // two hours are not stored
        {fleet[1].code, at("2025-12-10T03:00:00Z")}, // all are
        {fleet[2].code, 0},                          // none are
    };
    struct mer_kpi_part *parts;
    assert_int_equal(mer_kpi_split(x->a, ask, false, MER_S("t"), marks, 3, &parts), 2);
    assert_int_equal(parts[0].range.from_us, at("2025-12-01T00:00:00Z"));
    assert_true(mer_slice_eq(parts[0].facilities[0].code, fleet[2].code));
    assert_int_equal(parts[1].range.from_us, at("2025-12-09T22:00:00Z"));
    assert_int_equal(parts[1].range.to_us, at("2025-12-10T00:00:00Z"));
    assert_int_equal(parts[1].grain, MER_KPI_DAY);
    marks[2].upto_us = marks[0].upto_us;
    assert_int_equal(mer_kpi_split(x->a, ask, false, MER_S("t"), marks, 3, &parts), 1);
    assert_int_equal(parts[0].facilities_n, 2);
    // What the stored part does not name has nothing to do with the tenant.
    assert_int_equal(mer_kpi_split(x->a, ask, false, MER_S("t"), marks, 0, &parts), 0);
}

// A part that goes to another gateway as text comes out there as the same part.
static void test_hop(void **state)
{
    const struct kpi_fixture *x = *state;
    struct mer_kpi_ask *ask, *there;
    assert_int_equal(
        make(x, "{globalKpis(" R ", metrics: [OEE MTTR]) {series(grain: MONTH) {bucket}}}", NULL, &ask, NULL),
        MER_OK);
    struct mer_kpi_part part = mer_kpi_part_of(ask, false, MER_S("t"));
    int64_t upto[] = {at("2025-12-03T00:00:00Z"), at("2025-12-04T00:00:00Z"), at("2025-12-05T00:00:00Z")};
    part.upto_us = upto;
    struct mer_slice text = mer_kpi_cells_graphql(x->a, &part);
    assert_int_equal(make(x, mer_arena_cstr(x->a, text), NULL, &there, NULL), MER_OK);
    struct mer_kpi_part other = mer_kpi_part_of_cells(there, MER_S("t"));
    assert_memory_equal(&other.range, &part.range, sizeof part.range);
    assert_int_equal(other.components, part.components);
    assert_int_equal(other.grain, MER_KPI_MONTH);
    assert_int_equal(other.facilities_n, 3);
    assert_memory_equal(other.upto_us, upto, sizeof upto);
}

// The text tells the shape and nothing of the values.
static void test_sql_has_no_values(void **state)
{
    const struct kpi_fixture *x = *state;
    struct mer_kpi_ask *ask;
    struct mer_sql first, second;
    assert_int_equal(make(x, "{globalKpis(" R ", metrics: [OEE]) {totals {value}}}", NULL, &ask, NULL),
                     MER_OK);
    struct mer_kpi_part part = mer_kpi_part_of(ask, false, MER_S("tenant'; drop table x; --"));
    mer_kpi_stored_sql(x->a, &part, &first);
    part.tenant = MER_S("other");
    part.facilities_n = 1;
    part.range.from_us += 86400000000ll;
    mer_kpi_stored_sql(x->a, &part, &second);
    assert_true(mer_slice_eq(first.text, second.text));
    mer_kpi_raw_part_sql(x->a, &part, &first);
    part.facilities_n = 2;
    part.tenant = MER_S("\" {} \\");
    mer_kpi_raw_part_sql(x->a, &part, &second);
    assert_true(mer_slice_eq(first.text, second.text));
    struct mer_slice odd[] = {MER_S("a\"b\\c"), MER_S(""), MER_S("{,}")};
    assert_string_equal(mer_kpi_param_list(x->a, odd, 3).value.p, "{\"a\\\"b\\\\c\",\"\",\"{,}\"}");
}

static int load(void **state)
{
    static struct kpi_fixture x;
    kpi_fixture_load(&x, "schema");
    *state = &x;
    return 0;
}

static int unload(void **state)
{
    struct kpi_fixture *x = *state;
    mer_arena_destroy(x->a);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_catalogue_errors),
        cmocka_unit_test(test_decimals),
        cmocka_unit_test(test_buckets),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_asks),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_hop),
        cmocka_unit_test(test_sql_has_no_values),
        cmocka_unit_test(test_finish),
        cmocka_unit_test(test_finish_bad_parts),
        cmocka_unit_test(test_finish_bad_maps),
        cmocka_unit_test(test_distinct_is_near),
        cmocka_unit_test(test_percentiles_are_near),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
