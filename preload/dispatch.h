/* SPDX-License-Identifier: Apache-2.0
 *
 * dispatch runs a site's callback between PollStart and PollEnd. Called by the thunks only.
 */
#ifndef DISPATCH_H
#define DISPATCH_H

struct site;

void dispatch(void *a, void *b, void *c, void *d, void *e, const struct site *site);

/* A callback whose last act is a call into libuv is compiled to a jump, and then dispatch seems to have called. Returns
 * an address in the running callback then (its second byte: return addresses lie behind a call), else `caller`. */
void *dispatch_true_caller(void *caller);

#endif
