// SPDX-License-Identifier: MIT
#include "planner/fetch.h"

#include "schema/printer.h"

static bool holds(const struct mer_condition *c, const struct mer_variables *vars)
{
    return !(c->guard && mer_refused(vars, c->guard - 1)) &&
           (!c->directives || mer_selection_kept(c->directives, vars)) &&
           (!c->under || mer_kept(c->under, vars));
}

bool mer_kept(const struct mer_kept_if *k, const struct mer_variables *vars)
{
    if (k->n == 0) {
        return true;
    }
    for (uint32_t i = 0; i < k->n; i++) {
        const struct mer_condition *c = k->items[i];
        while (c && holds(c, vars)) {
            c = c->outer;
        }
        if (!c) {
            return true;
        }
    }
    return false;
}

bool mer_arguments_equal(struct mer_arena *a, struct mer_ast_argument *const *x, uint32_t x_n,
                         struct mer_ast_argument *const *y, uint32_t y_n)
{
    if (x_n != y_n || x == y || x_n == 0) {
        return x_n == y_n;
    }
    struct mer_buf bx, by;
    mer_buf_init(&bx, a, 64);
    mer_buf_init(&by, a, 64);
    mer_print_arguments_min(&bx, x, x_n);
    mer_print_arguments_min(&by, y, y_n);
    return mer_slice_eq(mer_buf_slice(&bx), mer_buf_slice(&by));
}
