// SPDX-License-Identifier: MIT
#include "planner/fetch.h"

static bool holds(const struct mer_condition *c, const struct mer_variables *vars)
{
    return !(c->guard && mer_refused(vars, c->guard - 1)) &&
           (!c->directives || mer_selection_kept(c->directives, vars));
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
