/* SPDX-License-Identifier: Apache-2.0
 *
 * The histogram against sorted arrays of the same values: every quantile within the error that it
 * promises.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "base/histogram.h"

static int compare_values(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t quantile_sorted(const uint64_t *values, size_t count, double quantile)
{
	double rank = ceil(quantile * (double)count);

	return values[rank < 1 ? 0 : (size_t)rank - 1];
}

static uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Numbers of all magnitudes, from a few bits to `bits`. */
static uint64_t *values_make(size_t count, unsigned int bits, uint64_t seed)
{
	uint64_t *values = malloc(count * sizeof(*values));

	for (size_t i = 0; i < count; i++)
		values[i] = random_next(&seed) >> (64 - 1 - random_next(&seed) % bits);
	return values;
}

static void check_quantiles(const struct histogram *histogram, uint64_t *values, size_t count,
			    double error)
{
	static const double quantiles[] = {0, 0.001, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1};

	qsort(values, count, sizeof(*values), compare_values);
	for (size_t i = 0; i < sizeof(quantiles) / sizeof(*quantiles); i++) {
		double expected = (double)quantile_sorted(values, count, quantiles[i]);
		double got = (double)histogram_quantile(histogram, quantiles[i]);
		cr_assert_leq(fabs(got - expected), expected * error,
			      "quantile %g of %zu: %.0f instead of %.0f", quantiles[i], count, got,
			      expected);
	}
	cr_assert_eq(histogram->min, values[0]);
	cr_assert_eq(histogram->max, values[count - 1]);
	cr_assert_eq(histogram->count, count);
}

static void add_all(struct histogram *histogram, const uint64_t *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
		histogram_add(histogram, values[i]);
}

static void check_counts(size_t count, double error)
{
	struct histogram histogram = {0};
	uint64_t *values = values_make(count, 63, count), sum = 0;

	add_all(&histogram, values, count);
	for (size_t i = 0; i < count; i++)
		sum += values[i];
	cr_assert_eq(histogram.sum, sum);
	cr_assert_eq(histogram.dropped, 0);
	check_quantiles(&histogram, values, count, error);
	histogram_clear(&histogram);
	free(values);
}

Test(histogram, is_empty_when_zeroed)
{
	struct histogram histogram = {0};

	cr_assert_eq(histogram_quantile(&histogram, 0.5), 0);
	histogram_clear(&histogram);
}

Test(histogram, is_exact_for_few_values)
{
	for (size_t count = 1; count <= HISTOGRAM_EXACT; count++)
		check_counts(count, 0);
}

Test(histogram, keeps_its_error_for_many_values)
{
	check_counts(HISTOGRAM_EXACT + 1, 1.0 / 128);
	check_counts(1000, 1.0 / 128);
	check_counts(100000, 1.0 / 128);
}

Test(histogram, takes_the_largest_value)
{
	struct histogram histogram = {0};

	for (int i = 0; i < 300; i++)
		histogram_add(&histogram, UINT64_MAX);
	cr_assert_eq(histogram_quantile(&histogram, 0.5), UINT64_MAX);
	cr_assert_eq(histogram.min, UINT64_MAX);
	histogram_clear(&histogram);
}

/* Neighbouring buckets must not overlap and leave no hole: each value's bucket is that of the one
 * below or the next. */
Test(histogram, has_buckets_without_holes)
{
	uint32_t before = histogram_bucket(0);

	for (uint64_t value = 1; value < 1 << 20; value++) {
		uint32_t bucket = histogram_bucket(value);
		cr_assert(bucket == before || bucket == before + 1, "at %llu",
			  (unsigned long long)value);
		before = bucket;
	}
	cr_assert_lt(histogram_bucket(UINT64_MAX), HISTOGRAM_OCTAVES * HISTOGRAM_OCTAVE_BUCKETS);
}

static void check_merge(size_t first, size_t second, double error)
{
	struct histogram a = {0}, b = {0};
	uint64_t *values = values_make(first + second, 40, first * 7 + second);

	add_all(&a, values, first);
	add_all(&b, values + first, second);
	histogram_merge(&a, &b);
	cr_assert_eq(b.count, second, "what is merged stays");
	check_quantiles(&a, values, first + second, error);
	histogram_clear(&a);
	histogram_clear(&b);
	free(values);
}

Test(histogram, merges)
{
	check_merge(60, 60, 0);
	check_merge(100, 100, 1.0 / 128);
	check_merge(5000, 20, 1.0 / 128);
	check_merge(20, 5000, 1.0 / 128);
	check_merge(3000, 5000, 1.0 / 128);
	check_merge(0, 10, 0);
	check_merge(10, 0, 0);
}
