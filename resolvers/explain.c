// SPDX-License-Identifier: MIT
#include "resolvers/explain.h"

#include "base/time.h"
#include "resolvers/exec_priv.h"
#include "resolvers/kpi/query.h"

// ---- making ----

static struct mer_explain_part explain_part(struct mer_exec *x, struct exec_part *p)
{
    struct mer_explain_part out = {
        .region = p->region, .facilities = p->facilities, .facilities_n = p->facilities_n};
    enum mer_reject *verdicts = MER_NEW_N(x->a, enum mer_reject, x->ask.site->places_n);
    out.error = exec_place_part_why(p, verdicts);
    out.verdicts = verdicts;
    out.place = p->place;
    if (out.error) {
        return out;
    }
    if (p->job) {
        exec_compile_kpi(p);
    } else if (p->place->sql) {
        exec_compile_sql(p);
    }
    if (p->place->sql && !p->error) {
        out.sql = p->sql.text;
        out.params = p->sql.params;
        out.params_n = p->sql.params_n;
    }
    out.graphql = p->place->sql || p->error ? MER_NIL : exec_hop_text(p);
    out.error = p->error;
    return out;
}

// A plain subgraph has one place and no parts.
static void explain_plain(struct mer_exec *x, struct exec_fetch *f, struct mer_explain_fetch *out)
{
    const struct mer_site *s = x->ask.site;
    out->parts = MER_NEW(x->a, struct mer_explain_part);
    out->parts_n = 1;
    out->parts->place = &s->places[s->sources[f->plan->source].place];
    out->parts->graphql = exec_subgraph_text(x, f);
}

static void explain_fetch(struct mer_exec *x, struct exec_fetch *f, struct mer_explain_fetch *out)
{
    out->plan = f->plan;
    if (f->plan->kind == MER_FETCH_SPLICE) {
        return;
    }
    if (f->plain) {
        explain_plain(x, f, out);
        return;
    }
    struct mer_exec_error *e = NULL;
    bool kpi = x->ask.site->sources[f->plan->source].catalogue != NULL;
    if (f->plan->rows && !x->ask.caller.rows) {
        e = exec_forbidden(x);
    } else if (f->plan->kind == MER_FETCH_ENTITY) {
        if (!kpi) {
            exec_new_part(x, f, x->ask.site->self.region);
        }
    } else if (f->plan->kind == MER_FETCH_ROOT) {
        e = exec_coerce_root(x, f);
        if (!e && kpi) {
            e = exec_kpi_explain(x, f);
        } else if (!e) {
            e = exec_cut_root(x, f);
        }
    }
    out->parts = MER_NEW_N(x->a, struct mer_explain_part, f->parts_n + 1);
    if (e) {
        out->parts[out->parts_n++] = (struct mer_explain_part){.error = e};
        return;
    }
    for (uint32_t i = 0; i < f->parts_n; i++) {
        out->parts[out->parts_n] = explain_part(x, f->parts[i]);
        out->parts[out->parts_n++].note = f->plan->kind == MER_FETCH_ENTITY
                                              ? "by the keys that come, cut by region"
                                          : f->parts[i]->located ? "for hours after the watermark"
                                                                 : NULL;
    }
}

void mer_explain_make(const struct mer_exec_ask *ask, struct mer_explain *out)
{
    struct mer_exec *x = MER_NEW(ask->arena, struct mer_exec);
    x->ask = *ask;
    x->a = ask->arena;
    x->errors_tail = &x->errors;
    x->now_us = mer_time_wall_us();
    mer_fresh_init(&x->fresh, x->a);
    out->site = ask->site;
    out->fetches_n = ask->plan->fetches_n;
    out->fetches = MER_NEW_N(x->a, struct mer_explain_fetch, out->fetches_n);
    x->fetches = MER_NEW_N(x->a, struct exec_fetch, out->fetches_n);
    for (uint32_t i = 0; i < out->fetches_n; i++) {
        x->fetches[i].plan = ask->plan->fetches[i];
        x->fetches[i].plain = ask->site->sources[ask->plan->fetches[i]->source].plain;
        exec_set_bound(x, &x->fetches[i]);
        explain_fetch(x, &x->fetches[i], &out->fetches[i]);
    }
}

// ---- writing ----

static const char *combiner_name(enum mer_combiner c)
{
    static const char *const names[] = {"one", "ordinal", "ordered merge", "kpi components"};
    return names[c];
}

static void write_list(struct mer_buf *b, const struct mer_slice *items, uint32_t n, const char *quote)
{
    for (uint32_t i = 0; i < n; i++) {
        mer_buf_printf(b, "%s%s%.*s%s", i ? "," : "", quote, MER_FMT(items[i]), quote);
    }
}

static const char *kind_name(const struct mer_plan_fetch *f)
{
    return f->kind == MER_FETCH_ENTITY ? "entities" : f->kind == MER_FETCH_SPLICE ? "splice" : "root";
}

static struct mer_slice fetch_title(const struct mer_plan_fetch *f)
{
    if (f->kind == MER_FETCH_ENTITY) {
        return f->op.entity ? f->op.entity->name : MER_S("_Entity");
    }
    return f->kind == MER_FETCH_SPLICE ? MER_S("of two fetches") : f->op.fields[0]->field->name;
}

static void write_part_text(struct mer_buf *b, const struct mer_explain *e, const struct mer_explain_fetch *f,
                            uint32_t n)
{
    const struct mer_explain_part *p = &f->parts[n];
    mer_buf_printf(b, "  part %u", n);
    if (p->region.n) {
        mer_buf_printf(b, " region=%.*s", MER_FMT(p->region));
    }
    if (p->facilities_n) {
        mer_buf_add(b, MER_S(" facilities="));
        write_list(b, p->facilities, p->facilities_n, "");
    }
    mer_buf_printf(b, "%s%s%s\n", p->note ? " (" : "", p->note ? p->note : "", p->note ? ")" : "");
    for (uint32_t i = 0; p->verdicts && i < e->site->places_n; i++) {
        const struct mer_place *place = &e->site->places[i];
        if (place->source == f->plan->source) {
            mer_buf_printf(b, "    %s %.*s (%s %s%s%.*s, %s): %s\n", place == p->place ? "->" : "  ",
                           MER_FMT(place->name), place->sql ? "postgres" : "graphql",
                           mer_tier_name(place->tier), place->environment.n ? " " : "",
                           MER_FMT(place->environment), mer_role_name(place->role),
                           mer_reject_name(p->verdicts[i]));
        }
    }
    if (p->error) {
        mer_buf_printf(b, "    error %s: %.*s\n", p->error->code, MER_FMT(p->error->message));
    }
    if (p->sql.n) {
        mer_buf_printf(b, "    sql: %.*s\n", MER_FMT(p->sql));
    }
    if (p->graphql.n) {
        mer_buf_printf(b, "    graphql: %.*s\n", MER_FMT(p->graphql));
    }
}

void mer_explain_write_text(struct mer_buf *b, const struct mer_explain *e)
{
    for (uint32_t i = 0; i < e->fetches_n; i++) {
        const struct mer_plan_fetch *f = e->fetches[i].plan;
        mer_buf_printf(b, "fetch %u: %s %.*s from %.*s, combine %s%s%s", i, kind_name(f),
                       MER_FMT(fetch_title(f)), MER_FMT(e->site->sources[f->source].name),
                       combiner_name(f->combiner), f->resident ? ", resident" : "",
                       f->write ? ", write" : "");
        for (uint32_t k = 0; k < f->after_n; k++) {
            mer_buf_printf(b, "%s%u", k ? "," : ", after fetch ", f->after[k]);
        }
        mer_buf_add_char(b, '\n');
        for (uint32_t k = 0; k < e->fetches[i].parts_n; k++) {
            write_part_text(b, e, &e->fetches[i], k);
        }
    }
}

static void write_text_member(struct mer_buf *b, const char *name, struct mer_slice value)
{
    mer_buf_printf(b, ",\"%s\":", name);
    if (value.n) {
        mer_json_write_string(b, value);
    } else {
        mer_buf_add(b, MER_S("null"));
    }
}

static void write_params(struct mer_buf *b, const struct mer_explain_part *p)
{
    mer_buf_add(b, MER_S(",\"params\":["));
    for (uint32_t i = 0; i < p->params_n; i++) {
        if (i) {
            mer_buf_add_char(b, ',');
        }
        if (p->params[i].null) {
            mer_buf_add(b, MER_S("null"));
        } else {
            mer_json_write_string(b, p->params[i].value);
        }
    }
    mer_buf_add_char(b, ']');
}

static void write_part_json(struct mer_buf *b, const struct mer_explain *e, const struct mer_explain_fetch *f,
                            const struct mer_explain_part *p)
{
    mer_buf_add(b, MER_S("{\"facilities\":["));
    write_list(b, p->facilities, p->facilities_n, "\"");
    mer_buf_add_char(b, ']');
    write_text_member(b, "region", p->region);
    write_text_member(b, "placement", p->place ? p->place->name : MER_NIL);
    mer_buf_add(b, MER_S(",\"considered\":["));
    const char *sep = "";
    for (uint32_t i = 0; p->verdicts && i < e->site->places_n; i++) {
        if (e->site->places[i].source == f->plan->source) {
            mer_buf_printf(b, "%s{\"placement\":\"%.*s\",\"verdict\":\"%s\"}", sep,
                           MER_FMT(e->site->places[i].name), mer_reject_name(p->verdicts[i]));
            sep = ",";
        }
    }
    mer_buf_add_char(b, ']');
    write_text_member(b, "sql", p->sql);
    write_params(b, p);
    write_text_member(b, "graphql", p->graphql);
    write_text_member(b, "note", mer_slice_of(p->note));
    write_text_member(b, "error", p->error ? mer_slice_of(p->error->code) : MER_NIL);
    mer_buf_add_char(b, '}');
}

void mer_explain_write_json(struct mer_buf *b, const struct mer_explain *e)
{
    mer_buf_add(b, MER_S("{\"fetches\":["));
    for (uint32_t i = 0; i < e->fetches_n; i++) {
        const struct mer_plan_fetch *f = e->fetches[i].plan;
        mer_buf_printf(b,
                       "%s{\"index\":%u,\"kind\":\"%s\",\"name\":\"%.*s\",\"source\":\"%.*s\",\"combiner\":"
                       "\"%s\",\"resident\":%s,\"after\":",
                       i ? "," : "", i, kind_name(f), MER_FMT(fetch_title(f)),
                       MER_FMT(e->site->sources[f->source].name), combiner_name(f->combiner),
                       f->resident ? "true" : "false");
        if (f->kind == MER_FETCH_ENTITY) {
            mer_buf_printf(b, "%u,\"parts\":[", f->parent);
        } else {
            mer_buf_add(b, MER_S("null,\"parts\":["));
        }
        for (uint32_t k = 0; k < e->fetches[i].parts_n; k++) {
            if (k) {
                mer_buf_add_char(b, ',');
            }
            write_part_json(b, e, &e->fetches[i], &e->fetches[i].parts[k]);
        }
        mer_buf_add(b, MER_S("]}"));
    }
    mer_buf_add(b, MER_S("]}"));
}
