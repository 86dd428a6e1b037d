/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of the signatures of transactions, by hash: the label of a profile's samples.
 */
#ifndef PPROF_SIGNATURES_H
#define PPROF_SIGNATURES_H

#include "report/report.h"

struct pprof_signature {
	uint64_t hash;
	char *text; /* "read on_request > fs_open > fs_read" */
};

/* Zeroed: empty. */
struct pprof_signatures {
	struct pprof_signature *list; /* by hash */
	size_t count;
};

/* Names those of a report; 0 or -ENOMEM. */
int pprof_signatures_name(struct pprof_signatures *names, const struct report *report);
/* NULL: none is known. */
const char *pprof_signature_text(const struct pprof_signatures *names, uint64_t hash);
void pprof_signatures_free(struct pprof_signatures *names);

#endif
