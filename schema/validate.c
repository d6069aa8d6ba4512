// SPDX-License-Identifier: MIT
#include "schema/validate_priv.h"

#include "schema/printer.h"
#include "schema/text.h"

#include <stdarg.h>

#define MAX_ERRORS_DEFAULT 100
#define SHOWN_VALUE_MAX    2000

static void add_error(struct mer_validator *v, struct mer_slice message, const struct mer_loc *locs,
                      uint32_t n)
{
    if (v->errors_n == v->errors_cap) {
        uint32_t cap = v->errors_cap ? v->errors_cap * 2 : 8;
        struct mer_validation_error *grown = mer_arena_alloc(v->a, cap * sizeof(*grown));
        if (v->errors_n)
            memcpy(grown, v->errors, v->errors_n * sizeof(*grown));
        v->errors = grown;
        v->errors_cap = cap;
    }
    struct mer_validation_error *e = &v->errors[v->errors_n++];
    *e = (struct mer_validation_error){.message = message, .locations_n = n};
    e->locations = MER_NEW_N(v->a, struct mer_loc, n ? n : 1);
    if (n)
        memcpy(e->locations, locs, n * sizeof(*locs));
}

void mer_v_report(struct mer_validator *v, const struct mer_loc *locs, uint32_t n, const char *fmt, ...)
{
    struct mer_buf b;
    char small[512];
    va_list ap, again;
    if (v->stop)
        return;
    if (v->errors_n >= v->max_errors) {
        add_error(v, MER_S("Too many validation errors, error limit reached. Validation aborted."), NULL, 0);
        v->stop = true;
        return;
    }
    va_start(ap, fmt);
    va_copy(again, ap);
    int len = vsnprintf(small, sizeof(small), fmt, ap);
    mer_buf_init(&b, v->a, (size_t)len + 1);
    char *p = mer_buf_reserve(&b, (size_t)len + 1);
    vsnprintf(p, (size_t)len + 1, fmt, again);
    va_end(ap);
    va_end(again);
    add_error(v, mer_slice_make(p, (size_t)len), locs, n);
    v->stop = v->stop || mer_arena_exhausted(v->a);
}

struct mer_slice mer_v_print_value(struct mer_validator *v, const struct mer_ast_value *value)
{
    struct mer_buf b;
    struct mer_ast_value shown = *value;
    mer_buf_init(&b, v->a, 32);
    // Nobody reads a megabyte in a message, so none is copied for it.
    shown.text = mer_utf8_cut(value->text, 2 * SHOWN_VALUE_MAX);
    mer_print_value(&b, &shown);
    return mer_utf8_cut(mer_buf_slice(&b), SHOWN_VALUE_MAX);
}

struct mer_slice mer_v_print_in_type(struct mer_validator *v, struct mer_in_type t)
{
    struct mer_type_ref ref = *t.ref;
    ref.depth = (uint16_t)(ref.depth - t.level);
    ref.non_null >>= t.level;
    if (t.bare)
        ref.non_null &= ~1u;
    return mer_v_print_ref(v, &ref);
}

struct mer_slice mer_v_print_ref(struct mer_validator *v, const struct mer_type_ref *t)
{
    struct mer_buf b;
    mer_buf_init(&b, v->a, 32);
    mer_print_type_ref(&b, t);
    return mer_buf_slice(&b);
}

struct mer_slice mer_v_suggest(struct mer_validator *v, const char *what, struct mer_names *names,
                               struct mer_slice input)
{
    if (!v->suggestions)
        return MER_NIL;
    mer_names_near(names, input);
    return mer_did_you_mean(v->a, what, names);
}

enum mer_err mer_validate(struct mer_arena *a, const struct mer_schema *s, const struct mer_ast_document *doc,
                          const struct mer_validate_options *options, struct mer_validation_error **errors,
                          uint32_t *errors_n)
{
    struct mer_validator v = {.a = a, .s = s, .doc = doc};
    v.rules = options && options->rules ? options->rules : MER_RULES_SPECIFIED;
    v.max_errors = options && options->max_errors ? options->max_errors : MAX_ERRORS_DEFAULT;
    v.suggestions = options && options->suggestions;
    mer_map_init(&v.operation_names, a);
    mer_map_init(&v.fragment_names, a);
    mer_fragments_init(&v.fragments, a, doc);
    mer_v_collect(&v);
    mer_v_merge_begin(&v);
    mer_v_walk(&v);
    *errors = v.errors;
    *errors_n = v.errors_n;
    if (mer_arena_exhausted(a) || (v.too_much && !v.errors_n))
        return MER_ERR_LIMIT;
    return v.errors_n ? MER_ERR_INVALID : MER_OK;
}
