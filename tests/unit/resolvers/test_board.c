// SPDX-License-Identifier: MIT
// The freshness board: facts of databases with clocks of their own, and facts that are none.
#include <stdio.h>

#include "base/time.h"
#include "mer_test.h"
#include "unit/resolvers/exec_rig.h"

#define S INT64_C(1000000)

static enum mer_err read_late(struct mer_board *b, uint32_t place, int64_t skew_us, int64_t took_us,
                              const char *rest)
{
    char text[1024];
    struct mer_diag d = {0};
    snprintf(text, sizeof(text), "{\"now\":%lld%s}", (long long)(mer_time_wall_us() + skew_us), rest);
    return mer_board_read(b, place, mer_slice_of(text), took_us, &d);
}

static enum mer_err read_facts(struct mer_board *b, uint32_t place, int64_t skew_us, const char *rest)
{
    return read_late(b, place, skew_us, 0, rest);
}

static int64_t age_of(struct mer_board *b, const char *facility)
{
    struct mer_board_facility f;
    assert_true(mer_board_facility(b, 0, mer_slice_of(facility), &f));
    return mer_time_wall_us() - f.last_sync_us;
}

static void an_edge_that_knows_no_regions_is_understood(void **state)
{
    (void)state;
    struct mer_board *b = mer_board_create(1);
    assert_int_equal(read_facts(b, 0, 0, ",\"regions\":null,\"facilities\":null"), MER_OK);
    mer_board_destroy(b);
}

static void ages_do_not_depend_on_the_databases_clock(void **state)
{
    (void)state;
    static const int64_t skews[] = {0, 50000, -50000, 3600 * S, -86400 * S};
    struct mer_board *b = mer_board_create(1);
    for (size_t i = 0; i < sizeof(skews) / sizeof(skews[0]); i++) {
        char rest[256];
        int64_t there = mer_time_wall_us() + skews[i] - 10 * S;
        snprintf(rest, sizeof(rest),
                 ",\"facilities\":{\"f\":{\"lastSync\":%lld,\"online\":true}},\"asOf\":%lld",
                 (long long)there, (long long)there);
        assert_int_equal(read_facts(b, 0, skews[i], rest), MER_OK);
        assert_in_range(age_of(b, "f"), 9 * S, 12 * S);
        assert_in_range(mer_time_wall_us() - mer_board_as_of(b, 0), 9 * S, 12 * S);
    }
    mer_board_destroy(b);
}

static void a_slow_answer_never_makes_data_look_fresh(void **state)
{
    (void)state;
    struct mer_board *b = mer_board_create(1);
    char rest[256];
    // Clocks that agree; the answer was made a second and a half ago.
    snprintf(rest, sizeof(rest), ",\"facilities\":{\"f\":{\"lastSync\":%lld,\"online\":true}}",
             (long long)(mer_time_wall_us() - 10 * S));
    assert_int_equal(read_late(b, 0, -3 * S / 2, 2 * S, rest), MER_OK);
    assert_in_range(age_of(b, "f"), 10 * S - 100000, 12 * S);
    // A clock an hour ahead, told in two seconds: not younger than it can be.
    snprintf(rest, sizeof(rest), ",\"facilities\":{\"f\":{\"lastSync\":%lld,\"online\":true}}",
             (long long)(mer_time_wall_us() + 3590 * S));
    assert_int_equal(read_late(b, 0, 3598 * S, 2 * S, rest), MER_OK);
    assert_in_range(age_of(b, "f"), 10 * S - 100000, 13 * S);
    mer_board_destroy(b);
}

static bool behind_after(struct mer_board *b, int64_t as_of_us)
{
    char rest[64] = "";
    if (as_of_us != MER_TIME_UNKNOWN) {
        snprintf(rest, sizeof(rest), ",\"asOf\":%lld", (long long)as_of_us);
    }
    assert_int_equal(read_facts(b, 0, 0, rest), MER_OK);
    return mer_board_is_behind(b, 0);
}

static void a_standby_that_went_back_in_time_is_known(void **state)
{
    (void)state;
    struct mer_board *b = mer_board_create(1);
    int64_t seen = mer_time_wall_us() - 100 * S;
    assert_false(behind_after(b, MER_TIME_UNKNOWN)); // nothing was shown before
    assert_false(behind_after(b, seen));
    assert_false(behind_after(b, seen)); // a primary that is silent is no step back
    assert_true(behind_after(b, seen - 60 * S));
    assert_true(behind_after(b, seen - 30 * S)); // coming nearer is not being there
    assert_true(behind_after(b, MER_TIME_UNKNOWN));
    assert_false(behind_after(b, seen));
    assert_false(behind_after(b, seen - S / 2)); // two commits, the later one first in the log
    assert_true(behind_after(b, seen - 2 * S));
    mer_board_destroy(b);
}

// Positions in the log are exact: a step back of half a second is one, though times of commits cannot tell.
static void a_standby_that_tells_its_position_is_taken_at_its_word(void **state)
{
    (void)state;
    static const struct {
        const char *rest;
        bool behind;
    } polls[] = {
        {",\"asOf\":5000000,\"replayed\":900,\"system\":\"a\"", false},
        {",\"asOf\":5000000,\"replayed\":900,\"system\":\"a\"", false},
        {",\"asOf\":5000000,\"replayed\":899,\"system\":\"a\"", true},
        {",\"asOf\":9000000,\"replayed\":899,\"system\":\"a\"", true},
        {",\"asOf\":5000000,\"replayed\":901,\"system\":\"a\"", false},
        {",\"asOf\":5000000,\"replayed\":10,\"system\":\"b\"", false}, // made anew from another cluster
        {",\"asOf\":5000000,\"replayed\":9,\"system\":\"b\"", true},
    };
    struct mer_board *b = mer_board_create(1);
    for (size_t i = 0; i < sizeof(polls) / sizeof(polls[0]); i++) {
        assert_int_equal(read_facts(b, 0, 0, polls[i].rest), MER_OK);
        assert_int_equal(mer_board_is_behind(b, 0), polls[i].behind);
    }
    mer_board_destroy(b);
}

static void what_is_unknown_stays_unknown(void **state)
{
    (void)state;
    struct mer_board *b = mer_board_create(2);
    struct mer_board_facility f;
    struct mer_board_region r;
    assert_false(mer_board_facility(b, 0, MER_S("f"), &f));
    assert_int_equal(mer_board_as_of(b, 0), MER_TIME_UNKNOWN);
    assert_int_equal(read_facts(b, 0, 0,
                                ",\"facilities\":{\"f\":{},\"g\":7,\"h\":{\"lastSync\":\"x\",\"online\":1},"
                                "\"i\":{\"lastSync\":9223372036854775807,\"online\":true}},\"asOf\":null"),
                     MER_OK);
    for (const char *name = "fghi"; *name; name++) {
        assert_true(mer_board_facility(b, 0, mer_slice_make(name, 1), &f));
        assert_int_equal(f.last_sync_us, MER_TIME_UNKNOWN);
        assert_int_equal(f.online, *name == 'i');
    }
    assert_false(mer_board_facility(b, 1, MER_S("f"), &f)); // another database's
    assert_int_equal(mer_board_as_of(b, 0), MER_TIME_UNKNOWN);
    assert_int_equal(mer_board_region_beat(b, 0, MER_S("x")), MER_TIME_UNKNOWN);
    assert_false(mer_board_region(b, MER_S("x"), &r));
    mer_board_destroy(b);
}

static void facts_that_are_none_are_refused_and_change_nothing(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "null",
                                        "[]",
                                        "7",
                                        "{}",
                                        "{\"now\":\"1\"}",
                                        "{\"now\":-5}",
                                        "{\"now\":1e99}",
                                        "{\"now\":9223372036854775807}",
                                        "{\"now\":1,\"facilities\":[\"a\",\"b\",\"c\"]}",
                                        "{\"now\":1,\"regions\":[1]}",
                                        "{\"now\":1,\"facilities\":\"x\"}",
                                        "{\"now\":1",
                                        "{\"now\":1,\"facilities\":{\"f\":{\"lastSync\":1}},\"regions\":7}"};
    struct mer_board *b = mer_board_create(1);
    assert_int_equal(read_facts(b, 0, 0,
                                ",\"facilities\":{\"f\":{\"lastSync\":1765377000000000,\"online\":true}},"
                                "\"version\":\"v1\",\"asOf\":1765377000000000"),
                     MER_OK);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct mer_board_facility f;
        struct mer_diag d = {0};
        assert_int_not_equal(mer_board_read(b, 0, mer_slice_of(wrong[i]), 0, &d), MER_OK);
        assert_true(mer_board_facility(b, 0, MER_S("f"), &f));
        assert_int_equal(f.last_sync_us, 1765377000000000);
        mer_assert_slice(mer_board_version(b, 0), "v1");
    }
    mer_board_destroy(b);
}

static void our_own_pings_overrule_the_database(void **state)
{
    (void)state;
    struct mer_board *b = mer_board_create(1);
    struct mer_board_facility f;
    assert_int_equal(read_facts(b, 0, 0, ",\"facilities\":{\"f\":{\"lastSync\":1,\"online\":true}}"), MER_OK);
    mer_board_set_online(b, MER_S("f"), false);
    assert_true(mer_board_facility(b, 0, MER_S("f"), &f));
    assert_false(f.online);
    mer_board_set_online(b, MER_S("f"), true);
    assert_true(mer_board_facility(b, 0, MER_S("f"), &f));
    assert_true(f.online);
    mer_board_destroy(b);
}

static void an_older_route_never_comes_back(void **state)
{
    (void)state;
    struct mer_board *b = mer_board_create(1);
    struct mer_board_region r;
    assert_int_equal(
        read_facts(b, 0, 0,
                   ",\"regions\":{\"us-east\":{\"live\":\"green\",\"epoch\":7},"
                   "\"apac\":{\"live\":\"blue\",\"epoch\":-1},\"x\":5,\"y\":{\"live\":7,\"epoch\":1}}"),
        MER_OK);
    assert_int_equal(read_facts(b, 0, 0, ",\"regions\":{\"us-east\":{\"live\":\"blue\",\"epoch\":6}}"),
                     MER_OK);
    assert_true(mer_board_region(b, MER_S("us-east"), &r));
    mer_assert_slice(r.live, "green");
    assert_int_equal(r.epoch, 7);
    assert_false(mer_board_region(b, MER_S("apac"), &r));
    assert_false(mer_board_region(b, MER_S("y"), &r));
    mer_board_destroy(b);
}

// In the middle of a cutover the old environment speaks of the next one, which is not live before it says so.
static void an_environment_is_live_when_it_says_so_itself(void **state)
{
    (void)state;
    struct mer_board *b = mer_board_create(3);
    struct mer_board_region r;
    mer_board_set_home(b, 0, MER_S("us-east"), MER_S("blue"));
    mer_board_set_home(b, 1, MER_S("us-east"), MER_S("green"));
    const char *blue = ",\"regions\":{\"us-east\":{\"live\":\"blue\",\"epoch\":4,\"state\":\"blue_live\"}}";
    const char *fenced =
        ",\"regions\":{\"us-east\":{\"live\":\"green\",\"epoch\":5,\"state\":\"green_validating\"},"
        "\"apac\":{\"live\":\"green\",\"epoch\":2,\"state\":\"green_live\"}}";
    const char *green =
        ",\"regions\":{\"us-east\":{\"live\":\"green\",\"epoch\":5,\"state\":\"green_live_stabilising\"}}";
    assert_int_equal(read_facts(b, 0, 0, blue), MER_OK);
    assert_int_equal(read_facts(b, 1, 0, blue), MER_OK);
    assert_int_equal(read_facts(b, 0, 0, fenced), MER_OK);
    assert_int_equal(read_facts(b, 1, 0, blue), MER_OK); // it has not heard of it
    assert_true(mer_board_region(b, MER_S("us-east"), &r));
    mer_assert_slice(r.live, "blue");
    assert_int_equal(r.epoch, 4);
    mer_assert_slice(r.phase, "green_validating");
    assert_true(mer_board_region(b, MER_S("apac"), &r)); // another region's row is what it is
    mer_assert_slice(r.live, "green");
    mer_assert_slice(r.phase, "green_live");
    assert_int_equal(read_facts(b, 1, 0, green), MER_OK);
    assert_int_equal(read_facts(b, 0, 0, fenced), MER_OK); // a replica that is late, say
    assert_true(mer_board_region(b, MER_S("us-east"), &r));
    mer_assert_slice(r.live, "green");
    assert_int_equal(r.epoch, 5);
    mer_assert_slice(r.phase, "green_live_stabilising");
    assert_int_equal(read_facts(b, 0, 0, blue), MER_OK); // left behind: its epoch is of the past
    assert_true(mer_board_region(b, MER_S("us-east"), &r));
    mer_assert_slice(r.live, "green");
    mer_assert_slice(r.phase, "green_live_stabilising");
    mer_board_destroy(b);
}

// Better than nothing, for who starts in the middle of a cutover.
static void where_nothing_is_known_hearsay_is_taken(void **state)
{
    (void)state;
    struct mer_board *b = mer_board_create(1);
    struct mer_board_region r;
    mer_board_set_home(b, 0, MER_S("us-east"), MER_S("blue"));
    assert_int_equal(read_facts(b, 0, 0, ",\"regions\":{\"us-east\":{\"live\":\"green\",\"epoch\":5}}"),
                     MER_OK);
    assert_true(mer_board_region(b, MER_S("us-east"), &r));
    mer_assert_slice(r.live, "green");
    assert_int_equal(r.phase.n, 0);
    mer_board_destroy(b);
    b = mer_board_create(1);
    mer_board_set_home(b, 0, MER_S("us-east"), MER_S("blue"));
    assert_int_equal(read_facts(b, 0, 0,
                                ",\"regions\":{\"us-east\":{\"live\":\"green\",\"epoch\":5,"
                                "\"state\":\"green_validating\"}}"),
                     MER_OK);
    assert_true(mer_board_region(b, MER_S("us-east"), &r));
    mer_assert_slice(r.live, "blue"); // which has all data until green has it
    assert_int_equal(r.epoch, 4);
    mer_assert_slice(r.phase, "green_validating");
    mer_board_destroy(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_edge_that_knows_no_regions_is_understood),
        cmocka_unit_test(ages_do_not_depend_on_the_databases_clock),
        cmocka_unit_test(a_slow_answer_never_makes_data_look_fresh),
        cmocka_unit_test(a_standby_that_went_back_in_time_is_known),
        cmocka_unit_test(a_standby_that_tells_its_position_is_taken_at_its_word),
        cmocka_unit_test(what_is_unknown_stays_unknown),
        cmocka_unit_test(facts_that_are_none_are_refused_and_change_nothing),
        cmocka_unit_test(our_own_pings_overrule_the_database),
        cmocka_unit_test(an_older_route_never_comes_back),
        cmocka_unit_test(an_environment_is_live_when_it_says_so_itself),
        cmocka_unit_test(where_nothing_is_known_hearsay_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
