/* SPDX-License-Identifier: Apache-2.0
 *
 * Words for transactions, which the text, the markdown and the JSON report share: who is named, and
 * where the time went.
 *
 * Rules: what is printed may hold text from a trace, and is to be cleaned.
 */
#ifndef TRANSACTION_TEXT_H
#define TRANSACTION_TEXT_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "transactions/transaction_items.h"
#include "report/report.h"

/* A text that grows; where memory is out, it is NULL in the end. */
struct line {
	FILE *out;
	char *text;
	size_t bytes;
};

static inline bool line_begin(struct line *line)
{
	*line = (struct line){0};
	line->out = open_memstream(&line->text, &line->bytes);
	return line->out != NULL;
}

/* The caller frees it. */
static inline char *line_end(struct line *line)
{
	if (fclose(line->out) == 0)
		return line->text;
	free(line->text);
	return NULL;
}

/* The function of a script that the callback's samples agree on, else the callback: "renderPage
 * app.js:23". */
const char *transaction_callback(const struct report *report, uint32_t site);
/* The same without its place: "renderPage". */
const char *transaction_function(const struct report *report, uint32_t site);
/* "timer"; work on the pool is "work". */
const char *transaction_kind(const struct report *report, uint32_t site);
/* "read on_request app.c:10 > fs_open > fs_read". */
void transaction_signature_print(const struct report *report,
				 const struct transaction_signature *signature, FILE *out);
/* Whether its root is "read on_request", or "read on_request app.c:10", of that many bytes. */
bool transaction_root_is(const struct report *report, const struct transaction_signature *signature,
			 const char *text, size_t length);
/* "behind renderPage app.js:23"; short: "behind renderPage" */
void transaction_item_print(const struct report *report, const struct transaction_item *item,
			    bool is_short, FILE *out);
/* "171 ms, 78% behind renderPage app.js:23, 12% waiting for the pool behind getaddrinfo" */
void transaction_where_print(const struct report *report, const struct transaction_items *items,
			     FILE *out);
/* "the slowest 1% (3 of 300)" */
void transaction_tail_print(const struct transaction_signature *signature, FILE *out);
/* How many were cut for each reason: "3 begin before the trace, 9 had not ended". */
void transaction_cuts_print(const struct transactions *transactions, FILE *out);
#endif
