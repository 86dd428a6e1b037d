/* SPDX-License-Identifier: Apache-2.0
 *
 * Parts of a file in pprof's format (pprof.proto): a row of messages that readers put together.
 *
 * Rules: each sample is written as soon as it is known; texts and places are written once, before
 * the sample that needs them.
 */
#ifndef PPROF_PARTS_H
#define PPROF_PARTS_H

#include <stdint.h>
#include <stdio.h>

#include "symbols/symbols.h"

#define PPROF_PLACES_MAX 256
#define PPROF_LABELS_MAX 3

struct pprof_parts {
	FILE *out;
	void *texts, *places; /* trees */
	int64_t text_count, place_count;
	int error;
};

/* What is measured: of each sample a count of `count`, and nanoseconds. */
struct pprof_head {
	const char *count;
	int64_t period_ns; /* 0: there is none */
	uint64_t start_real_ns, duration_ns;
};

struct pprof_sample {
	uint64_t places[PPROF_PLACES_MAX]; /* innermost first */
	size_t place_count;
	uint64_t count, ns;
	struct {
		const char *key, *text;
	} labels[PPROF_LABELS_MAX];
	size_t label_count;
};

void pprof_head_write(struct pprof_parts *parts, const struct pprof_head *head);
void pprof_sample_write(struct pprof_parts *parts, const struct pprof_sample *sample);
/* The id of a place in a function. */
uint64_t pprof_place(struct pprof_parts *parts, const struct symbol_info *symbol, int first_line);
void pprof_parts_free(struct pprof_parts *parts);

static inline void pprof_place_add(struct pprof_sample *sample, uint64_t place)
{
	if (sample->place_count < PPROF_PLACES_MAX)
		sample->places[sample->place_count++] = place;
}

static inline void pprof_label_add(struct pprof_sample *sample, const char *key, const char *text)
{
	sample->labels[sample->label_count].key = key;
	sample->labels[sample->label_count++].text = text;
}

#endif
