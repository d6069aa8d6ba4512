// SPDX-License-Identifier: MIT
// A part asked of another gateway, at its /sources/NAME: the fetch as GraphQL text with every argument a
// variable, so that the text is the same for the same shape and the other side's plan cache knows it. The
// caller's token goes along; the other gateway applies residency, environment, role and lag itself.
#include "base/log.h"
#include "resolvers/exec_priv.h"
#include "schema/printer.h"

struct hop_text {
    struct exec_part *p;
    struct mer_buf body, declared, values; // the selection; "$v0:ID!,…"; "\"v0\":…"
    uint32_t variables_n;
    bool failed;
};

static void add_variable(struct hop_text *t, const struct mer_input *def, const struct mer_in *value)
{
    const char *sep = t->variables_n ? "," : "";
    mer_buf_printf(&t->declared, "%s$v%u:", sep, t->variables_n);
    mer_print_type_ref(&t->declared, &def->type);
    mer_buf_printf(&t->values, "%s\"v%u\":", sep, t->variables_n);
    mer_in_write_json(&t->values, value);
    mer_buf_printf(&t->body, "%.*s:$v%u", MER_FMT(def->name), t->variables_n);
    t->variables_n++;
}

// The part's own facilities stand in for the argument that was cut.
static const struct mer_in *narrowed(struct hop_text *t, const struct mer_fetch_field *f, uint32_t i,
                                     const struct mer_in *v)
{
    const struct mer_plan_fetch *plan = t->p->fetch->plan;
    bool root = f == plan->op.fields[0] && plan->kind == MER_FETCH_ROOT;
    if (!root || plan->partition_arg != (int32_t)i || v->kind != MER_IN_LIST) {
        return v;
    }
    struct mer_arena *a = t->p->x->a;
    struct mer_in *list = MER_NEW(a, struct mer_in);
    list->kind = MER_IN_LIST;
    list->n = t->p->facilities_n;
    list->items = MER_NEW_N(a, struct mer_in *, list->n);
    for (uint32_t k = 0; k < list->n; k++) {
        list->items[k] = MER_NEW(a, struct mer_in);
        list->items[k]->kind = MER_IN_STRING;
        list->items[k]->text = t->p->facilities[k];
    }
    return list;
}

static void add_arguments(struct hop_text *t, const struct mer_fetch_field *f)
{
    struct mer_in **args = NULL;
    struct mer_in_error bad = {0};
    struct mer_exec *x = t->p->x;
    if (!f->field || f->field->arguments_n == 0) {
        return;
    }
    if (mer_coerce_arguments(x->a, t->p->fetch->plan->op.schema, f->field->arguments, f->field->arguments_n,
                             f->arguments, f->arguments_n, x->ask.vars, &args, &bad)) {
        if (!t->failed) {
            t->p->error = exec_part_error(t->p, "BAD_USER_INPUT", "%.*s", MER_FMT(bad.message));
        }
        t->failed = true;
        return;
    }
    char sep = '(';
    for (uint32_t i = 0; i < f->field->arguments_n; i++) {
        if (args[i]) {
            mer_buf_add_char(&t->body, sep);
            sep = ',';
            add_variable(t, &f->field->arguments[i], narrowed(t, f, i, args[i]));
        }
    }
    if (sep == ',') {
        mer_buf_add_char(&t->body, ')');
    }
}

static void add_fields(struct hop_text *t, struct mer_fetch_field *const *fields, uint32_t n)
{
    mer_buf_add_char(&t->body, '{');
    for (uint32_t i = 0; i < n; i++) {
        const struct mer_fetch_field *f = fields[i];
        if (f->on.n) { // a source of rows: one type
            mer_buf_printf(&t->body, "...on %.*s{", MER_FMT(f->on.items[0]->name));
        }
        if (mer_slice_eq(f->key, f->field->name)) {
            mer_buf_printf(&t->body, "%.*s", MER_FMT(f->key));
        } else {
            mer_buf_printf(&t->body, "%.*s:%.*s", MER_FMT(f->key), MER_FMT(f->field->name));
        }
        add_arguments(t, f);
        if (mer_ast_directive_find(&f->field->type.type->directives, MER_S("hole"))) {
            mer_buf_add(&t->body, MER_S("{placement}"));
        } else if (f->children_n) {
            add_fields(t, f->children, f->children_n);
        }
        mer_buf_add(&t->body, f->on.n ? MER_S("} ") : MER_S(" "));
    }
    mer_buf_add_char(&t->body, '}');
}

static void add_entities(struct hop_text *t)
{
    const struct mer_plan_fetch *plan = t->p->fetch->plan;
    mer_buf_add(&t->declared, MER_S("$r:[_Any!]!"));
    mer_buf_add(&t->values, MER_S("\"r\":["));
    for (uint32_t i = 0; i < t->p->ids_n; i++) {
        mer_buf_add(&t->values, i ? MER_S(",{\"__typename\":") : MER_S("{\"__typename\":"));
        mer_json_write_string(&t->values, plan->op.entity->name);
        mer_buf_add(&t->values, MER_S(",\"id\":"));
        mer_json_write_string(&t->values, t->p->ids[i]);
        mer_buf_add_char(&t->values, '}');
    }
    mer_buf_add_char(&t->values, ']');
    t->variables_n = 1; // for the commas
    mer_buf_printf(&t->body, "{_entities(representations:$r){...on %.*s", MER_FMT(plan->op.entity->name));
    add_fields(t, plan->op.fields, plan->op.fields_n);
    mer_buf_add(&t->body, MER_S("}}"));
}

static struct mer_slice assemble(struct hop_text *t)
{
    struct mer_arena *a = t->p->x->a;
    struct mer_buf query, out;
    mer_buf_init(&query, a, 256);
    mer_buf_add(&query, t->p->fetch->plan->op.kind == MER_OP_MUTATION ? MER_S("mutation") : MER_S("query"));
    if (t->declared.n) {
        mer_buf_printf(&query, "(%.*s)", MER_FMT(mer_buf_slice(&t->declared)));
    }
    mer_buf_add(&query, mer_buf_slice(&t->body));
    mer_buf_init(&out, a, query.n + t->values.n + 64);
    mer_buf_add(&out, MER_S("{\"query\":"));
    mer_json_write_string(&out, mer_buf_slice(&query));
    mer_buf_add(&out, MER_S(",\"variables\":{"));
    mer_buf_add(&out, mer_buf_slice(&t->values));
    mer_buf_add(&out, MER_S("}}"));
    return mer_buf_slice(&out);
}

struct mer_slice exec_field_text(struct mer_exec *x, struct exec_fetch *f, uint32_t field)
{
    struct exec_part whole = {.x = x, .fetch = f};
    struct hop_text t = {.p = &whole};
    mer_buf_init(&t.body, x->a, 512);
    mer_buf_init(&t.declared, x->a, 64);
    mer_buf_init(&t.values, x->a, 128);
    add_fields(&t, &f->plan->op.fields[field], 1);
    return assemble(&t);
}

struct mer_slice exec_hop_text(struct exec_part *p)
{
    if (p->job) {
        return exec_kpi_hop_text(p);
    }
    struct mer_arena *a = p->x->a;
    struct hop_text t = {.p = p};
    mer_buf_init(&t.body, a, 512);
    mer_buf_init(&t.declared, a, 64);
    mer_buf_init(&t.values, a, 128);
    if (p->fetch->plan->kind == MER_FETCH_ENTITY) {
        add_entities(&t);
    } else {
        add_fields(&t, p->fetch->plan->op.fields, p->fetch->plan->op.fields_n);
    }
    return t.failed ? MER_NIL : assemble(&t);
}

void exec_ask_hop(struct exec_part *p)
{
    struct mer_slice body = exec_hop_text(p);
    if (body.n == 0) {
        exec_part_done(p);
    } else {
        exec_send_hop(p, body);
    }
}

// ---- the answer ----

static void answered(void *owner, const struct mer_gql_answer *r);

void exec_send_hop(struct exec_part *p, struct mer_slice body)
{
    struct mer_exec *x = p->x;
    struct mer_gql_header *h = MER_NEW_N(x->a, struct mer_gql_header, 3);
    uint32_t n = 0;
    h[n++] = (struct mer_gql_header){MER_S("authorization"),
                                     mer_arena_printf(x->a, "Bearer %.*s", MER_FMT(x->ask.caller.token))};
    h[n++] = (struct mer_gql_header){MER_S("meridian-hop"), MER_S("1")};
    if (p->fetch->max_age_us >= 0) {
        h[n++] = (struct mer_gql_header){
            MER_S("meridian-max-age"),
            mer_arena_printf(x->a, "%lld", (long long)(p->fetch->max_age_us / 1000000))};
    }
    p->call = (struct mer_gql_call){
        .headers = h,
        .headers_n = n,
        .body = body,
        .idempotent = !p->fetch->plan->write,
        .deadline_mono_us = x->ask.deadline_mono_us,
        .done = answered,
        .owner = p,
    };
    mer_gql_send(x->ask.site->links[p->place->index].client, &p->call);
}

static struct mer_exec_error *transport_fault(struct exec_part *p, const struct mer_gql_answer *r)
{
    if (p->fetch->plan->write && r->maybe_executed) {
        return exec_part_error(p, "MUTATION_OUTCOME_UNKNOWN",
                               "the connection was lost after the write was sent");
    }
    mer_log(MER_LOG_WARN, "exec", "gateway unreachable place=%.*s message=%.200s", MER_FMT(p->place->name),
            r->message ? r->message : "");
    if (r->err == MER_ERR_TIMEOUT) {
        return exec_part_error(p, "SOURCE_TIMEOUT", "region %.*s did not answer in time",
                               MER_FMT(p->place->region));
    }
    return exec_part_error(p, "SOURCE_UNAVAILABLE", "region %.*s is not reachable",
                           MER_FMT(p->place->region));
}

// One wrong answer has not to fill the client's screen.
#define ERRORS_TOLD_MAX 20u

static const char *known_code(struct mer_slice code)
{
    static const char *const codes[] = {
        "BAD_USER_INPUT",          "FORBIDDEN",        "NOT_FOUND",
        "DATA_RESIDENCY",          "OUT_OF_RETENTION", "STALENESS_UNSATISFIABLE",
        "SOURCE_UNAVAILABLE",      "SOURCE_TIMEOUT",   "FETCH_ERROR",
        "QUERY_TOO_COMPLEX",       "RATE_LIMITED",     "UNAUTHENTICATED",
        "MUTATION_OUTCOME_UNKNOWN"};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (mer_slice_is(code, codes[i])) {
            return codes[i];
        }
    }
    return "FETCH_ERROR";
}

static struct mer_slice text_at(struct exec_part *p, const struct mer_json_node *o, const char *key)
{
    const struct mer_json_node *n = mer_json_get(&p->json, o, mer_slice_of(key));
    return n && n->type == MER_JSON_STRING ? mer_json_string(p->x->a, &p->json, n) : MER_NIL;
}

static struct mer_exec_error *read_error(struct exec_part *p, const struct mer_json_node *node)
{
    const struct mer_json_node *ext = mer_json_get(&p->json, node, MER_S("extensions"));
    struct mer_slice message = text_at(p, node, "message");
    struct mer_slice code = text_at(p, ext, "code");
    struct mer_exec_error *e = exec_part_error(
        p, known_code(code), "%.*s", (int)(message.n < 200 ? message.n : 200), message.n ? message.p : "");
    struct mer_slice region = text_at(p, ext, "region"), facility = text_at(p, ext, "facility");
    e->region = region.n ? region : e->region;
    e->facility = facility.n ? facility : e->facility;
    e->entry_point = text_at(p, ext, "entryPoint");
    struct mer_slice own = text_at(p, ext, "sourceCode");
    e->source_code = own.n ? own : strcmp(e->code, "FETCH_ERROR") == 0 ? code : MER_NIL;
    return e;
}

// An answer that is none, to a write: it may have been done.
static struct mer_exec_error *not_understood(struct exec_part *p, int status)
{
    if (p->fetch->plan->write) {
        return exec_part_error(p, "MUTATION_OUTCOME_UNKNOWN",
                               "the write was sent, its answer is not understood");
    }
    if (status >= 500 || status == 429) {
        return exec_part_error(p, "SOURCE_UNAVAILABLE", "the other gateway answered with status %d", status);
    }
    return exec_part_error(p, "FETCH_ERROR", "the other gateway's answer is not understood");
}

static bool is_null_at(const struct exec_part *p, int64_t at)
{
    if (!p->value || p->value->type != MER_JSON_ARRAY || at >= p->value->count) {
        return false;
    }
    const struct mer_json_node *item = mer_json_first(&p->json, p->value);
    for (int64_t i = 0; i < at; i++) {
        item = mer_json_next(&p->json, item);
    }
    return item->type == MER_JSON_NULL;
}

// An entity that is null there for a reason, its own or that of a field in it which may not be null: its
// fields here are null for the same.
static bool take_entity_error(struct exec_part *p, const struct mer_json_node *node,
                              struct mer_exec_error *err)
{
    const struct mer_json_node *path = mer_json_get(&p->json, node, MER_S("path"));
    int64_t at = -1;
    if (p->fetch->plan->kind != MER_FETCH_ENTITY || p->fetch->kpi || !path || path->type != MER_JSON_ARRAY ||
        path->count < 2 ||
        !mer_json_i64(&p->json, mer_json_next(&p->json, mer_json_first(&p->json, path)), &at) || at < 0 ||
        at >= (int64_t)p->ids_n || (path->count > 2 && !is_null_at(p, at))) {
        return false;
    }
    struct mer_exec_error **why = &p->fetch->id_errors[p->ordinals[at]];
    *why = *why ? *why : err;
    return true;
}

// Told with the other side's path where the answer is taken as it is; a merged page's edges stand elsewhere
// here.
static void tell_at(struct exec_part *p, const struct mer_json_node *node, const struct mer_exec_error *err)
{
    struct mer_path_seg path[32] = {{.key = p->fetch->plan->root_key}};
    const struct mer_json_node *told = mer_json_get(&p->json, node, MER_S("path"));
    uint32_t n = path[0].key.n ? 1 : 0;
    bool same =
        n && p->fetch->parts_n == 1 && !p->fetch->kpi && told && told->type == MER_JSON_ARRAY && told->count;
    const struct mer_json_node *seg = same ? mer_json_first(&p->json, told) : NULL;
    if (seg && seg->type == MER_JSON_STRING && mer_json_string_is(&p->json, seg, path[0].key)) {
        for (; n < told->count && n < 32; n++) {
            int64_t index = -1;
            seg = mer_json_next(&p->json, seg);
            path[n] = (struct mer_path_seg){0};
            if (seg->type == MER_JSON_STRING && seg->len > 2) {
                path[n].key = mer_json_string(p->x->a, &p->json, seg);
            } else if (mer_json_i64(&p->json, seg, &index) && index >= 0 && index <= UINT32_MAX) {
                path[n].index = (uint32_t)index;
            } else {
                break;
            }
        }
    }
    exec_tell(p->x, err, n ? path : NULL, n);
}

// The other side's errors beside data: a root's null carries the first; others are told as they are.
static void read_errors(struct exec_part *p, const struct mer_json_node *errors, bool has_value)
{
    const struct mer_json_node *e =
        errors && errors->type == MER_JSON_ARRAY ? mer_json_first(&p->json, errors) : NULL;
    for (uint32_t i = 0; e && i < errors->count && i < ERRORS_TOLD_MAX; i++) {
        struct mer_exec_error *err = read_error(p, e);
        if (!has_value) {
            p->error = err;
            return;
        }
        if (!take_entity_error(p, e, err)) {
            tell_at(p, e, err);
        }
        e = mer_json_next(&p->json, e);
    }
    if (!has_value) {
        p->error = not_understood(p, 200);
    }
}

static bool not_null(const struct mer_json_node *n)
{
    return n && n->type != MER_JSON_NULL;
}

static void take_answer(struct exec_part *p)
{
    struct mer_exec *x = p->x;
    const struct mer_json_node *root = mer_json_root(&p->json);
    const struct mer_json_node *data = mer_json_get(&p->json, root, MER_S("data"));
    const struct mer_json_node *ext = mer_json_get(&p->json, root, MER_S("extensions"));
    mer_fresh_read_extension(&x->fresh, &p->json, mer_json_get(&p->json, ext, MER_S("freshness")), x->now_us,
                             x->ask.site->sources[p->fetch->plan->source].stale_after_us, &p->entry_map,
                             &p->entry_map_n);
    bool entity = p->fetch->plan->kind == MER_FETCH_ENTITY;
    struct mer_slice key = p->fetch->kpi ? MER_S("kpiCells")
                           : entity      ? MER_S("_entities")
                                         : p->fetch->plan->root_key;
    const struct mer_json_node *value = mer_json_get(&p->json, data, key);
    p->value = entity || p->fetch->kpi ? value : data;
    const struct mer_json_node *errors = mer_json_get(&p->json, root, MER_S("errors"));
    bool wrong =
        entity && !p->fetch->kpi && value && (value->type != MER_JSON_ARRAY || value->count != p->ids_n);
    if (wrong) {
        p->error = exec_part_error(p, "FETCH_ERROR", "the other gateway answered a wrong number of entities");
    } else if (errors || !not_null(value)) {
        bool null_is_answer = value && !errors && !p->fetch->plan->write && !entity && !p->fetch->kpi;
        read_errors(p, errors, not_null(value) || null_is_answer);
    }
}

// A site that does not answer: a facility that is away, or a region's gateway and with it the region.
static void tell_gone(struct exec_part *p)
{
    struct mer_exec *x = p->x;
    bool edge = p->place->tier == MER_TIER_EDGE;
    struct mer_fresh_entry gone = {.source = x->ask.site->sources[p->fetch->plan->source].name,
                                   .region = p->place->region,
                                   .facility = p->place->facility,
                                   .tier = p->place->tier,
                                   .as_of_us = MER_TIME_UNKNOWN,
                                   .cached_at_us = MER_TIME_UNKNOWN,
                                   .online = !edge,
                                   .unreachable = !edge};
    mer_fresh_add(&x->fresh, &gone);
}

static void answered(void *owner, const struct mer_gql_answer *r)
{
    struct exec_part *p = owner;
    struct mer_exec *x = p->x;
    if (r->err) {
        p->error = transport_fault(p, r);
        if (r->err != MER_ERR_TIMEOUT && exec_retry(p)) {
            return;
        }
        const struct mer_place *asked = p->place;
        if (exec_refuse(p)) {
            x->ask.site->parts_failed[asked->index]++;
        } else {
            tell_gone(p);
        }
        exec_part_done(p);
        return;
    }
    exec_keep(x, mer_gql_keep(r), mer_gql_release);
    struct mer_diag diag = {0};
    struct mer_json_limits strict = {.unique_keys = true};
    if (mer_json_parse(x->a, r->body, &strict, &p->json, &diag) ||
        mer_json_root(&p->json)->type != MER_JSON_OBJECT) {
        mer_log(MER_LOG_WARN, "exec", "gateway answered no JSON object status=%d: %s", r->status, diag.msg);
        p->error = not_understood(p, r->status);
        if (r->status >= 500 && exec_retry(p)) {
            return;
        }
    } else {
        take_answer(p);
        bool lost = p->error && strcmp(p->error->code, "SOURCE_UNAVAILABLE") == 0;
        if (lost && exec_retry(p)) { // it has lost its databases: another region may have the same rows
            return;
        }
    }
    exec_part_done(p);
}
