// SPDX-License-Identifier: MIT
// Serve: a small parent keeps the listening sockets and one child that does the work, and starts it again
// within 200 ms when it dies; the child runs one loop a thread. SIGTERM and SIGINT drain and end both.
#ifndef MER_GATEWAY_SERVE_H
#define MER_GATEWAY_SERVE_H

#include "gateway/config.h"

// Returns the process' exit status.
int mer_serve(const struct mer_config *config);

#endif
