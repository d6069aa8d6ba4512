// SPDX-License-Identifier: MIT
#include "schema/directive_location.h"

static const char *const names[MER_DIRLOC_N] = {
    "QUERY",
    "MUTATION",
    "SUBSCRIPTION",
    "FIELD",
    "FRAGMENT_DEFINITION",
    "FRAGMENT_SPREAD",
    "INLINE_FRAGMENT",
    "VARIABLE_DEFINITION",
    "SCHEMA",
    "SCALAR",
    "OBJECT",
    "FIELD_DEFINITION",
    "ARGUMENT_DEFINITION",
    "INTERFACE",
    "UNION",
    "ENUM",
    "ENUM_VALUE",
    "INPUT_OBJECT",
    "INPUT_FIELD_DEFINITION",
};

uint32_t mer_directive_location_parse(struct mer_slice word)
{
    for (uint32_t i = 0; i < MER_DIRLOC_N; i++)
        if (mer_slice_is(word, names[i]))
            return 1u << i;
    return 0;
}

const char *mer_directive_location_name(uint32_t bit)
{
    uint32_t i = (uint32_t)__builtin_ctz(bit);
    return i < MER_DIRLOC_N ? names[i] : "";
}
