// SPDX-License-Identifier: MIT
// Memory that is not needed is given back: by the parent, which only waits, and by a worker that had work and
// has none any more. What is taken away comes back when it is touched.
#ifndef MER_GATEWAY_SPARE_H
#define MER_GATEWAY_SPARE_H

#include "gateway/worker.h"

// For a process that only waits: pages of programs and libraries, which the kernel has in its cache anyway,
// and what malloc holds free. Nothing that was written goes.
void mer_spare_waiting(void);

// Once a worker has been idle for some seconds, what malloc holds free. On its loop, until mer_spare_stop.
void mer_spare_start(struct mer_worker *w);
void mer_spare_stop(struct mer_worker *w);

#endif
