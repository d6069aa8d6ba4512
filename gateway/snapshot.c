// SPDX-License-Identifier: MIT
#include "gateway/snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "gateway/snapshot_priv.h"
#include "schema/parser.h"
#include "schema/supergraph.h"
#include "planner/federation.h"

#define FILE_MAX (64u << 20)

// What clients may write in a document beside the schema's own directives.
#define CLIENT_DIRECTIVES                                                                                    \
    "\n\"The oldest data, in seconds, that the caller accepts here.\"\n"                                     \
    "directive @freshness(maxAge: Int!) on QUERY | FIELD\n"

enum mer_err mer_file_read(struct mer_arena *a, const char *path, struct mer_slice *out,
                           struct mer_diag *diag)
{
    FILE *f = fopen(path, "rbe");
    if (!f) {
        return mer_diag_set(diag, MER_ERR_IO, "%s: %s", path, strerror(errno));
    }
    struct mer_buf b;
    mer_buf_init(&b, a, 65536);
    size_t n = 0;
    do {
        n = fread(mer_buf_reserve(&b, 65536), 1, 65536, f);
        b.n += n;
    } while (n > 0 && b.n <= FILE_MAX);
    bool bad = ferror(f) || b.n > FILE_MAX;
    fclose(f);
    if (bad) {
        return mer_diag_set(diag, MER_ERR_IO, "%s: cannot be read", path);
    }
    *out = mer_buf_slice(&b);
    return MER_OK;
}

// ---- the files that a snapshot was read from ----

static uint64_t look(const char *path)
{
    struct stat st = {0};
    if (stat(path, &st) != 0) {
        return 0;
    }
    uint64_t h = mer_hash_mix((uint64_t)st.st_dev, (uint64_t)st.st_ino);
    h = mer_hash_mix(h, (uint64_t)st.st_size);
    return mer_hash_mix(mer_hash_mix(h, (uint64_t)st.st_mtim.tv_sec), (uint64_t)st.st_mtim.tv_nsec);
}

// As it is before it is read: what changes while it is read shows as a change later.
static void note_file(struct mer_snapshot *s, struct mer_slice path)
{
    if (path.n) {
        s->files[s->files_n++] = (struct mer_snapshot_file){path.p, look(path.p)};
    }
}

static void note_files(struct mer_snapshot *s)
{
    const struct mer_config *c = s->config;
    s->files = MER_NEW_N(s->arena, struct mer_snapshot_file, 3 + 2 * (size_t)c->sources_n);
    note_file(s, c->supergraph);
    note_file(s, c->persisted.file);
    note_file(s, c->development ? c->explorer.headers : MER_NIL);
    for (uint32_t i = 0; i < c->sources_n; i++) {
        note_file(s, c->sources[i].sdl);
        note_file(s, c->sources[i].kpis);
    }
}

uint64_t mer_snapshot_look(const struct mer_snapshot *s)
{
    uint64_t h = 0;
    for (uint32_t i = 0; i < s->files_n; i++) {
        h = mer_hash_mix(h, look(s->files[i].path));
    }
    return h;
}

uint64_t mer_snapshot_identity(const struct mer_snapshot *s)
{
    uint64_t h = 0;
    for (uint32_t i = 0; i < s->files_n; i++) {
        h = mer_hash_mix(h, s->files[i].identity);
    }
    return h;
}

static enum mer_err in_file(struct mer_diag *diag, enum mer_err err, const char *path)
{
    if (err && diag) {
        char msg[sizeof(diag->msg)];
        memcpy(msg, diag->msg, sizeof(msg));
        uint32_t line = diag->line, column = diag->column;
        mer_diag_at(diag, err, line, column, "%s:%u:%u: %.180s", path, line, column, msg);
    }
    return err;
}

// What /sources/NAME has beyond the source's own SDL (Federation subgraph specification).
static struct mer_slice with_federation(struct mer_arena *a, struct mer_slice sdl,
                                        const struct mer_ast_document *doc)
{
    struct mer_buf b;
    mer_buf_init(&b, a, sdl.n + 1024);
    mer_buf_add(&b, sdl);
    const char *sep = "\nunion _Entity = ";
    for (uint32_t i = 0; i < doc->definitions_n; i++) {
        const struct mer_ast_definition *d = doc->definitions[i];
        if (d->kind == MER_DEF_OBJECT && mer_ast_directive_find(&d->directives, MER_S("key"))) {
            mer_buf_printf(&b, "%s%.*s", sep, MER_FMT(d->name));
            sep = " | ";
        }
    }
    mer_buf_add(&b, MER_S("\nscalar _Any\ntype _Service { sdl: String }\n"
                          "extend type Query { _service: _Service!"));
    if (sep[1] == '|') {
        mer_buf_add(&b, MER_S(" _entities(representations: [_Any!]!): [_Entity]!"));
    }
    mer_buf_add(&b, MER_S(" }\n"));
    return mer_buf_slice(&b);
}

static enum mer_err build_schema(struct mer_arena *a, struct mer_snapshot_source *s,
                                 struct mer_schema **schema, struct mer_diag *diag)
{
    struct mer_ast_document *doc = NULL;
    enum mer_err err = mer_parse(a, s->sdl, MER_PARSE_TYPE_SYSTEM, NULL, &doc, diag);
    if (err) {
        return err;
    }
    struct mer_slice whole = with_federation(a, s->sdl, doc);
    struct mer_schema_options opts = {.assume_valid = true, .allow_unknown_directives = true};
    err = mer_parse(a, whole, MER_PARSE_TYPE_SYSTEM, NULL, &doc, diag);
    return err ? err : mer_schema_build(a, doc, &opts, schema, diag);
}

static enum mer_err load_source(struct mer_arena *a, const struct mer_config_source *c, uint32_t index,
                                struct mer_snapshot_source *s, struct mer_diag *diag)
{
    struct mer_schema *schema = NULL;
    enum mer_err err = mer_file_read(a, c->sdl.p, &s->sdl, diag);
    if (err) {
        return err;
    }
    err = in_file(diag, build_schema(a, s, &schema, diag), c->sdl.p);
    if (!err && c->kpis.n) {
        struct mer_kpi_catalogue *k = NULL;
        err = mer_kpi_catalogue_load(a, c->kpis.p, &k, diag);
        err = err ? err : mer_kpi_catalogue_check_schema(k, schema, diag);
        s->catalogue = k;
    } else if (!err) {
        struct mer_binding *b = NULL;
        err = in_file(diag, mer_binding_compile(a, schema, &b, diag), c->sdl.p);
        s->binding = b;
    }
    s->self = (struct mer_source){.name = c->name, .index = index, .schema = schema, .rows = true};
    err = err ? err : in_file(diag, mer_graph_of_source(a, &s->self, &s->graph, diag), c->sdl.p);
    s->graph.sdl = s->sdl;
    return err;
}

enum mer_err mer_snapshot_supergraph(struct mer_arena *a, const char *path, bool ours,
                                     struct mer_supergraph **out, struct mer_diag *diag)
{
    struct mer_slice text = MER_NIL;
    enum mer_err err = mer_file_read(a, path, &text, diag);
    if (err) {
        return err;
    }
    text = ours ? mer_arena_printf(a, "%.*s%s", MER_FMT(text), CLIENT_DIRECTIVES) : text;
    return in_file(diag, mer_supergraph_load(a, text, out, diag), path);
}

// Its schema is what the supergraph tells of it.
static enum mer_err load_plain(struct mer_snapshot *s, const struct mer_supergraph *sg, uint32_t i,
                               struct mer_diag *diag)
{
    const struct mer_config_source *c = &s->config->sources[i];
    const struct mer_subgraph *g = mer_supergraph_subgraph(sg, c->name);
    if (!g) {
        return mer_diag_set(diag, MER_ERR_INVALID, "%.*s: no subgraph %.*s", MER_FMT(s->config->supergraph),
                            MER_FMT(c->name));
    }
    return mer_snapshot_plain(s, sg, i, g, c->url, diag);
}

static enum mer_err load_all(struct mer_snapshot *s, struct mer_diag *diag)
{
    const struct mer_config *c = s->config;
    struct mer_supergraph *sg = NULL;
    enum mer_err err = mer_snapshot_supergraph(s->arena, c->supergraph.p, !c->router, &sg, diag);
    if (err) {
        return err;
    }
    if (c->router) {
        return in_file(diag, mer_snapshot_subgraphs(s, sg, diag), c->supergraph.p);
    }
    struct mer_source *sources = MER_NEW_N(s->arena, struct mer_source, c->sources_n);
    s->sources = MER_NEW_N(s->arena, struct mer_snapshot_source, c->sources_n);
    s->sources_n = c->sources_n;
    for (uint32_t i = 0; i < c->sources_n && !err; i++) {
        err = c->sources[i].url.n ? load_plain(s, sg, i, diag)
                                  : load_source(s->arena, &c->sources[i], i, &s->sources[i], diag);
        sources[i] = s->sources[i].self;
    }
    err = err ? err
              : in_file(diag, mer_graph_of_supergraph(s->arena, sg, sources, c->sources_n, &s->graph, diag),
                        c->supergraph.p);
    s->graph.split_resident = c->self.tier != MER_TIER_EDGE;
    return err;
}

// What the face needs beside schemas: trusted documents, the explorer's presets.
static enum mer_err load_face(struct mer_snapshot *s, struct mer_diag *diag)
{
    const struct mer_config *c = s->config;
    struct mer_slice text = MER_NIL;
    struct mer_json j;
    enum mer_err err = MER_OK;
    if (c->persisted.file.n) {
        err = mer_file_read(s->arena, c->persisted.file.p, &text, diag);
        err = err ? err
                  : in_file(diag, mer_documents_parse(s->arena, text, &s->documents, diag),
                            c->persisted.file.p);
    }
    if (!err && c->development && c->explorer.headers.n) {
        err = mer_file_read(s->arena, c->explorer.headers.p, &s->explorer_headers, diag);
        err = err ? err
                  : in_file(diag, mer_json_parse(s->arena, s->explorer_headers, NULL, &j, diag),
                            c->explorer.headers.p);
    }
    return err;
}

enum mer_err mer_snapshot_load(const struct mer_config *config, struct mer_snapshot **out,
                               struct mer_diag *diag)
{
    struct mer_arena *a = mer_arena_create(0);
    struct mer_snapshot *s = MER_NEW(a, struct mer_snapshot);
    s->arena = a;
    s->config = config;
    atomic_init(&s->refs, 1);
    note_files(s);
    enum mer_err err = load_all(s, diag);
    err = err ? err : load_face(s, diag);
    if (err) {
        mer_arena_destroy(a);
        return err;
    }
    *out = s;
    return MER_OK;
}

struct mer_snapshot *mer_snapshot_ref(struct mer_snapshot *s)
{
    atomic_fetch_add(&s->refs, 1);
    return s;
}

void mer_snapshot_unref(struct mer_snapshot *s)
{
    if (s && atomic_fetch_sub(&s->refs, 1) == 1) {
        mer_arena_destroy(s->arena);
    }
}
