/* SPDX-License-Identifier: Apache-2.0
 *
 * Single transactions as waterfalls: a line a step, its bar to scale from where it was caused to
 * the end of its poll, and what it waited behind.
 *
 * Rules: lines fit REPORT_WIDTH characters; of long ones the first steps are shown, and how many
 * are not.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "report/transaction_text.h"
#include "report_text_internal.h"

#define BAR_COLUMNS 20
#define STEPS_SHOWN 40	 /* of each, unless one is asked for */
#define WAIT_LEAST  0.01 /* of the transaction's time is worth a word */

/* ---- Bars ------------------------------------------------------------------------------------ */

struct stretch {
	uint64_t from, to;
	char mark;
};

static const char legend[] =
    "  # its callback ran; - ready, but the loop ran others or slept; ~ waited for a thread of the "
    "pool; = work on the pool; . outside, or until the loop was told; between | on the chain that "
    "ends last, between : beside it";

#define STRETCHES 5

/* Those that are empty have no length. */
static void stretches_of(const struct transaction_step *step, struct stretch stretches[STRETCHES])
{
	uint64_t caused = step->caused_tick, ready = step->ready_tick;
	bool pool = step->run_tick != 0;
	uint64_t run = pool ? step->run_tick : ready, ran = pool ? step->run_end_tick : ready;

	stretches[0] = (struct stretch){caused, run, pool ? '~' : '.'};
	stretches[1] = (struct stretch){run, ran, '='};
	stretches[2] = (struct stretch){ran, ready, '.'};
	stretches[3] = (struct stretch){ready, step->tick, '-'};
	stretches[4] = (struct stretch){step->tick, step->end_tick, '#'};
}

static uint64_t overlap(const struct stretch *stretch, uint64_t from, uint64_t to)
{
	from = stretch->from > from ? stretch->from : from;
	to = stretch->to < to ? stretch->to : to;
	return to > from ? to - from : 0;
}

/* The column in which that moment lies. */
static size_t column_of(const struct transaction *transaction, uint64_t tick)
{
	double all = (double)(transaction->end_tick - transaction->begin_tick);
	double at = tick > transaction->begin_tick
			? (double)(tick - transaction->begin_tick) / (all > 0 ? all : 1)
			: 0;
	size_t column = (size_t)(at * BAR_COLUMNS);

	return column < BAR_COLUMNS ? column : BAR_COLUMNS - 1;
}

/* What takes most of each column's time; a poll has a mark, however short it is. */
static void bar_draw(const struct transaction *transaction, const struct transaction_step *step,
		     char bar[BAR_COLUMNS + 1])
{
	double all = (double)(transaction->end_tick - transaction->begin_tick);
	struct stretch stretches[STRETCHES];

	stretches_of(step, stretches);
	for (size_t column = 0; column < BAR_COLUMNS; column++) {
		uint64_t from =
		    transaction->begin_tick + (uint64_t)(all / BAR_COLUMNS * (double)column);
		uint64_t to =
		    transaction->begin_tick + (uint64_t)(all / BAR_COLUMNS * (double)(column + 1));
		uint64_t most = 0;
		bar[column] = ' ';
		for (size_t i = 0; i < STRETCHES; i++) {
			uint64_t ticks = overlap(&stretches[i], from, to);
			if (ticks > most) {
				most = ticks;
				bar[column] = stretches[i].mark;
			}
		}
	}
	bar[column_of(transaction, step->tick)] = '#';
	bar[BAR_COLUMNS] = '\0';
}

/* ---- A line a step --------------------------------------------------------------------------- */

/* Who is named most for it; where nobody is, the process' site_count. */
static uint32_t named_most(const struct report *report, const struct transaction_behind *named,
			   size_t count)
{
	struct transaction_behind most = {(uint32_t)report->timeline->process->site_count, 0};

	for (size_t i = 0; i < count; i++)
		most = named[i].ticks > most.ticks ? named[i] : most;
	return most.site;
}

/* What a step waited for longest before it ran. */
static struct transaction_item wait_of(const struct report *report,
				       const struct transaction_step *step)
{
	struct transaction_item most = {PART_OWN, (uint32_t)report->timeline->process->site_count,
					0};

	for (size_t part = 0; part < TRANSACTION_PARTS; part++) {
		if (part != PART_OWN && (double)step->parts[part] > most.ticks) {
			most.part = (enum transaction_part)part;
			most.ticks = (double)step->parts[part];
		}
	}
	if (most.part == PART_BEHIND)
		most.site = named_most(report, step->behind, COUNT(step->behind));
	if (most.part == PART_POOL_WAIT)
		most.site = named_most(report, step->busy, COUNT(step->busy));
	return most;
}

static void add_wait(struct table *table, const struct report *report,
		     const struct transaction *transaction, const struct transaction_step *step)
{
	struct transaction_item wait = wait_of(report, step);
	double all = (double)(transaction->end_tick - transaction->begin_tick);
	char text[DURATION_TEXT_BYTES], *said = NULL;
	struct line line;

	if (wait.ticks >= WAIT_LEAST * all && wait.ticks > 0 && line_begin(&line)) {
		fprintf(line.out, "%s ",
			duration_format(timeline_ns(report->timeline, (uint64_t)wait.ticks), text));
		transaction_item_print(report, &wait, true, line.out);
		said = line_end(&line);
	}
	table_add(table, said ? said : "");
	free(said);
}

static void step_row(struct table *table, const struct report *report,
		     const struct transaction *transaction, const struct transaction_step *step)
{
	const struct timeline *timeline = report->timeline;
	uint64_t begin = transaction->begin_tick;
	char bar[BAR_COLUMNS + 3] = {step->in_path ? '|' : ':'}, *name;

	table_add_duration(table,
			   timeline_ns(timeline, step->tick > begin ? step->tick - begin : 0));
	table_add_duration(table, timeline_ns(timeline, step->end_tick - step->tick));
	bar_draw(transaction, step, bar + 1);
	strcat(bar, step->in_path ? "|" : ":");
	table_add(table, bar);
	if (asprintf(&name, "%s %s", transaction_kind(report, step->site),
		     transaction_function(report, step->site)) >= 0) {
		table_add(table, name);
		free(name);
	} else {
		table->failed = true;
	}
	add_wait(table, report, transaction, step);
}

/* ---- One transaction ------------------------------------------------------------------------- */

static void print_started_by(const struct transaction *transaction, FILE *out)
{
	char id[TRANSACTION_ID_CHARS];

	if (transaction->started_by == 0)
		return;
	transaction_id_print(transaction->started_by, id);
	fprintf(out, "  Started by transaction %s.\n", id);
}

static void print_before(const struct report *report, const struct transaction *transaction,
			 FILE *out)
{
	char most[DURATION_TEXT_BYTES];

	if (transaction->before_ticks > 0)
		report_paragraph(
		    out, REPORT_WIDTH,
		    "  Before that its data may have lain there for up to %s, behind %s.",
		    report_ticks(report->timeline, transaction->before_ticks, most),
		    transaction_callback(report, transaction->before_site));
}

static void print_head(const struct report *report, const struct transaction *transaction,
		       FILE *out)
{
	const struct timeline *timeline = report->timeline;
	const struct transaction_step *root = &transaction->steps[0];
	char id[TRANSACTION_ID_CHARS], took[DURATION_TEXT_BYTES], at[DURATION_TEXT_BYTES];

	transaction_id_print(transaction->id, id);
	fputc('\n', out);
	report_paragraph(
	    out, REPORT_WIDTH, "Transaction %s: %s %s, %s at %s on worker %" PRIu32 " (%s)%s%s", id,
	    transaction_kind(report, root->site), transaction_callback(report, root->site),
	    duration_format(timeline_ns(timeline, transaction->end_tick - transaction->begin_tick),
			    took),
	    report_offset(timeline, transaction->begin_tick, at),
	    report_worker_number(timeline, root->worker), report_role(timeline, root->worker),
	    transaction->cut ? "; cut: " : "",
	    transaction->cut ? transaction_cut_words[transaction->cut] : "");
	print_started_by(transaction, out);
	print_before(report, transaction, out);
}

static int print_waterfall(const struct report *report, const struct transaction *transaction,
			   size_t most, FILE *out)
{
	static const struct table_column columns[] = {{"runs at", true, 0},
						      {"for", true, 0},
						      {"", false, 0},
						      {"callback", false, 1},
						      {"waited longest", false, 1}};
	struct table table;

	print_head(report, transaction, out);
	table_begin(&table, columns, COUNT(columns));
	for (size_t i = 0; i < transaction->step_count && i < most; i++)
		step_row(&table, report, transaction, &transaction->steps[i]);
	int error = table_print(&table, out, REPORT_WIDTH);
	if (transaction->step_count > most)
		fprintf(out, "  ... and %zu more steps (--transaction=ID shows all)\n",
			transaction->step_count - most);
	return error;
}

int report_waterfalls_print(const struct report *report, FILE *out)
{
	const struct transactions *transactions = report->transactions;
	bool one = report->transaction_id != 0;
	int error = 0;

	if (!one && report->waterfalls == 0)
		return 0;
	if (one && !transactions->asked) {
		fputs("\nThere is no transaction of that id in this process.\n", out);
		return 0;
	}
	fprintf(out, one ? "\nONE TRANSACTION\n" : "\nTHE SLOWEST TRANSACTIONS, step by step\n");
	report_paragraph(out, REPORT_WIDTH, "%s.", legend);
	if (one)
		return print_waterfall(report, transactions->asked, SIZE_MAX, out);
	for (size_t i = 0; error == 0 && i < transactions->slowest_count && i < report->waterfalls;
	     i++)
		error = print_waterfall(report, &transactions->slowest[i], STEPS_SHOWN, out);
	return error;
}
