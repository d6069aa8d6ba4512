// SPDX-License-Identifier: MIT
// `meridian validate`: frontends' documents against what clients see, as the gateway would, limits included.
//
// Frontends keep fragments in files of their own. So a file is checked together with the fragments of the
// other files that it spreads; each line of all files has a number of its own meanwhile, which says in which
// file an error stands. What two checks find at the same place is told once.
#include <stdio.h>

#include "gateway/commands.h"
#include "gateway/persisted.h"
#include "gateway/snapshot.h"
#include "gateway/worker.h"
#include "schema/fragments.h"
#include "schema/limits.h"
#include "schema/parser.h"
#include "schema/validate.h"

struct file {
    const char *path;
    uint32_t first_line; // its lines begin with this number; 0: it is a list
    struct mer_slice text;
    struct mer_ast_document *doc; // NULL: `wrong` says why
    struct mer_diag wrong;
    struct mer_fragments fragments;
};

struct checker {
    struct mer_arena *a;
    const struct mer_schema *api;
    struct mer_operation_opts opts;
    struct file *files;
    size_t files_n;
    uint32_t next_line;
    struct mer_map fragments; // of all files, by name: struct mer_fragment *; of equal names the first
    struct mer_map others;    // of equal names the second
    struct mer_map spread;    // names of fragments that are spread anywhere
    struct mer_map told;      // lines that were printed
    uint32_t findings, documents, operations;
};

static int fail(const struct mer_diag *d, const char *path)
{
    if (d->line) {
        fprintf(stderr, "meridian: %s:%u:%u: %s\n", path, d->line, d->column, d->msg);
    } else {
        fprintf(stderr, "meridian: %s\n", d->msg);
    }
    return 2;
}

static void tell_at(struct checker *c, const char *path, struct mer_loc loc, struct mer_slice message)
{
    struct mer_slice line =
        mer_arena_printf(c->a, "%s:%u:%u: %.*s", path, loc.line, loc.column, MER_FMT(message));
    if (!mer_map_get(&c->told, line)) {
        mer_map_put(&c->told, line, c);
        printf("%.*s\n", MER_FMT(line));
        c->findings++;
    }
}

// The place may be in another file than the one that is checked.
static void tell(struct checker *c, const struct file *f, struct mer_loc loc, struct mer_slice message)
{
    const struct file *at = f;
    for (size_t i = 0; i < c->files_n; i++) {
        const struct file *other = &c->files[i];
        if (other->first_line && other->first_line <= loc.line &&
            (at->first_line > loc.line || other->first_line > at->first_line)) {
            at = other;
        }
    }
    loc.line -= at->first_line - 1;
    tell_at(c, at->path, loc, message);
}

static void check_limits(struct checker *c, const struct file *f, const struct mer_ast_document *doc)
{
    for (uint32_t i = 0; i < doc->operations_n; i++) {
        struct mer_limit_breach b = {0};
        if (mer_limits_check(c->a, doc, doc->operations[i], &c->opts.limits, &b)) {
            tell(c, f, b.loc,
                 mer_arena_printf(c->a, "The operation exceeds limit %s: %llu, allowed are %llu.", b.limit,
                                  (unsigned long long)b.value, (unsigned long long)b.max));
        }
    }
}

static void check(struct checker *c, const struct file *f, const struct mer_ast_document *doc, uint32_t rules)
{
    struct mer_validate_options o = {.suggestions = true, .rules = rules};
    struct mer_validation_error *errors = NULL;
    uint32_t n = 0;
    if (mer_validate(c->a, c->api, doc, &o, &errors, &n)) {
        for (uint32_t i = 0; i < n; i++) {
            struct mer_loc none = {f->first_line, 1};
            tell(c, f, errors[i].locations_n ? errors[i].locations[0] : none, errors[i].message);
        }
    }
    check_limits(c, f, doc);
}

static void tell_wrong(struct checker *c, const struct file *f)
{
    tell(c, f, (struct mer_loc){f->wrong.line, f->wrong.column}, mer_slice_of(f->wrong.msg));
}

static bool parse(struct checker *c, struct file *f)
{
    struct mer_parse_limits limits = {.max_tokens = c->opts.max_tokens, .first_line = f->first_line};
    c->documents++;
    if (mer_parse(c->a, f->text, MER_PARSE_EXECUTABLE, &limits, &f->doc, &f->wrong)) {
        f->doc = NULL;
        return false;
    }
    c->operations += f->doc->operations_n;
    return true;
}

// ---- files ----

static void note_spreads(struct checker *c, struct mer_spreads s)
{
    for (uint32_t i = 0; i < s.n; i++) {
        mer_map_put(&c->spread, s.items[i]->name, c);
    }
}

static void read_document(struct checker *c, struct file *f)
{
    f->first_line = c->next_line;
    for (size_t i = 0; i < f->text.n; i++) {
        c->next_line += f->text.p[i] == '\n' || f->text.p[i] == '\r';
    }
    c->next_line += 2;
    if (!parse(c, f)) {
        return;
    }
    mer_fragments_init(&f->fragments, c->a, f->doc);
    for (uint32_t i = 0; i < f->fragments.n; i++) {
        struct mer_fragment *fragment = &f->fragments.items[i];
        note_spreads(c, fragment->spreads);
        const struct mer_fragment *first = mer_map_get(&c->fragments, fragment->ast->name);
        if (!first) {
            mer_map_put(&c->fragments, fragment->ast->name, fragment);
        } else if (!mer_map_get(&c->others, fragment->ast->name)) {
            mer_map_put(&c->others, fragment->ast->name, fragment);
        }
    }
    for (uint32_t i = 0; i < f->doc->operations_n; i++) {
        note_spreads(c, mer_spreads_of(c->a, f->doc->operations[i]->selections));
    }
}

// What a document spreads and does not have: `more` are the fragments added so far.
static void add_missing(struct checker *c, const struct file *f, struct mer_spreads s, struct mer_map *there,
                        struct mer_ast_document *doc)
{
    for (uint32_t i = 0; i < s.n; i++) {
        struct mer_slice name = s.items[i]->name;
        struct mer_fragment *other = mer_map_get(&c->fragments, name);
        if (other && !mer_map_get(&f->fragments.by_name, name) && !mer_map_get(there, name)) {
            const struct mer_fragment *second = mer_map_get(&c->others, name);
            if (second) {
                tell(c, f, second->ast->name_loc,
                     mer_arena_printf(c->a, "There can be only one fragment named \"%.*s\".", MER_FMT(name)));
            }
            mer_map_put(there, name, other);
            doc->entries[doc->entries_n++] = (struct mer_ast_entry){MER_ENTRY_FRAGMENT, doc->fragments_n};
            doc->fragments[doc->fragments_n++] = (struct mer_ast_fragment *)(uintptr_t)other->ast;
        }
    }
}

static struct mer_ast_document *with_others(struct checker *c, const struct file *f)
{
    struct mer_ast_document *doc = MER_NEW(c->a, struct mer_ast_document);
    struct mer_map there;
    *doc = *f->doc;
    mer_map_init(&there, c->a);
    uint32_t own = doc->fragments_n, all = own + c->fragments.count;
    doc->fragments = MER_NEW_N(c->a, struct mer_ast_fragment *, all + 1);
    doc->entries = MER_NEW_N(c->a, struct mer_ast_entry, doc->entries_n + c->fragments.count + 1);
    memcpy(doc->entries, f->doc->entries, f->doc->entries_n * sizeof(*doc->entries));
    if (own) {
        memcpy(doc->fragments, f->doc->fragments, own * sizeof(*doc->fragments));
    }
    for (uint32_t i = 0; i < doc->operations_n; i++) {
        add_missing(c, f, mer_spreads_of(c->a, doc->operations[i]->selections), &there, doc);
    }
    for (uint32_t i = 0; i < doc->fragments_n; i++) { // which grows
        add_missing(c, f, mer_spreads_of(c->a, doc->fragments[i]->selections), &there, doc);
    }
    return doc;
}

static void check_document(struct checker *c, const struct file *f)
{
    check(c, f, with_others(c, f), MER_RULES_SPECIFIED & ~(uint32_t)MER_RULE_NO_UNUSED_FRAGMENTS);
    for (uint32_t i = 0; i < f->doc->fragments_n; i++) {
        const struct mer_ast_fragment *fragment = f->doc->fragments[i];
        if (!mer_map_get(&c->spread, fragment->name)) {
            tell(c, f, fragment->loc,
                 mer_arena_printf(c->a, "Fragment \"%.*s\" is never used.", MER_FMT(fragment->name)));
        }
    }
}

// ---- lists of trusted documents: each is named by its id and stands for itself ----

static bool check_list(struct checker *c, const struct file *list)
{
    struct mer_documents *docs = NULL;
    struct mer_diag d = {0};
    if (mer_documents_parse(c->a, list->text, &docs, &d)) {
        fail(&d, list->path);
        return false;
    }
    MER_MAP_EACH(&docs->by_id, e)
    {
        struct mer_slice name = mer_arena_printf(c->a, "%s#%.*s", list->path, MER_FMT(e->key));
        struct file f = {.path = mer_arena_cstr(c->a, name),
                         .first_line = c->next_line, // after all files
                         .text = *(const struct mer_slice *)e->value};
        if (parse(c, &f)) {
            check(c, &f, f.doc, 0);
        } else {
            tell_wrong(c, &f);
        }
    }
    return true;
}

static bool read_file(struct checker *c, struct file *f)
{
    struct mer_diag d = {0};
    if (mer_file_read(c->a, strcmp(f->path, "-") == 0 ? "/dev/stdin" : f->path, &f->text, &d)) {
        fail(&d, f->path);
        return false;
    }
    if (!mer_slice_ends(mer_slice_of(f->path), MER_S(".json"))) {
        read_document(c, f);
    }
    return true;
}

static bool check_all(struct checker *c)
{
    for (size_t i = 0; i < c->files_n; i++) {
        if (!read_file(c, &c->files[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < c->files_n; i++) {
        const struct file *f = &c->files[i];
        if (f->doc) {
            check_document(c, f);
        } else if (f->first_line) {
            tell_wrong(c, f);
        } else if (!check_list(c, f)) {
            return false;
        }
    }
    return true;
}

int mer_command_validate(struct mer_arena *a, const struct mer_config *config, const char *const *paths,
                         size_t n)
{
    struct checker c = {
        .a = a, .api = mer_command_api(a, config), .opts = mer_worker_operation_opts(config), .next_line = 1};
    if (!c.api) {
        return 2;
    }
    c.files = MER_NEW_N(a, struct file, n + 1);
    c.files_n = n;
    for (size_t i = 0; i < n; i++) {
        c.files[i].path = paths[i];
    }
    mer_map_init(&c.fragments, a);
    mer_map_init(&c.others, a);
    mer_map_init(&c.spread, a);
    mer_map_init(&c.told, a);
    if (!check_all(&c)) {
        return 2;
    }
    if (c.findings) {
        fprintf(stderr, "%u findings in %u documents\n", c.findings, c.documents);
        return 1;
    }
    printf("%u operations in %u documents are valid\n", c.operations, c.documents);
    return 0;
}
