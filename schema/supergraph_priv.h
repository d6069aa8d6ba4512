// SPDX-License-Identifier: MIT
// Between the files that load a supergraph: the specifications it links, by the names it gives them.
#ifndef MER_SCHEMA_SUPERGRAPH_PRIV_H
#define MER_SCHEMA_SUPERGRAPH_PRIV_H

#include "schema/supergraph.h"

struct mer_link_import {
    struct mer_slice spec, local; // without @
    bool directive;
};

struct mer_link {
    struct mer_slice name;   // of the specification: "join"
    struct mer_slice prefix; // that its elements have here
    struct mer_link_import *imports;
    uint32_t imports_n;
};

struct mer_links {
    struct mer_link *items;
    uint32_t n;
};

// Reads @link and @core from the schema definition. Refuses a specification that is needed to execute or to
// secure and that is not known here.
enum mer_err mer_links_read(struct mer_arena *a, const struct mer_ast_document *doc, struct mer_links *out,
                            struct mer_diag *diag) MER_MUST_CHECK;
// Does a directive (or else a type) of that name belong to a linked specification?
bool mer_links_own(const struct mer_links *ls, struct mer_slice name, bool directive);
// What the document calls directive `directive` of specification `spec`; n == 0 when that is not linked.
struct mer_slice mer_links_directive(struct mer_arena *a, const struct mer_links *ls, const char *spec,
                                     const char *directive);

// The document without what clients may not see. `inaccessible` is that directive's name here (n == 0: none).
struct mer_ast_document *mer_supergraph_api(struct mer_arena *a, const struct mer_ast_document *doc,
                                            const struct mer_links *links, struct mer_slice inaccessible);

#endif
