// SPDX-License-Identifier: MIT
// Recorded cases of the GraphQL reference implementation, replayed. The files stand beside the checkout
// (../shared/corpus/graphql); where they do not, the tests skip and say so. One case is one JSON object; a
// check answers whether ours does the same, and writes what it saw into `seen` when it does not.
#ifndef MER_TEST_SCHEMA_CORPUS_H
#define MER_TEST_SCHEMA_CORPUS_H

#include "mer_test.h"

#include "base/json.h"
#include "schema/validate.h"

enum corpus_verdict { CORPUS_PASS = 0, CORPUS_FAIL = 1, CORPUS_SKIP = 2 };

struct corpus {
    struct mer_arena *file; // lives as long as the file is replayed
    struct mer_json json;
    struct mer_map schemas; // name → struct mer_schema *, made when first asked for
    const struct mer_json_node *schema_texts;
};

struct corpus_case {
    struct corpus *corpus;
    struct mer_arena *a; // lives as long as the case
    const struct mer_json_node *node;
    struct mer_buf seen;
};

typedef enum corpus_verdict (*corpus_check_fn)(struct corpus_case *c);

// Replays file `name`; fails the test when a case fails, skips it when there is no file.
void corpus_run(const char *name, corpus_check_fn check);

const struct mer_json_node *corpus_get(const struct corpus_case *c, const char *key);
// The member's string, unescaped; p NULL when absent.
struct mer_slice corpus_text(const struct corpus_case *c, const char *key);
bool corpus_true(const struct corpus_case *c, const char *key);
struct mer_slice corpus_string(const struct corpus_case *c, const struct mer_json_node *n);
// NULL when ours cannot build it at all: an object that implements objects, a union of itself.
const struct mer_schema *corpus_schema(struct corpus_case *c, struct mer_slice name);
// Built as it stands when `lenient`, else only if it is valid.
struct mer_schema *corpus_build(struct mer_arena *a, struct mer_slice sdl, bool lenient,
                                struct mer_diag *diag);

// Is this message and place what the case's error object says?
bool corpus_same_error(struct corpus_case *c, const struct mer_json_node *want, const struct mer_diag *got);
bool corpus_same_errors(struct corpus_case *c, const struct mer_json_node *want,
                        const struct mer_validation_error *got, uint32_t n);
// Same JSON value, members in any order?
bool corpus_same_json(const struct mer_json *x, const struct mer_json_node *m, const struct mer_json *y,
                      const struct mer_json_node *n);
enum corpus_verdict corpus_same_text(struct corpus_case *c, struct mer_slice got, struct mer_slice want);

#endif
