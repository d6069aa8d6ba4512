// SPDX-License-Identifier: MIT
// What the files of SDL validation share.
#ifndef MER_SCHEMA_SDL_PRIV_H
#define MER_SCHEMA_SDL_PRIV_H

#include "schema/validate_priv.h"
#include "schema/validate_sdl.h"

struct mer_sdl_directive {
    const struct mer_ast_definition *ast;
    uint32_t locations;
};

struct mer_sdl {
    struct mer_validator v; // errors, and the rules that are shared with operations
    const struct mer_schema *base;
    uint32_t rules;
    struct mer_slice *standard; // names of built-in types
    uint32_t standard_n;
    struct mer_map directives;      // name → struct mer_sdl_directive *
    struct mer_map defined;         // type name → its definition in the document
    struct mer_map type_directives; // type name → struct mer_map * of the directives on it
    struct mer_map type_names;      // seen: struct mer_loc *
    struct mer_map directive_names; // seen: struct mer_loc *
    struct mer_map members;         // "Type.member", seen: struct mer_loc *
    const struct mer_ast_root *roots[3];
    uint32_t schemas_n;
};

static inline bool mer_sdl_on(const struct mer_sdl *x, uint32_t rule)
{
    return !x->v.stop && (x->rules & rule);
}

struct mer_sdl_directive *mer_sdl_directive_of(struct mer_sdl *x, const struct mer_ast_definition *d);
// Names that must be unique, from the lone schema definition to directives (sdl_names.c).
void mer_sdl_names(struct mer_sdl *x, const struct mer_ast_definition *d);
// May this extension be one?
void mer_sdl_extension(struct mer_sdl *x, const struct mer_ast_definition *d);

#endif
