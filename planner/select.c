// SPDX-License-Identifier: MIT
#include "planner/select.h"

#include "schema/printer.h"

struct collected {
    struct mer_slice key;
    const struct mer_field *field;
    const struct mer_ast_selection *ast;
    const struct mer_condition **kept_if;
    uint32_t kept_if_n;
    bool always;
    bool clients; // a client asks it, not only we
    struct mer_sayings said;
    struct mer_ask_set *sub;
    uint32_t sub_n;
};

struct collector {
    struct mer_selector *s;
    const struct mer_type *type;
    struct mer_map by_key;
    struct collected *items;
    uint32_t n, cap;
    bool deferred; // something here is
};

struct mer_selector {
    struct mer_arena *a, *keep;
    bool rows; // some source is asked one type at a time
    const struct mer_graph *graph;
    const struct mer_ast_document *doc;
    struct mer_diag *diag;
    uint32_t fields_left;
    struct mer_map texts;      // canonical text → number: one name for each thing that is equal
    struct mer_map set_ids;    // selection set (its address) → number
    struct mer_map asks;       // canonical text → struct mer_ask *
    struct mer_map questions;  // → struct mer_asked *
    struct mer_map answerers;  // field (its address) → candidate list
    struct mer_defers *defers; // NULL: the document has none
    struct mer_map conditions; // canonical text → struct mer_condition *
    uint32_t asks_n, questions_n;
};

struct mer_answerers {
    struct mer_candidate *items;
    uint32_t n;
    uintptr_t id; // equal for fields about which all sources say the same
};

struct mer_selector *mer_selector_create(struct mer_arena *keep, struct mer_arena *scratch,
                                         const struct mer_graph *graph, const struct mer_ast_document *doc,
                                         uint32_t max_fields, struct mer_diag *diag)
{
    struct mer_arena *a = scratch;
    struct mer_selector *s = MER_NEW(a, struct mer_selector);
    *s = (struct mer_selector){
        .a = a, .keep = keep, .graph = graph, .doc = doc, .diag = diag, .fields_left = max_fields};
    for (uint32_t i = 0; i < graph->sources_n; i++) {
        s->rows = s->rows || graph->sources[i].rows;
    }
    s->defers = mer_defers_create(keep, a, doc);
    mer_map_init(&s->texts, a);
    mer_map_init(&s->set_ids, a);
    mer_map_init(&s->asks, a);
    mer_map_init(&s->questions, a);
    mer_map_init(&s->answerers, a);
    mer_map_init(&s->conditions, a);
    return s;
}

// ---- one name for what is equal ----

// Names are bytes, not text: they are made often and read by nobody.
static void put_number(struct mer_buf *b, uintptr_t n)
{
    mer_buf_add(b, mer_slice_make((const char *)&n, sizeof(n)));
}

static void put_text(struct mer_buf *b, struct mer_slice s)
{
    put_number(b, s.n);
    mer_buf_add(b, s);
}

static uintptr_t number_of(struct mer_selector *s, struct mer_slice text)
{
    uintptr_t id = (uintptr_t)mer_map_get(&s->texts, text);
    if (!id) {
        id = s->texts.count + 1;
        mer_map_add(&s->texts, text, (void *)id);
    }
    return id;
}

static struct mer_slice address(struct mer_selector *s, const void *p)
{
    const void **kept = MER_NEW(s->a, const void *);
    *kept = p;
    return mer_slice_make((const char *)kept, sizeof(p));
}

static uintptr_t set_id(struct mer_selector *s, const struct mer_ast_selection_set *set);

static void write_selection(struct mer_selector *s, struct mer_buf *b, const struct mer_ast_selection *sel)
{
    put_number(b, (uintptr_t)sel->kind);
    put_text(b, sel->alias);
    put_text(b, sel->name);
    put_text(b, sel->condition);
    if (sel->arguments_n) {
        mer_print_arguments_min(b, sel->arguments, sel->arguments_n);
    }
    if (sel->directives.n) {
        mer_print_directives_min(b, &sel->directives);
    }
    put_number(b, sel->selections ? set_id(s, sel->selections) : 0);
}

// Fragments are of one document, so a spread's name stands for its content.
static uintptr_t set_id(struct mer_selector *s, const struct mer_ast_selection_set *set)
{
    struct mer_slice at = mer_slice_make((const char *)&set, sizeof(set));
    uintptr_t id = (uintptr_t)mer_map_get(&s->set_ids, at);
    if (id) {
        return id;
    }
    struct mer_buf b;
    mer_buf_init(&b, s->a, 128);
    for (uint32_t i = 0; i < set->n; i++) {
        write_selection(s, &b, set->items[i]);
    }
    id = number_of(s, mer_buf_slice(&b));
    mer_map_add(&s->set_ids, address(s, set), (void *)id);
    return id;
}

const struct mer_ask *mer_ask_of(struct mer_selector *s, const struct mer_ask_set *sets, uint32_t n)
{
    struct mer_buf b;
    mer_buf_init(&b, s->a, 16 * (size_t)n + 1);
    for (uint32_t i = 0; i < n; i++) { // conditions are interned: an address is a name
        put_number(&b, set_id(s, sets[i].set));
        put_number(&b, (uintptr_t)sets[i].condition);
        put_number(&b, sets[i].ours);
        if (s->defers) {
            put_number(&b, (uintptr_t)sets[i].deferral);
        }
    }
    struct mer_ask *ask = mer_map_get(&s->asks, mer_buf_slice(&b));
    if (ask) {
        return ask;
    }
    ask = MER_NEW(s->a, struct mer_ask);
    struct mer_ask_set *copy = MER_NEW_N(s->a, struct mer_ask_set, n + 1);
    if (n) {
        memcpy(copy, sets, n * sizeof(*copy));
    }
    *ask = (struct mer_ask){s->asks_n++, copy, n};
    mer_map_add(&s->asks, n ? mer_buf_slice(&b) : MER_S("-"), ask);
    return ask;
}

static bool by_variable(const struct mer_ast_directives *ds, struct mer_slice name)
{
    const struct mer_ast_directive *d = mer_ast_directive_find(ds, name);
    const struct mer_ast_value *v = d ? mer_ast_argument_find(d, MER_S("if")) : NULL;
    return v && v->kind == MER_VALUE_VARIABLE;
}

static const struct mer_condition *under(struct mer_selector *s, const struct mer_ast_directives *ds,
                                         const struct mer_condition *outer)
{
    if (!by_variable(ds, MER_S("skip")) && !by_variable(ds, MER_S("include"))) {
        return outer;
    }
    struct mer_buf b;
    mer_buf_init(&b, s->a, 64);
    mer_print_directives_min(&b, ds);
    mer_buf_printf(&b, "@%p", (const void *)outer);
    struct mer_condition *cond = mer_map_get(&s->conditions, mer_buf_slice(&b));
    if (!cond) {
        cond = MER_NEW(s->keep, struct mer_condition);
        *cond = (struct mer_condition){ds, outer, 0};
        mer_map_add(&s->conditions, mer_buf_slice(&b), cond);
    }
    return cond;
}

// ---- collecting for one object type ----

static void append_condition(struct mer_arena *a, struct collected *col, const struct mer_condition *cond)
{
    for (uint32_t i = 0; i < col->kept_if_n; i++) {
        if (col->kept_if[i] == cond) {
            return;
        }
    }
    const struct mer_condition **grown = MER_NEW_N(a, const struct mer_condition *, col->kept_if_n + 1);
    if (col->kept_if_n) {
        memcpy(grown, col->kept_if, col->kept_if_n * sizeof(*grown));
    }
    grown[col->kept_if_n++] = cond;
    col->kept_if = grown;
}

static void append_set(struct mer_selector *s, struct collected *col, const struct mer_ask_set *add)
{
    for (uint32_t i = 0; i < col->sub_n; i++) {
        if (col->sub[i].condition == add->condition && col->sub[i].ours == add->ours &&
            col->sub[i].deferral == add->deferral && set_id(s, col->sub[i].set) == set_id(s, add->set)) {
            return; // the same said twice
        }
    }
    struct mer_ask_set *grown = MER_NEW_N(s->a, struct mer_ask_set, col->sub_n + 1);
    if (col->sub_n) {
        memcpy(grown, col->sub, col->sub_n * sizeof(*grown));
    }
    grown[col->sub_n++] = *add;
    col->sub = grown;
}

static struct collected *slot_for(struct collector *k, struct mer_slice key)
{
    uintptr_t found = (uintptr_t)mer_map_get(&k->by_key, key);
    if (found) {
        return &k->items[found - 1];
    }
    if (k->n == k->cap) {
        k->cap = k->cap ? k->cap * 2 : 8;
        struct collected *grown = MER_NEW_N(k->s->a, struct collected, k->cap);
        if (k->n) {
            memcpy(grown, k->items, k->n * sizeof(*grown));
        }
        k->items = grown;
    }
    k->items[k->n++] = (struct collected){.key = key};
    mer_map_add(&k->by_key, key, (void *)(uintptr_t)k->n);
    return &k->items[k->n - 1];
}

static enum mer_err too_many(struct mer_selector *s, struct mer_loc loc)
{
    return mer_diag_at(s->diag, MER_ERR_LIMIT, loc.line, loc.column,
                       "the operation expands to too many fields");
}

static enum mer_err collect_field(struct collector *k, const struct mer_ast_selection *sel,
                                  const struct mer_ask_set *in)
{
    struct mer_selector *s = k->s;
    const struct mer_condition *cond = in->condition;
    const struct mer_field *field = mer_schema_field(s->graph->types, k->type, sel->name);
    if (!field && k->type == s->graph->types->roots[MER_OP_QUERY]) { // __schema and __type are the clients'
        field = mer_schema_field(s->graph->api, s->graph->api->roots[MER_OP_QUERY], sel->name);
    }
    if (!field) {
        return mer_diag_set(s->diag, MER_ERR_INVALID, "unknown field %.*s.%.*s", MER_FMT(k->type->name),
                            MER_FMT(sel->name));
    }
    if (s->fields_left == 0 || mer_arena_exhausted(s->a)) {
        return too_many(s, sel->loc);
    }
    s->fields_left--;
    struct collected *col = slot_for(k, mer_ast_response_key(sel));
    if (!col->field) {
        col->field = field;
        col->ast = sel;
    }
    col->clients = col->clients || !in->ours;
    if (!cond) {
        col->always = true;
        col->kept_if_n = 0;
    } else if (!col->always) {
        append_condition(s->keep, col, cond);
    }
    if (s->defers && !in->ours) {
        mer_defers_say(s->defers, &col->said, cond, in->deferral);
    }
    if (sel->selections) {
        struct mer_ask_set below = {sel->selections, cond, in->ours, NULL};
        below.deferral = in->deferral ? mer_defers_below(s->defers, in->deferral) : NULL;
        append_set(s, col, &below);
    }
    return MER_OK;
}

// The selections inside a fragment, and the type it is for; NULL: not a fragment.
static const struct mer_ast_selection_set *
inside(const struct mer_selector *s, const struct mer_ast_selection *sel, const struct mer_type **on)
{
    const struct mer_ast_selection_set *inner = sel->selections;
    struct mer_slice name = sel->condition;
    if (sel->kind == MER_SEL_SPREAD) {
        const struct mer_ast_fragment *f = mer_ast_fragment_find(s->doc, sel->name);
        inner = f ? f->selections : NULL;
        name = f ? f->condition : MER_NIL;
    }
    *on = name.n ? mer_schema_type(s->graph->types, name) : NULL;
    return inner;
}

static enum mer_err collect_set(struct collector *k, const struct mer_ask_set *set)
{
    struct mer_selector *s = k->s;
    enum mer_err err = MER_OK;
    for (uint32_t i = 0; i < set->set->n && !err; i++) {
        const struct mer_ast_selection *sel = set->set->items[i];
        if (!mer_selection_kept(&sel->directives, NULL)) {
            continue; // said so without a variable: it does not even count for the order of the fields
        }
        struct mer_ask_set in = *set;
        in.condition = under(s, &sel->directives, set->condition);
        if (sel->kind == MER_SEL_FIELD) {
            err = collect_field(k, sel, &in);
            continue;
        }
        const struct mer_type *on = NULL;
        in.set = inside(s, sel, &on);
        if (in.set && (!on || mer_type_covers(on, k->type))) {
            in.deferral = s->defers && !in.ours ? mer_defers_enter(s->defers, sel, set->deferral) : NULL;
            k->deferred = k->deferred || in.deferral;
            err = collect_set(k, &in);
        }
    }
    return err;
}

static enum mer_err collect(struct collector *k, const struct mer_ask *ask)
{
    enum mer_err err = MER_OK;
    mer_map_init(&k->by_key, k->s->a);
    for (uint32_t i = 0; i < ask->sets_n && !err; i++) {
        // What is around the parent's only occurrence is the parent's own: it need not be asked again.
        struct mer_ask_set set = ask->sets[i];
        set.condition = ask->sets_n > 1 ? set.condition : NULL;
        set.deferral = ask->sets_n > 1 ? set.deferral : NULL;
        k->deferred = k->deferred || set.deferral;
        err = collect_set(k, &set);
    }
    for (uint32_t i = 0; i < k->n && !k->deferred; i++) {
        k->items[i].said.n = 0;
    }
    return err;
}

// ---- who may answer ----

static void add_answerer(struct mer_selector *s, struct mer_answerers *to, struct mer_candidate c,
                         struct mer_buf *b)
{
    struct mer_candidate *grown = MER_NEW_N(s->a, struct mer_candidate, to->n + 1);
    if (to->n) {
        memcpy(grown, to->items, to->n * sizeof(*grown));
    }
    grown[to->n++] = c;
    to->items = grown;
    put_number(b, c.in->source);
    put_number(b, (uintptr_t)c.in->external | (uintptr_t)c.in->key << 1 | (uintptr_t)c.in->when << 2);
    put_number(b, c.in->label);
    put_number(b, (uintptr_t)c.as);
    put_text(b, c.in->requires_text);
    put_text(b, c.in->provides_text);
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
    put_number(b, (uintptr_t)t->type->index << 32 | t->non_null);
    put_number(b, t->depth);
}

static const struct mer_answerers *answerers_of(struct mer_selector *s, const struct mer_field *field)
{
    struct mer_answerers *to =
        mer_map_get(&s->answerers, mer_slice_make((const char *)&field, sizeof(field)));
    if (to) {
        return to;
    }
    to = MER_NEW(s->a, struct mer_answerers);
    struct mer_buf b;
    mer_buf_init(&b, s->a, 64);
    write_type(&b, &field->type);
    const struct mer_fed_type *t = mer_fed_type(s->graph->federation, field->parent);
    const struct mer_fed_field *f =
        field->parent->fields <= field && field < field->parent->fields + field->parent->fields_n && t->fields
            ? &t->fields[field->index]
            : NULL;
    for (uint32_t i = 0; f && i < f->in_n; i++) {
        // a field of an interface without types of its own
        bool as = field->parent->kind == MER_TYPE_INTERFACE && t->in[f->in[i].source].interface_object;
        add_answerer(s, to, (struct mer_candidate){&f->in[i], as ? field->parent : NULL}, &b);
        write_type(&b, &f->in[i].field->type);
    }
    if (f && field->parent->kind == MER_TYPE_OBJECT) {
        add_interface_objects(s, field, to, &b);
    }
    to->id = number_of(s, mer_buf_slice(&b));
    mer_map_add(&s->answerers, address(s, field), to);
    return to;
}

bool mer_selector_defers(const struct mer_selector *s)
{
    return s->defers != NULL;
}

uint32_t mer_unit_candidates(struct mer_selector *s, const struct mer_unit *u,
                             const struct mer_candidate **out)
{
    const struct mer_answerers *all = u->answerers ? u->answerers : answerers_of(s, u->field);
    *out = all->items;
    return all->n;
}

// ---- grouping types into units ----

static bool is_meta(const struct mer_selector *s, const struct mer_field *f)
{
    const struct mer_schema *api = s->graph->api, *types = s->graph->types;
    return f == api->typename_field || f == types->typename_field || f == api->schema_field ||
           f == api->type_field || f == types->schema_field || f == types->type_field;
}

struct unit_guards {
    struct mer_guards type, field;
};

// What a field of that type is guarded by: as a field, and because of the type of the object that has it.
static struct unit_guards guards_of(const struct mer_selector *s, const struct collected *col,
                                    const struct mer_type *type)
{
    struct unit_guards g = {0};
    const struct mer_fed_type *t = mer_fed_type(s->graph->federation, type);
    if (col->clients && s->graph->federation->guards_n && !is_meta(s, col->field)) {
        g.type = t->guards;
        g.field = col->field->parent == type && t->fields ? t->fields[col->field->index].guards : g.field;
    }
    return g;
}

static void put_guards(struct mer_buf *b, const struct mer_guards *g)
{
    put_number(b, g->n);
    for (uint32_t i = 0; i < g->n; i++) {
        put_number(b, g->items[i]);
    }
}

// Each chain, with guards before it.
static struct mer_kept_if guarded_by(struct mer_selector *s, const struct mer_kept_if *kept,
                                     const struct mer_guards *guards)
{
    if (guards->n == 0) {
        return *kept;
    }
    struct mer_kept_if out = {MER_NEW_N(s->keep, const struct mer_condition *, kept->n + 1), 0};
    for (uint32_t i = 0; i == 0 || i < kept->n; i++) {
        const struct mer_condition *chain = kept->n ? kept->items[i] : NULL;
        for (uint32_t g = 0; g < guards->n; g++) {
            struct mer_condition *c = MER_NEW(s->keep, struct mer_condition);
            *c = (struct mer_condition){NULL, chain, guards->items[g] + 1};
            chain = c;
        }
        out.items[out.n++] = chain;
    }
    return out;
}

static bool is_root(const struct mer_selector *s, const struct mer_type *t)
{
    const struct mer_type *const *roots = s->graph->types->roots;
    return t == roots[MER_OP_QUERY] || t == roots[MER_OP_MUTATION] || t == roots[MER_OP_SUBSCRIPTION];
}

// Objects of a guarded type are null as a whole; of a root type, each of its fields is.
static void guard_unit(struct mer_selector *s, struct mer_unit *u, const struct collected *col,
                       const struct mer_type *type)
{
    struct unit_guards g = guards_of(s, col, type);
    struct mer_guards all = mer_guards_join(s->keep, &g.type, &g.field);
    u->guards = is_root(s, type) ? all : g.field;
    u->asked_if = guarded_by(s, &u->kept_if, &all);
}

static struct mer_slice unit_text(struct mer_selector *s, const struct collected *col,
                                  const struct mer_type *type, const struct mer_ask *sub, bool unasked)
{
    struct mer_buf b;
    mer_buf_init(&b, s->a, 128);
    put_text(&b, col->key);
    put_text(&b, col->field->name);
    put_number(&b, sub ? sub->id + 1 : 0);
    put_number(&b, is_meta(s, col->field) ? 0 : answerers_of(s, col->field)->id);
    for (uint32_t i = 0; i < col->kept_if_n; i++) {
        put_number(&b, (uintptr_t)col->kept_if[i]);
    }
    for (uint32_t i = 0; i < col->said.n; i++) {
        put_number(&b, (uintptr_t)col->said.items[i].condition);
        put_number(&b, (uintptr_t)col->said.items[i].deferral);
    }
    put_number(&b, col->said.n);
    put_number(&b, s->rows ? type->index + 1 : 0);
    put_number(&b, unasked);
    struct unit_guards g = guards_of(s, col, type);
    put_guards(&b, &g.type);
    put_guards(&b, &g.field);
    if (col->ast->arguments_n) {
        mer_print_arguments_min(&b, col->ast->arguments, col->ast->arguments_n);
    }
    return mer_buf_slice(&b);
}

struct grouping {
    struct mer_selector *s;
    struct mer_asked *asked;
    const struct mer_types *askable;
    struct mer_map units;  // text → index + 1
    struct mer_map groups; // the units' numbers → index + 1
    uint32_t units_cap, groups_cap;
};

static void add_type(struct mer_arena *a, struct mer_types *to, const struct mer_type *t, uint32_t max)
{
    if (!to->items) {
        to->items = MER_NEW_N(a, const struct mer_type *, max);
    }
    to->items[to->n++] = t;
}

static uint32_t unit_index(struct grouping *g, const struct collected *col, const struct mer_type *type)
{
    struct mer_arena *a = g->s->a;
    const struct mer_ask *sub = col->sub_n ? mer_ask_of(g->s, col->sub, col->sub_n) : NULL;
    bool unasked = !mer_types_hold(g->askable, type) && !is_meta(g->s, col->field);
    struct mer_slice text = unit_text(g->s, col, type, sub, unasked);
    uintptr_t at = (uintptr_t)mer_map_get(&g->units, text);
    if (!at) {
        struct mer_asked *q = g->asked;
        if (q->units_n == g->units_cap) {
            g->units_cap = g->units_cap ? g->units_cap * 2 : 8;
            struct mer_unit *grown = MER_NEW_N(a, struct mer_unit, g->units_cap);
            if (q->units_n) {
                memcpy(grown, q->units, q->units_n * sizeof(*grown));
            }
            q->units = grown;
        }
        q->units[q->units_n] = (struct mer_unit){.key = col->key,
                                                 .field = col->field,
                                                 .ast = col->ast,
                                                 .kept_if = {col->kept_if, col->kept_if_n},
                                                 .said = col->said,
                                                 .unasked = unasked,
                                                 .sub = sub,
                                                 .index = q->units_n};
        guard_unit(g->s, &q->units[q->units_n], col, type);
        if (!is_meta(g->s, col->field)) {
            q->units[q->units_n].answerers = answerers_of(g->s, col->field);
        }
        at = ++q->units_n;
        mer_map_add(&g->units, text, (void *)at);
    }
    add_type(a, &g->asked->units[at - 1].on, type, g->asked->possible.n);
    return (uint32_t)at - 1;
}

static struct mer_slice group_text(struct mer_arena *a, const uint32_t *units, uint32_t n,
                                   const struct mer_guards *guards)
{
    struct mer_buf b;
    mer_buf_init(&b, a, (n + 1) * sizeof(*units));
    mer_buf_add(&b, mer_slice_make((const char *)units, n * sizeof(*units)));
    if (guards->n) {
        mer_buf_add(&b, MER_S("guarded "));
        put_guards(&b, guards);
    }
    return b.n ? mer_buf_slice(&b) : MER_S("-");
}

static void group_type(struct grouping *g, const struct collector *k)
{
    struct mer_arena *a = g->s->a;
    uint32_t *units = MER_NEW_N(a, uint32_t, k->n + 1);
    for (uint32_t i = 0; i < k->n; i++) {
        units[i] = unit_index(g, &k->items[i], k->type);
    }
    struct mer_guards guards = {0};
    for (uint32_t i = 0; i < k->n && guards.n == 0; i++) {
        guards = k->items[i].clients ? mer_fed_type(g->s->graph->federation, k->type)->guards : guards;
    }
    struct mer_slice text = group_text(a, units, k->n, &guards);
    uintptr_t at = (uintptr_t)mer_map_get(&g->groups, text);
    struct mer_asked *q = g->asked;
    if (!at) {
        if (q->groups_n == g->groups_cap) {
            g->groups_cap = g->groups_cap ? g->groups_cap * 2 : 4;
            struct mer_asked_group *grown = MER_NEW_N(a, struct mer_asked_group, g->groups_cap);
            if (q->groups_n) {
                memcpy(grown, q->groups, q->groups_n * sizeof(*grown));
            }
            q->groups = grown;
        }
        q->groups[q->groups_n] = (struct mer_asked_group){.guards = guards, .units = units, .units_n = k->n};
        at = ++q->groups_n;
        mer_map_add(&g->groups, text, (void *)at);
    }
    add_type(a, &q->groups[at - 1].types, k->type, q->possible.n);
}

static struct mer_slice question_text(struct mer_selector *s, const struct mer_ask *ask,
                                      const struct mer_type *declared, const struct mer_types *possible,
                                      const struct mer_types *askable)
{
    struct mer_buf b;
    mer_buf_init(&b, s->a, 32);
    put_number(&b, ask->id);
    put_number(&b, declared->index);
    for (uint32_t i = 0; i < possible->n; i++) {
        put_number(&b, possible->items[i]->index * 2u + mer_types_hold(askable, possible->items[i]));
    }
    return mer_buf_slice(&b);
}

enum mer_err mer_asked_of(struct mer_selector *s, const struct mer_ask *ask, const struct mer_type *declared,
                          const struct mer_types *possible, const struct mer_types *askable,
                          const struct mer_asked **out)
{
    struct mer_slice text = question_text(s, ask, declared, possible, askable);
    *out = mer_map_get(&s->questions, text);
    if (*out) {
        return MER_OK;
    }
    struct mer_asked *q = MER_NEW(s->a, struct mer_asked);
    *q = (struct mer_asked){.id = s->questions_n++, .declared = declared, .possible = *possible};
    struct grouping g = {.s = s, .asked = q, .askable = askable};
    mer_map_init(&g.units, s->a);
    mer_map_init(&g.groups, s->a);
    for (uint32_t i = 0; i < possible->n; i++) {
        struct collector k = {.s = s, .type = possible->items[i]};
        enum mer_err err = collect(&k, ask);
        if (err) {
            return err;
        }
        group_type(&g, &k);
    }
    for (uint32_t i = 0; i < q->units_n; i++) {
        q->units[i].everywhere = q->units[i].on.n == possible->n;
    }
    mer_map_add(&s->questions, text, q);
    *out = q;
    return MER_OK;
}

// ---- @provides ----

static void gather_below(const struct mer_selector *s, const struct mer_ast_selection_set *set,
                         const struct mer_type *on, struct mer_slice name, struct mer_ask_set *out,
                         uint32_t *n, uint32_t max)
{
    for (uint32_t i = 0; i < set->n && *n < max; i++) {
        const struct mer_ast_selection *sel = set->items[i];
        const struct mer_type *cond = NULL;
        if (sel->kind != MER_SEL_FIELD) {
            const struct mer_ast_selection_set *inner = inside(s, sel, &cond);
            if (inner && (!cond || mer_type_covers(cond, on))) {
                gather_below(s, inner, on, name, out, n, max);
            }
        } else if (mer_slice_eq(sel->name, name)) {
            out[(*n)++] = (struct mer_ask_set){sel->selections ? sel->selections : set, NULL, true, NULL};
        }
    }
}

#define PROVIDES_MAX 16u // sets that say something about one field

static uint32_t sets_below(const struct mer_selector *s, const struct mer_ask *ask, const struct mer_type *on,
                           struct mer_slice name, struct mer_ask_set *out)
{
    uint32_t n = 0;
    for (uint32_t i = 0; ask && i < ask->sets_n; i++) {
        gather_below(s, ask->sets[i].set, on, name, out, &n, PROVIDES_MAX);
    }
    return n;
}

bool mer_ask_names(const struct mer_selector *s, const struct mer_ask *ask, const struct mer_type *on,
                   struct mer_slice name)
{
    struct mer_ask_set found[PROVIDES_MAX];
    return sets_below(s, ask, on, name, found) > 0;
}

const struct mer_ask *mer_ask_below(struct mer_selector *s, const struct mer_ask *ask,
                                    const struct mer_type *on, struct mer_slice name,
                                    const struct mer_ast_selection_set *more)
{
    struct mer_ask_set found[PROVIDES_MAX + 1];
    uint32_t n = sets_below(s, ask, on, name, found);
    if (more) {
        found[n++] = (struct mer_ask_set){more, NULL, true, NULL};
    }
    return n ? mer_ask_of(s, found, n) : NULL;
}
