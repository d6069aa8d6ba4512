// SPDX-License-Identifier: MIT
// Config, inside: values. One node of the tree is read into one field of a struct, by its key's kind; and the
// same kinds in words, for messages and the reference. For config_read.c, config_check.c and
// config_describe.c only.
#ifndef MER_GATEWAY_CONFIG_VALUE_H
#define MER_GATEWAY_CONFIG_VALUE_H

#include "gateway/config_priv.h"

// Every kind but SECTION, ENTRIES and NAMED. False: diag filled.
bool mer_config_read_value(struct mer_config_reader *r, const struct mer_config_key *key,
                           const struct mer_config_node *n, void *field);
const char *mer_config_kind_allows(enum mer_config_kind kind);
void mer_config_write_amount(struct mer_buf *b, enum mer_config_kind kind, int64_t v);
bool mer_config_is_url(struct mer_slice s);

#endif
