// SPDX-License-Identifier: MIT
// The built-in part of every schema, as SDL: String, Int, Float, Boolean, ID, the types of introspection, the
// five directives of the specification, and __Fields, a type that is no part of any schema but holds the
// definitions of
// __schema, __type and __typename.
#ifndef MER_SCHEMA_BUILTIN_H
#define MER_SCHEMA_BUILTIN_H

#include "base/buf.h"

struct mer_slice mer_builtin_sdl(struct mer_arena *a);

#endif
