// SPDX-License-Identifier: MIT
// Whatever subgraphs answer, the client gets a GraphQL answer to what it asked: JSON with every key of the
// selection, no null where the schema forbids one, leaves of their types, and an error where all is lost. The
// first byte chooses an operation; the rest are answers, parted by a line of "%%", each for the next request.
#include "base/log.h"
#include "base/time.h"
#include "resolvers/subgraph.h"
#include "schema/parser.h"
#include "unit/resolvers/sub_graph.h"

#define REQUESTS_MAX 64

static const char *const operations[] = {
    "{people{id name born rank free weight tags extra}}",
    "{people{title works{label at{n}} score(unit:\"kg\")}}",
    "{best{label stock owner{name rank title}} count}",
    "{things{__typename ... on Person{name title} ... on Work{sku stock}} any{... on Person{born}}}",
    "mutation{add(name:\"x\"){title works{stock}} rate(n:1){label owner{name}}}",
    "query($no:Boolean=false){a:people{b:works{c:label d:stock e:owner{f:name @skip(if:$no)}}}}",
    "{person(id:1){title rank}}",
};

// ---- instead of flight.c: what would be sent waits here ----

static struct exec_subgraph_call *sent[REQUESTS_MAX];
static uint32_t sent_n;

void exec_flight_send(struct exec_subgraph_call *c)
{
    struct mer_json j;
    MER_ASSERT(mer_json_parse(c->x->a, c->body, NULL, &j, NULL) == MER_OK);
    MER_ASSERT(sent_n < REQUESTS_MAX);
    sent[sent_n++] = c;
}

void exec_flight_leave(struct exec_subgraph_call *c)
{
    (void)c;
}

// ---- what an answer must be ----

static void check_object(const struct mer_shape *s, const struct mer_json *j, const struct mer_json_node *n,
                         const struct mer_variables *vars);

static void check_leaf(const struct mer_type *t, const struct mer_json *j, const struct mer_json_node *n)
{
    int64_t v = 0;
    bool known = t->kind != MER_TYPE_ENUM;
    for (uint32_t i = 0; i < t->values_n; i++) {
        known = known || mer_json_string_is(j, n, t->values[i].name);
    }
    MER_ASSERT(known);
    if (t->builtin && mer_slice_is(t->name, "Int")) {
        MER_ASSERT(mer_json_i64(j, n, &v) && v >= INT32_MIN && v <= INT32_MAX);
    } else if (t->builtin && (mer_slice_is(t->name, "ID") || mer_slice_is(t->name, "String"))) {
        MER_ASSERT(n->type == MER_JSON_STRING);
    }
}

static void check_value(const struct mer_shape_field *f, uint32_t level, const struct mer_json *j,
                        const struct mer_json_node *n, const struct mer_variables *vars)
{
    const struct mer_type_ref *ref = &f->field->type;
    if (n->type == MER_JSON_NULL) {
        MER_ASSERT(!mer_ref_non_null(ref, level));
    } else if (level < ref->depth) {
        MER_ASSERT(n->type == MER_JSON_ARRAY);
        const struct mer_json_node *item = mer_json_first(j, n);
        for (uint32_t i = 0; i < n->count; i++, item = mer_json_next(j, item)) {
            check_value(f, level + 1, j, item, vars);
        }
    } else if (f->sub) {
        check_object(f->sub, j, n, vars);
    } else {
        check_leaf(ref->type, j, n);
    }
}

static bool fits(const struct mer_shape_variant *v, const struct mer_json *j, const struct mer_json_node *n,
                 const struct mer_variables *vars)
{
    const struct mer_json_node *key = mer_json_first(j, n);
    uint32_t told = 0;
    for (uint32_t i = 0; i < v->fields_n; i++) {
        if (mer_kept(&v->fields[i].kept_if, vars)) {
            if (told >= n->count || !mer_json_string_is(j, key, v->fields[i].key)) {
                return false;
            }
            told++;
            key = mer_json_next(j, mer_json_next(j, key));
        }
    }
    return told == n->count;
}

static void check_object(const struct mer_shape *s, const struct mer_json *j, const struct mer_json_node *n,
                         const struct mer_variables *vars)
{
    uint32_t at = 0;
    MER_ASSERT(n->type == MER_JSON_OBJECT);
    while (at < s->variants_n && !fits(&s->variants[at], j, n, vars)) {
        at++;
    }
    MER_ASSERT(at < s->variants_n);
    const struct mer_json_node *key = mer_json_first(j, n);
    for (uint32_t i = 0; i < s->variants[at].fields_n; i++) {
        const struct mer_shape_field *f = &s->variants[at].fields[i];
        if (mer_kept(&f->kept_if, vars)) {
            check_value(f, 0, j, mer_json_next(j, key), vars);
            key = mer_json_next(j, mer_json_next(j, key));
        }
    }
}

static void check(struct mer_exec *x, const struct mer_variables *vars)
{
    struct mer_buf out;
    struct mer_json j;
    bool has_data = false;
    mer_buf_init(&out, x->a, 1024);
    mer_buf_add_char(&out, '{');
    mer_exec_write(x, &out, &has_data);
    mer_buf_add_char(&out, '}');
    MER_ASSERT(mer_json_parse(x->a, mer_buf_slice(&out), NULL, &j, NULL) == MER_OK);
    const struct mer_json_node *data = mer_json_get(&j, mer_json_root(&j), MER_S("data"));
    const struct mer_json_node *errors = mer_json_get(&j, mer_json_root(&j), MER_S("errors"));
    MER_ASSERT(!errors || errors->count > 0);
    MER_ASSERT(has_data == (data->type == MER_JSON_OBJECT));
    if (has_data) {
        check_object(x->ask.plan->shape, &j, data, vars);
    } else {
        MER_ASSERT(errors);
    }
}

// ---- running ----

static const struct mer_graph *graph(void)
{
    static struct mer_arena *kept; // reachable until the end
    static struct mer_graph g;
    if (!kept) {
        struct mer_diag d = {0};
        kept = mer_arena_create(0);
        MER_ASSERT(sub_graph_make(kept, &g, &d) == MER_OK);
    }
    return &g;
}

static void finished(void *owner)
{
    *(bool *)owner = true;
}

static struct mer_slice next_answer(struct mer_slice *rest)
{
    const char *mark = rest->n ? memmem(rest->p, rest->n, "\n%%\n", 4) : NULL;
    struct mer_slice all = *rest;
    *rest = mark ? mer_slice_make(mark + 4, rest->n - (size_t)(mark - rest->p) - 4) : MER_NIL;
    return mark ? mer_slice_make(all.p, (size_t)(mark - all.p)) : all;
}

static void run(struct mer_site *site, const char *text, struct mer_slice answers)
{
    struct mer_arena *a = mer_arena_create((size_t)256 << 20);
    struct mer_ast_document *doc = NULL;
    struct mer_plan *plan = NULL;
    struct mer_variables vars = {0};
    struct mer_in_error *errors = NULL;
    uint32_t n = 0;
    bool done = false, *ended = &done;
    MER_ASSERT(mer_parse(a, mer_slice_of(text), MER_PARSE_EXECUTABLE, NULL, &doc, NULL) == MER_OK);
    MER_ASSERT(mer_plan_build(a, graph(), doc, doc->operations[0], NULL, &plan, NULL) == MER_OK);
    MER_ASSERT(mer_coerce_variables(a, graph()->api, doc->operations[0], NULL, NULL, &vars, &errors, &n) ==
               MER_OK);
    struct mer_exec_ask ask = {.arena = a,
                               .site = site,
                               .plan = plan,
                               .vars = &vars,
                               .max_age_us = -1,
                               .deadline_mono_us = mer_time_mono_us() + 1000000,
                               .done = finished,
                               .owner = ended};
    struct mer_exec *x = mer_exec_start(&ask);
    for (sent_n = 0; !*ended; sent_n = 0) {
        mer_loop_turn(site->loop, 0);
        for (uint32_t i = 0; i < sent_n; i++) {
            struct mer_gql_answer said = {.status = 200, .body = next_answer(&answers)};
            exec_subgraph_answered(sent[i], &said);
        }
    }
    check(x, &vars);
    mer_exec_end(x);
    mer_arena_destroy(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mer_loop *loop;
    static struct mer_site_source sources[SUB_N];
    static struct mer_site site;
    if (!loop) {
        loop = mer_loop_create();
        for (uint32_t i = 0; i < SUB_N; i++) {
            sources[i] = (struct mer_site_source){.name = graph()->sources[i].name, .plain = true};
        }
        site = (struct mer_site){
            .loop = loop, .graph = graph(), .sources = sources, .sources_n = SUB_N, .entities_max = 8};
        mer_log_set_level(MER_LOG_ERROR);
    }
    if (size) {
        run(&site, operations[data[0] % (sizeof(operations) / sizeof(operations[0]))],
            mer_slice_make((const char *)data + 1, size - 1));
    }
    return 0;
}
