/* SPDX-License-Identifier: Apache-2.0
 *
 * See pprof_signatures.h.
 */
#include "pprof_signatures.h"

#include <errno.h>
#include <stdlib.h>

#include "report/transaction_text.h"

static int compare_named(const void *left, const void *right)
{
	const struct pprof_signature *a = left, *b = right;

	return a->hash < b->hash ? -1 : a->hash > b->hash;
}

/* "read on_request > fs_open > fs_read". The caller frees it. */
static char *signature_name(const struct report *report,
			    const struct transaction_signature *signature)
{
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	if (!out)
		return NULL;
	transaction_signature_print(report, signature, out);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

int pprof_signatures_name(struct pprof_signatures *names, const struct report *report)
{
	const struct transactions *transactions = report->transactions;
	size_t count = transactions ? transactions->signature_count : 0;

	names->list = calloc(count + 1, sizeof(*names->list));
	for (size_t i = 0; names->list && i < count; i++) {
		struct pprof_signature *name = &names->list[names->count++];

		name->hash = transactions->signatures[i].hash;
		name->text = signature_name(report, &transactions->signatures[i]);
		if (!name->text)
			return -ENOMEM;
	}
	if (count > 1 && names->list)
		qsort(names->list, count, sizeof(*names->list), compare_named);
	return names->list ? 0 : -ENOMEM;
}

const char *pprof_signature_text(const struct pprof_signatures *names, uint64_t hash)
{
	struct pprof_signature wanted = {.hash = hash};
	const struct pprof_signature *found =
	    hash ? bsearch(&wanted, names->list, names->count, sizeof(*names->list), compare_named)
		 : NULL;

	return found ? found->text : NULL;
}

void pprof_signatures_free(struct pprof_signatures *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->list[i].text);
	free(names->list);
	*names = (struct pprof_signatures){0};
}
