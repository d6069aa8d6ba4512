// SPDX-License-Identifier: MIT
// Keys: whoever signs tokens changes keys, and the file of them changes with that. Each worker looks at it
// twice a second, on its loop, and puts what it says in the place of what it knew; a wrong file changes
// nothing. Tokens that were verified by a key which is gone are verified anew, and refused.
#ifndef MER_GATEWAY_KEYS_H
#define MER_GATEWAY_KEYS_H

#include "gateway/worker.h"

// Until mer_keys_stop. Nothing where callers are not known.
void mer_keys_start(struct mer_worker *w);
void mer_keys_stop(struct mer_worker *w);

#endif
