/* SPDX-License-Identifier: Apache-2.0
 *
 * The profile as a tree: equal stacks are merged, and of too many nodes the smallest ones.
 */
#include "report/profile_tree.h"

#include "report_helper.h"

TestSuite(profile_tree, .init = set_up, .fini = tear_down);

#define SAMPLES_MAX 64

static struct stall samples[SAMPLES_MAX];
static struct stack_frame frames[SAMPLES_MAX][2]; /* innermost first */
static struct symbol_info functions[SAMPLES_MAX];
static char function_names[SAMPLES_MAX][16];
static struct stalls profile;
static struct profile_node *nodes;
static size_t node_count;

static const struct symbol_info *function(size_t number)
{
	snprintf(function_names[number], sizeof(function_names[number]), "f%02zu", number);
	functions[number].name = function_names[number];
	return &functions[number];
}

/* A sample in the callback of a site, in `outer` and what that called. */
static struct stall *sample_add(uint32_t site, size_t outer, size_t inner, uint64_t ticks)
{
	size_t at = profile.count++;

	frames[at][0] = (struct stack_frame){.symbol = function(inner)};
	frames[at][1] = (struct stack_frame){.symbol = function(outer)};
	samples[at] =
	    (struct stall){.site = site, .ticks = ticks, .frames = frames[at], .frame_count = 2};
	return &samples[at];
}

static void tree_make(size_t most)
{
	struct report report = {
	    .trace = &trace, .timeline = timeline, .symbols = symbols, .profile = &profile};

	profile.list = samples;
	nodes = profile_tree(&report, most, &node_count);
	cr_assert_not_null(nodes);
	cr_assert_leq(node_count, most);
}

static void expect_node(size_t at, uint32_t depth, const char *name, uint64_t count, uint64_t ticks)
{
	cr_assert_lt(at, node_count);
	cr_expect_eq(nodes[at].depth, depth, "%zu: %u", at, nodes[at].depth);
	cr_expect_str_eq(nodes[at].name ? nodes[at].name : "(other)", name);
	cr_expect_eq(nodes[at].samples, count, "%s: %zu", name, (size_t)nodes[at].samples);
	cr_expect_eq(nodes[at].ticks, ticks, "%s: %zu", name, (size_t)nodes[at].ticks);
}

Test(profile_tree, merges_equal_stacks)
{
	sample_add(0, 1, 2, 10);
	sample_add(99, 1, 2, 5); /* of an unknown callback */
	sample_add(0, 1, 3, 20);
	sample_add(0, 1, 2, 30);
	sample_add(0, 4, 2, 40);
	sample_add(0, 4, 2, 50)->frames++; /* ends in what called that */
	samples[5].frame_count = 1;
	tree_make(100);
	cr_assert_eq(node_count, 9);
	expect_node(0, 0, "(unknown)", 1, 5);
	expect_node(1, 1, "f01", 1, 5);
	expect_node(2, 2, "f02", 1, 5);
	cr_expect_str_eq(nodes[3].kind, "timer");
	cr_expect_eq(nodes[3].ticks, 150);
	expect_node(4, 1, "f01", 3, 60);
	expect_node(5, 2, "f02", 2, 40);
	expect_node(6, 2, "f03", 1, 20);
	expect_node(7, 1, "f04", 2, 90);
	expect_node(8, 2, "f02", 1, 40);
	free(nodes);
}

Test(profile_tree, tells_apart_what_was_looked_for)
{
	sample_add(0, 1, 2, 10);
	sample_add(0, 1, 2, 10)->frames[0].scanned = true;
	tree_make(100);
	cr_assert_eq(node_count, 4);
	expect_node(2, 2, "f02", 1, 10);
	expect_node(3, 2, "f02", 1, 10);
	cr_expect(!nodes[2].scanned);
	cr_expect(nodes[3].scanned);
	free(nodes);
}

Test(profile_tree, merges_the_smallest_of_too_many)
{
	for (size_t i = 1; i < 60; i++)
		sample_add(0, 0, i, i == 7 ? 1000 : 1);
	tree_make(5);
	cr_assert_eq(node_count, 4);
	expect_node(1, 1, "f00", 59, 1058);
	expect_node(2, 2, "f07", 1, 1000);
	expect_node(3, 2, "(other)", 58, 58);
	cr_expect_eq(nodes[3].branches, 58);
	free(nodes);
}

Test(profile_tree, of_one_node_is_possible)
{
	sample_add(0, 1, 2, 10);
	sample_add(1, 1, 2, 10);
	tree_make(1);
	expect_node(0, 0, "(other)", 2, 20);
	free(nodes);
	profile.count = 0;
	tree_make(1);
	cr_expect_eq(node_count, 0);
	free(nodes);
}
