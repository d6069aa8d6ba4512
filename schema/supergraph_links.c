// SPDX-License-Identifier: MIT
// @link and @core: which specifications a supergraph uses and how it calls their elements.
#include "schema/supergraph_priv.h"

static const char *const known[] = {
    "link",           "core",   "join",    "tag",  "inaccessible", "authenticated",
    "requiresScopes", "policy", "context", "cost", "federation",
};

static bool is_known(struct mer_slice name)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (mer_slice_is(name, known[i]))
            return true;
    return false;
}

static struct mer_slice text_of(const struct mer_ast_directive *d, struct mer_slice name,
                                enum mer_value_kind kind)
{
    const struct mer_ast_value *v = mer_ast_argument_find(d, name);
    return v && v->kind == kind ? v->text : MER_NIL;
}

// https://specs.apollo.dev/join/v0.3 → join
static struct mer_slice spec_name(struct mer_slice url)
{
    size_t end = url.n;
    while (end && url.p[end - 1] == '/')
        end--;
    size_t start = end;
    while (start && url.p[start - 1] != '/')
        start--;
    bool version =
        end - start >= 2 && url.p[start] == 'v' && url.p[start + 1] >= '0' && url.p[start + 1] <= '9';
    if (version && start) {
        end = start - 1;
        start = end;
        while (start && url.p[start - 1] != '/')
            start--;
    }
    return mer_slice_make(url.p + start, end - start);
}

static struct mer_slice without_at(struct mer_slice s, bool *directive)
{
    *directive = s.n && s.p[0] == '@';
    return *directive ? mer_slice_make(s.p + 1, s.n - 1) : s;
}

// "@tag" or {name: "@tag", as: "@label"}
static bool read_import(const struct mer_ast_value *v, struct mer_link_import *out)
{
    bool directive;
    *out = (struct mer_link_import){0};
    if (v->kind == MER_VALUE_STRING) {
        out->spec = out->local = without_at(v->text, &out->directive);
        return out->spec.n != 0;
    }
    if (v->kind != MER_VALUE_OBJECT)
        return false;
    for (uint32_t i = 0; i < v->n; i++) {
        struct mer_slice text = v->fields[i]->value->text;
        if (mer_slice_is(v->fields[i]->name, "name"))
            out->spec = without_at(text, &out->directive);
        else if (mer_slice_is(v->fields[i]->name, "as"))
            out->local = without_at(text, &directive);
    }
    if (!out->local.n)
        out->local = out->spec;
    return out->spec.n != 0;
}

static enum mer_err read_link(struct mer_arena *a, const struct mer_ast_directive *d, struct mer_slice url,
                              struct mer_link *out, struct mer_diag *diag)
{
    *out = (struct mer_link){.name = spec_name(url), .prefix = text_of(d, MER_S("as"), MER_VALUE_STRING)};
    if (!out->prefix.n)
        out->prefix = out->name;
    if (text_of(d, MER_S("for"), MER_VALUE_ENUM).n && !is_known(out->name))
        return mer_diag_at(diag, MER_ERR_INVALID, d->loc.line, d->loc.column,
                           "The supergraph needs %.*s, which is not supported.", MER_FMT(url));
    const struct mer_ast_value *imports = mer_ast_argument_find(d, MER_S("import"));
    if (!imports || imports->kind != MER_VALUE_LIST)
        return MER_OK;
    out->imports = MER_NEW_N(a, struct mer_link_import, imports->n ? imports->n : 1);
    for (uint32_t i = 0; i < imports->n; i++)
        if (read_import(imports->items[i], &out->imports[out->imports_n]))
            out->imports_n++;
    return MER_OK;
}

enum mer_err mer_links_read(struct mer_arena *a, const struct mer_ast_document *doc, struct mer_links *out,
                            struct mer_diag *diag)
{
    uint32_t n = 0;
    *out = (struct mer_links){0};
    for (uint32_t i = 0; i < doc->definitions_n; i++)
        if (doc->definitions[i]->kind == MER_DEF_SCHEMA)
            n += doc->definitions[i]->directives.n;
    out->items = MER_NEW_N(a, struct mer_link, n + 1);
    for (uint32_t i = 0; i < doc->definitions_n; i++) {
        const struct mer_ast_definition *def = doc->definitions[i];
        for (uint32_t j = 0; def->kind == MER_DEF_SCHEMA && j < def->directives.n; j++) {
            const struct mer_ast_directive *d = def->directives.items[j];
            struct mer_slice url = text_of(d, MER_S("url"), MER_VALUE_STRING);
            if (!url.n)
                url = text_of(d, MER_S("feature"), MER_VALUE_STRING);
            if (!url.n)
                continue;
            enum mer_err err = read_link(a, d, url, &out->items[out->n++], diag);
            if (err != MER_OK)
                return err;
        }
    }
    return MER_OK;
}

static bool prefixed(struct mer_slice name, struct mer_slice prefix)
{
    return prefix.n && name.n > prefix.n + 2 && mer_slice_starts(name, prefix) && name.p[prefix.n] == '_' &&
           name.p[prefix.n + 1] == '_';
}

bool mer_links_own(const struct mer_links *ls, struct mer_slice name, bool directive)
{
    for (uint32_t i = 0; i < ls->n; i++) {
        const struct mer_link *l = &ls->items[i];
        if (prefixed(name, l->prefix) || (directive && mer_slice_eq(name, l->prefix)))
            return true;
        for (uint32_t j = 0; j < l->imports_n; j++)
            if (l->imports[j].directive == directive && mer_slice_eq(l->imports[j].local, name))
                return true;
    }
    return false;
}

struct mer_slice mer_links_directive(struct mer_arena *a, const struct mer_links *ls, const char *spec,
                                     const char *directive)
{
    for (uint32_t i = 0; i < ls->n; i++) {
        const struct mer_link *l = &ls->items[i];
        if (!mer_slice_is(l->name, spec))
            continue;
        for (uint32_t j = 0; j < l->imports_n; j++)
            if (l->imports[j].directive && mer_slice_is(l->imports[j].spec, directive))
                return l->imports[j].local;
        if (mer_slice_is(l->name, directive))
            return l->prefix;
        return mer_arena_printf(a, "%.*s__%s", MER_FMT(l->prefix), directive);
    }
    return MER_NIL;
}
