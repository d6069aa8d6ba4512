// SPDX-License-Identifier: MIT
#include "resolvers/kpi/decimal.h"

#define PLACES           8
#define WHOLE_DIGITS_MAX 24

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool mer_kpi_decimal_parse(struct mer_slice s, mer_kpi_decimal *out)
{
    size_t i = 0;
    bool negative = s.n && s.p[0] == '-';
    i += negative;
    mer_kpi_decimal v = 0;
    size_t whole = i;
    for (; i < s.n && is_digit(s.p[i]); i++) {
        v = v * 10 + (s.p[i] - '0');
        if (i - whole >= WHOLE_DIGITS_MAX)
            return false;
    }
    if (i == whole)
        return false;
    size_t places = 0;
    if (i < s.n && s.p[i] == '.') {
        for (i++; i < s.n && is_digit(s.p[i]); i++) {
            if (places == PLACES && s.p[i] != '0')
                return false;
            if (places < PLACES) {
                v = v * 10 + (s.p[i] - '0');
                places++;
            }
        }
        if (places == 0)
            return false;
    }
    for (; places < PLACES; places++)
        v *= 10;
    *out = negative ? -v : v;
    return i == s.n;
}

void mer_kpi_decimal_write(struct mer_buf *b, mer_kpi_decimal v)
{
    char text[48];
    size_t end = sizeof text, i = end;
    bool negative = v < 0;
    size_t places = 0;
    bool seen = false;
    do {
        int digit = (int)(v % 10);
        digit = digit < 0 ? -digit : digit;
        v /= 10;
        if (places < PLACES) {
            seen = seen || digit != 0;
            if (seen)
                text[--i] = (char)('0' + digit);
            if (++places == PLACES && seen)
                text[--i] = '.';
            continue;
        }
        text[--i] = (char)('0' + digit);
    } while (v != 0 || places < PLACES);
    if (i == end || text[i] == '.')
        text[--i] = '0';
    if (negative)
        text[--i] = '-';
    mer_buf_add(b, mer_slice_make(text + i, end - i));
}
