/* SPDX-License-Identifier: Apache-2.0
 *
 * The histogram's slow side: taking memory, merging, quantiles. What it promises is in histogram.h.
 */
#include <stdlib.h>
#include <string.h>

#include "histogram.h"

#define EXACT_FIRST 8 /* room for the first values; doubled as they come */

static int exact_reserve(struct histogram *histogram)
{
	uint32_t have = histogram->exact_count;

	if (have != 0 && (have < EXACT_FIRST || (have & (have - 1)) != 0))
		return 0; /* room is always a power of two of at least EXACT_FIRST: only at these
			     counts is it full */
	uint64_t *more = realloc(histogram->exact, (have ? have * 2 : EXACT_FIRST) * sizeof(*more));
	if (!more)
		return -1;
	histogram->exact = more;
	return 0;
}

static int exact_add(struct histogram *histogram, uint64_t value)
{
	if (histogram->bucketed || histogram->exact_count == HISTOGRAM_EXACT ||
	    exact_reserve(histogram) < 0)
		return -1;
	histogram->exact[histogram->exact_count++] = value;
	return 0;
}

static void bucket_add(struct histogram *histogram, uint32_t bucket, uint64_t times)
{
	uint64_t **octave = &histogram->octaves[bucket >> HISTOGRAM_OCTAVE_BITS];

	if (!*octave)
		*octave = calloc(HISTOGRAM_OCTAVE_BUCKETS, sizeof(**octave));
	if (*octave)
		(*octave)[bucket & (HISTOGRAM_OCTAVE_BUCKETS - 1)] += times;
	else
		histogram->dropped += times;
}

/* Moves the values that were kept as they are into buckets. */
static void exact_spill(struct histogram *histogram)
{
	histogram->bucketed = 1;
	for (uint32_t i = 0; i < histogram->exact_count; i++)
		bucket_add(histogram, histogram_bucket(histogram->exact[i]), 1);
	free(histogram->exact);
	histogram->exact = NULL;
	histogram->exact_count = 0;
}

void histogram_place_slowly(struct histogram *histogram, uint64_t value, uint64_t times)
{
	if (times == 1 && exact_add(histogram, value) == 0)
		return;
	if (!histogram->bucketed)
		exact_spill(histogram);
	bucket_add(histogram, histogram_bucket(value), times);
}

static void merge_totals(struct histogram *into, const struct histogram *from)
{
	if (into->count == 0 || from->min < into->min)
		into->min = from->min;
	if (from->max > into->max)
		into->max = from->max;
	into->count += from->count;
	into->sum += from->sum;
	into->dropped += from->dropped;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
	if (from->count == 0)
		return;
	merge_totals(into, from);
	if (from->bucketed && !into->bucketed)
		exact_spill(into);
	for (uint32_t i = 0; i < from->exact_count; i++)
		histogram_place_slowly(into, from->exact[i], 1);
	for (uint32_t octave = 0; from->bucketed && octave < HISTOGRAM_OCTAVES; octave++) {
		for (uint32_t i = 0; from->octaves[octave] && i < HISTOGRAM_OCTAVE_BUCKETS; i++) {
			if (from->octaves[octave][i])
				bucket_add(into, octave << HISTOGRAM_OCTAVE_BITS | i,
					   from->octaves[octave][i]);
		}
	}
}

static int compare_values(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t exact_quantile(const struct histogram *histogram, uint64_t rank)
{
	uint64_t sorted[HISTOGRAM_EXACT];

	memcpy(sorted, histogram->exact, histogram->exact_count * sizeof(*sorted));
	qsort(sorted, histogram->exact_count, sizeof(*sorted), compare_values);
	return sorted[rank - 1];
}

/* The middle of a bucket: no value in it is further away than 1/128 of itself. */
static uint64_t bucket_middle(uint32_t octave, uint32_t index)
{
	if (octave == 0)
		return index;
	uint64_t width = 1ull << (octave - 1);
	return (HISTOGRAM_OCTAVE_BUCKETS + index) * width + (width - 1) / 2;
}

static uint64_t clamp(const struct histogram *histogram, uint64_t value)
{
	if (value < histogram->min)
		return histogram->min;
	return value > histogram->max ? histogram->max : value;
}

static uint64_t rank_of(uint64_t count, double quantile)
{
	double exact = quantile * (double)count;
	uint64_t rank = exact > 0 ? (uint64_t)exact : 0;

	if ((double)rank < exact)
		rank++;
	if (rank < 1)
		return 1;
	return rank > count ? count : rank;
}

uint64_t histogram_quantile(const struct histogram *histogram, double quantile)
{
	if (histogram->count == 0)
		return 0;
	uint64_t rank = rank_of(histogram->count, quantile);
	if (rank == histogram->count)
		return histogram->max;
	if (rank <= histogram->exact_count)
		return exact_quantile(histogram, rank);
	for (uint32_t octave = 0; octave < HISTOGRAM_OCTAVES; octave++) {
		for (uint32_t i = 0; histogram->octaves[octave] && i < HISTOGRAM_OCTAVE_BUCKETS;
		     i++) {
			if (rank <= histogram->octaves[octave][i])
				return clamp(histogram, bucket_middle(octave, i));
			rank -= histogram->octaves[octave][i];
		}
	}
	return histogram->max; /* where memory ran out */
}

void histogram_clear(struct histogram *histogram)
{
	if (histogram->count == 0) /* most of them, where a site is on few workers */
		return;
	for (uint32_t octave = 0; histogram->bucketed && octave < HISTOGRAM_OCTAVES; octave++)
		free(histogram->octaves[octave]);
	free(histogram->exact);
	memset(histogram, 0, sizeof(*histogram));
}
