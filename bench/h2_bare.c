// SPDX-License-Identifier: MIT
// A ceiling: libh2o answers every request with the bytes of one file.
//
// Usage: h2_bare PORT BODY_FILE
#include "bare_h2o.h"

#include <stdio.h>
#include <stdlib.h>

static char *body;
static size_t body_n;

static int on_request(h2o_handler_t *self, h2o_req_t *req)
{
    (void)self;
    bare_answer(req, body, body_n);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s PORT BODY_FILE\n", argv[0]);
        return 2;
    }
    body = bare_read_file(argv[2], &body_n);
    bare_init((uint16_t)strtoul(argv[1], NULL, 10), on_request);
    bare_run();
}
