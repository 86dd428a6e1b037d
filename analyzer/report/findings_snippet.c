/* SPDX-License-Identifier: Apache-2.0
 *
 * A few lines of one worker's timeline around a moment, read from the trace once more: only the
 * part that holds it.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/durations.h"
#include "format/open_stack.h"
#include "report/findings_text.h"

#define BEFORE	2
#define AFTER	3
#define BATCH	256
#define BAR_MAX 20

/* Polls and waits, the last BEFORE of them before the moment and AFTER from it on. */
struct snippet {
	struct trace_item before[BEFORE], after[AFTER];
	size_t before_count, after_count;
	struct open_stack open; /* polls and waits that have events inside */
	uint64_t left_tick;	/* when uv_run was left last; 0: not yet */
	uint64_t out_ticks;	/* as long outside of it is worth a line */
};

static void snippet_take(struct snippet *snippet, const struct trace_item *item, uint64_t tick)
{
	if (item->tick >= tick) {
		if (snippet->after_count < AFTER)
			snippet->after[snippet->after_count++] = *item;
		return;
	}
	if (snippet->before_count == BEFORE) {
		for (size_t i = 1; i < BEFORE; i++)
			snippet->before[i - 1] = snippet->before[i];
		snippet->before_count--;
	}
	snippet->before[snippet->before_count++] = *item;
}

/* Not between loops that run inside callbacks. */
static void snippet_outside(struct snippet *snippet, const struct trace_item *item, uint64_t tick)
{
	struct trace_item outside = {
	    .tick = snippet->left_tick, .word = TRACE_LOOP_LEAVE, .shape = TRACE_SHAPE_WAIT};

	if (trace_word_code(item->word) == TRACE_LOOP_LEAVE)
		snippet->left_tick = item->tick;
	if (trace_word_code(item->word) != TRACE_LOOP_ENTER || snippet->left_tick == 0)
		return;
	outside.duration = item->tick - snippet->left_tick;
	if (outside.duration >= snippet->out_ticks)
		snippet_take(snippet, &outside, tick);
}

/* Polls with events inside come as their begin and their end: put together again. */
static void snippet_instant(struct snippet *snippet, const struct trace_item *item, uint64_t tick)
{
	struct trace_context begun;
	bool ends =
	    open_ended_by(&snippet->open, trace_code_effect(trace_word_code(item->word)), &begun);

	if (snippet->open.polls == 0 && !snippet->open.parked)
		snippet_outside(snippet, item, tick);
	open_apply(&snippet->open, item->word, item->tick);
	if (!ends)
		return;
	struct trace_item whole = {
	    .tick = begun.tick,
	    .duration = item->tick - begun.tick,
	    .word = trace_word_is_poll(begun.word) ? begun.word : item->word,
	    .shape = trace_word_is_poll(begun.word) ? TRACE_SHAPE_POLL : TRACE_SHAPE_WAIT,
	};
	snippet_take(snippet, &whole, tick);
}

static void snippet_read(struct snippet *snippet, struct trace_cursor *cursor, uint64_t tick)
{
	struct trace_item *items = calloc(BATCH, sizeof(*items));
	size_t count;

	while (items && snippet->after_count < AFTER &&
	       (count = trace_cursor_read(cursor, UINT64_MAX, items, BATCH)) > 0) {
		for (size_t i = 0; i < count; i++) {
			if (items[i].shape == TRACE_SHAPE_INSTANT)
				snippet_instant(snippet, &items[i], tick);
			else
				snippet_take(snippet, &items[i], tick);
		}
	}
	free(items);
}

/* "+1.234 s  ########  45.0 ms  render_report demo.c:47", bars by the longest. */
static void line_print(const struct findings_input *input, const struct trace_item *item,
		       uint64_t longest, FILE *out)
{
	char when[DURATION_TEXT_BYTES], lasted[DURATION_TEXT_BYTES], bar[BAR_MAX + 1];
	size_t length =
	    longest > 0 ? (size_t)((double)item->duration / (double)longest * BAR_MAX + 0.5) : 0;
	bool poll = item->shape == TRACE_SHAPE_POLL;

	for (size_t i = 0; i < BAR_MAX; i++)
		bar[i] = i >= length ? ' ' : poll ? '#' : '.';
	bar[BAR_MAX] = '\0';
	fprintf(out, "%12s  |%s| %8s  ",
		duration_format_offset(timeline_offset_ns(input->timeline, item->tick), when), bar,
		duration_format(timeline_ns(input->timeline, item->duration), lasted));
	if (poll)
		fprintf(out, "%s\n",
			symbols_site(input->symbols, trace_word_code(item->word) - TRACE_CODE_POLL,
				     false)
			    ->text);
	else if (trace_word_code(item->word) == TRACE_LOOP_LEAVE)
		fprintf(out, "(outside uv_run)\n");
	else
		fprintf(out, "(waiting; %" PRIu64 " ready)\n", trace_word_object(item->word));
}

static void snippet_print(const struct findings_input *input, const struct snippet *snippet,
			  FILE *out)
{
	uint64_t longest = 0;

	for (size_t i = 0; i < snippet->before_count; i++)
		longest =
		    snippet->before[i].duration > longest ? snippet->before[i].duration : longest;
	for (size_t i = 0; i < snippet->after_count; i++)
		longest =
		    snippet->after[i].duration > longest ? snippet->after[i].duration : longest;
	for (size_t i = 0; i < snippet->before_count; i++)
		line_print(input, &snippet->before[i], longest, out);
	for (size_t i = 0; i < snippet->after_count; i++)
		line_print(input, &snippet->after[i], longest, out);
}

char *snippet_make(const struct findings_input *input, size_t worker, uint64_t tick)
{
	struct snippet snippet = {
	    .out_ticks = timeline_ticks(input->timeline,
					(uint64_t)input->thresholds->values[LIMIT_blocked_note])};
	struct trace_cursor *cursor =
	    input->trace ? trace_cursor_open_near(input->trace, input->process, worker, tick)
			 : NULL;
	char *text = NULL;
	size_t bytes;

	if (!cursor)
		return NULL;
	snippet_read(&snippet, cursor, tick);
	trace_cursor_close(cursor);
	FILE *out =
	    snippet.before_count + snippet.after_count > 0 ? open_memstream(&text, &bytes) : NULL;
	if (!out)
		return NULL;
	snippet_print(input, &snippet, out);
	fclose(out);
	return text;
}
