/* SPDX-License-Identifier: Apache-2.0
 *
 * Script frames of stall samples and the texts that they refer to, as the reader gives them: right,
 * or not at all.
 */
#include "../scripts_helper.h"

static struct builder *builder;
static struct trace *trace;

static void setup(void)
{
	dir_make();
	builder = script_builder();
}

static void teardown(void)
{
	trace_close(trace);
	trace = NULL;
	builder_free(builder);
	dir_remove();
}

TestSuite(reader_scripts, .init = setup, .fini = teardown);

static const struct trace_process *opened(void)
{
	builder_write(builder, in_dir("trace.77.0.bin"));
	trace = open_path(in_dir("trace.77.0.bin"));
	cr_assert_eq(trace->process_count, 1);
	return &trace->processes[0];
}

/* Ids are any numbers, and order of blocks does not matter. */
Test(reader_scripts, come_with_their_names)
{
	const struct trace_script_frame frames[] = {
	    {.frame = 0x7ffd00002000,
	     .function = 4000000000u,
	     .file = 1,
	     .line = 435,
	     .first_line = 400,
	     .kind = TRACE_SCRIPT_INTERPRETED,
	     .flags = TRACE_SCRIPT_INFERRED},
	    {.frame = 0x7ffd00002100, .kind = TRACE_SCRIPT_ENTRY}};

	put_script_text(builder, 1, "node:fs");
	put_script_look(builder, script_look(150000000), "./fifo", frames, 2, 0);
	put_script_text(builder, 4000000000u, "readFileSync");
	const struct trace_process *process = opened();
	assert_no_problem(trace);
	const struct trace_stall *stall = &process->stalls[0];
	cr_assert_eq(stall->script_status, TRACE_SCRIPT_WHOLE);
	cr_assert_eq(stall->script_count, 2);
	cr_assert_str_eq(stall->object, "./fifo");
	cr_assert_str_eq(stall->scripts[0].function, "readFileSync");
	cr_assert_str_eq(stall->scripts[0].file, "node:fs");
	cr_assert_eq(stall->scripts[0].frame, 0x7ffd00002000);
	cr_assert_eq(stall->scripts[0].line, 435);
	cr_assert_eq(stall->scripts[0].first_line, 400);
	cr_assert_eq(stall->scripts[0].kind, TRACE_SCRIPT_INTERPRETED);
	cr_assert_eq(stall->scripts[0].flags, TRACE_SCRIPT_INFERRED);
	cr_assert_eq(stall->scripts[1].kind, TRACE_SCRIPT_ENTRY);
	cr_assert_null(stall->scripts[1].function);
}

/* Of two texts for one id none is right for sure; the same text twice is one. */
Test(reader_scripts, names_that_are_not_sure_are_not_told)
{
	const struct trace_script_frame frames[] = {
	    {.frame = 0x7ffd00002000, .function = 3, .file = 5},
	    {.frame = 0x7ffd00002100, .function = 4, .file = 5}};

	put_script_text(builder, 3, "one");
	put_script_text(builder, 3, "other");
	put_script_text(builder, 5, "app.js");
	put_script_text(builder, 5, "app.js");
	put_script_look(builder, script_look(150000000), "", frames, 2, 0);
	const struct trace_process *process = opened();
	cr_assert_null(process->stalls[0].scripts[0].function, "two texts have this id");
	cr_assert_null(process->stalls[0].scripts[1].function, "no text has this id");
	cr_assert_str_eq(process->stalls[0].scripts[0].file, "app.js");
}

static void check_refused(const struct trace_script_frame *frames, uint16_t count, uint32_t missing)
{
	teardown();
	setup();
	put_script_look(builder, script_look(150000000), "text", frames, count, missing);
	cr_assert_eq(opened()->stall_count, 0);
	assert_problem(trace, "an entry that makes no sense");
}

Test(reader_scripts, that_do_not_fit_are_none)
{
	static const struct trace_script_frame frames[TRACE_SCRIPT_FRAMES_MAX + 1];

	check_refused(frames, 1, 8);
	check_refused(frames, 3, sizeof(*frames));
	check_refused(frames, TRACE_SCRIPT_FRAMES_MAX + 1, 0);
	teardown();
	setup();
	put_script_look(builder, script_look(150000000), "text", frames, TRACE_SCRIPT_FRAMES_MAX,
			0);
	cr_assert_eq(opened()->stalls[0].script_count, TRACE_SCRIPT_FRAMES_MAX);
	assert_no_problem(trace);
}

static void check_bad_text(uint32_t id, uint32_t claimed)
{
	struct {
		struct trace_script_text entry;
		char more[32];
	} payload = {.entry = {.entry_bytes = 32, .id = id, .text_bytes = claimed}};

	teardown();
	setup();
	memset(payload.entry.text, 'x', 20);
	builder_block(builder, TRACE_BLOCK_SCRIPT_TEXTS, &payload, 32);
	cr_assert_eq(opened()->script_text_count, 0);
	assert_problem(trace, "an entry that makes no sense");
}

Test(reader_scripts, texts_that_make_no_sense_are_none)
{
	check_bad_text(0, 20);
	check_bad_text(1, 21);
	check_bad_text(1, UINT32_MAX);
	check_bad_text(1, 0);
}

/* More texts than a program has functions are not kept, and that is said. */
Test(reader_scripts, texts_are_bounded)
{
	for (uint32_t id = 1; id <= (1u << 16) + 5; id++)
		put_script_text(builder, id * 7919, "f");
	cr_assert_eq(opened()->script_text_count, 1u << 16);
	assert_problem(trace, "too many names of script functions, 5 were not read");
}
