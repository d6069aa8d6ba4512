// SPDX-License-Identifier: MIT
// Clocks and RFC 3339. Wall times are microseconds since 1970 UTC (int64_t, suffix _us); durations and
// deadlines use the monotonic clock. Any thread.
#ifndef MER_BASE_TIME_H
#define MER_BASE_TIME_H

#include "base/buf.h"

int64_t mer_time_wall_us(void);
int64_t mer_time_mono_us(void);
// "2025-12-10T14:30:00Z", with a fraction only where it is not zero; any offset is accepted and turned to
// UTC.
bool mer_time_parse_rfc3339(struct mer_slice s, int64_t *out_us) MER_MUST_CHECK;
void mer_time_write_rfc3339(struct mer_buf *b, int64_t wall_us);

#endif
