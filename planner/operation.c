// SPDX-License-Identifier: MIT
#include "planner/operation.h"

#include "schema/parser.h"

struct maker {
    struct mer_arena *a; // for errors
    struct mer_operation_error *errors;
    uint32_t n;
};

static struct mer_operation_error *add_error(struct maker *m, const char *code, struct mer_slice message,
                                             struct mer_loc loc)
{
    m->errors = MER_NEW(m->a, struct mer_operation_error);
    m->n = 1;
    m->errors->code = code;
    m->errors->message = mer_arena_copy(m->a, message);
    if (loc.line) {
        m->errors->locations = MER_NEW(m->a, struct mer_loc);
        m->errors->locations[0] = loc;
        m->errors->locations_n = 1;
    }
    return m->errors;
}

static enum mer_err parse(struct maker *m, struct mer_operation *op, const struct mer_operation_opts *opts)
{
    struct mer_diag d = {0};
    struct mer_parse_limits limits = {.max_tokens = opts->max_tokens};
    struct mer_ast_document *doc = NULL;
    enum mer_err err = mer_parse(op->arena, op->text, MER_PARSE_EXECUTABLE, &limits, &doc, &d);
    op->document = doc;
    if (err) {
        struct mer_loc loc = {d.line, d.column};
        struct mer_operation_error *e = add_error(
            m, err == MER_ERR_LIMIT ? "QUERY_TOO_COMPLEX" : "GRAPHQL_PARSE_FAILED", mer_slice_of(d.msg), loc);
        e->limit = err == MER_ERR_LIMIT ? "tokens" : NULL;
        e->value = err == MER_ERR_LIMIT ? opts->max_tokens : 0;
    }
    return err;
}

static enum mer_err select_operation(struct maker *m, struct mer_operation *op)
{
    const struct mer_ast_document *doc = op->document;
    struct mer_loc none = {0, 0};
    if (op->name.n == 0 && doc->operations_n == 1) {
        op->ast = doc->operations[0];
        return MER_OK;
    }
    for (uint32_t i = 0; op->name.n && i < doc->operations_n; i++) {
        if (mer_slice_eq(doc->operations[i]->name, op->name)) {
            op->ast = doc->operations[i];
            op->name = doc->operations_n > 1 ? op->name : MER_NIL;
            return MER_OK;
        }
    }
    struct mer_slice text = MER_S("The document holds no operation.");
    if (op->name.n) {
        text = mer_arena_printf(m->a, "Unknown operation named \"%.*s\".",
                                (int)(op->name.n < 100 ? op->name.n : 100), op->name.p);
    } else if (doc->operations_n > 1) {
        text = MER_S("Must provide operation name if query contains multiple operations.");
    }
    add_error(m, "BAD_USER_INPUT", text, none);
    return MER_ERR_INVALID;
}

static enum mer_err check_limits(struct maker *m, struct mer_operation *op,
                                 const struct mer_operation_opts *opts)
{
    struct mer_limit_breach b = {0};
    enum mer_err err = mer_limits_check(op->arena, op->document, op->ast, &opts->limits, &b);
    if (err) {
        struct mer_operation_error *e =
            add_error(m, "QUERY_TOO_COMPLEX",
                      mer_arena_printf(m->a, "The operation exceeds limit %s: %llu, allowed are %llu.",
                                       b.limit, (unsigned long long)b.value, (unsigned long long)b.max),
                      b.loc);
        e->limit = b.limit;
        e->value = b.value;
    }
    return err;
}

static enum mer_err validate_in(struct maker *m, struct mer_arena *scratch, struct mer_operation *op,
                                const struct mer_operation_opts *opts)
{
    struct mer_validate_options v = {.suggestions = opts->introspection};
    if (!opts->introspection) {
        v.rules = MER_RULES_SPECIFIED | MER_RULE_NO_SCHEMA_INTROSPECTION;
    }
    struct mer_validation_error *errors = NULL;
    uint32_t n = 0;
    enum mer_err err = mer_validate(scratch, op->graph->api, op->document, &v, &errors, &n);
    if (!err) {
        return MER_OK;
    }
    m->errors = MER_NEW_N(m->a, struct mer_operation_error, n + 1);
    m->n = n;
    for (uint32_t i = 0; i < n; i++) {
        struct mer_operation_error *e = &m->errors[i];
        e->code = "GRAPHQL_VALIDATION_FAILED";
        e->message = mer_arena_copy(m->a, errors[i].message);
        e->locations_n = errors[i].locations_n;
        e->locations = MER_NEW_N(m->a, struct mer_loc, e->locations_n + 1);
        memcpy(e->locations, errors[i].locations, e->locations_n * sizeof(struct mer_loc));
    }
    if (n == 0) {
        struct mer_loc none = {0, 0};
        add_error(m, "QUERY_TOO_COMPLEX", MER_S("The document takes too much memory to validate."), none);
    }
    return err;
}

// An end to any validation; what is usual takes some kilobytes, and nothing of it stays.
#define VALIDATE_BYTES (48u << 20)

static enum mer_err validate(struct maker *m, struct mer_operation *op, const struct mer_operation_opts *opts)
{
    struct mer_arena *scratch = mer_arena_create(VALIDATE_BYTES);
    enum mer_err err = validate_in(m, scratch, op, opts);
    mer_arena_destroy(scratch);
    return err;
}

static void spent(struct maker *m, const struct mer_operation *op, const struct mer_budget *b)
{
    bool steps = b->max_steps && b->steps > b->max_steps;
    uint64_t took = steps ? b->steps : (uint64_t)b->took_us;
    uint64_t max = steps ? b->max_steps : (uint64_t)b->max_cpu_us;
    struct mer_operation_error *e =
        add_error(m, "QUERY_TOO_COMPLEX",
                  mer_arena_printf(m->a, "The operation exceeds limit plan: %llu %s, allowed are %llu.",
                                   (unsigned long long)took, steps ? "steps" : "us", (unsigned long long)max),
                  op->ast->loc);
    e->limit = "plan";
    e->value = took;
}

static enum mer_err few_fetches(struct maker *m, const struct mer_operation *op, uint32_t max)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < op->plan->fetches_n; i++) {
        enum mer_fetch_kind kind = op->plan->fetches[i]->kind;
        n += kind == MER_FETCH_ROOT || kind == MER_FETCH_ENTITY;
    }
    if (max == 0 || n <= max) {
        return MER_OK;
    }
    struct mer_operation_error *e =
        add_error(m, "QUERY_TOO_COMPLEX",
                  mer_arena_printf(m->a, "The operation exceeds limit fetches: %u, allowed are %u.", n, max),
                  op->ast->loc);
    e->limit = "fetches";
    e->value = n;
    return MER_ERR_LIMIT;
}

static enum mer_err plan(struct maker *m, struct mer_operation *op, const struct mer_operation_opts *opts,
                         struct mer_budget *budget)
{
    struct mer_diag d = {0};
    struct mer_plan_limits limits = {.labels_on = opts->labels_on, .budget = budget};
    enum mer_err err = mer_plan_build(op->arena, op->graph, op->document, op->ast, &limits, &op->plan, &d);
    if (err && budget->spent) {
        spent(m, op, budget);
    } else if (err) {
        struct mer_loc loc = {d.line, d.column};
        struct mer_operation_error *e =
            err == MER_ERR_LIMIT
                ? add_error(m, "QUERY_TOO_COMPLEX", mer_slice_of(d.msg), loc)
                : add_error(m, "INTERNAL",
                            mer_arena_printf(m->a, "The operation cannot be planned: %s.", d.msg), loc);
        e->limit = err == MER_ERR_LIMIT ? budget->limit : NULL;
    }
    return err ? err : few_fetches(m, op, opts->max_fetches);
}

static bool asks_introspection(const struct mer_operation *op)
{
    const struct mer_shape_variant *v = op->plan->shape->variants;
    for (uint32_t i = 0; i < v->fields_n; i++) {
        if (v->fields[i].kind == MER_SHAPE_INTROSPECTION) {
            return true;
        }
    }
    return false;
}

// Enough for any operation within the default limits, and an end to any other.
#define OPERATION_BYTES (16u << 20)

static enum mer_err in_time(struct maker *m, const struct mer_operation *op, struct mer_budget *budget)
{
    if (mer_budget_look(budget)) {
        return MER_OK;
    }
    spent(m, op, budget);
    return MER_ERR_LIMIT;
}

enum mer_err mer_operation_make(struct mer_arena *a, const struct mer_graph *graph, struct mer_slice text,
                                struct mer_slice name, const struct mer_operation_opts *opts,
                                struct mer_operation **out, struct mer_operation_error **errors,
                                uint32_t *errors_n)
{
    struct mer_arena *own = mer_arena_create(OPERATION_BYTES);
    struct mer_operation *op = MER_NEW(own, struct mer_operation);
    op->arena = own;
    op->graph = graph;
    op->refs = 1;
    op->text = mer_arena_copy(own, text);
    op->name = mer_arena_copy(own, name);
    struct maker m = {.a = a};
    struct mer_budget budget;
    mer_budget_start(&budget, opts->max_cpu_us, opts->max_steps);
    enum mer_err err = parse(&m, op, opts);
    err = err ? err : select_operation(&m, op);
    err = err ? err : check_limits(&m, op, opts);
    err = err ? err : validate(&m, op, opts);
    err = err ? err : in_time(&m, op, &budget);
    err = err ? err : plan(&m, op, opts, &budget);
    err = err ? err : in_time(&m, op, &budget);
    *errors = m.errors;
    *errors_n = m.n;
    if (err) {
        mer_arena_destroy(own);
        return err;
    }
    for (uint32_t i = 0; i < op->plan->fetches_n; i++) {
        struct mer_fetch_memo *memo = MER_NEW(own, struct mer_fetch_memo);
        memo->arena = own;
        op->plan->fetches[i]->op.memo = memo;
    }
    op->introspects = asks_introspection(op);
    op->cost = mer_cost_build(own, op->plan);
    op->cache = mer_cache_policy_of(own, op->plan);
    *out = op;
    return MER_OK;
}

void mer_operation_unref(struct mer_operation *op)
{
    if (op && --op->refs == 0) {
        mer_arena_destroy(op->arena);
    }
}
