// SPDX-License-Identifier: MIT
// How far back a fetch asks. A place that keeps rows for so long only must not answer a question about older
// ones: its answer would be smaller than the truth, and nobody could see it. A question is about a range
// where an argument, or a field of one, is an object of `from` and `to`.
#include "base/time.h"
#include "resolvers/exec_priv.h"

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t instant(struct mer_slice text)
{
    int64_t us = 0;
    bool quoted = text.n >= 2 && text.p[0] == '"';
    struct mer_slice bare = quoted ? mer_slice_make(text.p + 1, text.n - 2) : text;
    return mer_time_parse_rfc3339(bare, &us) ? us : INT64_MAX;
}

static int64_t oldest_in(const struct mer_in *v)
{
    int64_t oldest = INT64_MAX;
    const struct mer_in *from = NULL;
    bool to = false;
    for (uint32_t i = 0; v && (v->kind == MER_IN_OBJECT || v->kind == MER_IN_LIST) && i < v->n; i++) {
        const struct mer_in *item = v->items[i];
        if (v->kind == MER_IN_OBJECT && mer_slice_is(v->type->inputs[i].name, "from")) {
            from = item;
        }
        to = to || (v->kind == MER_IN_OBJECT && mer_slice_is(v->type->inputs[i].name, "to"));
        oldest = earlier(oldest, oldest_in(item));
    }
    return from && to && from->text.n ? earlier(oldest, instant(from->text)) : oldest;
}

static int64_t oldest_of(struct mer_exec *x, struct exec_fetch *f, struct mer_fetch_field *const *fields,
                         uint32_t n)
{
    int64_t oldest = INT64_MAX;
    for (uint32_t i = 0; i < n; i++) {
        const struct mer_field *field = fields[i]->field;
        struct mer_in **args = NULL;
        bool objects = false;
        for (uint32_t k = 0; k < field->arguments_n; k++) {
            objects = objects || field->arguments[k].type.type->kind == MER_TYPE_INPUT;
        }
        // What is wrong with them is told where they are used.
        if (objects && !mer_coerce_arguments(x->a, f->plan->op.schema, field->arguments, field->arguments_n,
                                             fields[i]->arguments, fields[i]->arguments_n, x->ask.vars, &args,
                                             &(struct mer_in_error){0})) {
            for (uint32_t k = 0; k < field->arguments_n; k++) {
                oldest = earlier(oldest, oldest_in(args[k]));
            }
        }
        oldest = earlier(oldest, oldest_of(x, f, fields[i]->children, fields[i]->children_n));
    }
    return oldest;
}

int64_t exec_oldest_asked(struct mer_exec *x, struct exec_fetch *f)
{
    bool bounded = false;
    for (uint32_t i = 0; i < x->ask.site->places_n; i++) {
        const struct mer_place *place = &x->ask.site->places[i];
        bounded = bounded || (place->source == f->plan->source && place->retention_us > 0);
    }
    bool kpis = x->ask.site->sources[f->plan->source].catalogue != NULL; // each hour says whether it is there
    return bounded && !kpis && !f->plan->write ? oldest_of(x, f, f->plan->op.fields, f->plan->op.fields_n)
                                               : INT64_MAX;
}
