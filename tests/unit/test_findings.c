/* SPDX-License-Identifier: Apache-2.0
 *
 * Findings as a table: thresholds, gates, templates, and what docs/findings.md says of them.
 */
#include "findings_helper.h"

#include <errno.h>

#include "report/formats/gate.h"

/* ---- What is typed -------------------------------------------------------------------------------------------- */

Test(findings, sets_thresholds)
{
	struct thresholds set = thresholds_default();

	cr_assert_eq(thresholds_set(&set, "blocked=50ms"), 0);
	cr_assert_float_eq(set.values[LIMIT_blocked], 50e6, 1);
	cr_assert_eq(thresholds_set(&set, "storm_timers=7"), 0);
	cr_assert_float_eq(set.values[LIMIT_storm_timers], 7, 1e-9);
	cr_assert_eq(thresholds_set(&set, "nothing=7"), -ENOENT);
	cr_assert_eq(thresholds_set(&set, "block=7ms"), -ENOENT);
	cr_assert_eq(thresholds_set(&set, "blocked"), -EINVAL);
	cr_assert_eq(thresholds_set(&set, "blocked=7"), -EINVAL);
	cr_assert_eq(thresholds_set(&set, "hot_loop=1.5"), -EINVAL);
	cr_assert_eq(thresholds_set(&set, "hot_loop=nan"), -EINVAL);
}

Test(findings, parses_gates)
{
	struct gate gate;

	cr_assert_eq(gate_parse(&gate, "long_poll>50ms"), 0);
	cr_assert_eq(gate_parse(&gate, "finding>=warning"), 0);
	cr_assert_eq(gate_parse(&gate, "finding==pool_dns"), 0);
	cr_assert_eq(gate_parse(&gate, "lost<=3"), 0);
	cr_assert_eq(gate_parse(&gate, "long_poll"), -EINVAL);
	cr_assert_eq(gate_parse(&gate, "long_poll>50"), -EINVAL);
	cr_assert_eq(gate_parse(&gate, "finding>pool_dns"), -EINVAL);
	cr_assert_eq(gate_parse(&gate, "lost>x"), -EINVAL);
	cr_assert_eq(gate_parse(&gate, "nothing>1"), -ENOENT);
	cr_assert_eq(gate_parse(&gate, ""), -ENOENT);
}

/* 60 ms in a callback, between two samples that lie 100 ms apart; the rest was parked. */
static void one_callback(uint64_t cpu_ns, uint64_t wait_ns)
{
	sample(0, 100 * MS, 0, 0);
	sample(1, 200 * MS, cpu_ns, wait_ns);
	set_up(400 * MS, 2);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(1 * MS, 119 * MS, 1), poll(120 * MS, 60 * MS, SITE_READ, 1),
	     wait(180 * MS, 200 * MS, 0));
	finish();
}

Test(findings, fails_a_gate_and_says_why)
{
	static const struct {
		const char *text;
		bool fails;
	} cases[] = {
	    {"long_poll>50ms", true},	{"long_poll>60ms", false},	{"long_poll>=60ms", true},
	    {"finding>=warning", true}, {"finding==blocked_cpu", true}, {"finding==pool_dns", false},
	    {"lost>0", false},
	};

	one_callback(58 * MS, MS);
	find(NULL, 0);
	struct report report = {.timeline = timeline, .symbols = symbols, .findings = findings};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct gate gate;
		char *why;
		cr_assert_eq(gate_parse(&gate, cases[i].text), 0);
		cr_assert_eq(gate_fails(&gate, &report, &why), cases[i].fails, "%s", cases[i].text);
		cr_assert_eq(why != NULL, cases[i].fails);
		free(why);
	}
	done();
}
