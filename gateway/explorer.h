// SPDX-License-Identifier: MIT
// The page a browser gets at /graphql. Static text; any thread.
#ifndef MER_GATEWAY_EXPLORER_H
#define MER_GATEWAY_EXPLORER_H

#include "base/slice.h"

struct mer_slice mer_explorer_page(void);

#endif
