// SPDX-License-Identifier: MIT
#include "gateway/config_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"

#define FILE_BYTES_MAX (4u << 20)

static struct mer_slice directory_of(struct mer_arena *a, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash) {
        return MER_S(".");
    }
    size_t n = slash == path ? 1 : (size_t)(slash - path);
    return (struct mer_slice){mer_arena_cstr(a, (struct mer_slice){path, n}), n};
}

enum mer_err mer_config_parse(struct mer_arena *a, const struct mer_config_input *in, struct mer_config *out,
                              struct mer_diag *diag)
{
    struct mer_config_reader r = {
        .a = a, .path = in->path, .directory = directory_of(a, in->path), .diag = diag};
    struct mer_config_node *root = mer_config_tree_parse(&r, in->text);
    if (!root) {
        return MER_ERR_INVALID;
    }
    for (size_t i = 0; i < in->sets_n; i++) {
        if (!mer_config_tree_set(&r, root, in->sets[i])) {
            return MER_ERR_INVALID;
        }
    }
    bool ok = mer_config_read(&r, root, out) && mer_config_check(&r, root, out);
    return ok ? MER_OK : MER_ERR_INVALID;
}

// JSON's strings are YAML's too; only what stands for the environment is left to escape.
static void add_text(struct mer_buf *b, const char *key, const char *value)
{
    struct mer_buf escaped;
    mer_buf_init(&escaped, b->a, 64);
    for (const char *c = value; *c; c++) {
        if (c[0] == '$' && c[1] == '{') {
            mer_buf_add_char(&escaped, '$');
        }
        mer_buf_add_char(&escaped, *c);
    }
    mer_buf_printf(b, "%s: ", key);
    mer_json_write_string(b, mer_buf_slice(&escaped));
}

// Of another's schema nobody knows how long its lists are, and its clients were there before this router: the
// limits that a schema of one's own is measured for are wide here.
#define ROUTER_LIMITS                                                                                        \
    "limits: {cost: 10000000, depth: 100, aliases: 1000, rootFields: 1000, directives: 1000, fragments: "    \
    "1000, expandedSelections: 100000, answer: 64MiB, requestMemory: 512MiB, request: 60s}\n"

// Who gave arguments has seen no file: lines of the text that they became are called by the argument.
static void name_argument(struct mer_diag *d, bool admin)
{
    const char *name = d->line == 3 ? "--listen" : admin && d->line == 5 ? "--admin" : NULL;
    const char *what = strstr(d->msg, ": ");
    if (name && what) {
        char msg[sizeof(d->msg)];
        snprintf(msg, sizeof(msg), "%s%s", name, what);
        memcpy(d->msg, msg, sizeof(msg));
    }
}

enum mer_err mer_config_for_router(struct mer_arena *a, const struct mer_config_router *in,
                                   struct mer_config *out, struct mer_diag *diag)
{
    struct mer_buf b;
    mer_buf_init(&b, a, 512);
    mer_buf_add(&b, MER_S("self: {name: router, tier: global}\nlisten:\n  - "));
    add_text(&b, "address", in->listen);
    if (in->admin) {
        add_text(&b, "\nadmin:\n  address", in->admin);
    }
    add_text(&b, "\nsupergraph", in->supergraph);
    mer_buf_add(&b, MER_S("\n" ROUTER_LIMITS));
    struct mer_config_input text = {
        .path = "command line", .text = mer_buf_slice(&b), .sets = in->sets, .sets_n = in->sets_n};
    enum mer_err err = mer_config_parse(a, &text, out, diag);
    if (err && diag) {
        name_argument(diag, in->admin != NULL);
    }
    if (!err && out->sources_n) {
        return mer_diag_set(
            diag, MER_ERR_INVALID,
            "sources.%.*s: `sources` is for a configured gateway; the subgraphs of a supergraph "
            "stand under `subgraphs.each`",
            MER_FMT(out->sources[0].name));
    }
    out->router = true;
    return err;
}

static enum mer_err read_file(struct mer_arena *a, const char *path, struct mer_slice *out,
                              struct mer_diag *diag)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        int why = errno;
        if (fd >= 0) {
            close(fd);
        }
        return mer_diag_set(diag, MER_ERR_IO, "%s: %s", path, strerror(why));
    }
    if (!S_ISREG(st.st_mode) || st.st_size > FILE_BYTES_MAX) {
        close(fd);
        return mer_diag_set(diag, MER_ERR_IO, "%s: not a file of at most %u bytes", path, FILE_BYTES_MAX);
    }
    size_t n = 0, cap = (size_t)st.st_size;
    char *p = mer_arena_bytes(a, cap + 1);
    ssize_t got;
    while (n < cap && (got = read(fd, p + n, cap - n)) > 0) {
        n += (size_t)got;
    }
    close(fd);
    *out = (struct mer_slice){p, n};
    return MER_OK;
}

enum mer_err mer_config_load(struct mer_arena *a, const char *path, const char *const *sets, size_t sets_n,
                             struct mer_config *out, struct mer_diag *diag)
{
    struct mer_config_input in = {.path = path, .sets = sets, .sets_n = sets_n};
    enum mer_err err = read_file(a, path, &in.text, diag);
    return err ? err : mer_config_parse(a, &in, out, diag);
}

enum mer_err mer_config_check_serving(const struct mer_config *c, struct mer_diag *diag)
{
    const char *missing = !c->listens_n      ? "`listen` is missing: serve needs an address for clients"
                          : !c->supergraph.p ? "`supergraph` is missing: serve needs the composed supergraph"
                          : !c->auth.jwks.p && !c->router
                              ? "`auth.jwks` is missing: serve needs the keys of tokens"
                              : NULL;
    if (!missing) {
        return MER_OK;
    }
    return mer_diag_at(diag, MER_ERR_INVALID, 1, 1, "%.*s:1:1: %s", MER_FMT(c->path), missing);
}

const struct mer_config_region *mer_config_region(const struct mer_config *c, struct mer_slice name)
{
    for (uint32_t i = 0; i < c->regions_n; i++) {
        if (mer_slice_eq(c->regions[i].name, name)) {
            return &c->regions[i];
        }
    }
    return NULL;
}

const struct mer_config_region *mer_config_region_of_facility(const struct mer_config *c,
                                                              struct mer_slice facility)
{
    for (uint32_t i = 0; i < c->regions_n; i++) {
        for (uint32_t f = 0; f < c->regions[i].facilities.n; f++) {
            if (mer_slice_eq(c->regions[i].facilities.items[f], facility)) {
                return &c->regions[i];
            }
        }
    }
    return NULL;
}

const struct mer_config_source *mer_config_source(const struct mer_config *c, struct mer_slice name)
{
    for (uint32_t i = 0; i < c->sources_n; i++) {
        if (mer_slice_eq(c->sources[i].name, name)) {
            return &c->sources[i];
        }
    }
    return NULL;
}

const struct mer_config_subgraph *mer_config_subgraph_find(const struct mer_config *c, struct mer_slice name)
{
    for (uint32_t i = 0; i < c->subgraphs.each_n; i++) {
        if (mer_slice_eq(c->subgraphs.each[i].name, name)) {
            return &c->subgraphs.each[i];
        }
    }
    return NULL;
}
