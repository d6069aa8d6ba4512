// SPDX-License-Identifier: MIT
// The h2o loop inside a mer_loop: for gateway/'s HTTP server alone. Nobody else includes this.
#ifndef MER_LOOP_LOOP_H2O_H
#define MER_LOOP_LOOP_H2O_H

#include "loop/loop.h"

#include <h2o.h>

h2o_loop_t *mer_loop_h2o(struct mer_loop *loop);

#endif
