// SPDX-License-Identifier: MIT
#include "corpus.h"

#include "schema/parser.h"

#include <stdio.h>
#include <stdlib.h>

#define FAILURES_SHOWN 12

// ---- the file ----

// Half surrogate pairs are no JSON text that ours takes; the cases that hold them say so (utf8: false).
static void blunt_surrogates(char *p, size_t n)
{
    for (size_t i = 0; i + 6 <= n; i++) {
        if (p[i] != '\\')
            continue;
        if (p[i + 1] != 'u' || (p[i + 2] | 0x20) != 'd' || !strchr("89abcdefABCDEF", p[i + 3])) {
            i++;
            continue;
        }
        bool high = strchr("89abAB", p[i + 3]) != NULL;
        bool pair = high && i + 12 <= n && p[i + 6] == '\\' && p[i + 7] == 'u' && (p[i + 8] | 0x20) == 'd' &&
                    strchr("cdefCDEF", p[i + 9]);
        if (!pair)
            memcpy(p + i + 2, "fffd", 4);
        i += pair ? 11 : 5;
    }
}

static bool load(const char *name, struct corpus *out)
{
    char path[256];
    snprintf(path, sizeof(path), "../shared/corpus/graphql/%s.json", name);
    FILE *f = fopen(path, "rb");
    if (!f) {
        print_message("no %s: skipped\n", path);
        return false;
    }
    struct mer_buf b;
    out->file = mer_arena_create(0);
    mer_buf_init(&b, out->file, 1 << 20);
    size_t n;
    do {
        n = fread(mer_buf_reserve(&b, 1 << 16), 1, 1 << 16, f);
        b.n += n;
    } while (n);
    fclose(f);
    blunt_surrogates(b.p, b.n);
    struct mer_diag diag = {0};
    if (mer_json_parse(out->file, mer_buf_slice(&b), NULL, &out->json, &diag) != MER_OK)
        fail_msg("%s: %s at %zu", path, diag.msg, diag.offset);
    out->schema_texts = mer_json_get(&out->json, mer_json_root(&out->json), MER_S("schemas"));
    mer_map_init(&out->schemas, out->file);
    return true;
}

static enum corpus_verdict run_one(struct corpus *corpus, const struct mer_json_node *node,
                                   corpus_check_fn check, bool show)
{
    struct corpus_case c = {.corpus = corpus, .a = mer_arena_create(0), .node = node};
    mer_buf_init(&c.seen, c.a, 0);
    enum corpus_verdict v = CORPUS_SKIP;
    const struct mer_json_node *utf8 = corpus_get(&c, "utf8");
    if (!utf8 || utf8->type != MER_JSON_FALSE)
        v = check(&c);
    if (v == CORPUS_FAIL && show) {
        struct mer_slice raw = mer_json_raw(&corpus->json, node);
        print_message("FAILED %.*s\n  saw: %.*s\n", (int)(raw.n > 3000 ? 3000 : raw.n), raw.p,
                      MER_FMT(mer_buf_slice(&c.seen)));
    }
    mer_arena_destroy(c.a);
    return v;
}

void corpus_run(const char *name, corpus_check_fn check)
{
    struct corpus corpus = {0};
    if (!load(name, &corpus))
        skip();
    const char *more = getenv("MER_CORPUS_SHOW");
    uint32_t counts[3] = {0}, shown = more ? (uint32_t)atoi(more) : FAILURES_SHOWN;
    const struct mer_json_node *cases =
        mer_json_get(&corpus.json, mer_json_root(&corpus.json), MER_S("cases"));
    const struct mer_json_node *n = mer_json_first(&corpus.json, cases);
    for (uint32_t i = 0; i < cases->count; i++, n = mer_json_next(&corpus.json, n))
        counts[run_one(&corpus, n, check, counts[CORPUS_FAIL] < shown)]++;
    print_message("%s.json: %u passed, %u failed, %u skipped\n", name, counts[CORPUS_PASS],
                  counts[CORPUS_FAIL], counts[CORPUS_SKIP]);
    mer_arena_destroy(corpus.file);
    assert_int_equal(counts[CORPUS_FAIL], 0);
}

// ---- members ----

const struct mer_json_node *corpus_get(const struct corpus_case *c, const char *key)
{
    return mer_json_get(&c->corpus->json, c->node, mer_slice_of(key));
}

struct mer_slice corpus_string(const struct corpus_case *c, const struct mer_json_node *n)
{
    return n && n->type == MER_JSON_STRING ? mer_json_string(c->a, &c->corpus->json, n) : MER_NIL;
}

struct mer_slice corpus_text(const struct corpus_case *c, const char *key)
{
    return corpus_string(c, corpus_get(c, key));
}

bool corpus_true(const struct corpus_case *c, const char *key)
{
    const struct mer_json_node *n = corpus_get(c, key);
    return n && n->type == MER_JSON_TRUE;
}

// ---- schemas ----

struct mer_schema *corpus_build(struct mer_arena *a, struct mer_slice sdl, bool lenient,
                                struct mer_diag *diag)
{
    struct mer_ast_document *doc;
    struct mer_schema *s = NULL;
    struct mer_schema_options options = {.assume_valid = lenient, .allow_unknown_directives = lenient};
    // No definition at all is a schema for the recorder, but no document.
    if (mer_slice_trim(sdl).n == 0)
        sdl = MER_S("directive @nothing on FIELD");
    if (mer_parse(a, sdl, MER_PARSE_ANY, NULL, &doc, diag) != MER_OK ||
        mer_schema_build(a, doc, &options, &s, diag) != MER_OK)
        return NULL;
    return s;
}

const struct mer_schema *corpus_schema(struct corpus_case *c, struct mer_slice name)
{
    struct corpus *corpus = c->corpus;
    struct mer_schema *s = mer_map_get(&corpus->schemas, name);
    if (s)
        return s;
    const struct mer_json_node *text = mer_json_get(&corpus->json, corpus->schema_texts, name);
    assert_non_null(text);
    struct mer_diag diag = {0};
    s = corpus_build(corpus->file, mer_json_string(corpus->file, &corpus->json, text), true, &diag);
    if (!s)
        return NULL;
    mer_map_put(&corpus->schemas, mer_arena_copy(corpus->file, name), s);
    return s;
}

// ---- comparing ----

static int64_t number(const struct corpus_case *c, const struct mer_json_node *object, const char *key)
{
    int64_t v = -1;
    const struct mer_json_node *n = mer_json_get(&c->corpus->json, object, mer_slice_of(key));
    if (!n || !mer_json_i64(&c->corpus->json, n, &v))
        return -1;
    return v;
}

static bool same_locations(struct corpus_case *c, const struct mer_json_node *want, const struct mer_loc *got,
                           uint32_t n)
{
    const struct mer_json_node *ls = mer_json_get(&c->corpus->json, want, MER_S("locations"));
    if (!ls)
        return true;
    if (ls->count != n)
        return false;
    const struct mer_json_node *l = mer_json_first(&c->corpus->json, ls);
    for (uint32_t i = 0; i < n; i++, l = mer_json_next(&c->corpus->json, l))
        if (number(c, l, "line") != got[i].line || number(c, l, "column") != got[i].column)
            return false;
    return true;
}

bool corpus_same_error(struct corpus_case *c, const struct mer_json_node *want, const struct mer_diag *got)
{
    struct mer_slice message = corpus_string(c, mer_json_get(&c->corpus->json, want, MER_S("message")));
    struct mer_loc loc = {got->line, got->column};
    mer_buf_printf(&c->seen, "%s at %u:%u", got->msg, loc.line, loc.column);
    return mer_slice_is(message, got->msg) && same_locations(c, want, &loc, 1);
}

bool corpus_same_errors(struct corpus_case *c, const struct mer_json_node *want,
                        const struct mer_validation_error *got, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        mer_buf_printf(&c->seen, "\n    %.*s", MER_FMT(got[i].message));
        for (uint32_t j = 0; j < got[i].locations_n; j++)
            mer_buf_printf(&c->seen, " %u:%u", got[i].locations[j].line, got[i].locations[j].column);
    }
    if (want->count != n)
        return false;
    const struct mer_json_node *w = mer_json_first(&c->corpus->json, want);
    for (uint32_t i = 0; i < n; i++, w = mer_json_next(&c->corpus->json, w)) {
        struct mer_slice message = corpus_string(c, mer_json_get(&c->corpus->json, w, MER_S("message")));
        if (!mer_slice_eq(message, got[i].message) ||
            !same_locations(c, w, got[i].locations, got[i].locations_n))
            return false;
    }
    return true;
}

static bool same_number(struct mer_slice x, struct mer_slice y)
{
    return mer_slice_eq(x, y) || strtod(x.p, NULL) == strtod(y.p, NULL);
}

bool corpus_same_json(const struct mer_json *x, const struct mer_json_node *m, const struct mer_json *y,
                      const struct mer_json_node *n)
{
    if (m->type != n->type || m->count != n->count)
        return false;
    if (m->type == MER_JSON_NUMBER)
        return same_number(mer_json_raw(x, m), mer_json_raw(y, n));
    struct mer_arena *a = mer_arena_create(0);
    bool same = m->type != MER_JSON_STRING || mer_json_string_is(y, n, mer_json_string(a, x, m));
    const struct mer_json_node *i = mer_json_first(x, m), *j = mer_json_first(y, n);
    for (uint32_t k = 0; same && k < m->count; k++) {
        if (m->type == MER_JSON_ARRAY) {
            same = corpus_same_json(x, i, y, j);
            i = mer_json_next(x, i);
            j = mer_json_next(y, j);
        } else if (m->type == MER_JSON_OBJECT) {
            const struct mer_json_node *value = mer_json_next(x, i);
            const struct mer_json_node *other = mer_json_get(y, n, mer_json_string(a, x, i));
            same = other && corpus_same_json(x, value, y, other);
            i = mer_json_next(x, value);
        }
    }
    mer_arena_destroy(a);
    return same;
}

enum corpus_verdict corpus_same_text(struct corpus_case *c, struct mer_slice got, struct mer_slice want)
{
    if (mer_slice_eq(got, want))
        return CORPUS_PASS;
    mer_buf_add(&c->seen, got);
    return CORPUS_FAIL;
}
