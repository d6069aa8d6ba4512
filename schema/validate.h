// SPDX-License-Identifier: MIT
// Validation of an executable document against a schema: every rule of the specification (September 2025,
// section 5), told as graphql-js 16 tells it: the same messages, the same places, in the same order; what the
// specification asks for and 16 does not know is told as its successor tells it. Time is near-linear in the
// document, overlapping fields included. Check mer_limits first: it bounds what is asked here. Errors live in
// the arena. Any thread, no state.
#ifndef MER_SCHEMA_VALIDATE_H
#define MER_SCHEMA_VALIDATE_H

#include "schema/types.h"

struct mer_validation_error {
    struct mer_slice message;
    struct mer_loc *locations;
    uint32_t locations_n;
};

enum mer_rule { // bits, in the order in which they speak
    MER_RULE_EXECUTABLE_DEFINITIONS = 1u << 0,
    MER_RULE_UNIQUE_OPERATION_NAMES = 1u << 1,
    MER_RULE_LONE_ANONYMOUS_OPERATION = 1u << 2,
    MER_RULE_SINGLE_FIELD_SUBSCRIPTIONS = 1u << 3,
    MER_RULE_KNOWN_TYPE_NAMES = 1u << 4,
    MER_RULE_FRAGMENTS_ON_COMPOSITE_TYPES = 1u << 5,
    MER_RULE_VARIABLES_ARE_INPUT_TYPES = 1u << 6,
    MER_RULE_SCALAR_LEAFS = 1u << 7,
    MER_RULE_FIELDS_ON_CORRECT_TYPE = 1u << 8,
    MER_RULE_UNIQUE_FRAGMENT_NAMES = 1u << 9,
    MER_RULE_KNOWN_FRAGMENT_NAMES = 1u << 10,
    MER_RULE_NO_UNUSED_FRAGMENTS = 1u << 11,
    MER_RULE_POSSIBLE_FRAGMENT_SPREADS = 1u << 12,
    MER_RULE_NO_FRAGMENT_CYCLES = 1u << 13,
    MER_RULE_UNIQUE_VARIABLE_NAMES = 1u << 14,
    MER_RULE_NO_UNDEFINED_VARIABLES = 1u << 15,
    MER_RULE_NO_UNUSED_VARIABLES = 1u << 16,
    MER_RULE_KNOWN_DIRECTIVES = 1u << 17,
    MER_RULE_UNIQUE_DIRECTIVES_PER_LOCATION = 1u << 18,
    MER_RULE_KNOWN_ARGUMENT_NAMES = 1u << 19,
    MER_RULE_UNIQUE_ARGUMENT_NAMES = 1u << 20,
    MER_RULE_VALUES_OF_CORRECT_TYPE = 1u << 21,
    MER_RULE_PROVIDED_REQUIRED_ARGUMENTS = 1u << 22,
    MER_RULE_VARIABLES_IN_ALLOWED_POSITION = 1u << 23,
    MER_RULE_OVERLAPPING_FIELDS = 1u << 24,
    MER_RULE_UNIQUE_INPUT_FIELD_NAMES = 1u << 25,
    MER_RULE_MAX_INTROSPECTION_DEPTH = 1u << 26,
    MER_RULE_KNOWN_OPERATION_TYPES = 1u << 29, // speaks before all others
    MER_RULE_DEFER = 1u << 30, // speaks before MER_RULE_KNOWN_DIRECTIVES; only where the schema has @defer
    MER_RULES_SPECIFIED = ((1u << 27) - 1) | MER_RULE_KNOWN_OPERATION_TYPES | MER_RULE_DEFER,
    MER_RULE_NO_SCHEMA_INTROSPECTION = 1u << 27, // refuses __schema and __type
    MER_RULE_NO_DEPRECATED = 1u << 28,           // speaks of every use of what is deprecated
};

struct mer_validate_options {
    uint32_t rules;      // 0: MER_RULES_SPECIFIED
    uint32_t max_errors; // 0: 100; one more tells that it was cut
    bool suggestions;    // "Did you mean …?"; off where the schema is not public
};

// MER_OK with *errors_n == 0; MER_ERR_INVALID with errors; MER_ERR_LIMIT when the arena is exhausted (errors
// may be there as well).
enum mer_err mer_validate(struct mer_arena *a, const struct mer_schema *s, const struct mer_ast_document *doc,
                          const struct mer_validate_options *options, struct mer_validation_error **errors,
                          uint32_t *errors_n) MER_MUST_CHECK;

#endif
