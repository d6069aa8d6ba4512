// SPDX-License-Identifier: MIT
// Cutover: `POST /routes/REGION/promote?environment=E` and `POST /routes/REGION/rollback` of the admin
// listener. A move (cutover_move.h) runs on a thread of its own, one at a time; when it is over every
// worker's board is told before the request is answered, so whoever has the answer reads and writes in the
// environment that it names.
#ifndef MER_GATEWAY_CUTOVER_H
#define MER_GATEWAY_CUTOVER_H

#include "gateway/worker.h"

struct mer_cutover;

struct mer_cutover *mer_cutover_create(void);
// For these workers, whose loops are about to run.
void mer_cutover_start(struct mer_cutover *c, struct mer_worker *const *workers, uint32_t n);
// After this no worker is told anything. While the loops still run.
void mer_cutover_stop(struct mer_cutover *c);
// A move under way is left to the databases.
void mer_cutover_destroy(struct mer_cutover *c);

// On a loop's thread. False: the path is no such one.
bool mer_cutover_wanted(const struct mer_http_req *req);
void mer_cutover_handle(struct mer_worker *w, struct mer_http_req *req, struct mer_slice asked_by);
// The request that still waits is told that nobody will say how it went: the worker drains.
void mer_cutover_give_up(struct mer_worker *w);

#endif
