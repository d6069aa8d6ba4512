// SPDX-License-Identifier: MIT
// Validation of type-system documents (specification section 3), told as graphql-js 16 tells it. Two steps,
// as there: the document by itself, or as an extension of a schema that stands; then the schema that was
// built from it. Errors live in the arena. Any thread, no state.
#ifndef MER_SCHEMA_VALIDATE_SDL_H
#define MER_SCHEMA_VALIDATE_SDL_H

#include "schema/validate.h"

enum mer_sdl_rule { // bits, in the order in which they speak
    MER_SDL_LONE_SCHEMA_DEFINITION = 1u << 0,
    MER_SDL_UNIQUE_OPERATION_TYPES = 1u << 1,
    MER_SDL_UNIQUE_TYPE_NAMES = 1u << 2,
    MER_SDL_UNIQUE_ENUM_VALUE_NAMES = 1u << 3,
    MER_SDL_UNIQUE_FIELD_NAMES = 1u << 4,
    MER_SDL_UNIQUE_ARGUMENT_DEFINITIONS = 1u << 5,
    MER_SDL_UNIQUE_DIRECTIVE_NAMES = 1u << 6,
    MER_SDL_KNOWN_TYPE_NAMES = 1u << 7,
    MER_SDL_KNOWN_DIRECTIVES = 1u << 8,
    MER_SDL_UNIQUE_DIRECTIVES_PER_LOCATION = 1u << 9,
    MER_SDL_POSSIBLE_TYPE_EXTENSIONS = 1u << 10,
    MER_SDL_KNOWN_DIRECTIVE_ARGUMENTS = 1u << 11,
    MER_SDL_UNIQUE_ARGUMENT_NAMES = 1u << 12,
    MER_SDL_UNIQUE_INPUT_FIELD_NAMES = 1u << 13,
    MER_SDL_REQUIRED_DIRECTIVE_ARGUMENTS = 1u << 14,
    MER_SDL_ALL = (1u << 15) - 1,
};

// `base`: the schema that the document extends, or NULL. options->rules holds enum mer_sdl_rule (0: all).
enum mer_err mer_validate_sdl(struct mer_arena *a, const struct mer_ast_document *doc,
                              const struct mer_schema *base, const struct mer_validate_options *options,
                              struct mer_validation_error **errors, uint32_t *errors_n) MER_MUST_CHECK;

// A schema that was built: root types, interfaces and what implements them, input objects, names.
// options->rules has no meaning here.
enum mer_err mer_validate_schema(struct mer_arena *a, const struct mer_schema *s,
                                 const struct mer_validate_options *options,
                                 struct mer_validation_error **errors, uint32_t *errors_n) MER_MUST_CHECK;

#endif
