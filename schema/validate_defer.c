// SPDX-License-Identifier: MIT
// Rules about @defer, told as graphql-js 17 tells them: its label is written out and stands once, it is not
// on the root of mutations and subscriptions, and below subscriptions it must be able to be off.
#include "schema/validate_priv.h"

static const struct mer_ast_value *argument(const struct mer_ast_directive *d, struct mer_slice name)
{
    return mer_ast_argument_find(d, name);
}

static void label(struct mer_validator *v, const struct mer_ast_directive *d)
{
    const struct mer_ast_value *text = argument(d, MER_S("label"));
    if (!text)
        return;
    if (text->kind != MER_VALUE_STRING) {
        mer_v_report(v, &d->loc, 1, "Argument \"@defer(label:)\" must be a static string.");
        return;
    }
    if (!v->defer_labels.a)
        mer_map_init(&v->defer_labels, v->a);
    struct mer_slice key = text->text.n ? text->text : MER_S("\"\""); // no other label is written so
    const struct mer_ast_directive *first = mer_map_get(&v->defer_labels, key);
    if (first) {
        const struct mer_loc both[2] = {first->loc, d->loc};
        mer_v_report(v, both, 2,
                     "Value for arguments \"defer(label:)\" and \"stream(label:)\" must be unique across all "
                     "Defer/Stream directive usages.");
        return;
    }
    mer_map_put(&v->defer_labels, key, (void *)(uintptr_t)d);
}

static void root(struct mer_validator *v, const struct mer_ast_directive *d, const struct mer_type *parent)
{
    static const char *const kinds[] = {"query", "mutation", "subscription"};
    for (int k = MER_OP_MUTATION; parent && k <= MER_OP_SUBSCRIPTION; k++)
        if (v->s->roots[k] == parent)
            mer_v_report(v, &d->loc, 1, "Defer directive cannot be used on root %s type \"%.*s\".", kinds[k],
                         MER_FMT(parent->name));
}

// The fragments that a subscription reaches, by index.
static const bool *subscribed(struct mer_validator *v)
{
    if (v->subscribed)
        return v->subscribed;
    bool *seen = MER_NEW_N(v->a, bool, v->fragments.n + 1);
    struct mer_fragment **stack = MER_NEW_N(v->a, struct mer_fragment *, v->fragments.n + 1);
    for (uint32_t o = 0; o < v->doc->operations_n; o++) {
        if (v->doc->operations[o]->kind != MER_OP_SUBSCRIPTION)
            continue;
        struct mer_spreads from = mer_spreads_of(v->a, v->doc->operations[o]->selections);
        for (uint32_t depth = 0;; from = stack[--depth]->spreads) {
            for (uint32_t i = 0; i < from.n; i++) {
                struct mer_fragment *f = mer_map_get(&v->fragments.by_name, from.items[i]->name);
                if (f && !seen[f->index]) {
                    seen[f->index] = true;
                    stack[depth++] = f;
                }
            }
            if (!depth)
                break;
        }
    }
    v->subscribed = seen;
    return seen;
}

static bool may_be_off(const struct mer_ast_directive *d)
{
    const struct mer_ast_value *when = argument(d, MER_S("if"));
    return when && (when->kind == MER_VALUE_VARIABLE || (when->kind == MER_VALUE_BOOLEAN && !when->boolean));
}

static void operations(struct mer_validator *v, const struct mer_ast_directive *d)
{
    const struct mer_fragment *f = v->fragment ? mer_map_get(&v->fragments.by_name, v->fragment->name) : NULL;
    bool events = v->op ? v->op->kind == MER_OP_SUBSCRIPTION : f && subscribed(v)[f->index];
    if (events && !may_be_off(d))
        mer_v_report(v, &d->loc, 1,
                     "Defer directive not supported on subscription operations. Disable `@defer` by setting "
                     "the `if` argument to `false`.");
}

void mer_v_defer(struct mer_validator *v, const struct mer_ast_directives *ds, const struct mer_type *parent)
{
    if (!mer_v_on(v, MER_RULE_DEFER) || !ds->n || !mer_schema_directive(v->s, MER_S("defer")))
        return;
    for (uint32_t i = 0; i < ds->n && !v->stop; i++) {
        if (mer_slice_is(ds->items[i]->name, "defer")) {
            root(v, ds->items[i], parent);
            operations(v, ds->items[i]);
            label(v, ds->items[i]);
        }
    }
}
