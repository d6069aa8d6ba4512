// SPDX-License-Identifier: MIT
// The heap, measured: the linker sends every allocation of ours, and every mapping, through here (the options
// of
// --wrap in CMakeLists.txt). For tools of one thread.
#ifndef MER_PROVE_HEAP_H
#define MER_PROVE_HEAP_H

#include <stddef.h>

void heap_mark(void);
// The most bytes that were held at a time since the mark, beside what was held at it.
size_t heap_peak(void);

#endif
