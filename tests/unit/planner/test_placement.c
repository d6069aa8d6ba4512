// SPDX-License-Identifier: MIT
// Placement by table: each row a need and what is known, and which place must be chosen or why none is.
#include "mer_test.h"

#include "planner/placement.h"

enum { BLUE, GREEN, BLUE_REPLICA, LA_EDGE, FRANKFURT_EDGE, EU, PLACES };

static const struct mer_place places[PLACES] = {
    [BLUE] = {0, 0, {"blue", 4}, true, MER_TIER_REGIONAL, MER_ROLE_PRIMARY, {"us-east", 7}, {"blue", 4}, {0}},
    [GREEN] =
        {1, 0, {"green", 5}, true, MER_TIER_REGIONAL, MER_ROLE_PRIMARY, {"us-east", 7}, {"green", 5}, {0}},
    [BLUE_REPLICA] =
        {2, 0, {"r1", 2}, true, MER_TIER_REGIONAL, MER_ROLE_REPLICA, {"us-east", 7}, {"blue", 4}, {0}},
    [LA_EDGE] = {3, 0, {"la", 2}, false, MER_TIER_EDGE, MER_ROLE_PRIMARY, {"us-east", 7}, {0}, {"la", 2}},
    [FRANKFURT_EDGE] = {4, 0, {"fra", 3}, false, MER_TIER_EDGE, MER_ROLE_PRIMARY, {"eu", 2}, {0}, {"fra", 3}},
    [EU] = {5, 0, {"eu", 2}, false, MER_TIER_REGIONAL, MER_ROLE_PRIMARY, {"eu", 2}, {0}, {0}},
};

#define EDGE_BIT   (1u << MER_TIER_EDGE)
#define REGION_BIT (1u << MER_TIER_REGIONAL)
#define SECOND     INT64_C(1000000)

struct row {
    const char *name;
    struct mer_part_need need;
    uint32_t down;       // bit set of places
    int64_t age_us;      // of the data in this region's databases
    int32_t want;        // place, or -1
    enum mer_reject why; // of -1
};

static const struct row rows[] = {
    {"own region's rows come from the live environment",
     {.region = {"us-east", 7},
      .facility = {"la", 2},
      .resident = true,
      .serves = EDGE_BIT | REGION_BIT,
      .max_age_us = -1},
     0,
     0,
     BLUE,
     0},
    {"rows of no named region are the asked region's own",
     {.resident = true, .serves = EDGE_BIT | REGION_BIT, .max_age_us = -1},
     0,
     0,
     BLUE,
     0},
    {"and never another's",
     {.resident = true, .serves = EDGE_BIT | REGION_BIT, .max_age_us = -1},
     1u << BLUE | 1u << BLUE_REPLICA,
     0,
     -1,
     MER_REJECT_UNHEALTHY},
    {"a replica answers when the primary is away",
     {.region = {"us-east", 7},
      .facility = {"la", 2},
      .resident = true,
      .serves = EDGE_BIT | REGION_BIT,
      .max_age_us = -1},
     1u << BLUE,
     0,
     BLUE_REPLICA,
     0},
    {"green is never asked, even when all of blue is away",
     {.region = {"us-east", 7},
      .facility = {"la", 2},
      .resident = true,
      .serves = EDGE_BIT | REGION_BIT,
      .max_age_us = -1},
     1u << BLUE | 1u << BLUE_REPLICA,
     0,
     -1,
     MER_REJECT_UNHEALTHY},
    {"the edge is asked when the bound is tighter than the region's data",
     {.region = {"us-east", 7},
      .facility = {"la", 2},
      .resident = true,
      .serves = EDGE_BIT | REGION_BIT,
      .max_age_us = 5 * SECOND},
     0,
     90 * SECOND,
     LA_EDGE,
     0},
    {"the region answers within the bound",
     {.region = {"us-east", 7},
      .facility = {"la", 2},
      .resident = true,
      .serves = EDGE_BIT | REGION_BIT,
      .max_age_us = 120 * SECOND},
     0,
     90 * SECOND,
     BLUE,
     0},
    {"data of unknown age satisfies no bound",
     {.region = {"us-east", 7},
      .facility = {"la", 2},
      .resident = true,
      .serves = REGION_BIT,
      .max_age_us = 9 * SECOND},
     0,
     MER_AGE_UNKNOWN,
     -1,
     MER_REJECT_STALE},
    {"a write goes to the facility's edge and nowhere else",
     {.region = {"us-east", 7}, .facility = {"la", 2}, .write = true, .serves = EDGE_BIT, .max_age_us = -1},
     0,
     0,
     LA_EDGE,
     0},
    {"a write waits for its edge",
     {.region = {"us-east", 7}, .facility = {"la", 2}, .write = true, .serves = EDGE_BIT, .max_age_us = -1},
     1u << LA_EDGE,
     0,
     -1,
     MER_REJECT_UNHEALTHY},
    {"resident rows of an open neighbour are asked there",
     {.region = {"eu", 2},
      .facility = {"fra", 3},
      .resident = true,
      .serves = EDGE_BIT | REGION_BIT,
      .max_age_us = -1},
     0,
     0,
     EU,
     0},
    {"resident rows of a closed neighbour are refused by name",
     {.region = {"eu", 2},
      .facility = {"fra", 3},
      .resident = true,
      .region_closed = true,
      .serves = EDGE_BIT | REGION_BIT,
      .max_age_us = -1},
     0,
     0,
     -1,
     MER_REJECT_RESIDENCY},
    {"a neighbour's snapshot is read at home (R15)",
     {.region = {"eu", 2},
      .facility = {"fra", 3},
      .region_closed = true,
      .serves = EDGE_BIT | REGION_BIT,
      .max_age_us = -1},
     0,
     0,
     BLUE,
     0},
    {"a hop asks no further",
     {.region = {"eu", 2},
      .facility = {"fra", 3},
      .resident = true,
      .hop = true,
      .serves = REGION_BIT,
      .max_age_us = -1},
     0,
     0,
     -1,
     MER_REJECT_HOP},
    {"a tier that does not serve the field is not asked",
     {.serves = 1u << MER_TIER_GLOBAL, .max_age_us = -1},
     0,
     0,
     -1,
     MER_REJECT_TIER},
};

static void places_are_chosen_by_rule(void **state)
{
    (void)state;
    const struct mer_self self = {{"us-east", 7}, MER_TIER_REGIONAL, {"us-east", 7}, {0}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mer_place_facts facts[PLACES];
        enum mer_reject verdicts[PLACES];
        for (uint32_t k = 0; k < PLACES; k++) {
            facts[k] = (struct mer_place_facts){.up = !(rows[i].down & (1u << k)),
                                                .live = k != GREEN,
                                                .age_us = rows[i].age_us,
                                                .latency_us = k};
        }
        struct mer_choice c = mer_place_choose(&self, places, PLACES, &rows[i].need, facts, verdicts);
        if (c.place != rows[i].want || (c.place < 0 && c.why != rows[i].why)) {
            fail_msg("%s: got place %d (%s)", rows[i].name, c.place, mer_reject_name(c.why));
        }
        if (c.place >= 0) {
            assert_int_equal(verdicts[c.place], MER_PLACE_OK);
        }
    }
}

static void a_failed_place_is_not_asked_again(void **state)
{
    (void)state;
    const struct mer_self self = {{"us-east", 7}, MER_TIER_REGIONAL, {"us-east", 7}, {0}};
    struct mer_part_need need = {.serves = REGION_BIT, .max_age_us = -1};
    struct mer_place_facts facts[PLACES] = {
        [BLUE] = {.up = true, .live = true, .excluded = true}, [BLUE_REPLICA] = {.up = true, .live = true}};
    struct mer_choice c = mer_place_choose(&self, places, PLACES, &need, facts, NULL);
    assert_int_equal(c.place, BLUE_REPLICA);
}

static void what_a_place_does_not_keep_is_asked_elsewhere_or_refused(void **state)
{
    (void)state;
    const struct mer_self self = {{"us-east", 7}, MER_TIER_REGIONAL, {"us-east", 7}, {0}};
    struct mer_part_need need = {.region = {"us-east", 7},
                                 .facility = {"la", 2},
                                 .resident = true,
                                 .serves = EDGE_BIT | REGION_BIT,
                                 .max_age_us = 0};
    struct mer_place_facts facts[PLACES] = {
        [BLUE] = {.up = true, .live = true}, [LA_EDGE] = {.up = true, .live = true, .too_old = true}};
    assert_int_equal(mer_place_choose(&self, places, PLACES, &need, facts, NULL).place, BLUE);
    facts[BLUE].too_old = true;
    facts[BLUE_REPLICA] =
        (struct mer_place_facts){.live = true, .too_old = true}; // away, and it would not help
    struct mer_choice c = mer_place_choose(&self, places, PLACES, &need, facts, NULL);
    assert_int_equal(c.place, -1);
    assert_int_equal(c.why, MER_REJECT_RETENTION);
}

static void of_equal_gateways_the_callers_own_is_asked(void **state)
{
    (void)state;
    const struct mer_self global = {{"global", 6}, MER_TIER_GLOBAL, {0}, {0}};
    const struct mer_place regions[] = {
        {.index = 0, .tier = MER_TIER_REGIONAL, .region = {"us-east", 7}},
        {.index = 1, .tier = MER_TIER_REGIONAL, .region = {"eu", 2}},
    };
    struct mer_part_need need = {.near = {"eu", 2}, .serves = REGION_BIT, .max_age_us = -1};
    struct mer_place_facts facts[] = {{.up = true, .live = true, .latency_us = 1},
                                      {.up = true, .live = true, .latency_us = 90000}};
    assert_int_equal(mer_place_choose(&global, regions, 2, &need, facts, NULL).place, 1);
    need.region = (struct mer_slice){"us-east", 7}; // where the data lives says more
    assert_int_equal(mer_place_choose(&global, regions, 2, &need, facts, NULL).place, 0);
    need.region = (struct mer_slice){0};
    facts[1].up = false;
    assert_int_equal(mer_place_choose(&global, regions, 2, &need, facts, NULL).place, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_are_chosen_by_rule),
        cmocka_unit_test(a_failed_place_is_not_asked_again),
        cmocka_unit_test(what_a_place_does_not_keep_is_asked_elsewhere_or_refused),
        cmocka_unit_test(of_equal_gateways_the_callers_own_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
