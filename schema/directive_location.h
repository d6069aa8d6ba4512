// SPDX-License-Identifier: MIT
// Where a directive may stand (specification 3.13), as bits of struct mer_directive_def's `locations`.
#ifndef MER_SCHEMA_DIRECTIVE_LOCATION_H
#define MER_SCHEMA_DIRECTIVE_LOCATION_H

#include "base/slice.h"

enum mer_directive_location {
    MER_DIRLOC_QUERY = 1u << 0,
    MER_DIRLOC_MUTATION = 1u << 1,
    MER_DIRLOC_SUBSCRIPTION = 1u << 2,
    MER_DIRLOC_FIELD = 1u << 3,
    MER_DIRLOC_FRAGMENT_DEFINITION = 1u << 4,
    MER_DIRLOC_FRAGMENT_SPREAD = 1u << 5,
    MER_DIRLOC_INLINE_FRAGMENT = 1u << 6,
    MER_DIRLOC_VARIABLE_DEFINITION = 1u << 7,
    MER_DIRLOC_SCHEMA = 1u << 8,
    MER_DIRLOC_SCALAR = 1u << 9,
    MER_DIRLOC_OBJECT = 1u << 10,
    MER_DIRLOC_FIELD_DEFINITION = 1u << 11,
    MER_DIRLOC_ARGUMENT_DEFINITION = 1u << 12,
    MER_DIRLOC_INTERFACE = 1u << 13,
    MER_DIRLOC_UNION = 1u << 14,
    MER_DIRLOC_ENUM = 1u << 15,
    MER_DIRLOC_ENUM_VALUE = 1u << 16,
    MER_DIRLOC_INPUT_OBJECT = 1u << 17,
    MER_DIRLOC_INPUT_FIELD_DEFINITION = 1u << 18,
    MER_DIRLOC_EXECUTABLE = (1u << 8) - 1,
    MER_DIRLOC_N = 19,
};

// The bit of a location's name, 0 for another word; and back.
uint32_t mer_directive_location_parse(struct mer_slice word);
const char *mer_directive_location_name(uint32_t bit);

#endif
