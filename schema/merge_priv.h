// SPDX-License-Identifier: MIT
// Fields that overlap (specification 5.3.2), in two steps. merge_scan.c answers in near-linear time whether
// any two fields of the document conflict at all; most documents end there. merge_report.c compares pairs as
// the reference does, to say which and why, within a bound on its work.
#ifndef MER_SCHEMA_MERGE_PRIV_H
#define MER_SCHEMA_MERGE_PRIV_H

#include "schema/validate_priv.h"

enum mer_merge_reason { MER_MERGE_NAMES = 0, MER_MERGE_ARGUMENTS = 1, MER_MERGE_TYPES = 2 };

struct mer_merge_field {
    const struct mer_ast_selection *sel;
    const struct mer_type *parent; // NULL: not known
    const struct mer_field *def;   // NULL: not known
};

struct mer_merge_conflict { // one that the scan found
    struct mer_merge_field a, b;
    enum mer_merge_reason reason;
};

enum mer_merge_scan { MER_MERGE_CLEAN = 0, MER_MERGE_CONFLICT = 1, MER_MERGE_TOO_MUCH = 2 };

enum mer_merge_scan mer_merge_scan(struct mer_validator *v, struct mer_merge_conflict *found);

bool mer_merge_same_arguments(const struct mer_ast_selection *a, const struct mer_ast_selection *b);
bool mer_merge_types_conflict(const struct mer_type_ref *a, const struct mer_type_ref *b);
// Why two fields conflict, as messages say it.
struct mer_slice mer_merge_why(struct mer_validator *v, enum mer_merge_reason reason,
                               const struct mer_merge_field *a, const struct mer_merge_field *b);

#endif
