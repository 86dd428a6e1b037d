/* SPDX-License-Identifier: Apache-2.0
 *
 * See report_overview.h.
 */
#include "report_overview.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/durations.h"
#include "base/report_table.h"

/* One process. */
struct row {
	size_t number; /* in the order in which they were added */
	uint32_t pid;
	char *program, *worst; /* its worst finding: "error died: on_read"; NULL: none */
	char *text;	       /* its report; NULL: is not printed whole */
	uint64_t start_real_ns, duration_ns, events, gone;
	int severity; /* -1: no finding */
	uint64_t cost_ns;
};

/* One finding of one process. */
struct entry {
	const char *id; /* of the table of detectors: lives for ever */
	char *culprit;
	enum severity severity;
	uint64_t cost_ns;
	uint32_t pid;
};

/* Findings of one id and culprit. */
struct group {
	const struct entry *worst;
	uint64_t times, processes, cost_ns;
};

struct overview {
	size_t whole; /* reports to be printed whole */
	size_t *kept; /* numbers of the rows that have theirs */
	size_t kept_count;
	struct row *rows;
	size_t row_count;
	struct entry *entries;
	size_t entry_count;
};

struct overview *overview_make(size_t whole)
{
	struct overview *overview = calloc(1, sizeof(*overview));

	if (overview)
		overview->whole = whole;
	return overview;
}

void overview_free(struct overview *overview)
{
	for (size_t i = 0; overview && i < overview->row_count; i++) {
		free(overview->rows[i].program);
		free(overview->rows[i].worst);
		free(overview->rows[i].text);
	}
	for (size_t i = 0; overview && i < overview->entry_count; i++)
		free(overview->entries[i].culprit);
	if (overview) {
		free(overview->kept);
		free(overview->rows);
		free(overview->entries);
	}
	free(overview);
}

/* ---- Adding ---------------------------------------------------------------------------------- */

/* Room for one more at the end; it doubles at powers of two. */
static void *list_grow(void *list, size_t count, size_t bytes)
{
	return (count & (count - 1)) == 0 ? reallocarray(list, count ? 2 * count : 1, bytes) : list;
}

static int number_compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* The worst first; of equals the one that cost more, then the earlier. */
static int row_compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->severity != y->severity)
		return x->severity > y->severity ? -1 : 1;
	if (x->cost_ns != y->cost_ns)
		return -number_compare(x->cost_ns, y->cost_ns);
	return number_compare(x->number, y->number);
}

static int entries_add(struct overview *overview, const struct report *report)
{
	for (size_t i = 0; i < report->findings->count; i++) {
		const struct finding *finding = &report->findings->list[i];
		struct entry *list =
		    list_grow(overview->entries, overview->entry_count, sizeof(*list));
		if (!list)
			return -ENOMEM;
		overview->entries = list;
		list[overview->entry_count] =
		    (struct entry){.id = finding_id_name(finding->id),
				   .culprit = strdup(finding->text.culprit),
				   .severity = finding->severity,
				   .cost_ns = finding->cost_ns,
				   .pid = report->timeline->process->pid};
		if (!list[overview->entry_count++].culprit)
			return -ENOMEM;
	}
	return 0;
}

static char *worst_text(const struct finding *finding)
{
	char *text = NULL;
	bool named = *finding->text.culprit;
	int length =
	    asprintf(&text, "%s %s%s%s", severity_name(finding->severity),
		     finding_id_name(finding->id), named ? ": " : "", finding->text.culprit);

	return length < 0 ? NULL : text;
}

static int row_fill(struct row *row, const struct report *report)
{
	const struct trace_process *process = report->timeline->process;
	const struct findings *findings = report->findings;
	const char *slash = strrchr(process->exe, '/');
	int64_t duration_ns = timeline_offset_ns(report->timeline, process->last_tick);

	row->pid = process->pid;
	row->start_real_ns = process->start_real_ns;
	row->duration_ns = duration_ns > 0 ? (uint64_t)duration_ns : 0;
	row->events = process->events;
	row->gone = process->lost + process->missing;
	row->severity = findings_worst(findings);
	for (size_t i = 0; i < findings->count; i++)
		row->cost_ns += findings->list[i].cost_ns < UINT64_MAX - row->cost_ns
				    ? findings->list[i].cost_ns
				    : 0;
	row->program = strdup(slash && slash[1] ? slash + 1 : process->exe);
	row->worst = findings->count > 0 ? worst_text(&findings->list[0]) : NULL;
	return row->program && (row->worst || findings->count == 0) ? 0 : -ENOMEM;
}

static int row_print(struct row *row, const struct report *report)
{
	size_t bytes;
	FILE *out = open_memstream(&row->text, &bytes);
	int error = out ? report_print(report, out) : -ENOMEM;

	return out && fclose(out) != 0 ? -ENOMEM : error;
}

/* Its report is kept where it is among the worst so far, in the place of the least of those. The
 * row is the newest. */
static int row_keep(struct overview *overview, const struct report *report)
{
	struct row *rows = overview->rows, *row = &rows[overview->row_count - 1];
	size_t least = 0;

	if (overview->kept_count < overview->whole) {
		size_t *kept = list_grow(overview->kept, overview->kept_count, sizeof(*kept));
		if (!kept)
			return -ENOMEM;
		overview->kept = kept;
		least = overview->kept_count++;
	} else {
		for (size_t i = 1; i < overview->kept_count; i++)
			least =
			    row_compare(&rows[overview->kept[i]], &rows[overview->kept[least]]) > 0
				? i
				: least;
		if (overview->kept_count == 0 || row_compare(row, &rows[overview->kept[least]]) > 0)
			return 0;
		free(rows[overview->kept[least]].text);
		rows[overview->kept[least]].text = NULL;
	}
	overview->kept[least] = row->number;
	return row_print(row, report);
}

int overview_add(struct overview *overview, const struct report *report)
{
	struct row *rows = list_grow(overview->rows, overview->row_count, sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	overview->rows = rows;
	rows[overview->row_count] = (struct row){.number = overview->row_count};
	struct row *row = &rows[overview->row_count++];
	int error = row_fill(row, report);
	if (error == 0)
		error = entries_add(overview, report);
	return error == 0 ? row_keep(overview, report) : error;
}

/* ---- Printing -------------------------------------------------------------------------------- */

static int entry_compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int order = strcmp(x->id, y->id);

	order = order ? order : strcmp(x->culprit, y->culprit);
	order = order ? order : number_compare(x->pid, y->pid);
	return order ? order : -number_compare(x->cost_ns, y->cost_ns);
}

static int group_compare(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	if (x->worst->severity != y->worst->severity)
		return x->worst->severity > y->worst->severity ? -1 : 1;
	if (x->cost_ns != y->cost_ns)
		return -number_compare(x->cost_ns, y->cost_ns);
	return x->times != y->times ? -number_compare(x->times, y->times)
				    : entry_compare(x->worst, y->worst);
}

/* Of sorted entries. Returns how many groups there are. */
static size_t groups_fill(struct group *groups, const struct entry *entries, size_t count)
{
	size_t filled = 0;

	for (size_t i = 0; i < count; i++) {
		const struct entry *entry = &entries[i], *before = i > 0 ? &entries[i - 1] : NULL;
		bool same = before && strcmp(before->id, entry->id) == 0 &&
			    strcmp(before->culprit, entry->culprit) == 0;
		if (!same)
			groups[filled++] = (struct group){.worst = entry};
		struct group *group = &groups[filled - 1];
		group->times++;
		group->processes += !same || before->pid != entry->pid;
		group->cost_ns += entry->cost_ns < UINT64_MAX - group->cost_ns ? entry->cost_ns : 0;
		if (entry->severity > group->worst->severity ||
		    (entry->severity == group->worst->severity &&
		     entry->cost_ns > group->worst->cost_ns))
			group->worst = entry;
	}
	return filled;
}

static void print_more(size_t count, size_t rows, FILE *out)
{
	if (count > rows)
		fprintf(out, "  ... and %zu more (--top=N shows more)\n", count - rows);
}

static int print_groups(const struct group *groups, size_t count, size_t rows, FILE *out)
{
	static const struct table_column columns[] = {
	    {"severity", false, 0}, {"finding", false, 0},  {"culprit", false, 1},
	    {"times", true, 0},	    {"processes", true, 0}, {"others waited", true, 0},
	    {"worst in", true, 0},
	};
	struct table table;

	table_begin(&table, columns, sizeof(columns) / sizeof(*columns));
	for (size_t i = 0; i < count && i < rows; i++) {
		char pid[16];
		table_add(&table, severity_name(groups[i].worst->severity));
		table_add(&table, groups[i].worst->id);
		table_add(&table, groups[i].worst->culprit);
		table_add_count(&table, groups[i].times);
		table_add_count(&table, groups[i].processes);
		table_add_duration(&table, groups[i].cost_ns);
		snprintf(pid, sizeof(pid), "%" PRIu32, groups[i].worst->pid);
		table_add(&table, pid);
	}
	int error = table_print(&table, out, REPORT_WIDTH);
	print_more(count, rows, out);
	return error;
}

static int print_findings(struct overview *overview, size_t rows, FILE *out)
{
	struct group *groups = calloc(overview->entry_count + 1, sizeof(*groups));

	if (!groups)
		return -ENOMEM;
	if (overview->entry_count > 1)
		qsort(overview->entries, overview->entry_count, sizeof(*overview->entries),
		      entry_compare);
	size_t count = groups_fill(groups, overview->entries, overview->entry_count);
	if (count > 1)
		qsort(groups, count, sizeof(*groups), group_compare);
	fputs("\nFINDINGS of all processes, by finding and culprit, the worst first\n", out);
	if (count == 0)
		fputs("No problem found.\n", out);
	int error = print_groups(groups, count, rows, out);
	free(groups);
	return error;
}

static void process_row(struct table *table, const struct row *row, uint64_t first_ns)
{
	char text[DURATION_TEXT_BYTES];

	snprintf(text, sizeof(text), "%" PRIu32, row->pid);
	table_add(table, text);
	table_add(table, row->program);
	table_add(table, duration_format_offset((int64_t)(row->start_real_ns - first_ns), text));
	table_add_duration(table, row->duration_ns);
	table_add_count(table, row->events);
	table_add_count(table, row->gone);
	table_add(table, row->worst ? row->worst : "-");
}

static int print_processes(const struct overview *overview, size_t rows, uint64_t first_ns,
			   FILE *out)
{
	static const struct table_column columns[] = {
	    {"process", true, 0},	 {"program", false, 1}, {"started", true, 0},
	    {"ran for", true, 0},	 {"events", true, 0},	{"lost", true, 0},
	    {"worst finding", false, 1},
	};
	struct table table;

	fputs("\nPROCESSES, the worst first; lost: lost or missing events\n", out);
	table_begin(&table, columns, sizeof(columns) / sizeof(*columns));
	for (size_t i = 0; i < overview->row_count && i < rows; i++)
		process_row(&table, &overview->rows[i], first_ns);
	int error = table_print(&table, out, REPORT_WIDTH);
	print_more(overview->row_count, rows, out);
	return error;
}

/* Returns when the first of them started. */
static uint64_t print_sums(const struct overview *overview, FILE *out)
{
	uint64_t first_ns = UINT64_MAX, last_ns = 0, events = 0, gone = 0;
	char texts[3][REPORT_COUNT_BYTES], lasted[DURATION_TEXT_BYTES];
	size_t found = 0;

	for (size_t i = 0; i < overview->row_count; i++) {
		const struct row *row = &overview->rows[i];
		first_ns = row->start_real_ns < first_ns ? row->start_real_ns : first_ns;
		last_ns = row->start_real_ns + row->duration_ns > last_ns
			      ? row->start_real_ns + row->duration_ns
			      : last_ns;
		events += row->events;
		gone += row->gone;
		found += row->severity > (int)SEVERITY_NOTE;
	}
	fprintf(out, "%s processes within %s: %s event%s, %s%s.\n",
		report_count(overview->row_count, texts[0]),
		duration_format(last_ns > first_ns ? last_ns - first_ns : 0, lasted),
		report_count(events, texts[1]), plural(events),
		gone ? report_count(gone, texts[2]) : "none", gone ? " LOST OR MISSING" : " lost");
	fprintf(out, "%zu of them %s findings above a note.\n", found,
		by_count(found, "has", "have"));
	return first_ns;
}

static void print_whole(const struct overview *overview, FILE *out)
{
	bool all = overview->kept_count == overview->row_count;

	if (overview->kept_count == 0)
		return;
	fprintf(out, "\nREPORTS of %s %zu, the worst first%s\n", all ? "all" : "the worst",
		overview->kept_count,
		all ? "" : " (--process=PID: the report of one; --all: of every process)");
	for (size_t i = 0; i < overview->row_count; i++) {
		if (overview->rows[i].text)
			fprintf(out, "\n%s\n\n%s",
				"------------------------------------------------------------------"
				"----",
				overview->rows[i].text);
	}
}

int overview_print(struct overview *overview, size_t rows, FILE *out)
{
	uint64_t first_ns = print_sums(overview, out);
	int error = print_findings(overview, rows, out);

	if (overview->row_count > 1)
		qsort(overview->rows, overview->row_count, sizeof(*overview->rows), row_compare);
	if (error == 0)
		error = print_processes(overview, rows, first_ns, out);
	print_whole(overview, out);
	return error;
}
