// SPDX-License-Identifier: MIT
// What a plain subgraph answered: rows along the selections that asked for them, and its errors at the values
// that they explain. Nothing in it is trusted: what is not as it was asked is null with one error.
#include "base/log.h"
#include "resolvers/subgraph.h"

// One wrong answer has not to fill the client's screen.
#define ERRORS_READ_MAX 200u
#define MESSAGE_MAX     1000u
#define PATH_MAX_STEPS  64u
#define SAID_MAX        8192u // of the extensions of one error

static struct mer_slice source_name(const struct exec_subgraph_call *c)
{
    return c->x->ask.site->sources[c->source].name;
}

static struct mer_exec_error *make_error(const struct exec_subgraph_call *c, const char *code,
                                         struct mer_slice message)
{
    struct mer_exec_error *e = MER_NEW(c->x->a, struct mer_exec_error);
    e->code = code;
    e->message = message;
    e->source = source_name(c);
    return e;
}

static struct mer_exec_error *own_error(const struct exec_subgraph_call *c, const char *code,
                                        const char *what)
{
    return make_error(c, code, mer_arena_printf(c->x->a, "subgraph %.*s %s", MER_FMT(source_name(c)), what));
}

// ---- errors that were heard ----

static void hear(struct exec_subgraph_call *c, struct exec_fetch *f, const struct exec_subgraph_error *said)
{
    said->error->fetch = f->plan->index;
    exec_hear(c->x, said);
}

// ---- a fetch is done ----

static void item_done(struct exec_subgraph_call *c, struct exec_subgraph_item *item)
{
    exec_subgraph_came(c->x, item->fetch);
    exec_schedule(c->x);
}

static void make_rows(struct mer_exec *x, struct exec_fetch *f)
{
    if (!f->roots) {
        f->roots_n = f->plan->kind == MER_FETCH_ENTITY ? f->ids_n : 1;
        f->roots = MER_NEW_N(x->a, struct mer_obj *, f->roots_n);
        if (!f->id_errors) {
            f->id_errors = MER_NEW_N(x->a, struct mer_exec_error *, f->roots_n);
        }
    }
}

// Nothing of the item came. One error for all of it, told once.
static void fail_item(struct exec_subgraph_call *c, const struct exec_subgraph_item *item,
                      struct mer_exec_error *e)
{
    struct exec_fetch *f = item->fetch;
    bool entity = f->plan->kind == MER_FETCH_ENTITY;
    make_rows(c->x, f);
    for (uint32_t i = 0; i < (entity ? item->n : 1); i++) {
        f->id_errors[exec_item_id(item, i)] = e;
    }
    hear(c, f, &(struct exec_subgraph_error){.error = e, .id = exec_item_id(item, 0)});
}

static void fail_all(struct exec_subgraph_call *c, const char *code, const char *what)
{
    struct mer_site *s = c->x->ask.site;
    if (s->parts_failed) {
        s->parts_failed[s->sources[c->source].place]++;
    }
    for (uint32_t i = 0; i < c->items_n; i++) {
        struct mer_exec_error *e = own_error(c, code, what);
        e->limit = c->items[i].fetch->plan->kind == MER_FETCH_ENTITY ? 1 : 0;
        fail_item(c, &c->items[i], e);
        item_done(c, &c->items[i]);
    }
}

void exec_subgraph_failed(struct exec_subgraph_call *c, const struct mer_gql_answer *a)
{
    mer_log(MER_LOG_WARN, "exec", "subgraph failed name=%.*s message=%.200s", MER_FMT(source_name(c)),
            a->message ? a->message : "");
    if (c->write && a->maybe_executed) {
        fail_all(c, "MUTATION_OUTCOME_UNKNOWN", "was lost after the write was sent");
    } else if (a->err == MER_ERR_TIMEOUT) {
        fail_all(c, "SOURCE_TIMEOUT", "did not answer in time");
    } else if (a->err == MER_ERR_LIMIT) {
        fail_all(c, "FETCH_ERROR", "answered too much");
    } else {
        fail_all(c, "SOURCE_UNAVAILABLE", "is not reachable");
    }
}

// ---- rows ----

static struct mer_val_reader reader_of(struct exec_subgraph_call *c, const struct exec_fetch *f)
{
    return (struct mer_val_reader){.a = c->x->a,
                                   .types = exec_types(c->x),
                                   .source = f->plan->op.schema,
                                   .json = &c->json,
                                   .shared = c->shared,
                                   .wrong = MER_NEW(c->x->a, struct mer_exec_error)};
}

// Its text is made only if it stands somewhere.
static void name_wrong(const struct exec_subgraph_call *c, const struct mer_val_reader *r)
{
    if (r->wrong_told) {
        *r->wrong = *own_error(c, "FETCH_ERROR", "answered a value of a wrong type");
    }
}

static void read_entity(struct mer_val_reader *r, const struct exec_subgraph_item *item, uint32_t k,
                        const struct mer_json_node *node)
{
    struct exec_fetch *f = item->fetch;
    const struct mer_fetch_op *op = &f->plan->op;
    const struct mer_fetch_field all = mer_val_op(op);
    uint32_t id = exec_item_id(item, k);
    if (node->type != MER_JSON_OBJECT) {
        bool wrong = node->type != MER_JSON_NULL;
        f->id_errors[id] = wrong ? r->wrong : NULL;
        r->wrong_told = r->wrong_told || wrong;
        return;
    }
    const struct mer_type *type = f->id_types[id], *own = op->entity;
    if ((!own || own->kind != MER_TYPE_OBJECT) && type) {
        own = mer_schema_type(op->schema, type->name);
    }
    struct mer_obj *row = mer_val_read_object(r, node, &all, own);
    if (!row->type && type && type->kind == MER_TYPE_OBJECT) {
        row->type = type;
    }
    f->roots[id] = row;
}

static bool read_entities(struct exec_subgraph_call *c, struct exec_subgraph_item *item,
                          const struct mer_json_node *value)
{
    if (!value || value->type != MER_JSON_ARRAY || value->count != item->n) {
        return false;
    }
    struct mer_val_reader r = reader_of(c, item->fetch);
    const struct mer_json_node *node = mer_json_first(&c->json, value);
    for (uint32_t k = 0; k < item->n; k++) {
        read_entity(&r, item, k, node);
        node = mer_json_next(&c->json, node);
    }
    name_wrong(c, &r);
    return true;
}

static void read_root(struct exec_subgraph_call *c, struct exec_subgraph_item *item,
                      const struct mer_json_node *data)
{
    const struct mer_fetch_op *op = &item->fetch->plan->op;
    const struct mer_fetch_field all = mer_val_op(op);
    struct mer_val_reader r = reader_of(c, item->fetch);
    item->fetch->roots[0] = mer_val_read_object(&r, data, &all, op->schema->roots[op->kind]);
    name_wrong(c, &r);
}

// ---- where an error belongs ----

struct place {
    struct exec_subgraph_call *c;
    struct exec_fetch *f;
    struct mer_exec_error *error;
    uint32_t id;
    struct mer_val *null; // the value that it explains, or NULL
    struct exec_step steps[PATH_MAX_STEPS];
    uint32_t steps_n, null_at; // so many steps lead to it
};

static bool can_have(const struct mer_fetch_field *f, const struct mer_obj *o)
{
    const struct mer_type *t = o ? mer_obj_type(o) : NULL;
    for (uint32_t i = 0; t && i < f->on.n; i++) {
        if (mer_slice_eq(f->on.items[i]->name, t->name)) {
            return true;
        }
    }
    return !t || f->on.n == 0;
}

static const struct mer_fetch_field *child(const struct place *p, const struct mer_fetch_field *parent,
                                           const struct mer_json_node *key, const struct mer_obj *o)
{
    for (uint32_t i = 0; i < parent->children_n; i++) {
        const struct mer_fetch_field *f = parent->children[i];
        if (mer_json_string_is(&p->c->json, key, f->key) && can_have(f, o)) {
            return f;
        }
    }
    return NULL;
}

// Follows a subgraph's path from a row as far as it makes sense; the first null on the way is what the error
// explains.
static void follow(struct place *p, struct mer_obj *row, const struct mer_json_node *seg, uint32_t n)
{
    const struct mer_fetch_field all = mer_val_op(&p->f->plan->op), *at = &all;
    struct mer_obj *o = row;
    struct mer_val *v = NULL;
    for (uint32_t i = 0; i < n && p->steps_n < PATH_MAX_STEPS; i++, seg = mer_json_next(&p->c->json, seg)) {
        int64_t index = -1;
        if (seg->type == MER_JSON_STRING) {
            at = child(p, at, seg, o);
            if (!at) {
                return;
            }
            v = o ? &o->slots[at->slot] : NULL;
            p->steps[p->steps_n++] = (struct exec_step){false, at->slot};
        } else if (mer_json_i64(&p->c->json, seg, &index) && index >= 0 && index < UINT32_MAX) {
            bool there = v && v->kind == MER_VAL_LIST && index < (int64_t)v->n;
            v = there ? &v->items[index] : NULL;
            p->steps[p->steps_n++] = (struct exec_step){true, (uint32_t)index};
        } else {
            return;
        }
        o = v && v->kind == MER_VAL_OBJECT ? v->object : NULL;
        if (v && v->kind == MER_VAL_NULL && !p->null) {
            p->null = v;
            p->null_at = p->steps_n;
        }
    }
}

static void settle(struct place *p)
{
    struct mer_exec *x = p->c->x;
    struct exec_step *steps = MER_NEW_N(x->a, struct exec_step, p->steps_n + 1);
    memcpy(steps, p->steps, p->steps_n * sizeof(*steps));
    struct mer_exec_error **why = p->null              ? &p->null->error
                                  : p->f->roots[p->id] ? NULL
                                                       : &p->f->id_errors[p->id];
    if (why && !*why) {
        uint32_t from = p->null ? p->null_at : 0;
        *why = p->error;
        p->error->rest = steps + from;
        p->error->rest_n = p->steps_n - from;
    }
    hear(
        p->c, p->f,
        &(struct exec_subgraph_error){.error = p->error, .id = p->id, .steps = steps, .steps_n = p->steps_n});
}

// Everything of the item that is null and was not explained, is by this.
static void explain_rows(const struct exec_subgraph_item *item, struct mer_exec_error *e)
{
    struct exec_fetch *f = item->fetch;
    bool entity = f->plan->kind == MER_FETCH_ENTITY;
    for (uint32_t k = 0; k < (entity ? item->n : 1); k++) {
        uint32_t i = exec_item_id(item, k);
        if (!f->roots[i] && !f->id_errors[i]) {
            f->id_errors[i] = e;
        }
    }
}

static const struct exec_subgraph_item *item_of(const struct exec_subgraph_call *c,
                                                const struct mer_json_node *key)
{
    const struct exec_subgraph_item *root = NULL;
    for (uint32_t i = 0; key && key->type == MER_JSON_STRING && i < c->items_n; i++) {
        const struct exec_subgraph_item *item = &c->items[i];
        if (item->fetch->plan->kind != MER_FETCH_ENTITY) {
            root = item;
        } else if (mer_json_string_is(&c->json, key, item->alias.n ? item->alias : MER_S("_entities"))) {
            return item;
        }
    }
    return root;
}

static void place_error(struct exec_subgraph_call *c, const struct mer_json_node *path,
                        struct mer_exec_error *e)
{
    bool is_path = path && path->type == MER_JSON_ARRAY && path->count > 0;
    const struct mer_json_node *seg = is_path ? mer_json_first(&c->json, path) : NULL;
    const struct exec_subgraph_item *item = seg ? item_of(c, seg) : NULL;
    if (!item) { // it says not where: of everything that was asked
        for (uint32_t i = 0; i < c->items_n; i++) {
            explain_rows(&c->items[i], e);
        }
        hear(c, c->items[0].fetch,
             &(struct exec_subgraph_error){.error = e, .id = exec_item_id(&c->items[0], 0)});
        return;
    }
    struct place p = {.c = c, .f = item->fetch, .error = e, .id = exec_item_id(item, 0)};
    uint32_t used = 0;
    if (item->fetch->plan->kind == MER_FETCH_ENTITY) {
        int64_t k = -1;
        seg = path->count > 1 ? mer_json_next(&c->json, seg) : NULL;
        if (!seg || !mer_json_i64(&c->json, seg, &k) || k < 0 || k >= (int64_t)item->n) {
            explain_rows(item, e);
            hear(c, item->fetch, &(struct exec_subgraph_error){.error = e, .id = exec_item_id(item, 0)});
            return;
        }
        p.id = exec_item_id(item, (uint32_t)k);
        used = 2;
        seg = path->count > 2 ? mer_json_next(&c->json, seg) : NULL;
    }
    if (seg) {
        follow(&p, p.f->roots[p.id], seg, path->count - used);
    }
    settle(&p);
}

// ---- its own errors ----

static struct mer_slice text_at(const struct exec_subgraph_call *c, const struct mer_json_node *o,
                                const char *key)
{
    const struct mer_json_node *n = mer_json_get(&c->json, o, mer_slice_of(key));
    return n && n->type == MER_JSON_STRING ? mer_json_string(c->x->a, &c->json, n) : MER_NIL;
}

static struct mer_slice cut(struct mer_slice text)
{
    if (text.n > MESSAGE_MAX) {
        text.n = MESSAGE_MAX;
        while (text.n && ((unsigned char)text.p[text.n] & 0xc0) == 0x80) {
            text.n--; // not amid a character
        }
    }
    return text;
}

// What is ours to say, or nobody's business.
static bool is_told(const struct exec_subgraph_call *c, const struct mer_json_node *key)
{
    static const char *const not_told[] = {"code",   "source",   "sourceCode",  "tier",
                                           "region", "facility", "environment", "entryPoint",
                                           "limit",  "value",    "stacktrace",  "exception"};
    for (size_t i = 0; i < sizeof(not_told) / sizeof(*not_told); i++) {
        if (mer_json_string_is(&c->json, key, mer_slice_of(not_told[i]))) {
            return false;
        }
    }
    return true;
}

// Clients know their subgraphs' codes (sourceCode) and what stands beside them: they are told both.
static void read_extensions(struct exec_subgraph_call *c, const struct mer_json_node *ext,
                            struct mer_exec_error *e)
{
    e->source_code = cut(text_at(c, ext, "code"));
    struct mer_buf b;
    mer_buf_init(&b, c->x->a, 0);
    const struct mer_json_node *key =
        ext && ext->type == MER_JSON_OBJECT ? mer_json_first(&c->json, ext) : NULL;
    for (uint32_t i = 0; key && i < ext->count; i++) {
        const struct mer_json_node *value = mer_json_next(&c->json, key);
        if (is_told(c, key) && b.n + key->len + value->len <= SAID_MAX) {
            mer_buf_add_char(&b, ',');
            mer_buf_add(&b, mer_json_raw(&c->json, key));
            mer_buf_add_char(&b, ':');
            mer_buf_add(&b, mer_json_raw(&c->json, value));
        }
        key = mer_json_next(&c->json, value);
    }
    e->said = mer_buf_slice(&b);
}

static void read_errors(struct exec_subgraph_call *c, const struct mer_json_node *errors)
{
    const struct mer_json_node *node = errors ? mer_json_first(&c->json, errors) : NULL;
    for (uint32_t i = 0; node && i < errors->count && i < ERRORS_READ_MAX; i++) {
        const struct mer_json_node *ext = mer_json_get(&c->json, node, MER_S("extensions"));
        struct mer_slice message = cut(text_at(c, node, "message"));
        struct mer_exec_error *e = message.n ? make_error(c, "FETCH_ERROR", message)
                                             : own_error(c, "FETCH_ERROR", "told an error without a message");
        read_extensions(c, ext, e);
        c->first = c->first ? c->first : e;
        place_error(c, mer_json_get(&c->json, node, MER_S("path")), e);
        node = mer_json_next(&c->json, node);
    }
}

// What is null since the whole answer is, or the whole list: for what was told first.
static void explain_absence(struct exec_subgraph_call *c, const struct exec_subgraph_item *item,
                            const struct mer_json_node *value)
{
    struct exec_fetch *f = item->fetch;
    if (!c->first || (value && value->type != MER_JSON_NULL)) {
        return;
    }
    struct mer_exec_error *e = c->first;
    if (e->rest_n) { // it has a place of its own, of which its path goes on
        e = MER_NEW(c->x->a, struct mer_exec_error);
        *e = *c->first;
        e->rest_n = 0;
    }
    if (f->plan->kind == MER_FETCH_ENTITY) {
        explain_rows(item, e);
        return;
    }
    for (uint32_t i = 0; i < f->plan->op.slots_n; i++) {
        struct mer_val *v = &f->roots[0]->slots[i];
        if (v->kind == MER_VAL_NULL && !v->error) {
            v->error = e;
        }
    }
}

static bool has_errors(const struct mer_json_node *errors)
{
    return errors && errors->type == MER_JSON_ARRAY && errors->count > 0;
}

static void not_understood(struct exec_subgraph_call *c, int status)
{
    if (c->write) {
        fail_all(c, "MUTATION_OUTCOME_UNKNOWN", "was sent the write, but its answer is not understood");
    } else if (status >= 500 || status == 429) {
        fail_all(c, "SOURCE_UNAVAILABLE", "is not able to answer");
    } else {
        fail_all(c, "FETCH_ERROR", "gave an answer that is not understood");
    }
}

// The data for an item: of a root fetch all of it, else the list of its entities.
static const struct mer_json_node *value_of(const struct exec_subgraph_call *c,
                                            const struct exec_subgraph_item *item,
                                            const struct mer_json_node *data)
{
    if (item->fetch->plan->kind != MER_FETCH_ENTITY) {
        return data;
    }
    return mer_json_get(&c->json, data, item->alias.n ? item->alias : MER_S("_entities"));
}

// Small answers do not repeat themselves enough.
#ifdef MER_SANITIZED
#define SHARING_BYTES 1u // tests are short
#else
#define SHARING_BYTES 2048u
#endif

static struct mer_val_shared *sharing(const struct exec_subgraph_call *c)
{
    const struct mer_plan *plan = c->x->ask.plan;
    bool can =
        c->json.text.n >= SHARING_BYTES && !c->x->defer; // parts that are told later are told of one place
    for (uint32_t i = 0; can && i < plan->fetches_n; i++) {
        can = plan->fetches[i]->kind != MER_FETCH_SPLICE;
    }
    return can ? mer_val_sharing(c->scratch, c->json.text.n) : NULL;
}

static void read_items(struct exec_subgraph_call *c, const struct mer_json_node *data,
                       const struct mer_json_node *errors)
{
    c->shared = errors ? NULL : sharing(c);
    for (uint32_t i = 0; i < c->items_n; i++) {
        struct exec_subgraph_item *item = &c->items[i];
        const struct mer_json_node *value = value_of(c, item, data);
        bool none = !value || value->type == MER_JSON_NULL;
        make_rows(c->x, item->fetch);
        if (item->fetch->plan->kind != MER_FETCH_ENTITY) {
            read_root(c, item, data);
        } else if (!read_entities(c, item, value) && !(none && errors)) {
            struct mer_exec_error *e = own_error(c, "FETCH_ERROR", "answered a wrong number of entities");
            e->limit = 1;
            fail_item(c, item, e);
        }
    }
    read_errors(c, errors);
    for (uint32_t i = 0; i < c->items_n; i++) {
        explain_absence(c, &c->items[i], value_of(c, &c->items[i], data));
        item_done(c, &c->items[i]);
    }
}

static void understand(struct exec_subgraph_call *c, const struct mer_gql_answer *a)
{
    struct mer_diag diag = {0};
    if (mer_json_parse(c->scratch, a->body, NULL, &c->json, &diag) ||
        mer_json_root(&c->json)->type != MER_JSON_OBJECT) {
        mer_log(MER_LOG_WARN, "exec", "subgraph answered no JSON object name=%.*s status=%d: %s",
                MER_FMT(source_name(c)), a->status, diag.msg);
        not_understood(c, a->status);
        return;
    }
    const struct mer_json_node *root = mer_json_root(&c->json);
    const struct mer_json_node *data = mer_json_get(&c->json, root, MER_S("data"));
    const struct mer_json_node *errors = mer_json_get(&c->json, root, MER_S("errors"));
    bool told = has_errors(errors);
    if (data && data->type != MER_JSON_OBJECT && (data->type != MER_JSON_NULL || !told)) {
        data = NULL; // no answer to what was asked
        told = false;
    }
    if (!data && !told) {
        not_understood(c, a->status);
        return;
    }
    read_items(c, data, told ? errors : NULL);
}

// Rows point into the text; its nodes are not needed once they are made.
void exec_subgraph_answered(struct exec_subgraph_call *c, const struct mer_gql_answer *a)
{
    struct mer_exec *x = c->x;
    if (x->ask.heard) {
        x->ask.heard(x->ask.owner, c->source, a);
    }
    c->scratch = mer_arena_create(mer_arena_left_bytes(x->a));
    understand(c, a);
    mer_arena_destroy(c->scratch);
    c->scratch = NULL;
    c->shared = NULL;
    c->json = (struct mer_json){0};
}
