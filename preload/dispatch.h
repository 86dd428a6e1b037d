/* SPDX-License-Identifier: Apache-2.0
 *
 * dispatch runs a site's callback between PollStart and PollEnd. Called by the thunks only.
 */
#ifndef DISPATCH_H
#define DISPATCH_H

struct site;

void dispatch(void *a, void *b, void *c, void *d, void *e, const struct site *site);

#endif
