// SPDX-License-Identifier: MIT
// The least that libh2o needs to serve: one thread, one listener on 127.0.0.1, HTTP/1.1 and h2c with prior
// knowledge, one handler for every path. The ceilings that Meridian is measured against are built on it;
// nothing of Meridian is in them.
#ifndef MER_BENCH_BARE_H2O_H
#define MER_BENCH_BARE_H2O_H

#include <stddef.h>
#include <stdint.h>

#include <h2o.h>

typedef int bare_handler_fn(h2o_handler_t *self, h2o_req_t *req);

// Aborts with a line on stderr when the port is taken. Returns the loop.
h2o_loop_t *bare_init(uint16_t port, bare_handler_fn *handler);
// Prints "ready http://127.0.0.1:PORT/" and turns the loop until SIGTERM or SIGINT; then prints the CPU time
// used, user and system, in microseconds: "cpu_us U S requests N".
void bare_run(void);
// Answers 200 with a body that the caller keeps alive until the request is gone.
void bare_answer(h2o_req_t *req, const char *body, size_t n);
// The whole file and a NUL; exits when it cannot be read.
char *bare_read_file(const char *path, size_t *n);

#endif
