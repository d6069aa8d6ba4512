// SPDX-License-Identifier: MIT
#include "planner/plan.h"

#include "planner/emit.h"
#include "planner/federation.h"
#include "planner/fetch_text.h"

#define MAX_SHAPE_FIELDS 50000u
#define SCRATCH_BYTES    (48u << 20) // an end to any operation

struct making {
    struct mer_arena *a, *scratch, *trials;
    const struct mer_graph *graph;
    struct mer_selector *selector;
    struct mer_chooser *chooser;
    struct mer_emitter *emitter;
    struct mer_budget *budget;
    struct mer_diag *diag;
};

// Names the field and who would answer it.
static enum mer_err tell_missing(struct making *m, const struct mer_unit *u)
{
    const struct mer_candidate *cands = NULL;
    uint32_t n = mer_unit_candidates(m->selector, u, &cands);
    struct mer_buf who;
    mer_buf_init(&who, m->scratch, 64);
    for (uint32_t i = 0; i < n; i++) {
        if (!cands[i].in->external) {
            mer_buf_add(&who, who.n ? MER_S(", ") : MER_NIL);
            mer_buf_add(&who, m->graph->sources[cands[i].in->source].name);
        }
    }
    struct mer_slice names = who.n ? mer_buf_slice(&who) : MER_S("no source");
    return mer_diag_at(m->diag, MER_ERR_INVALID, u->ast->loc.line, u->ast->loc.column,
                       "no way leads to %.*s.%.*s, which %.*s answers", MER_FMT(u->field->parent->name),
                       MER_FMT(u->field->name), MER_FMT(names));
}

static enum mer_err solve(struct making *m, const struct mer_asked *asked, struct mer_shape_field *fields)
{
    const struct mer_solution *s = NULL;
    const struct mer_unit *missing = NULL;
    enum mer_err err = mer_choose(m->chooser, asked, NULL, 0, &s, &missing);
    if (err == MER_ERR_LIMIT) {
        return err;
    }
    if (err) {
        return tell_missing(m, missing ? mer_choose_missing(m->chooser, missing) : asked->units);
    }
    return mer_emit_root(m->emitter, asked, s, fields);
}

// The one subgraph that answers a root field; UINT32_MAX: a choice is left, or it is asked one field at a
// time.
static uint32_t only_source(struct making *m, const struct mer_unit *u)
{
    const struct mer_candidate *cands = NULL;
    uint32_t n = mer_unit_is_meta(m->graph, u) ? 0 : mer_unit_candidates(m->selector, u, &cands);
    bool one = n == 1 && !cands->in->external && cands->in->when == MER_FED_ALWAYS &&
               !m->graph->sources[cands->in->source].rows;
    return one ? cands->in->source : UINT32_MAX;
}

// Mutations run one after the other, each with all that hangs on it: they are planned so, too. Those that
// follow each other in one subgraph it runs in their order itself, asked once.
static enum mer_err solve_in_order(struct making *m, const struct mer_asked *asked,
                                   struct mer_shape_field *fields)
{
    enum mer_err err = MER_OK;
    for (uint32_t i = 0, n = 0; i < asked->units_n && !err; i += n) {
        uint32_t source = only_source(m, &asked->units[i]);
        n = 1;
        while (source != UINT32_MAX && i + n < asked->units_n &&
               (mer_unit_is_meta(m->graph, &asked->units[i + n]) ||
                only_source(m, &asked->units[i + n]) == source)) {
            n++;
        }
        struct mer_asked *some = MER_NEW(m->scratch, struct mer_asked);
        *some = *asked;
        some->id = UINT32_MAX - i; // a question of its own
        some->units = &asked->units[i];
        some->units_n = n;
        err = solve(m, some, &fields[i]);
    }
    return err;
}

static enum mer_err make(struct making *m, const struct mer_ast_operation *op, struct mer_plan *p)
{
    const struct mer_type *root = m->graph->types->roots[op->kind];
    if (!m->graph->api->roots[op->kind] || !root) {
        return mer_diag_set(m->diag, MER_ERR_INVALID, "the schema has no such operation type");
    }
    const struct mer_asked *asked = NULL;
    struct mer_ask_set whole = {op->selections, NULL, false, NULL};
    struct mer_types one = {&root, 1}, all = {0};
    enum mer_err err =
        mer_asked_of(m->selector, mer_ask_of(m->selector, &whole, 1), root, &one, &all, &asked);
    if (err) {
        return err;
    }
    struct mer_shape *shape = MER_NEW(m->a, struct mer_shape);
    *shape = (struct mer_shape){.declared = root, .home = UINT32_MAX, .typed_by = UINT32_MAX};
    shape->variants = MER_NEW(m->a, struct mer_shape_variant);
    shape->variants_n = 1;
    shape->variants->fields = MER_NEW_N(m->a, struct mer_shape_field, asked->units_n + 1);
    shape->variants->fields_n = asked->units_n;
    err = op->kind == MER_OP_MUTATION ? solve_in_order(m, asked, shape->variants->fields)
                                      : solve(m, asked, shape->variants->fields);
    p->shape = shape;
    p->defers = mer_selector_defers(m->selector) && op->kind != MER_OP_SUBSCRIPTION;
    if (!err) {
        mer_emit_end(m->emitter, p);
        mer_fetch_texts(m->a, m->scratch, p);
    }
    return err;
}

static void note_labels(struct making *m, const uint64_t *on, struct mer_plan *p)
{
    uint32_t n = m->graph->federation->labels_n / 64 + 1;
    const uint64_t *seen = mer_chooser_labels_seen(m->chooser);
    uint64_t *seen_kept = MER_NEW_N(m->a, uint64_t, n), *on_kept = MER_NEW_N(m->a, uint64_t, n);
    for (uint32_t i = 0; i < n; i++) {
        seen_kept[i] = seen[i];
        on_kept[i] = on ? on[i] & seen[i] : 0;
    }
    p->labels_seen = seen_kept;
    p->labels_on = on_kept;
}

static void tell_limit(struct making *m)
{
    bool memory = mer_arena_exhausted(m->scratch) || mer_arena_exhausted(m->a);
    const char *why = m->budget->spent ? "the operation takes too long to plan"
                      : memory         ? "the operation takes too much memory to plan"
                                       : "the operation expands to too many fields";
    m->budget->limit = memory ? "planMemory" : "expandedSelections";
    uint32_t line = m->diag->line, column = m->diag->column;
    enum mer_err ignored = mer_diag_at(m->diag, MER_ERR_LIMIT, line, column, "%s", why);
    (void)ignored;
}

enum mer_err mer_plan_build(struct mer_arena *a, const struct mer_graph *graph,
                            const struct mer_ast_document *doc, const struct mer_ast_operation *op,
                            const struct mer_plan_limits *limits, struct mer_plan **out,
                            struct mer_diag *diag)
{
    struct making m = {.a = a, .graph = graph, .diag = diag};
    struct mer_budget endless = {0};
    m.budget = limits && limits->budget ? limits->budget : &endless;
    uint32_t max = limits && limits->max_shape_fields ? limits->max_shape_fields : MAX_SHAPE_FIELDS;
    struct mer_plan *p = MER_NEW(a, struct mer_plan);
    *p = (struct mer_plan){
        .graph = graph, .document = doc, .operation = op, .serial = op->kind == MER_OP_MUTATION};
    m.scratch = mer_arena_create(SCRATCH_BYTES);
    m.selector = mer_selector_create(a, m.scratch, graph, doc, max, m.budget, diag);
    m.trials = mer_arena_create(0);
    m.chooser = mer_chooser_create(m.scratch, m.trials, graph, m.selector, limits ? limits->labels_on : NULL,
                                   op->kind, SCRATCH_BYTES);
    m.emitter = mer_emitter_create(a, m.scratch, graph, m.selector, m.chooser, op->kind, diag);
    enum mer_err err = make(&m, op, p);
    if (err == MER_ERR_LIMIT) {
        tell_limit(&m);
    }
    p->hurried = mer_chooser_hurried(m.chooser);
    note_labels(&m, limits ? limits->labels_on : NULL, p);
    mer_arena_destroy(m.trials);
    mer_arena_destroy(m.scratch);
    *out = p;
    return err;
}
