// SPDX-License-Identifier: MIT
// What the printer's files share: a buf and how far lines are indented.
#ifndef MER_SCHEMA_PRINTER_PRIV_H
#define MER_SCHEMA_PRINTER_PRIV_H

#include "schema/printer.h"

struct mer_printer {
    struct mer_buf *b;
    uint32_t indent; // two spaces each
};

void mer_printer_line(struct mer_printer *p); // a line break, and the indentation
void mer_printer_value(struct mer_printer *p, const struct mer_ast_value *v);
void mer_printer_string(struct mer_printer *p, struct mer_slice text, bool block);
void mer_printer_description(struct mer_printer *p, struct mer_slice text, bool block);

#endif
