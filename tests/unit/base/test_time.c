// SPDX-License-Identifier: MIT
#include "base/time.h"

#include "mer_test.h"

static void reads_and_writes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us;
        const char *canonical;
    } table[] = {
        {"1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z"},
        {"1969-12-31T23:59:59.999999Z", -1, "1969-12-31T23:59:59.999999Z"},
        {"2025-12-10T14:30:00Z", 1765377000000000, "2025-12-10T14:30:00Z"},
        {"2025-12-10t14:30:00z", 1765377000000000, "2025-12-10T14:30:00Z"},
        {"2025-12-10T15:30:00+01:00", 1765377000000000, "2025-12-10T14:30:00Z"},
        {"2025-12-10T06:30:00-08:00", 1765377000000000, "2025-12-10T14:30:00Z"},
        {"2025-12-10T14:30:00.5Z", 1765377000500000, "2025-12-10T14:30:00.5Z"},
        {"2025-12-10T14:30:00.000001Z", 1765377000000001, "2025-12-10T14:30:00.000001Z"},
        {"2025-12-10T14:30:00.1234567890Z", 1765377000123456, "2025-12-10T14:30:00.123456Z"},
        {"2024-02-29T00:00:00Z", 1709164800000000, "2024-02-29T00:00:00Z"},
        {"2000-02-29T23:59:59-00:00", 951868799000000, "2000-02-29T23:59:59Z"},
        {"0000-01-01T00:00:00Z", -62167219200000000, "0000-01-01T00:00:00Z"},
        {"9999-12-31T23:59:59.999999Z", 253402300799999999, "9999-12-31T23:59:59.999999Z"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        int64_t us;
        struct mer_buf b;
        if (!mer_time_parse_rfc3339(mer_slice_of(table[i].text), &us) || us != table[i].us)
            fail_msg("%s", table[i].text);
        mer_buf_init(&b, NULL, 0);
        mer_time_write_rfc3339(&b, us);
        mer_assert_slice(mer_buf_slice(&b), table[i].canonical);
        mer_buf_fini(&b);
    }
}

static void refuses(void **state)
{
    (void)state;
    static const char *const table[] = {
        "",
        "2025-12-10",
        "2025-12-10T14:30:00",
        "2025-12-10 14:30:00Z",
        "2025-12-10T14:30Z",
        "2025-13-01T00:00:00Z",
        "2025-00-01T00:00:00Z",
        "2025-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2025-04-31T00:00:00Z",
        "2025-01-00T00:00:00Z",
        "2025-01-01T24:00:00Z",
        "2025-01-01T00:60:00Z",
        "2025-06-30T23:59:60Z",
        "2025-01-01T00:00:00.Z",
        "2025-01-01T00:00:00+24:00",
        "2025-01-01T00:00:00+01:60",
        "2025-01-01T00:00:00+0100",
        "2025-01-01T00:00:00Zx",
        " 2025-01-01T00:00:00Z",
        "25-01-01T00:00:00Z",
        "0000-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "2025-01-01T00:00:00+",
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        int64_t us;
        if (mer_time_parse_rfc3339(mer_slice_of(table[i]), &us))
            fail_msg("accepted %s", table[i]);
    }
}

static void every_day_of_four_centuries(void **state)
{
    (void)state;
    int64_t day_us = INT64_C(86400) * 1000000;
    for (int64_t day = -365 * 200; day < 365 * 200; day += 1) {
        int64_t want = day * day_us + day % 86400 * 1000, got;
        struct mer_buf b;
        mer_buf_init(&b, NULL, 40);
        mer_time_write_rfc3339(&b, want);
        assert_true(mer_time_parse_rfc3339(mer_buf_slice(&b), &got));
        assert_true(got == want);
        mer_buf_fini(&b);
    }
}

static void clocks_go_forward(void **state)
{
    (void)state;
    int64_t mono = mer_time_mono_us();
    assert_true(mer_time_mono_us() >= mono);
    assert_true(mer_time_wall_us() > INT64_C(1600000000000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes),
        cmocka_unit_test(refuses),
        cmocka_unit_test(every_day_of_four_centuries),
        cmocka_unit_test(clocks_go_forward),
    };
    return cmocka_run_group_tests_name("base/time", tests, NULL, NULL);
}
