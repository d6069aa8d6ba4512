// SPDX-License-Identifier: MIT
// Exact decimals for sums of components: 128-bit fixed point with 8 places, which holds every component's
// digits (at most 4 places, 20 digits) times more rows than there will ever be. No state: any thread.
#ifndef MER_RESOLVERS_KPI_DECIMAL_H
#define MER_RESOLVERS_KPI_DECIMAL_H

#include "base/buf.h"

__extension__ typedef __int128 mer_kpi_decimal;

#define MER_KPI_DECIMAL_ONE 100000000ll

// A plain JSON number without exponent, up to 8 places (further ones must be zeros) and 24 digits before the
// point.
bool mer_kpi_decimal_parse(struct mer_slice s, mer_kpi_decimal *out) MER_MUST_CHECK;
// As a JSON number, no digit lost, no zeros at the end.
void mer_kpi_decimal_write(struct mer_buf *b, mer_kpi_decimal v);

#endif
