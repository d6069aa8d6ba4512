// SPDX-License-Identifier: MIT
// What a plain subgraph is asked: everything that became ready in one turn of the loop travels as one
// request, entities under an alias of their fetch; writes go alone, and long lists of entities in pieces.
#include "resolvers/subgraph.h"

#include "resolvers/defer.h"

#define ENTITIES_MAX 1000u

// ---- entities that other fetches ask for ----

static void wait_for(struct mer_exec *x, struct exec_fetch *f, struct exec_fetch *other)
{
    for (uint32_t i = 0; i < other->waiters_n; i++) {
        if (other->waiters[i] == f) {
            return;
        }
    }
    if (!other->waiters) {
        other->waiters = MER_NEW_N(x->a, struct exec_fetch *, x->ask.plan->fetches_n);
    }
    other->waiters[other->waiters_n++] = f;
    f->pending++;
}

// What a fetch like this one has asked for, or is asking for, is not asked for again. In a mutation it may
// have changed meanwhile.
static void divide(struct mer_exec *x, struct exec_fetch *f)
{
    bool shares = f->plan->text && !x->ask.plan->serial;
    struct mer_map *known = shares ? &x->fetches[f->plan->like].known : NULL;
    f->asked = MER_NEW_N(x->a, uint32_t, f->ids_n);
    f->entities = MER_NEW_N(x->a, struct exec_entity, f->ids_n);
    if (known && !known->a) {
        mer_map_init(known, x->a);
    }
    for (uint32_t i = 0; i < f->ids_n; i++) {
        struct exec_entity *own = &f->entities[i], *e = own;
        *own = (struct exec_entity){f, i};
        if (known) {
            e = mer_map_get_or_add_as(known, &f->id_index.entries[i], own);
        }
        if (e == own) {
            f->asked[f->asked_n++] = i;
            continue;
        }
        *own = *e;
        if (e->fetch->state != EXEC_DONE) {
            wait_for(x, f, e->fetch);
        }
    }
}

static void take_from_others(struct mer_exec *x, struct exec_fetch *f)
{
    for (uint32_t i = 0; i < f->ids_n; i++) {
        const struct exec_entity *e = &f->entities[i];
        struct mer_exec_error *failed = e->fetch == f ? NULL : e->fetch->id_errors[e->id];
        if (e->fetch != f) {
            f->roots[i] = e->fetch->roots[e->id];
            f->id_errors[i] = failed ? exec_told_here(x, f, failed, f->plan->index) : NULL;
        }
    }
}

static void complete(struct mer_exec *x, struct exec_fetch *f)
{
    if (f->plan->kind == MER_FETCH_ENTITY && f->asked_n < f->ids_n) {
        f->roots = f->roots ? f->roots : MER_NEW_N(x->a, struct mer_obj *, f->ids_n);
        f->roots_n = f->ids_n;
        take_from_others(x, f);
    }
    exec_fetch_done(x, f);
    for (uint32_t i = 0; i < f->waiters_n; i++) {
        exec_subgraph_came(x, f->waiters[i]);
    }
}

void exec_subgraph_came(struct mer_exec *x, struct exec_fetch *f)
{
    if (--f->pending == 0) {
        complete(x, f);
    }
}

// ---- collecting ----

void exec_subgraph_ask(struct mer_exec *x, struct exec_fetch *f)
{
    if (f->plan->kind == MER_FETCH_ENTITY) {
        divide(x, f);
        if (f->asked_n == 0 && f->pending == 0) {
            complete(x, f);
        }
        if (f->asked_n == 0) {
            return;
        }
    }
    if (!x->asking) {
        x->asking = MER_NEW_N(x->a, struct exec_fetch *, x->ask.plan->fetches_n);
    }
    x->asking[x->asking_n++] = f;
}

static const struct mer_fetch_text *text_of(struct mer_exec *x, const struct exec_fetch *f)
{
    if (f->plan->text) {
        return f->plan->text;
    }
    struct mer_fetch_text *t = MER_NEW(x->a, struct mer_fetch_text);
    mer_fetch_text_print(x->a, f->plan, x->ask.plan->operation, x->ask.vars, t);
    return t;
}

static struct exec_subgraph_call *new_call(struct mer_exec *x, struct exec_fetch *f, uint32_t items_max)
{
    struct exec_subgraph_call *c = MER_NEW(x->a, struct exec_subgraph_call);
    *c = (struct exec_subgraph_call){
        .x = x, .source = f->plan->source, .write = f->plan->write, .next = x->calls};
    c->items = MER_NEW_N(x->a, struct exec_subgraph_item, items_max);
    x->calls = c;
    return c;
}

static void add_item(struct exec_subgraph_call *c, struct exec_fetch *f, const struct mer_fetch_text *text,
                     uint32_t from, uint32_t n)
{
    c->items[c->items_n++] = (struct exec_subgraph_item){.fetch = f, .text = text, .from = from, .n = n};
    f->pending++;
}

// ---- the body ----

static bool is_entity(const struct exec_subgraph_item *i)
{
    return i->fetch->plan->kind == MER_FETCH_ENTITY;
}

// Its root field is; what completes the entities of an event is asked by queries.
static bool is_subscription(const struct exec_subgraph_call *c)
{
    const struct mer_plan_fetch *f = c->items[0].fetch->plan;
    return f->kind == MER_FETCH_ROOT && f->op.kind == MER_OP_SUBSCRIPTION;
}

static void name_aliases(struct exec_subgraph_call *c)
{
    for (uint32_t i = 0; c->items_n > 1 && i < c->items_n; i++) {
        if (is_entity(&c->items[i])) {
            c->items[i].alias = mer_arena_printf(c->x->a, "_e%u", c->items[i].fetch->plan->index);
        }
    }
}

// The variables that any of the texts uses, each once: a bit for each of the operation's.
static bool *variables_used(const struct exec_subgraph_call *c)
{
    bool *used = MER_NEW_N(c->x->a, bool, c->x->ask.plan->operation->variables_n + 1);
    for (uint32_t i = 0; i < c->items_n; i++) {
        for (uint32_t k = 0; k < c->items[i].text->variables_n; k++) {
            used[c->items[i].text->variables[k]] = true;
        }
    }
    return used;
}

static void declare_all(const struct exec_subgraph_call *c, struct mer_buf *b, const bool *used)
{
    char sep = '(';
    for (uint32_t i = 0; i < c->items_n; i++) {
        if (is_entity(&c->items[i])) {
            mer_buf_add_char(b, sep);
            mer_buf_add_char(b, '$');
            mer_buf_add(b, c->items[i].text->reps);
            mer_buf_add(b, MER_S(":[_Any!]!"));
            sep = ',';
        }
    }
    for (uint32_t v = 0; v < c->x->ask.plan->operation->variables_n; v++) {
        bool told = !used[v];
        for (uint32_t i = 0; i < c->items_n && !told; i++) {
            const struct mer_fetch_text *t = c->items[i].text;
            for (uint32_t k = 0; k < t->variables_n && !told; k++) {
                if (t->variables[k] == v) {
                    mer_buf_add_char(b, sep);
                    mer_buf_add(b, t->declared[k]);
                    sep = ',';
                    told = true;
                }
            }
        }
    }
    if (sep == ',') {
        mer_buf_add_char(b, ')');
    }
}

static void write_query(const struct exec_subgraph_call *c, struct mer_buf *b, const bool *used)
{
    size_t start = b->n;
    bool events = is_subscription(c);
    mer_buf_add(b, c->write ? MER_S("mutation") : events ? MER_S("subscription") : MER_S("query"));
    size_t named = b->n;
    declare_all(c, b, used);
    if (!c->write && !events && b->n == named) {
        b->n = start;
    }
    mer_buf_add_char(b, '{');
    for (uint32_t i = 0; i < c->items_n; i++) {
        const struct exec_subgraph_item *item = &c->items[i];
        if (i) {
            mer_buf_add_char(b, ' ');
        }
        if (is_entity(item)) {
            mer_buf_add(b, item->alias);
            mer_buf_add(b, item->alias.n ? MER_S(":_entities(representations:$")
                                         : MER_S("_entities(representations:$"));
            mer_buf_add(b, item->text->reps);
            mer_buf_add_char(b, ')');
        }
        mer_buf_add(b, item->text->selection);
    }
    mer_buf_add_char(b, '}');
    for (uint32_t i = 0; i < c->items_n; i++) {
        mer_buf_add(b, c->items[i].text->fragments);
    }
}

static void add_name(struct mer_buf *b, char sep, struct mer_slice name)
{
    mer_buf_add_char(b, sep);
    mer_buf_add_char(b, '"');
    mer_buf_add(b, name);
    mer_buf_add(b, MER_S("\":"));
}

// The client's own bytes; what it did not give is not given.
static bool write_variable(struct mer_exec *x, struct mer_buf *b, struct mer_slice name, char sep)
{
    if (!x->variables_read) {
        x->variables_read = true;
        if (x->ask.variables.n && mer_json_parse(x->a, x->ask.variables, NULL, &x->variables, NULL)) {
            x->variables.nodes_n = 0;
        }
    }
    const struct mer_json_node *raw =
        x->variables.nodes_n ? mer_json_get(&x->variables, mer_json_root(&x->variables), name) : NULL;
    const struct mer_in *value = raw || x->ask.variables.n ? NULL : mer_map_get(&x->ask.vars->by_name, name);
    if (!raw && !value) {
        return false;
    }
    add_name(b, sep, name);
    if (raw) {
        mer_buf_add(b, mer_json_raw(&x->variables, raw));
    } else {
        mer_in_write_json(b, value);
    }
    return true;
}

static void write_reps(struct mer_buf *b, const struct exec_subgraph_item *item)
{
    const struct exec_fetch *f = item->fetch;
    mer_buf_add_char(b, '[');
    if (item->n == f->ids_n) {
        mer_buf_add(b, mer_buf_slice(&f->reps));
    } else {
        for (uint32_t i = 0; i < item->n; i++) {
            mer_buf_add(b, i ? MER_S(",") : MER_NIL);
            mer_buf_add(b, f->ids[exec_item_id(item, i)]);
        }
    }
    mer_buf_add_char(b, ']');
}

static void write_variables(const struct exec_subgraph_call *c, struct mer_buf *b, const bool *used)
{
    const struct mer_ast_operation *op = c->x->ask.plan->operation;
    size_t start = b->n;
    char sep = '{';
    mer_buf_add(b, MER_S(",\"variables\":"));
    for (uint32_t i = 0; i < c->items_n; i++) {
        if (is_entity(&c->items[i])) {
            add_name(b, sep, c->items[i].text->reps);
            write_reps(b, &c->items[i]);
            sep = ',';
        }
    }
    for (uint32_t v = 0; v < op->variables_n; v++) {
        if (used[v] && write_variable(c->x, b, op->variables[v]->name, sep)) {
            sep = ',';
        }
    }
    if (sep == '{') {
        b->n = start;
    } else {
        mer_buf_add_char(b, '}');
    }
}

static void write_body(struct exec_subgraph_call *c)
{
    struct mer_buf b;
    size_t hint = 256;
    for (uint32_t i = 0; i < c->items_n; i++) {
        hint +=
            c->items[i].text->selection.n + c->items[i].text->fragments.n + c->items[i].fetch->reps.n + 64;
    }
    const bool *used = variables_used(c);
    name_aliases(c);
    mer_buf_init(&b, c->x->a, hint);
    mer_buf_add(&b, MER_S("{\"query\":\""));
    write_query(c, &b, used);
    mer_buf_add_char(&b, '"');
    write_variables(c, &b, used);
    mer_buf_add_char(&b, '}');
    c->body = mer_buf_slice(&b);
}

// ---- the end of a turn ----

static uint32_t entities_max(const struct mer_exec *x)
{
    return x->ask.site->entities_max ? x->ask.site->entities_max : ENTITIES_MAX;
}

static void send_pieces(struct mer_exec *x, struct exec_fetch *f)
{
    const struct mer_fetch_text *text = text_of(x, f);
    uint32_t max = entities_max(x);
    for (uint32_t from = 0; from < f->asked_n; from += max) {
        struct exec_subgraph_call *c = new_call(x, f, 1);
        add_item(c, f, text, from, f->asked_n - from < max ? f->asked_n - from : max);
    }
}

// One call for all that may travel together, beginning with the first of what is left.
static void gather(struct mer_exec *x, uint32_t first)
{
    struct exec_fetch *f = x->asking[first];
    struct exec_subgraph_call *c = new_call(x, f, x->asking_n - first);
    bool root = false;
    for (uint32_t i = first; i < x->asking_n; i++) {
        struct exec_fetch *g = x->asking[i];
        if (!g || g->plan->source != f->plan->source || (i > first && (f->plan->write || g->plan->write))) {
            continue;
        }
        if (exec_defer_is_late(x, f->plan->index) != exec_defer_is_late(x, g->plan->index)) {
            continue; // the first answer waits for no deferred part
        }
        const struct mer_fetch_text *text = text_of(x, g);
        bool is_root = g->plan->kind != MER_FETCH_ENTITY;
        if (i > first && is_root && (root || text->reserved)) {
            continue; // their keys might meet
        }
        root = root || is_root;
        add_item(c, g, text, 0, g->asked_n);
        x->asking[i] = NULL;
        if (is_root && text->reserved) {
            return;
        }
    }
}

void exec_subgraph_flush(struct mer_exec *x)
{
    struct exec_subgraph_call *known = x->calls;
    for (uint32_t i = 0; i < x->asking_n; i++) {
        if (x->asking[i] && x->asking[i]->asked_n > entities_max(x)) {
            send_pieces(x, x->asking[i]);
            x->asking[i] = NULL;
        }
    }
    for (uint32_t i = 0; i < x->asking_n; i++) {
        if (x->asking[i]) {
            gather(x, i);
        }
    }
    x->asking_n = 0;
    for (struct exec_subgraph_call *c = x->calls; c != known; c = c->next) {
        if (is_subscription(c)) {
            exec_subgraph_answered(c, &(struct mer_gql_answer){.status = 200, .body = x->ask.event});
            continue;
        }
        write_body(c);
        exec_flight_send(c);
    }
}

void exec_subgraph_cancel(struct mer_exec *x)
{
    for (struct exec_subgraph_call *c = x->calls; c; c = c->next) {
        exec_flight_leave(c);
    }
}

struct mer_slice exec_subgraph_text(struct mer_exec *x, struct exec_fetch *f)
{
    struct exec_subgraph_call *c = new_call(x, f, 1);
    add_item(c, f, text_of(x, f), 0, 0);
    write_body(c);
    return c->body;
}

struct mer_slice mer_exec_subscribe_body(const struct mer_exec_ask *ask, uint32_t *source)
{
    const struct mer_plan *plan = ask->plan;
    struct mer_exec x = {.ask = *ask, .a = ask->arena};
    struct exec_fetch f = {.plan = plan->fetches_n ? plan->fetches[0] : NULL};
    if (!f.plan || f.plan->kind != MER_FETCH_ROOT || !ask->site->sources[f.plan->source].plain) {
        return MER_NIL;
    }
    *source = f.plan->source;
    f.plain = true;
    for (uint32_t i = 0; i < f.plan->op.fields_n; i++) {
        if (mer_kept(&f.plan->op.fields[i]->kept_if, ask->vars)) {
            return exec_subgraph_text(&x, &f);
        }
    }
    return MER_S("");
}
