// SPDX-License-Identifier: MIT
// A write that no place takes now is refused by a rule of the business, not by a failure: the facility that
// owns the rows is away, or this tier does not write. Clients read such refusals where they read the others,
// in the payload (schema/bindings.graphql, @call): a field `errors`, a list of objects with `code`, an enum
// that has the refusal's code, and perhaps `message` and `field`. So the gateway answers that payload itself,
// as text in the source's terms, which is read like any source's answer. A payload of another form gets an
// error of the request instead.
#include "base/time.h"
#include "resolvers/exec_priv.h"

// Stands where an answered part has its place; it is nobody's, so nothing is counted or told as fresh.
static const struct mer_place nowhere = {.index = UINT32_MAX};

struct refusal {
    struct exec_part *p;
    const char *code;
    struct mer_slice message, argument; // of the input, or nil
    struct mer_buf out;
    bool unfit;
};

static const struct mer_field *errors_of(const struct mer_type *payload)
{
    const struct mer_field *f =
        payload->kind == MER_TYPE_OBJECT ? mer_map_get(&payload->fields_by_name, MER_S("errors")) : NULL;
    return f && f->type.depth == 1 && f->type.type->kind == MER_TYPE_OBJECT ? f : NULL;
}

static bool has_code(const struct mer_type *error, const char *code)
{
    const struct mer_field *f = mer_map_get(&error->fields_by_name, MER_S("code"));
    for (uint32_t i = 0; f && f->type.type->kind == MER_TYPE_ENUM && i < f->type.type->values_n; i++) {
        if (mer_slice_is(f->type.type->values[i].name, code)) {
            return true;
        }
    }
    return false;
}

static void write_fields(struct refusal *r, const struct mer_fetch_field *parent, bool error);

// What a payload says of a write that did not happen: nothing, an empty list, no.
static void write_nothing(struct refusal *r, const struct mer_type_ref *t)
{
    if (mer_ast_directive_find(&t->type->directives, MER_S("hole"))) {
        r->unfit = true; // nothing was read, so nothing has an age
    } else if (!mer_ref_non_null(t, 0)) {
        mer_buf_add(&r->out, MER_S("null"));
    } else if (t->depth) {
        mer_buf_add(&r->out, MER_S("[]"));
    } else if (mer_slice_is(t->type->name, "Boolean")) {
        mer_buf_add(&r->out, MER_S("false"));
    } else {
        r->unfit = true;
    }
}

static void write_path(struct refusal *r, const struct mer_type_ref *t)
{
    if (!r->argument.n || t->depth != 1) {
        write_nothing(r, t);
        return;
    }
    mer_buf_add_char(&r->out, '[');
    mer_json_write_string(&r->out, r->argument);
    mer_buf_add_char(&r->out, ']');
}

static void write_value(struct refusal *r, const struct mer_fetch_field *f, bool error)
{
    struct mer_slice name = f->field->name;
    if (f->field == r->p->fetch->plan->op.schema->typename_field) {
        const struct mer_type *payload = r->p->fetch->plan->op.fields[0]->field->type.type;
        mer_json_write_string(&r->out, error ? errors_of(payload)->type.type->name : payload->name);
    } else if (!error && mer_slice_is(name, "errors")) {
        mer_buf_add_char(&r->out, '[');
        write_fields(r, f, true);
        mer_buf_add_char(&r->out, ']');
    } else if (error && mer_slice_is(name, "code")) {
        mer_json_write_string(&r->out, mer_slice_of(r->code));
    } else if (error && mer_slice_is(name, "message")) {
        mer_json_write_string(&r->out, r->message);
    } else if (error && mer_slice_is(name, "field")) {
        write_path(r, &f->field->type);
    } else {
        write_nothing(r, &f->field->type);
    }
}

static void write_fields(struct refusal *r, const struct mer_fetch_field *parent, bool error)
{
    mer_buf_add_char(&r->out, '{');
    for (uint32_t i = 0; i < parent->children_n; i++) {
        if (i) {
            mer_buf_add_char(&r->out, ',');
        }
        mer_json_write_string(&r->out, parent->children[i]->key);
        mer_buf_add_char(&r->out, ':');
        write_value(r, parent->children[i], error);
    }
    mer_buf_add_char(&r->out, '}');
}

// "facility-x is OFFLINE and takes no writes; its last data here are of …"
static struct mer_slice away(const struct exec_part *p, struct mer_slice facility)
{
    const struct mer_site *s = p->x->ask.site;
    int64_t newest = MER_TIME_UNKNOWN;
    struct mer_buf b;
    for (uint32_t i = 0; i < s->places_n; i++) {
        struct mer_board_facility f;
        if (s->places[i].sql && s->places[i].source == p->fetch->plan->source &&
            mer_board_facility(s->board, i, facility, &f) && f.last_sync_us > newest) {
            newest = f.last_sync_us;
        }
    }
    mer_buf_init(&b, p->x->a, 128);
    mer_buf_printf(&b, "%.*s is OFFLINE and takes no writes.", MER_FMT(facility));
    if (newest != MER_TIME_UNKNOWN) {
        mer_buf_add(&b, MER_S(" Its last data here is from "));
        mer_time_write_rfc3339(&b, newest);
        mer_buf_add_char(&b, '.');
    }
    return mer_buf_slice(&b);
}

// Which rule refuses what failed with this error; false: none, it is a failure.
static bool find_rule(struct refusal *r, const struct mer_exec_error *e)
{
    const struct exec_part *p = r->p;
    const struct mer_site *s = p->x->ask.site;
    const struct mer_plan_fetch *plan = p->fetch->plan;
    if (strcmp(e->code, "FORBIDDEN") == 0 && !p->place) {
        r->code = "READ_ONLY_TIER";
        r->message =
            mer_arena_printf(p->x->a, "the %s tier takes no such write", mer_tier_name(s->self.tier));
        return true;
    }
    bool lost = strcmp(e->code, "SOURCE_UNAVAILABLE") == 0;
    bool of_edges = plan->serves == 1u << MER_TIER_EDGE && s->self.tier != MER_TIER_EDGE;
    if (!lost || !of_edges || p->facilities_n != 1) {
        return false;
    }
    // A record that exists is named by an id of its own; it may be read on.
    bool record = plan->partition_arg >= 0;
    r->code = record ? "EDGE_OFFLINE_READ_ONLY" : "FACILITY_OFFLINE";
    r->argument =
        record ? plan->op.fields[0]->field->arguments[plan->partition_arg].name : MER_S("facilityId");
    r->message = away(p, p->facilities[0]);
    return true;
}

bool exec_refuse(struct exec_part *p)
{
    struct refusal r = {.p = p};
    const struct mer_plan_fetch *plan = p->fetch->plan;
    if (!plan->write || plan->kind != MER_FETCH_ROOT || !p->error || !find_rule(&r, p->error)) {
        return false;
    }
    const struct mer_fetch_field *root = plan->op.fields[0];
    const struct mer_field *errors = errors_of(root->field->type.type);
    if (!errors || !has_code(errors->type.type, r.code)) {
        return false;
    }
    mer_buf_init(&r.out, p->x->a, 256);
    mer_buf_add_char(&r.out, '{');
    mer_json_write_string(&r.out, root->key);
    mer_buf_add_char(&r.out, ':');
    write_fields(&r, root, false);
    mer_buf_add_char(&r.out, '}');
    if (r.unfit || mer_json_parse(p->x->a, mer_buf_slice(&r.out), NULL, &p->json, NULL)) {
        return false;
    }
    p->value = mer_json_root(&p->json);
    p->place = &nowhere;
    p->error = NULL;
    return true;
}
