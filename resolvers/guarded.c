// SPDX-License-Identifier: MIT
// What a caller may not see (planner/guards.h): null, with an error that says why and nothing else.
#include "planner/federation.h"
#include "resolvers/exec_priv.h"

static const struct mer_guard *refused_by(const struct mer_exec *x, const struct mer_guards *guards)
{
    for (uint32_t i = 0; i < guards->n; i++) {
        if (mer_refused(x->ask.vars, guards->items[i])) {
            return &x->ask.plan->graph->federation->guards[guards->items[i]];
        }
    }
    return NULL;
}

static bool is_anonymous(const struct mer_exec *x)
{
    return x->ask.caller.anonymous;
}

struct mer_exec_error *exec_refused_field(struct mer_exec *x, const struct mer_shape_field *f)
{
    if (!f->guarded || !refused_by(x, &f->guards)) {
        return NULL;
    }
    if (!x->refusals) {
        x->refusals = MER_NEW_N(x->a, struct mer_exec_error *, x->ask.plan->guarded_n + 1);
    }
    struct mer_exec_error **e = &x->refusals[f->guarded];
    if (!*e) {
        *e = exec_error(x, is_anonymous(x) ? "UNAUTHENTICATED" : "FORBIDDEN",
                        is_anonymous(x) ? "%.*s.%.*s is for authenticated callers"
                                        : "the caller may not see %.*s.%.*s",
                        MER_FMT(f->field->parent->name), MER_FMT(f->field->name));
    }
    return *e;
}

// One error a variant would do, but a variant is seen at many places: the list is short.
struct mer_exec_error *exec_refused_object(struct mer_exec *x, const struct mer_shape_variant *v,
                                           const struct mer_type *t)
{
    if (v->guards.n == 0 || !refused_by(x, &v->guards)) {
        return NULL;
    }
    for (struct exec_refused *r = x->refused; r; r = r->next) {
        if (r->variant == v && r->type == t) {
            return r->error;
        }
    }
    struct exec_refused *r = MER_NEW(x->a, struct exec_refused);
    *r = (struct exec_refused){.variant = v, .type = t, .next = x->refused};
    struct mer_slice name = t ? t->name : MER_S("this type");
    r->error = exec_error(x, is_anonymous(x) ? "UNAUTHENTICATED" : "FORBIDDEN",
                          is_anonymous(x) ? "objects of %.*s are for authenticated callers"
                                          : "the caller may not see objects of %.*s",
                          MER_FMT(name));
    x->refused = r;
    return r->error;
}
