// SPDX-License-Identifier: MIT
// A document that was read, written again from its nodes: strings unescaped and escaped anew, numbers as they
// stood, no white space. For the proofs that nothing is lost on the way; the product writes no document as a
// whole.
#ifndef MER_PROVE_JSON_WRITE_H
#define MER_PROVE_JSON_WRITE_H

#include "base/json.h"

void json_write_document(struct mer_buf *b, struct mer_arena *a, const struct mer_json *j);

#endif
