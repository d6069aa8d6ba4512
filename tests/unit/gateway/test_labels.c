// SPDX-License-Identifier: MIT
// Labels of progressive overrides: by share, header and claim.
#include "gateway/labels.h"
#include "mer_test.h"

static void percent_is_read_from_the_label(void **state)
{
    (void)state;
    static const struct {
        const char *label;
        double want; // < 0: another label
    } cases[] = {{"percent(0)", 0},  {"percent(100)", 100}, {"percent(12.5)", 12.5}, {"percent(0.01)", 0.01},
                 {"percent()", -1},  {"percent(x)", -1},    {"percent(1.2.3)", -1},  {"percent(5", -1},
                 {"Percent(5)", -1}, {"percents", -1},      {"beta:stock", -1},      {"percent(-1)", -1}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        double got = -1;
        bool is = mer_label_percent(mer_slice_of(cases[i].label), &got);
        assert_int_equal(is, cases[i].want >= 0);
        assert_true(!is || (got > cases[i].want - 1e-9 && got < cases[i].want + 1e-9));
    }
}

static struct mer_slice header(void *owner, const char *name)
{
    return strcmp(name, "x-beta") == 0 ? mer_slice_of(owner) : MER_NIL;
}

static uint64_t decide(struct mer_federation *f, const struct mer_config *c, const char *beta, uint64_t meets,
                       uint64_t *random)
{
    union {
        const char *in;
        char *out;
    } owner = {beta}; // nobody writes to it
    struct mer_arena *a = mer_arena_create(0);
    struct mer_claims claims = {.meets = meets};
    const struct mer_labels_ask ask = {header, owner.out, &claims, random};
    const uint64_t *on = mer_labels_decide(a, c, f, &ask);
    uint64_t bits = on ? *on : UINT64_MAX;
    mer_arena_destroy(a);
    return bits;
}

static void labels_are_on_by_header_claim_and_share(void **state)
{
    (void)state;
    struct mer_slice names[] = {MER_S("percent(30)"), MER_S("head"),   MER_S("there"),
                                MER_S("team"),        MER_S("nobody"), MER_S("all")};
    struct mer_federation f = {.labels = names, .labels_n = 6};
    struct mer_config_label entries[] = {
        {.name = MER_S("head"), .header = MER_S("x-beta"), .equals = MER_S("yes")},
        {.name = MER_S("there"), .header = MER_S("x-beta")},
        {.name = MER_S("team"), .claim = MER_S("team"), .equals = MER_S("b")},
        {.name = MER_S("all"), .percent = 100},
    };
    struct mer_config c = {.labels = entries, .labels_n = 4};
    uint64_t random = 7, again = 7, drawn = 0;
    assert_int_equal(decide(&f, &c, NULL, 0, &random) & ~1u, 1u << 5);
    assert_int_equal(decide(&f, &c, "yes", 0, &random) & ~1u, (1u << 5) | (1u << 1) | (1u << 2));
    assert_int_equal(decide(&f, &c, "no", 1u << 2, &random) & ~1u, (1u << 5) | (1u << 2) | (1u << 3));
    for (int i = 0; i < 3; i++) {
        decide(&f, &c, NULL, 0, &again);
    }
    assert_int_equal(random, again); // the same draws from the same state
    for (int i = 0; i < 10000; i++) {
        drawn += decide(&f, &c, NULL, 0, &random) & 1u;
    }
    assert_in_range(drawn, 2700, 3300);
    struct mer_federation none = {0};
    assert_true(decide(&none, &c, NULL, 0, &random) == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percent_is_read_from_the_label),
        cmocka_unit_test(labels_are_on_by_header_claim_and_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
