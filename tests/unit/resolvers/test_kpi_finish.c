// SPDX-License-Identifier: MIT
// Finishing by table: the parts' answers as text, the field's JSON as text. The bug to test against is the
// average of ratios, over facilities as over hours.
#include "mer_test.h"

#include "base/time.h"
#include "kpi_fixture.h"
#include "resolvers/kpi/finish.h"
#include "test_kpi.h"

#define NOW           1765377000000000ll // 2025-12-10T14:30:00Z
#define LA            "facility-la-001"
#define NY            "facility-newyork-001"
#define FRA           "facility-frankfurt-001"
#define ID(region, f) "\"Facility~" region "~" f "~\""

static const struct mer_kpi_facility fleet[] = {
    {{LA, 15}, {"us-east", 7}},
    {{FRA, 22}, {"eu-central", 10}},
    {{NY, 20}, {"us-east", 7}},
};

// Two hours at 10:00 and 11:00; with FPY the cells carry good, scrap, rework; with BACKLOG open_n; in that
// order.
#define Q(metrics, more)                                                                                     \
    "{globalKpis(range: {from: \"2025-12-10T10:00:00Z\", to: \"2025-12-10T12:00:00Z\"}, metrics: [" metrics  \
    "]" more
#define CELL(b, r, f, u, fin, v)                                                                             \
    "[\"2025-12-10T" b ":00:00Z\",\"" r "\",\"" f "\",\"2025-12-10T" u ":00:00Z\"," fin "," v "]"
#define STORED(cells, marks)                                                                                 \
    "{\"stored\":true,\"cells\":[" cells "],\"watermarks\":{" marks "},\"version\":\"1\"}"
#define RAW(cells, marks)                                                                                    \
    "{\"stored\":false,\"cells\":[" cells "],\"watermarks\":{" marks "},\"version\":\"\"}"
#define MARK(f, t) "\"" f "\":\"2025-12-10T" t ":00Z\""
#define DONE       MARK(LA, "12:00") "," MARK(NY, "12:00") "," MARK(FRA, "12:00")

struct finish_case {
    const char *name, *query, *sets[3], *missing_region, *missing_facility, *want;
    bool second_is_compare;
};

static const struct finish_case cases[] = {
    {.name = "a ratio over facilities is a ratio of sums",
     // 50 % of 2 and 90 % of 1000: the mean would say 70.
     .query = Q("FPY", ") {totals {metric unit value numerator denominator target finality asOf missing}}}"),
     .sets = {STORED(CELL("10", "us-east", LA, "12", "true", "1,1,0") "," CELL("10", "us-east", NY, "12",
                                                                               "true", "900.0000,60,40"),
                     DONE)},
     .want = "{\"totals\":[{\"metric\":\"FPY\",\"unit\":\"%\",\"value\":89.92015968063872,\"numerator\":901,"
             "\"denominator\":1002,\"target\":95,\"finality\":\"FINAL\",\"asOf\":\"2025-12-10T12:00:00Z\","
             "\"missing\":[]}]}"},
    {.name = "a ratio over hours is a ratio of sums",
     .query = Q("FPY", ") {totals {value} series(grain: HOUR) {bucket values {value}}}}"),
     .sets = {STORED(CELL("10", "us-east", LA, "11", "true", "1,3,0") "," CELL("11", "us-east", LA, "12",
                                                                               "true", "99,1,0"),
                     DONE)},
     .want = "{\"totals\":[{\"value\":96.15384615384616}],\"series\":[{\"bucket\":\"2025-12-10T10:00:00Z\","
             "\"values\":"
             "[{\"value\":25}]},{\"bucket\":\"2025-12-10T11:00:00Z\",\"values\":[{\"value\":99}]}]}"},
    {.name = "a gauge: last over time, added over facilities, in any order of parts",
     .query = Q("BACKLOG", ") {totals {value} series(grain: HOUR) {values {value}}}}"),
     .sets = {STORED(CELL("11", "us-east", LA, "12", "true", "7") "," CELL("10", "us-east", LA, "11", "true",
                                                                           "50") "," CELL("10", "us-east", NY,
                                                                                          "11", "true", "4"),
                     DONE)},
     .want = "{\"totals\":[{\"value\":11}],\"series\":[{\"values\":[{\"value\":54}]},{\"values\":[{\"value\":"
             "7}]}]}"},
    {.name = "nothing to divide by is null, not zero",
     .query = Q("FPY ORDERS", ") {totals {value numerator denominator changePct}}}"),
     .sets = {STORED("", DONE)},
     .want =
         "{\"totals\":[{\"value\":null,\"numerator\":0,\"denominator\":0,\"changePct\":null},{\"value\":0,"
         "\"numerator\":null,\"denominator\":null,\"changePct\":null}]}"},
    {.name = "a lost region: null, named, and its neighbours whole",
     .query = Q("ORDERS", ") {totals {value finality missing} byRegion {region totals {value finality}}"
                          " byFacility {facility {id} totals {value}} incompleteRegions}}"),
     .sets = {STORED(
         CELL("10", "us-east", LA, "12", "true", "5") "," CELL("10", "eu-central", FRA, "11", "true", "3"),
         MARK(LA, "12:00") "," MARK(NY, "12:00") "," MARK(FRA, "11:00"))},
     .missing_region = "eu-central",
     .want = "{\"totals\":[{\"value\":null,\"finality\":\"PROVISIONAL\",\"missing\":[" ID(
         "eu-central", FRA) "]}],"
                            "\"byRegion\":[{\"region\":\"EU_CENTRAL\",\"totals\":[{\"value\":null,"
                            "\"finality\":\"PROVISIONAL\"}]},"
                            "{\"region\":\"US_EAST\",\"totals\":[{\"value\":5,\"finality\":\"FINAL\"}]}],"
                            "\"byFacility\":[{\"facility\":{\"id\":" ID(
                                "us-east", NY) "},\"totals\":[{\"value\":0}]},"
                                               "{\"facility\":{\"id\":" ID(
                                                   "us-east",
                                                   LA) "},\"totals\":[{\"value\":5}]},"
                                                       "{\"facility\":{\"id\":" ID(
                                                           "eu-central",
                                                           FRA) "},\"totals\":[{\"value\":null}]}],"
                                                                "\"incompleteRegions\":[\"EU_CENTRAL\"]}"},
    {.name = "a lost region whose hours are all stored is not missed",
     .query = Q("ORDERS", ") {totals {value finality} incompleteRegions}}"),
     .sets = {STORED(CELL("10", "eu-central", FRA, "12", "true", "3"), DONE)},
     .missing_region = "eu-central",
     .want = "{\"totals\":[{\"value\":3,\"finality\":\"FINAL\"}],\"incompleteRegions\":[]}"},
    {.name = "only the buckets that lack it are null",
     .query = Q("ORDERS", ") {series(grain: HOUR) {values {value finality}}}}"),
     .sets = {STORED(CELL("10", "us-east", LA, "11", "true", "5"), MARK(LA, "11:00"))},
     .missing_facility = LA,
     .want = "{\"series\":[{\"values\":[{\"value\":5,\"finality\":\"FINAL\"}]},{\"values\":[{\"value\":null,"
             "\"finality\":\"PROVISIONAL\"}]}]}"},
    {.name = "stored and raw hours make one figure; what is not stored is provisional",
     .query = Q("FPY", ") {totals {value finality missing}}}"),
     .sets = {STORED(CELL("10", "us-east", LA, "11", "true", "1,3,0"), MARK(LA, "11:00")),
              RAW(CELL("11", "us-east", LA, "12", "false", "99,1,0"), MARK(LA, "12:00"))},
     .want = "{\"totals\":[{\"value\":96.15384615384616,\"finality\":\"PROVISIONAL\",\"missing\":[]}]}"},
    {.name = "a facility that is behind: what is known stands, named",
     .query = Q("ORDERS", ") {totals {value finality asOf missing} incompleteRegions}}"),
     .sets = {STORED(CELL("10", "us-east", LA, "11", "true", "5"), MARK(LA, "11:00")),
              RAW(CELL("11", "us-east", LA, "12", "false", "2"), MARK(LA, "11:20"))},
     .want = "{\"totals\":[{\"value\":7,\"finality\":\"PROVISIONAL\",\"asOf\":\"2025-12-10T11:20:00Z\","
             "\"missing\":[" ID("us-east", LA) "]}],\"incompleteRegions\":[]}"},
    {.name = "behind by seconds is not missing",
     .query = Q("ORDERS", ") {totals {value finality missing}}}"),
     .sets = {STORED("", MARK(LA, "11:00")), RAW("", "\"" LA "\":\"2025-12-10T11:59:58Z\"")},
     .want = "{\"totals\":[{\"value\":0,\"finality\":\"PROVISIONAL\",\"missing\":[]}]}"},
    {.name = "a facility that was never rolled up",
     .query = Q("ORDERS", ") {totals {value missing asOf}}}"),
     .sets = {STORED("", "\"" LA "\":null")},
     .want = "{\"totals\":[{\"value\":0,\"missing\":[" ID("us-east",
                                                          LA) "],\"asOf\":\"2025-12-10T10:00:00Z\"}]}"},
    {.name = "without a stored part every facility asked may be missing",
     .query = Q("ORDERS", ", regions: [US_EAST]) {totals {value missing} incompleteRegions}}"),
     .missing_region = "us-east",
     .want = "{\"totals\":[{\"value\":null,\"missing\":[" ID("us-east", LA) "," ID(
         "us-east", NY) "]}],"
                        "\"incompleteRegions\":[\"US_EAST\"]}"},
    {.name = "compared with another range",
     .query = Q("ORDERS FPY", ", compareTo: {from: \"2025-12-09T10:00:00Z\", to: \"2025-12-09T12:00:00Z\"})"
                              " {totals {value previous changePct}}}"),
     .sets = {STORED(CELL("10", "us-east", LA, "12", "true", "15,1,1,0"), DONE),
              STORED("[\"2025-12-09T10:00:00Z\",\"us-east\",\"" LA
                     "\",\"2025-12-09T12:00:00Z\",true,20,3,1,0]",
                     DONE)},
     .second_is_compare = true,
     .want = "{\"totals\":[{\"value\":15,\"previous\":20,\"changePct\":-25},{\"value\":50,\"previous\":75,"
             "\"changePct\":-33.333333333333336}]}"},
    {.name = "worst first, by what is better",
     .query = Q("ORDERS", ") {worst: byFacility(top: 1, orderBy: SCRAP_RATE) {facility {id __typename}}"
                          " best: byFacility(top: 1, orderBy: SCRAP_RATE, dir: ASC) {facility {id}}"
                          " none: byFacility(top: 0) {region}}}"),
     .sets = {STORED(CELL("10", "us-east", LA, "12", "true", "1,90,10,0") "," CELL("10", "us-east", NY, "12",
                                                                                   "true", "1,80,20,0"),
                     MARK(LA, "12:00") "," MARK(NY, "12:00"))},
     .want = "{\"worst\":[{\"facility\":{\"id\":" ID(
         "us-east", NY) ",\"__typename\":\"Facility\"}}],\"best\":[{\"facility\":"
                        "{\"id\":" ID("us-east", LA) "}}],\"none\":[]}"},
    {.name = "no digit of a sum is lost; aliases, __typename and the gateway's hole",
     .query =
         Q("REVENUE",
           ") {t: __typename r: range {f: from to} totals {v: value __typename} dataFreshness {isStale}}}"),
     .sets = {STORED(CELL("10", "us-east", LA, "12", "true",
                          "99999999999999.9999") "," CELL("10", "us-east", NY, "12", "true", "0.0001"),
                     DONE)},
     .want = "{\"t\":\"GlobalKpis\",\"r\":{\"f\":\"2025-12-10T10:00:00Z\",\"to\":\"2025-12-10T12:00:00Z\"},"
             "\"totals\":"
             "[{\"v\":100000000000000,\"__typename\":\"KpiValue\"}],\"dataFreshness\":null}"},
    {.name = "a facility that was not asked for does not count",
     .query = Q("ORDERS", ", facilityIds: [\"" LA "\"]) {totals {value}}}"),
     .sets = {STORED(
         CELL("10", "us-east", LA, "12", "true", "1") "," CELL("10", "us-east", NY, "12", "true", "9"),
         DONE)},
     .want = "{\"totals\":[{\"value\":1}]}"},
    {.name = "distinct over hours and facilities is of one sketch, not a sum",
     .query = Q("ACTIVE_CUSTOMERS",
                ") {totals {unit value numerator denominator missing} byFacility {totals {value}}"
                " series(grain: HOUR) {values {value}}}}"),
     // Registers 1 to 5 in both hours and one in both facilities: 7 customers.
     .sets = {STORED(
         CELL("10", "us-east", LA, "11", "true", "{\"1\":1,\"2\":3,\"3\":1,\"4\":1,\"5\":2}") "," CELL(
             "11", "us-east", LA, "12", "true",
             "{\"1\":2,\"2\":1,\"3\":1,\"4\":1,\"5\":1,\"6\":4}") "," CELL("10", "us-east", NY, "11", "true",
                                                                           "{\"6\":1,\"4095\":7}"),
         MARK(LA, "12:00") "," MARK(NY, "12:00"))},
     .want = "{\"totals\":[{\"unit\":\"customers\",\"value\":7,\"numerator\":null,\"denominator\":null,"
             "\"missing\":[]}],"
             "\"byFacility\":[{\"totals\":[{\"value\":2}]},{\"totals\":[{\"value\":6}]}],"
             "\"series\":[{\"values\":[{\"value\":7}]},{\"values\":[{\"value\":6}]}]}"},
    {.name = "too few to be told: null, named, and never smaller; its neighbours are whole",
     .query = Q("ACTIVE_CUSTOMERS ORDERS",
                ", compareTo: {from: \"2025-12-09T10:00:00Z\", to: \"2025-12-09T12:00:00Z\"})"
                " {totals {value finality missing previous changePct} byFacility {totals {value missing}}"
                " series(grain: HOUR) {values {value}}}}"),
     .sets =
         {STORED(
              CELL("10", "us-east", LA, "11", "true", "9,{\"1\":1,\"2\":3,\"3\":1,\"4\":1,\"5\":2}") "," CELL(
                  "11", "us-east", LA, "12", "true", "2,null") "," CELL("10", "us-east", NY, "11", "true",
                                                                        "0,{}"),
              MARK(LA, "12:00") "," MARK(NY, "12:00")),
          STORED("[\"2025-12-09T10:00:00Z\",\"us-east\",\"" LA "\",\"2025-12-09T12:00:00Z\",true,1,null]",
                 DONE)},
     .second_is_compare = true,
     .want = "{\"totals\":[{\"value\":null,\"finality\":\"FINAL\",\"missing\":[" ID(
         "us-east",
         LA) "],\"previous\":null,\"changePct\":null},"
             "{\"value\":11,\"finality\":\"FINAL\",\"missing\":[],\"previous\":1,\"changePct\":1000}],"
             "\"byFacility\":[{\"totals\":[{\"value\":0,\"missing\":[]},{\"value\":0,\"missing\":[]}]},"
             "{\"totals\":[{\"value\":null,\"missing\":[" ID(
                 "us-east", LA) "]},{\"value\":11,\"missing\":[]}]}],"
                                "\"series\":[{\"values\":[{\"value\":5},{\"value\":9}]},{\"values\":[{"
                                "\"value\":null},{\"value\":2}]}]}"},
    {.name = "a sum that lacks an hour from before its component is not told",
     .query = Q("FPY UNITS", ") {totals {value numerator missing}}}"),
     .sets = {STORED(CELL("10", "us-east", LA, "11", "true", "1,null,0") "," CELL("11", "us-east", LA, "12",
                                                                                  "true", "99,1,0"),
                     DONE)},
     .want = "{\"totals\":[{\"value\":null,\"numerator\":null,\"missing\":[" ID(
         "us-east", LA) "]},{\"value\":null,\"numerator\":null,\"missing\":[" ID("us-east", LA) "]}]}"},
    {.name = "a gauge is told by its last hour alone",
     .query = Q("STOCKOUTS", ") {totals {value missing}}}"),
     .sets = {STORED(
         CELL("10", "us-east", LA, "11", "true", "null") "," CELL("11", "us-east", LA, "12", "true", "3"),
         DONE)},
     .want = "{\"totals\":[{\"value\":3,\"missing\":[]}]}"},
    {.name = "percentiles of all facilities' times together",
     // 1.02^465 s is 2.77 h, 1.02^581 s 27.6 h: 19 and two, of which the first is the 20th of 21.
     .query = Q("CYCLE_TIME_P50 CYCLE_TIME_P95", ") {totals {unit value} byRegion {totals {value}}}}"),
     .sets = {STORED(CELL("10", "us-east", LA, "12", "true", "{\"465\":18}") "," CELL(
                         "10", "us-east", NY, "12", "true", "{\"465\":1,\"581\":2}"),
                     MARK(LA, "12:00") "," MARK(NY, "12:00"))},
     .want = "{\"totals\":[{\"unit\":\"h\",\"value\":2.7444542452256973},{\"unit\":\"h\",\"value\":27."
             "29454877778373}],"
             "\"byRegion\":[{\"totals\":[{\"value\":2.7444542452256973},{\"value\":27.29454877778373}]}]}"},
    {.name = "a peak is of the facilities together: 10 and 7 in the same five minutes",
     .query = Q("PEAK_RATE",
                ") {totals {value} byFacility {totals {value}} series(grain: HOUR) {values {value}}}}"),
     .sets = {STORED(
         CELL("10", "us-east", LA, "11", "true", "{\"100\":10,\"101\":12}") "," CELL(
             "11", "us-east", LA, "12", "true", "{\"112\":3.5}") "," CELL("10", "us-east", NY, "11", "true",
                                                                          "{\"100\":7.5000,\"102\":1}"),
         MARK(LA, "12:00") "," MARK(NY, "12:00"))},
     .want = "{\"totals\":[{\"value\":210}],\"byFacility\":[{\"totals\":[{\"value\":90}]},{\"totals\":[{"
             "\"value\":144}]}],"
             "\"series\":[{\"values\":[{\"value\":210}]},{\"values\":[{\"value\":42}]}]}"},
    {.name = "no rows: nobody, no time, no peak",
     .query = Q("ACTIVE_CUSTOMERS CYCLE_TIME_P95 PEAK_RATE", ") {totals {value missing}}}"),
     .sets = {STORED(CELL("10", "us-east", LA, "12", "true", "{},{},{}"), DONE)},
     .want = "{\"totals\":[{\"value\":0,\"missing\":[]},{\"value\":null,\"missing\":[]},{\"value\":0,"
             "\"missing\":[]}]}"},
};

static struct mer_kpi_ask *make_ask(const struct kpi_fixture *x, const char *query)
{
    uint32_t n;
    struct mer_kpi_ask *ask;
    struct mer_diag diag = {0};
    struct mer_fetch_field **f = kpi_fixture_fields(x, "Query", mer_slice_of(query), &n);
    struct mer_variables *vars = MER_NEW(x->a, struct mer_variables);
    mer_map_init(&vars->by_name, x->a);
    struct mer_kpi_ask_opts opts = {.catalogue = x->catalogue,
                                    .schema = x->schema,
                                    .field = f[0],
                                    .vars = vars,
                                    .facilities = fleet,
                                    .facilities_n = 3,
                                    .now_us = NOW};
    if (mer_kpi_ask_make(x->a, &opts, &ask, &diag))
        fail_msg("%s: %s", query, diag.msg);
    return ask;
}

void test_finish(void **state)
{
    const struct kpi_fixture *x = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct finish_case *c = &cases[i];
        struct mer_kpi_cells sets[3];
        struct mer_slice region = mer_slice_of(c->missing_region),
                         facility = mer_slice_of(c->missing_facility);
        struct mer_kpi_answers answers = {
            .sets = sets,
            .missing_regions = &region,
            .missing_regions_n = region.n > 0,
            .missing_facilities = &facility,
            .missing_facilities_n = facility.n > 0,
        };
        for (; answers.sets_n < 3 && c->sets[answers.sets_n]; answers.sets_n++)
            sets[answers.sets_n] = (struct mer_kpi_cells){mer_slice_of(c->sets[answers.sets_n]),
                                                          answers.sets_n == 1 && c->second_is_compare};
        struct mer_buf out;
        struct mer_diag diag = {0};
        mer_buf_init(&out, x->a, 256);
        if (mer_kpi_finish(x->a, make_ask(x, c->query), &answers, &out, NULL, &diag))
            fail_msg("%s: %s", c->name, diag.msg);
        if (!mer_slice_is(mer_buf_slice(&out), c->want))
            fail_msg("%s:\nwanted %s\nhave   %.*s", c->name, c->want, MER_FMT(mer_buf_slice(&out)));
    }
}

void test_finish_bad_maps(void **state)
{
    const struct kpi_fixture *x = *state;
    static const char *const bad[] = {
        "1", "[]", "{\"a\":1}", "{\"-1\":1}", "{\"1\":null}", "{\"1\":\"2\"}", "{\"1.5\":1}", "{\"1\":1e99}"};
    struct mer_kpi_ask *ask = make_ask(x, Q("CYCLE_TIME_P50", ") {totals {value}}}"));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct mer_slice text = mer_arena_printf(x->a,
                                                 "{\"cells\":[[\"2025-12-10T10:00:00Z\",\"us-east\",\"" LA
                                                 "\",\"2025-12-10T12:00:00Z\",true,%s]],\"watermarks\":{}}",
                                                 bad[i]);
        struct mer_kpi_cells set = {text, false};
        struct mer_kpi_answers answers = {.sets = &set, .sets_n = 1};
        struct mer_buf out;
        mer_buf_init(&out, x->a, 256);
        if (mer_kpi_finish(x->a, ask, &answers, &out, NULL, NULL) != MER_ERR_INVALID)
            fail_msg("taken: %s", bad[i]);
    }
}

void test_finish_bad_parts(void **state)
{
    const struct kpi_fixture *x = *state;
    static const char *const bad[] = {
        "",
        "null",
        "[]",
        "{}",
        "{\"cells\":[]}",
        "{\"cells\":{},\"watermarks\":{}}",
        "{\"cells\":[[1]],\"watermarks\":{}}",
        STORED(CELL("10", "us-east", LA, "12", "true", "1,2"), DONE),
        STORED(CELL("10", "us-east", LA, "12", "true", "{}"), DONE),
        STORED(CELL("10", "us-east", LA, "12", "true", "\"1\""), DONE),
        STORED(CELL("1x", "us-east", LA, "12", "true", "1"), DONE),
        STORED(CELL("10", "us-east", LA, "12", "1", "1"), DONE),
        STORED("", "\"" LA "\":7"),
        STORED("", "\"" LA "\":\"soon\""),
        STORED(CELL("10", "us-east", LA, "12", "true", "1e400"), DONE),
    };
    struct mer_kpi_ask *ask = make_ask(x, Q("ORDERS", ") {totals {value}}}"));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct mer_kpi_cells set = {mer_slice_of(bad[i]), false};
        struct mer_kpi_answers answers = {.sets = &set, .sets_n = 1};
        struct mer_buf out;
        mer_buf_init(&out, x->a, 256);
        if (mer_kpi_finish(x->a, ask, &answers, &out, NULL, NULL) != MER_ERR_INVALID)
            fail_msg("taken: %s", bad[i]);
    }
    struct mer_kpi_mark *marks;
    uint32_t n;
    assert_int_equal(mer_kpi_read_marks(x->a, MER_S(STORED("", DONE)), &marks, &n, NULL), MER_OK);
    assert_int_equal(n, 3);
    assert_int_equal(marks[0].upto_us, NOW - 9000000000ll);
    assert_int_equal(mer_kpi_read_marks(x->a, MER_S("{}"), &marks, &n, NULL), MER_ERR_INVALID);
}
