// SPDX-License-Identifier: MIT
#include "base/time.h"

#include <time.h>

#define US_PER_S    INT64_C(1000000)
#define S_PER_DAY   INT64_C(86400)
#define YEAR_0000_S (-INT64_C(62167219200)) // 0000-01-01T00:00:00Z
#define YEAR_9999_S INT64_C(253402300799)   // 9999-12-31T23:59:59Z

static int64_t now_us(clockid_t clock)
{
    struct timespec ts;
    clock_gettime(clock, &ts);
    return (int64_t)ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

int64_t mer_time_wall_us(void)
{
    return now_us(CLOCK_REALTIME);
}

int64_t mer_time_mono_us(void)
{
    return now_us(CLOCK_MONOTONIC);
}

// The proleptic Gregorian calendar in eras of 400 years that begin on 1 March, so that the leap day is the
// last of its year and every month but that has a fixed place.
static int64_t days_from_date(int64_t year, int64_t month, int64_t day)
{
    if (month <= 2)
        year--;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void date_from_days(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t m = (5 * day_of_year + 2) / 153;
    *day = day_of_year - (153 * m + 2) / 5 + 1;
    *month = m < 10 ? m + 3 : m - 9;
    *year = year_of_era + era * 400 + (*month <= 2);
}

// Takes exactly n digits from the front.
static bool take_digits(struct mer_slice *s, size_t n, int64_t *out)
{
    int64_t v = 0;
    if (s->n < n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (s->p[i] < '0' || s->p[i] > '9')
            return false;
        v = v * 10 + (s->p[i] - '0');
    }
    s->p += n;
    s->n -= n;
    *out = v;
    return true;
}

static bool take_char(struct mer_slice *s, char a, char b)
{
    if (s->n == 0 || (s->p[0] != a && s->p[0] != b))
        return false;
    s->p++;
    s->n--;
    return true;
}

static bool take_date(struct mer_slice *s, int64_t *days)
{
    static const int8_t month_days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t year, month, day;
    if (!take_digits(s, 4, &year) || !take_char(s, '-', '-') || !take_digits(s, 2, &month) ||
        !take_char(s, '-', '-') || !take_digits(s, 2, &day))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > month_days[month - 1])
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (month == 2 && day == 29 && !leap)
        return false;
    *days = days_from_date(year, month, day);
    return true;
}

static bool take_clock(struct mer_slice *s, int64_t *seconds)
{
    int64_t hour, minute, second;
    if (!take_digits(s, 2, &hour) || !take_char(s, ':', ':') || !take_digits(s, 2, &minute) ||
        !take_char(s, ':', ':') || !take_digits(s, 2, &second))
        return false;
    *seconds = hour * 3600 + minute * 60 + second;
    return hour < 24 && minute < 60 && second < 60; // no leap seconds: Unix time has none
}

// Digits after the sixth are cut.
static bool take_fraction(struct mer_slice *s, int64_t *us)
{
    *us = 0;
    if (!take_char(s, '.', '.'))
        return true;
    int64_t unit = US_PER_S, digit;
    if (!take_digits(s, 1, &digit))
        return false;
    do {
        unit /= 10;
        *us += digit * unit;
    } while (take_digits(s, 1, &digit));
    return true;
}

static bool take_offset(struct mer_slice *s, int64_t *seconds)
{
    *seconds = 0;
    if (take_char(s, 'Z', 'z'))
        return true;
    int64_t hours, minutes, sign = take_char(s, '-', '-') ? -1 : 1;
    if (sign > 0 && !take_char(s, '+', '+'))
        return false;
    if (!take_digits(s, 2, &hours) || !take_char(s, ':', ':') || !take_digits(s, 2, &minutes))
        return false;
    *seconds = sign * (hours * 3600 + minutes * 60);
    return hours < 24 && minutes < 60;
}

bool mer_time_parse_rfc3339(struct mer_slice s, int64_t *out_us)
{
    int64_t days, clock, us, offset;
    if (!take_date(&s, &days) || !take_char(&s, 'T', 't') || !take_clock(&s, &clock) ||
        !take_fraction(&s, &us) || !take_offset(&s, &offset) || s.n != 0)
        return false;
    int64_t seconds = days * S_PER_DAY + clock - offset;
    if (seconds < YEAR_0000_S || seconds > YEAR_9999_S)
        return false;
    *out_us = seconds * US_PER_S + us;
    return true;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

// Two digits behind a sign; returns where the next goes.
static char *put_two(char *p, char before, int64_t v)
{
    p[0] = before;
    p[1] = (char)('0' + v / 10);
    p[2] = (char)('0' + v % 10);
    return p + 3;
}

void mer_time_write_rfc3339(struct mer_buf *b, int64_t wall_us)
{
    int64_t seconds = floor_div(wall_us, US_PER_S), us = wall_us - seconds * US_PER_S;
    int64_t days = floor_div(seconds, S_PER_DAY), clock = seconds - days * S_PER_DAY;
    int64_t year, month, day;
    date_from_days(days, &year, &month, &day);
    if (year < 0)
        mer_buf_add_char(b, '-');
    mer_buf_add_digits(b, (uint64_t)(year < 0 ? -year : year), 4);
    char *p = mer_buf_reserve(b, 5 * 3 + 7 + 1), *from = p;
    p = put_two(p, '-', month);
    p = put_two(p, '-', day);
    p = put_two(p, 'T', clock / 3600);
    p = put_two(p, ':', clock / 60 % 60);
    p = put_two(p, ':', clock % 60);
    if (us) {
        *p = '.';
        for (int i = 6; i > 0; i--, us /= 10)
            p[i] = (char)('0' + us % 10);
        p += 7;
        while (p[-1] == '0')
            p--;
    }
    *p++ = 'Z';
    b->n += (size_t)(p - from);
}
