// SPDX-License-Identifier: MIT
#include "planner/select_priv.h"

bool select_is_meta(const struct mer_selector *s, const struct mer_field *f)
{
    const struct mer_schema *api = s->graph->api, *types = s->graph->types;
    return f == api->typename_field || f == types->typename_field || f == api->schema_field ||
           f == api->type_field || f == types->schema_field || f == types->type_field;
}

static void add_answerer(struct mer_selector *s, struct mer_answerers *to, struct mer_candidate c,
                         struct mer_buf *b)
{
    if ((to->n & (to->n - 1)) == 0) { // as add_type
        struct mer_candidate *grown = MER_NEW_N(s->a, struct mer_candidate, to->n ? 2 * to->n : 1);
        if (to->n) {
            memcpy(grown, to->items, to->n * sizeof(*grown));
        }
        to->items = grown;
    }
    to->items[to->n++] = c;
    select_put(b, c.in->source);
    select_put(b, (uintptr_t)c.in->external | (uintptr_t)c.in->key << 1 | (uintptr_t)c.in->when << 2);
    select_put(b, c.in->label);
    select_put(b, (uintptr_t)c.as);
    select_put_text(b, c.in->requires_text);
    select_put_text(b, c.in->provides_text);
}

static void add_interface_objects(struct mer_selector *s, const struct mer_field *field,
                                  struct mer_answerers *to, struct mer_buf *b)
{
    const struct mer_federation *f = s->graph->federation;
    for (uint32_t i = 0; i < field->parent->interfaces_n; i++) {
        const struct mer_type *iface = field->parent->interfaces[i];
        const struct mer_fed_type *t = mer_fed_type(f, iface);
        const struct mer_field *its = mer_schema_field(s->graph->types, iface, field->name);
        for (uint32_t k = 0; its && its->parent == iface && k < t->fields[its->index].in_n; k++) {
            const struct mer_fed_field_in *in = &t->fields[its->index].in[k];
            if (t->in[in->source].interface_object) {
                add_answerer(s, to, (struct mer_candidate){in, iface}, b);
            }
        }
    }
}

// What differs between the types of a field decides, too, whether they can be asked as one.
static void write_type(struct mer_buf *b, const struct mer_type_ref *t)
{
    select_put(b, (uintptr_t)t->type->index << 32 | t->non_null);
    select_put(b, t->depth);
}

const struct mer_answerers *select_answerers_of(struct mer_selector *s, const struct mer_field *field)
{
    struct mer_answerers *to =
        mer_map_get(&s->answerers, mer_slice_make((const char *)&field, sizeof(field)));
    if (to) {
        return to;
    }
    to = MER_NEW(s->a, struct mer_answerers);
    struct mer_buf *b = &s->answers;
    mer_buf_clear(b);
    write_type(b, &field->type);
    const struct mer_fed_type *t = mer_fed_type(s->graph->federation, field->parent);
    const struct mer_fed_field *f =
        field->parent->fields <= field && field < field->parent->fields + field->parent->fields_n && t->fields
            ? &t->fields[field->index]
            : NULL;
    for (uint32_t i = 0; f && i < f->in_n; i++) {
        // a field of an interface without types of its own
        bool as = field->parent->kind == MER_TYPE_INTERFACE && t->in[f->in[i].source].interface_object;
        add_answerer(s, to, (struct mer_candidate){&f->in[i], as ? field->parent : NULL}, b);
        write_type(b, &f->in[i].field->type);
    }
    if (f && field->parent->kind == MER_TYPE_OBJECT) {
        add_interface_objects(s, field, to, b);
    }
    to->id = select_number_of(s, mer_buf_slice(b));
    to->first = mer_arena_alloc(s->a, (s->graph->sources_n + 1) * sizeof(*to->first));
    for (uint32_t i = 0; i < s->graph->sources_n; i++) {
        to->first[i] = to->n;
    }
    for (uint32_t i = to->n; i-- > 0;) {
        to->first[to->items[i].in->source] = i;
    }
    mer_map_add(&s->answerers, select_address(s, field), to);
    return to;
}

bool mer_unit_is_deferred(const struct mer_unit *u)
{
    bool deferred = u->said.n > 0;
    for (uint32_t i = 0; i < u->said.n && deferred; i++) {
        deferred = u->said.items[i].deferral != NULL;
    }
    return deferred;
}

bool mer_selector_defers(const struct mer_selector *s)
{
    return s->defers != NULL;
}

uint32_t mer_unit_candidates(struct mer_selector *s, const struct mer_unit *u,
                             const struct mer_candidate **out)
{
    const struct mer_answerers *all = u->answerers ? u->answerers : select_answerers_of(s, u->field);
    *out = all->items;
    return all->n;
}

uint32_t mer_unit_candidate_of(struct mer_selector *s, const struct mer_unit *u, uint32_t source)
{
    return (u->answerers ? u->answerers : select_answerers_of(s, u->field))->first[source];
}

struct mer_budget *mer_selector_budget(struct mer_selector *s)
{
    return s->budget;
}

uint32_t mer_selector_max(const struct mer_selector *s)
{
    return s->max_fields;
}
