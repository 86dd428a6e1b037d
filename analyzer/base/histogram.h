/* SPDX-License-Identifier: Apache-2.0
 *
 * A log-linear histogram of unsigned 64-bit numbers (durations, in whatever unit the caller keeps):
 * 64 buckets an octave, so a quantile is off by 1/128 of its value at most; count, sum, min and max
 * are exact. The first HISTOGRAM_EXACT values are kept as they are: up to there quantiles are
 * exact.
 *
 * Rules: a zeroed struct is an empty histogram; memory is taken for the octaves in use only (512
 * bytes each). Where memory runs out, count, sum, min and max stay right and `dropped` says how
 * many values have no bucket.
 */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_OCTAVE_BITS	 6
#define HISTOGRAM_OCTAVE_BUCKETS (1u << HISTOGRAM_OCTAVE_BITS)
#define HISTOGRAM_OCTAVES	 (64 - HISTOGRAM_OCTAVE_BITS + 1)
#define HISTOGRAM_EXACT		 128

struct histogram {
	uint64_t count, sum, min, max;
	uint64_t *octaves[HISTOGRAM_OCTAVES]; /* NULL until used; all NULL while values are exact */
	uint64_t *exact;
	uint32_t exact_count;
	uint32_t bucketed; /* 1: values lie in the octaves */
	uint64_t dropped;
};

/* Values below 64 have a bucket each; above, the octave's number and the 6 bits after the leading
 * one. */
static inline uint32_t histogram_bucket(uint64_t value)
{
	if (value < HISTOGRAM_OCTAVE_BUCKETS)
		return (uint32_t)value;
	uint32_t exponent = 63 - (uint32_t)__builtin_clzll(value);
	uint32_t low = (uint32_t)(value >> (exponent - HISTOGRAM_OCTAVE_BITS)) &
		       (HISTOGRAM_OCTAVE_BUCKETS - 1);
	return (exponent - HISTOGRAM_OCTAVE_BITS + 1) << HISTOGRAM_OCTAVE_BITS | low;
}

/* For a value whose octave is not there yet. */
void histogram_place_slowly(struct histogram *histogram, uint64_t value, uint64_t times);

static inline void histogram_add(struct histogram *histogram, uint64_t value)
{
	uint32_t bucket = histogram_bucket(value);
	uint64_t *octave = histogram->octaves[bucket >> HISTOGRAM_OCTAVE_BITS];

	if (histogram->count++ == 0 || value < histogram->min)
		histogram->min = value;
	if (value > histogram->max)
		histogram->max = value;
	histogram->sum += value;
	if (__builtin_expect(octave != NULL, 1))
		octave[bucket & (HISTOGRAM_OCTAVE_BUCKETS - 1)]++;
	else
		histogram_place_slowly(histogram, value, 1);
}

/* Adds what is in `from`, which stays as it is. */
void histogram_merge(struct histogram *into, const struct histogram *from);

/* The smallest value that at least the fraction `quantile` (0 to 1) of all values do not exceed; 0
 * when empty. */
uint64_t histogram_quantile(const struct histogram *histogram, double quantile);

/* Frees its memory and leaves it empty. */
void histogram_clear(struct histogram *histogram);

#endif
