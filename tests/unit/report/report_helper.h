/* SPDX-License-Identifier: Apache-2.0
 *
 * A small process made by hand for the tests of reports: a callback that blocks, a pool that sleeps
 * while requests wait, lost events, and texts that would break a terminal.
 */
#ifndef REPORT_HELPER_H
#define REPORT_HELPER_H

#include <criterion/criterion.h>
#include <stdlib.h>

#include "report/findings_text.h"
#include "report/report.h"

static char name_timer[] = "timer", name_stat[] = "fs_stat";
static char symbol[] = "planted_callback", hostile[] = "evil\x1b]0;\xff\"\\\n";
static char note[] = "a note of the tracer";
static char *notes[] = {note};
static struct trace_kind_info kinds[] = {{.name = NULL},
					 {.name = name_timer, .class = KIND_CLASS_HANDLE},
					 {.name = name_stat, .class = KIND_CLASS_POOL}};
static struct trace_site sites[] = {
    {.present = true, .kind = 1, .callback = 0x1000, .caller = 0x2000, .callback_symbol = symbol},
    {.present = true, .kind = 2, .callback = 0x1100, .caller = 0x2100, .callback_symbol = hostile},
    {.present = true, .kind = 200, .callback = 0x1200},
};
static struct trace_worker workers[] = {
    {.worker = 1, .role = TRACE_ROLE_LOOP, .name = "main\x1b", .start_tick = 1},
    {.worker = 2, .role = TRACE_ROLE_POOL, .name = "pool", .start_tick = 1},
    {.worker = 3, .role = TRACE_ROLE_POOL, .name = "pool", .start_tick = 1, .lost = 17},
    {.worker = 4, .role = TRACE_ROLE_OTHER, .name = "others"},
};
static struct trace_clock_range clock_range = {
    .end_tick = 1ull << 46, .end_ns = 1ull << 46, .rate = 1ull << TRACE_RATE_BITS};
static char *problems[] = {hostile};
static struct trace_process process;
static struct trace trace = {
    .processes = &process, .process_count = 1, .problems = problems, .problem_count = 1};
static struct timeline *timeline;
static struct symbols *symbols;
static struct findings *findings;

static const struct trace_item loop_items[] = {
    {.tick = 1000, .word = 0x70000 | TRACE_LOOP_ENTER, .shape = TRACE_SHAPE_INSTANT},
    {.tick = 2000, .duration = 250000000, .word = TRACE_CODE_POLL, .shape = TRACE_SHAPE_POLL},
    {.tick = 250002000, .word = 0x10000 | (TRACE_CODE_SUBMIT + 1), .shape = TRACE_SHAPE_INSTANT},
    {.tick = 250002000,
     .duration = 9000000,
     .word = 0x20000 | TRACE_UNPARK,
     .shape = TRACE_SHAPE_WAIT},
    {.tick = 260000000, .duration = 10, .word = TRACE_CODE_POLL + 1, .shape = TRACE_SHAPE_POLL},
    {.tick = 260000100, .duration = 10, .word = TRACE_CODE_POLL + 2, .shape = TRACE_SHAPE_POLL},
    {.tick = 260000200, .duration = 10, .word = TRACE_CODE_POLL + 99, .shape = TRACE_SHAPE_POLL},
    {.tick = 260001000, .word = TRACE_CODE_POLL, .shape = TRACE_SHAPE_INSTANT},
};

static const struct trace_item pool_items[] = {
    {.tick = 10, .duration = 255000000, .word = TRACE_UNPARK, .shape = TRACE_SHAPE_WAIT},
    {.tick = 258000000, .word = 0x10000 | TRACE_ITEM_END, .shape = TRACE_SHAPE_INSTANT},
};

static inline void process_make(void)
{
	process = (struct trace_process){.pid = 4242,
					 .tier = TRACE_TIER_FULL,
					 .exe = hostile,
					 .cmdline = hostile,
					 .libuv = name_timer,
					 .libuv_path = hostile,
					 .how = hostile,
					 .ring_path = hostile,
					 .version = hostile,
					 .notes = notes,
					 .note_count = 1,
					 .start_real_ns = 1700000000000000000,
					 .first_tick = 1,
					 .last_tick = 300000000,
					 .seal_reason = TRACE_SEAL_DIED,
					 .seal_tick = 300000000,
					 .workers = workers,
					 .worker_count = 4,
					 .sites = sites,
					 .site_count = 3,
					 .kinds = kinds,
					 .kind_count = 3,
					 .lost = 17,
					 .events = 15,
					 .clock_ranges = &clock_range,
					 .clock_range_count = 1};
}

static inline void timeline_fill(void)
{
	struct timeline_options options = TIMELINE_OPTIONS_DEFAULT;

	timeline = timeline_make(&process, &options);
	cr_assert_eq(timeline_feed(timeline, 0, loop_items, COUNT(loop_items), NULL, 0, false), 0);
	cr_assert_eq(timeline_feed(timeline, 1, pool_items, COUNT(pool_items), NULL, 0, false), 0);
	for (size_t i = 0; i < 4; i++)
		cr_assert_eq(timeline_end_worker(timeline, i), 0);
	cr_assert_eq(timeline_finish(timeline), 0);
}

static inline void set_up(void)
{
	struct thresholds thresholds = thresholds_default();

	process_make();
	timeline_fill();
	symbols = symbols_open(&process);
	struct findings_input input = {
	    .timeline = timeline, .symbols = symbols, .thresholds = &thresholds};
	findings = findings_with_text(&input);
	cr_assert_not_null(findings);
}

static inline void tear_down(void)
{
	findings_free(findings);
	symbols_close(symbols);
	timeline_free(timeline);
}

#endif
