// SPDX-License-Identifier: MIT
// tests/json_cases.txt for C: what JSON must take and must not take, wherever we read it. Tests run at the
// root.
#ifndef MER_JSON_CASES_H
#define MER_JSON_CASES_H

#include "mer_test.h"

#include "base/buf.h"

#include <stdio.h>

enum json_verdict { JSON_ACCEPT, JSON_REFUSE, JSON_TWICE };

struct json_case {
    enum json_verdict verdict;
    struct mer_slice text;
};

static inline struct mer_slice json_cases_unescape(struct mer_arena *a, const char *s)
{
    struct mer_buf b;
    mer_buf_init(&b, a, 64);
    for (; *s && *s != '\n'; s++) {
        unsigned byte = (unsigned char)*s;
        if (*s == '\\' && s[1] == 'x') {
            assert_int_equal(sscanf(s + 2, "%2x", &byte), 1);
            s += 3;
        } else if (*s == '\\') {
            s++;
        }
        mer_buf_add_char(&b, (char)byte);
    }
    return b.n ? mer_buf_slice(&b) : mer_slice_make("", 0);
}

// The number of cases; they live in the arena.
static inline size_t json_cases_read(struct mer_arena *a, struct json_case **out)
{
    static const char *const words[] = {"accept", "refuse", "twice"};
    char line[4096];
    size_t n = 0, cap = 1024;
    FILE *f = fopen("tests/json_cases.txt", "r");
    assert_non_null(f);
    *out = mer_arena_alloc(a, cap * sizeof(**out));
    while (fgets(line, sizeof(line), f)) {
        char *tab = strchr(line, '\t');
        if (line[0] == '#' || !tab)
            continue;
        *tab = 0;
        int verdict = 0;
        while (verdict < 3 && strcmp(words[verdict], line) != 0)
            verdict++;
        assert_true(verdict < 3 && n < cap);
        (*out)[n++] = (struct json_case){(enum json_verdict)verdict, json_cases_unescape(a, tab + 1)};
    }
    fclose(f);
    assert_true(n > 300);
    return n;
}

#endif
