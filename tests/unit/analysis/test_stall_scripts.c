/* SPDX-License-Identifier: Apache-2.0
 *
 * What stall samples say of functions of JavaScript and Python: whose function it was, whom that
 * had called, what for, and the callback's own name.
 */
#include "findings/stall_scripts.h"
#include "../scripts_helper.h"
#include "report/stall_text.h"

static void expect_what(const struct stall *stall, const char *expected)
{
	char *what = stall_text(stall);

	cr_assert_str_eq(what, expected);
	free(what);
}

enum {
	READ_FILE_SYNC = 1,
	NODE_FS,
	READ_CONFIG,
	APP,
	ON_REQUEST,
	EMIT,
	EVENTS,
	CLONE,
	LODASH,
	BROTLI,
	ZLIB,
	DUMPS,
	JSON_PY,
	HANDLER,
	SERVER_PY
};

static struct builder *builder;
static struct trace *trace;
static struct timeline *timeline;
static struct symbols *symbols;
static struct stalls *stalls;

static void setup(void)
{
	static const char *const texts[] = {
	    [READ_FILE_SYNC] = "readFileSync",
	    [NODE_FS] = "node:fs",
	    [READ_CONFIG] = "readConfig",
	    [APP] = "/srv/app.js",
	    [ON_REQUEST] = "onRequest",
	    [EMIT] = "emit",
	    [EVENTS] = "node:events",
	    [CLONE] = "clone",
	    [LODASH] = "/srv/node_modules/lodash/lodash.js",
	    [BROTLI] = "brotliCompressSync",
	    [ZLIB] = "node:zlib",
	    [DUMPS] = "dumps",
	    [JSON_PY] = "/usr/lib/python3.11/json/__init__.py",
	    [HANDLER] = "handler",
	    [SERVER_PY] = "/srv/server.py",
	};

	dir_make();
	builder = script_builder();
	for (uint32_t id = 1; id < sizeof(texts) / sizeof(*texts); id++)
		put_script_text(builder, id, texts[id]);
}

static void teardown(void)
{
	stalls_free(stalls);
	symbols_close(symbols);
	timeline_free(timeline);
	trace_close(trace);
	builder_free(builder);
	dir_remove();
}

TestSuite(stall_scripts, .init = setup, .fini = teardown);

static const struct stall *explained(void)
{
	const struct timeline_options options = TIMELINE_OPTIONS_DEFAULT;

	builder_write(builder, in_dir("trace.77.0.bin"));
	trace = open_path(in_dir("trace.77.0.bin"));
	assert_no_problem(trace);
	timeline = timeline_read(trace, 0, &options, NULL, NULL);
	symbols = symbols_open(&trace->processes[0]);
	stalls = stalls_make(timeline, symbols);
	cr_assert_not_null(stalls);
	return stalls->list;
}

static struct trace_script_frame frame(uint32_t function, uint32_t file, uint32_t line, uint64_t at)
{
	return (struct trace_script_frame){.frame = 0x7ffd00001000 + at,
					   .function = function,
					   .file = file,
					   .line = line,
					   .first_line = line - 1,
					   .kind = TRACE_SCRIPT_INTERPRETED};
}

Test(stall_scripts, name_the_programs_function_and_what_it_called)
{
	const struct trace_script_frame frames[] = {
	    frame(READ_FILE_SYNC, NODE_FS, 435, 0x100), frame(READ_CONFIG, APP, 53, 0x200),
	    frame(ON_REQUEST, APP, 86, 0x300), frame(EMIT, EVENTS, 524, 0x400)};

	put_script_look(builder, script_look(150000000), "./fifo", frames, 4, 0);
	const struct stall *stall = explained();
	cr_assert_str_eq(stall->script.user->symbol->text, "readConfig app.js:53");
	cr_assert_str_eq(stall->script.caller->symbol->text, "onRequest app.js:86");
	cr_assert_str_eq(stall->script.call_name, "fs.readFileSync");
	cr_assert_str_eq(stall->script.label->text, "onRequest app.js:85");
	expect_what(stall, "openat(\"./fifo\")");
	cr_assert_eq(stall->cause, STALL_SYSCALL);
}

/* A package's function stands for the program where that has none of its own. */
Test(stall_scripts, prefer_the_programs_own_functions)
{
	const struct trace_script_frame both[] = {frame(CLONE, LODASH, 9, 0x100),
						  frame(ON_REQUEST, APP, 86, 0x200)},
					one[] = {frame(CLONE, LODASH, 9, 0x100),
						 frame(EMIT, EVENTS, 524, 0x200)},
					none[] = {frame(EMIT, EVENTS, 524, 0x200)};

	put_script_look(builder, script_look(150000000), "", both, 2, 0);
	put_script_look(builder, script_look(160000000), "", one, 2, 0);
	put_script_look(builder, script_look(170000000), "", none, 1, 0);
	const struct stall *stall = explained();
	cr_assert_str_eq(stall[0].script.user->symbol->text, "onRequest app.js:86");
	cr_assert_str_eq(stall[0].script.call_name, "clone lodash.js:9");
	cr_assert_str_eq(stall[1].script.user->symbol->text, "clone lodash.js:9");
	cr_assert_null(stall[2].script.user);
	cr_assert_null(stall[2].script.label);
}

Test(stall_scripts, say_what_the_call_was_for)
{
	const struct trace_script_frame zlib[] = {frame(BROTLI, ZLIB, 7, 0x100),
						  frame(READ_CONFIG, APP, 53, 0x200)},
					own[] = {frame(READ_CONFIG, APP, 53, 0x200),
						 frame(BROTLI, ZLIB, 7, 0x300)};
	struct trace_script_frame python[] = {
	    {.function = DUMPS, .file = JSON_PY, .line = 231, .kind = TRACE_SCRIPT_PYTHON},
	    {.function = HANDLER, .file = SERVER_PY, .line = 88, .kind = TRACE_SCRIPT_PYTHON}};

	put_script_look(builder, script_look(150000000), "", zlib, 2, 0);
	put_script_look(builder, script_look(160000000), "", own, 2, 0);
	put_script_look(builder, script_look(170000000), "", python, 2, 0);
	const struct stall *stall = explained();
	cr_assert_eq(stall[0].script.reason, REASON_COMPRESSION);
	cr_assert_str_eq(stall[0].script.call_name, "zlib.brotliCompressSync");
	cr_assert_eq(stall[1].script.reason, REASON_NONE, "who calls it is not what it is for");
	cr_assert_eq(stall[2].script.reason, REASON_JSON);
	cr_assert_str_eq(stall[2].script.call_name, "json.dumps");
	cr_assert_str_eq(stall[2].script.user->symbol->text, "handler server.py:88");
}

/* Computing is told by the function and, of a call, both. */
Test(stall_scripts, say_what_a_callback_computed_in)
{
	const struct trace_script_frame frames[] = {frame(READ_CONFIG, APP, 53, 0x200)},
					zlib[] = {frame(BROTLI, ZLIB, 7, 0x100),
						  frame(READ_CONFIG, APP, 53, 0x200)};
	struct trace_stall_entry entry = script_look(150000000);

	entry.state = 'R';
	entry.syscall = -1;
	entry.sp = 0;
	entry.cpu_ns = entry.base_cpu_ns + 39000000;
	put_script_look(builder, entry, "", frames, 1, 0);
	entry.tick++;
	put_script_look(builder, entry, "", zlib, 2, 0);
	const struct stall *stall = explained();
	cr_assert_eq(stall[0].cause, STALL_CPU);
	expect_what(&stall[0], "readConfig app.js:53");
	expect_what(&stall[1], "zlib.brotliCompressSync, called by readConfig app.js:53");
}

/* ---- Names of callbacks ---------------------------------------------------------------------- */

Test(stall_scripts, name_a_callback_where_all_samples_agree)
{
	const struct trace_script_frame one[] = {frame(READ_CONFIG, APP, 53, 0x200),
						 frame(ON_REQUEST, APP, 86, 0x300)},
					same[] = {frame(ON_REQUEST, APP, 86, 0x300)},
					other[] = {frame(READ_CONFIG, APP, 53, 0x200)};
	struct trace_stall_entry entry = script_look(150000000);

	put_script_look(builder, entry, "", one, 2, 0);
	entry.tick += 1000;
	put_script_look(builder, entry, "", same, 1, 0);
	entry.tick += 1000;
	entry.poll_tick = entry.base_tick = entry.tick - 500;
	put_script_look(builder, entry, "", other, 1, 0);
	const struct stall *stall = explained();
	cr_assert_str_eq(stalls_run_label(stalls, 0, stall[0].poll_tick)->text,
			 "onRequest app.js:85");
	cr_assert_str_eq(stalls_run_label(stalls, 0, stall[2].poll_tick)->text,
			 "readConfig app.js:52");
	cr_assert_null(stalls_site_label(stalls, 2), "its runs differ");
	cr_assert_null(stalls_run_label(stalls, 0, 7), "nobody saw it");
	stalls->count = 2;
	cr_assert_str_eq(stalls_site_label(stalls, 2)->text, "onRequest app.js:85");
}

/* Where the callback ends is not known: <module> would be its name. */
Test(stall_scripts, name_no_callback_whose_end_is_not_known)
{
	const struct trace_script_frame frames[] = {frame(ON_REQUEST, APP, 86, 0x300)};
	struct trace_stall_entry entry = script_look(150000000);

	entry.frame_sp = 0;
	put_script_look(builder, entry, "", frames, 1, 0);
	entry = script_look(160000000);
	entry.script_status = TRACE_SCRIPT_CUT;
	put_script_look(builder, entry, "", frames, 1, 0);
	const struct stall *stall = explained();
	cr_assert_str_eq(stall[0].script.user->symbol->text, "onRequest app.js:86");
	cr_assert_null(stall[0].script.label);
	cr_assert_null(stall[1].script.label);
}

/* ---- Futex calls ----------------------------------------------------------------------------- */

/* V8 wakes its compiler threads while it computes: a sample falls on that call. */
Test(stall_scripts, a_wake_up_of_other_threads_is_no_sleep)
{
	const struct trace_script_frame frames[] = {frame(READ_CONFIG, APP, 53, 0x200)};
	struct trace_stall_entry entry = script_look(210000000);

	entry.syscall = 202;
	entry.cpu_ns = entry.base_cpu_ns + 99000000;
	put_script_look(builder, entry, "", frames, 1, 0);
	entry = script_look(260000000);
	entry.syscall = 202; /* now it sleeps indeed */
	entry.cpu_ns = entry.base_cpu_ns + 100000000;
	put_script_look(builder, entry, "", frames, 1, 0);
	entry = script_look(360000000);
	entry.syscall = 73; /* flock is none of these calls */
	entry.cpu_ns = entry.base_cpu_ns + 200000000;
	put_script_look(builder, entry, "", frames, 1, 0);
	const struct stall *stall = explained();
	cr_assert_eq(stall[0].cause, STALL_CPU);
	expect_what(&stall[0], "readConfig app.js:53");
	cr_assert_eq(stall[1].cause, STALL_SYSCALL);
	cr_assert_eq(stall[2].cause, STALL_SYSCALL);
}
