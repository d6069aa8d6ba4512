// SPDX-License-Identifier: MIT
#include "base/buf.h"

#include "base/diag.h"
#include "base/utf8.h"
#include "mer_test.h"

static void fill(struct mer_buf *b)
{
    for (int i = 0; i < 300; i++) {
        mer_buf_add(b, MER_S("ab"));
        mer_buf_add_char(b, '-');
    }
    assert_int_equal(b->n, 900);
    for (size_t i = 0; i < 900; i += 3)
        assert_memory_equal(b->p + i, "ab-", 3);
}

static void grows_on_heap_and_arena(void **state)
{
    (void)state;
    struct mer_buf b;
    mer_buf_init(&b, NULL, 0);
    fill(&b);
    mer_buf_clear(&b);
    fill(&b);
    mer_buf_fini(&b);
    assert_null(b.p);
    fill(&b);
    mer_buf_fini(&b);
    struct mer_arena *a = mer_arena_create(0);
    mer_buf_init(&b, a, 7);
    fill(&b);
    mer_buf_fini(&b);
    mer_arena_destroy(a);
}

static void numbers_and_printf(void **state)
{
    (void)state;
    struct mer_buf b;
    mer_buf_init(&b, NULL, 0);
    mer_buf_add_u64(&b, 0);
    mer_buf_add_char(&b, ' ');
    mer_buf_add_u64(&b, UINT64_MAX);
    mer_buf_add_char(&b, ' ');
    mer_buf_add_i64(&b, INT64_MIN);
    mer_buf_add_char(&b, ' ');
    mer_buf_add_i64(&b, -7);
    mer_buf_printf(&b, " %s|%05d", "x", 42);
    mer_assert_slice(mer_buf_slice(&b), "0 18446744073709551615 -9223372036854775808 -7 x|00042");
    mer_buf_clear(&b);
    mer_buf_add_digits(&b, 7, 3);
    mer_buf_add_digits(&b, 1234, 3);
    mer_buf_add_digits(&b, 0, 40);
    mer_buf_add_char(&b, ' ');
    mer_buf_add_thousandths(&b, 12034);
    mer_buf_add_thousandths(&b, -5);
    mer_assert_slice(mer_buf_slice(&b), "007123400000000000000000000 12.034-0.005");
    size_t before = b.n;
    mer_buf_printf(&b, "%0500d", 1); // longer than the room
    assert_int_equal(b.n, before + 500);
    assert_int_equal(b.p[b.n - 1], '1');
    mer_buf_fini(&b);
}

static void diag_is_cut_and_optional(void **state)
{
    (void)state;
    struct mer_diag d;
    assert_int_equal(mer_diag_set(NULL, MER_ERR_IO, "%s", "x"), MER_ERR_IO);
    assert_int_equal(mer_diag_at(&d, MER_ERR_LIMIT, 3, 4, "%0400d", 1), MER_ERR_LIMIT);
    assert_int_equal(d.err, MER_ERR_LIMIT);
    assert_int_equal(d.line, 3);
    assert_int_equal(d.column, 4);
    assert_int_equal(strlen(d.msg), sizeof(d.msg) - 1);
}

static void utf8(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
    } table[] = {
        {"", true},
        {"abc", true},
        {"\xC2\x80", true},
        {"\xDF\xBF", true},
        {"\xE0\xA0\x80", true},
        {"\xED\x9F\xBF", true},
        {"\xEE\x80\x80", true},
        {"\xF0\x90\x80\x80", true},
        {"\xF4\x8F\xBF\xBF", true},
        {"\x80", false},
        {"\xC0\x80", false},
        {"\xC1\xBF", false},
        {"\xE0\x9F\xBF", false},
        {"\xED\xA0\x80", false},
        {"\xF0\x8F\xBF\xBF", false},
        {"\xF4\x90\x80\x80", false},
        {"\xF5\x80\x80\x80", false},
        {"\xFF", false},
        {"\xC3", false},
        {"\xE2\x82", false},
        {"\xF0\x9F\x98", false},
        {"\xC3(", false},
        {"a\xE2(\xA1", false},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        assert_int_equal(mer_utf8_valid(mer_slice_of(table[i].text)), table[i].ok);
    // Every scalar value survives the way there and back.
    for (uint32_t cp = 1; cp <= 0x10FFFF; cp += 61) {
        char out[4];
        if (cp >= 0xD800 && cp <= 0xDFFF)
            continue;
        size_t n = mer_utf8_put(out, cp);
        assert_int_equal(mer_utf8_seq(out, n), n);
        assert_int_equal(mer_utf8_seq(out, n - 1 ? n - 1 : 1), n == 1 ? 1 : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_on_heap_and_arena),
        cmocka_unit_test(numbers_and_printf),
        cmocka_unit_test(diag_is_cut_and_optional),
        cmocka_unit_test(utf8),
    };
    return cmocka_run_group_tests_name("base/buf", tests, NULL, NULL);
}
