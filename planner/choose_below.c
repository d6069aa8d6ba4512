// SPDX-License-Identifier: MIT
#include "planner/choose_priv.h"

#include "planner/rows.h"

const struct mer_types *mer_choose_possible(struct mer_chooser *c, const struct mer_type *t)
{
    struct mer_types *set = mer_map_get(&c->possible, mer_slice_make((const char *)&t, sizeof(t)));
    if (set) {
        return set;
    }
    set = MER_NEW(c->a, struct mer_types);
    const struct mer_type *whole = mer_schema_type(c->graph->types, t->name);
    bool by_interface = t->kind == MER_TYPE_OBJECT && whole && whole->kind != MER_TYPE_OBJECT;
    const struct mer_type *of = by_interface ? whole : t;
    set->items = MER_NEW_N(c->a, const struct mer_type *, of->possible_n + 1);
    for (uint32_t i = 0; i < of->possible_n; i++) {
        const struct mer_type *p = mer_schema_type(c->graph->types, of->possible[i]->name);
        if (p) {
            set->items[set->n++] = p;
        }
    }
    if (of->possible_n == 0 && whole && whole->kind == MER_TYPE_INTERFACE) {
        set->items[set->n++] = whole; // nothing implements it: it speaks for itself
    }
    const struct mer_type **key = MER_NEW(c->a, const struct mer_type *);
    *key = t;
    mer_map_add(&c->possible, mer_slice_make((const char *)key, sizeof(t)), set);
    return set;
}

static bool reached(const uint64_t *reach, uint32_t source)
{
    return (reach[source / 64] >> (source % 64)) & 1u;
}

// The sources from which the unit's value could be taken, whoever is asked in the end.
static const uint64_t *reach_below(struct mer_chooser *c, const struct mer_unit *u,
                                   const struct mer_fed_field_in *in, const struct mer_home *home, bool root)
{
    const struct mer_candidate *cands = NULL;
    uint32_t n = mer_unit_candidates(c->selector, u, &cands);
    uint64_t *reach = MER_NEW_N(c->a, uint64_t, c->graph->sources_n / 64 + 1);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t s = cands[i].in->source;
        bool there = root || (home && home->reach && reached(home->reach, s)) ||
                     mer_fed_has_key(c->graph->federation, u->on.items[0], s);
        if (s == in->source || (there && !cands[i].in->external)) {
            reach[s / 64] |= UINT64_C(1) << (s % 64);
        }
    }
    return reach;
}

// A union's members may differ between the sources that could be asked for it: what is asked of them must not
// depend on who is asked, so only members that all of them know are asked for fields.
static struct mer_types members_everywhere(struct mer_chooser *c, const struct mer_unit *u,
                                           const uint64_t *reach, const struct mer_types *own)
{
    const struct mer_candidate *cands = NULL;
    uint32_t n = mer_unit_candidates(c->selector, u, &cands);
    struct mer_types all = {MER_NEW_N(c->a, const struct mer_type *, own->n + 1), 0};
    for (uint32_t i = 0; i < own->n; i++) {
        bool everywhere = true;
        for (uint32_t k = 0; k < n && everywhere; k++) {
            const struct mer_type *t = cands[k].in->field->type.type;
            everywhere = !reached(reach, cands[k].in->source) || t->kind == MER_TYPE_OBJECT ||
                         mer_types_hold(mer_choose_possible(c, t), own->items[i]);
        }
        if (everywhere) {
            all.items[all.n++] = own->items[i];
        }
    }
    return all;
}

// Key figures of an entity are a question of their own, with arguments and parts of their own, also where the
// entity stands in the answer of another: there it is told by its key alone.
static bool figures_of_its_own(const struct mer_type *own)
{
    for (uint32_t i = 0; own->kind == MER_TYPE_OBJECT && i < own->fields_n; i++) {
        if (choose_has_directive(&own->fields[i].directives, "kpi")) {
            return true;
        }
    }
    return false;
}

enum mer_err mer_choose_below(struct mer_chooser *c, const struct mer_unit *u,
                              const struct mer_fed_field_in *in, const struct mer_home *home, bool root,
                              struct mer_home *below, const struct mer_asked **asked)
{
    const struct mer_graph *g = c->graph;
    const struct mer_type *declared = u->field->type.type, *own = in->field->type.type;
    bool given = root && g->sdl.n && mer_slice_is(in->field->name, "_entities");
    bool write = home ? home->write : root && c->kind == MER_OP_MUTATION && g->sources[in->source].rows;
    *below = (struct mer_home){
        .source = in->source,
        .provides = mer_ask_below(c->selector, home ? home->provides : NULL, u->on.items[0], in->field->name,
                                  in->provides),
        .reach = reach_below(c, u, in, home, root),
        .untyped = own->kind == MER_TYPE_OBJECT && declared->kind == MER_TYPE_INTERFACE &&
                   mer_fed_type(g->federation, declared)->in[in->source].interface_object,
        .needed = mer_ref_non_null(&in->field->type, in->field->type.depth),
        .write = write,
        .keys_only = given || ((write || figures_of_its_own(own)) &&
                               mer_fed_has_key(g->federation, declared, in->source)),
        .resident = (home && home->resident) || choose_is_resident(&in->field->directives) ||
                    choose_is_resident(&mer_rows_type(g->sources[in->source].schema, own)->directives),
    };
    struct mer_types askable = {0};
    if (declared->kind == MER_TYPE_UNION) {
        askable = members_everywhere(c, u, below->reach, mer_choose_possible(c, own));
    }
    return mer_asked_of(c->selector, u->sub, declared, mer_choose_possible(c, own), &askable, asked);
}
