/* SPDX-License-Identifier: Apache-2.0
 *
 * See fail_if.h.
 */
#include "fail_if.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/durations.h"
#include "report/transaction_text.h"

#define SIGNATURE_LEAST 20 /* transactions of which a p99 is judged without being asked for */

/* ---- Figures --------------------------------------------------------------------------------- */

static double ns_of(const struct timeline *timeline, uint64_t ticks)
{
	return (double)timeline_ns(timeline, ticks);
}

static bool is_loop(const struct timeline *timeline, size_t worker)
{
	return timeline->process->workers[worker].role == TRACE_ROLE_LOOP;
}

static double long_poll(const struct report *report, const struct fail_if *fail_if)
{
	(void)fail_if;
	const struct timeline *timeline = report->timeline;
	uint64_t longest = 0;

	for (size_t i = 0; i < timeline->process->worker_count; i++) {
		if (is_loop(timeline, i) && timeline->workers[i].slowest.duration > longest)
			longest = timeline->workers[i].slowest.duration;
	}
	for (size_t i = 0; i < timeline->open.count; i++) {
		const struct timeline_span *span = &timeline->open.spans[i];
		if (is_loop(timeline, span->worker) && span->duration > longest)
			longest = span->duration;
	}
	return ns_of(timeline, longest);
}

static double iteration(const struct report *report, const struct fail_if *fail_if)
{
	(void)fail_if;
	return ns_of(report->timeline, report->timeline->iteration_ticks.max);
}

static double pool_wait(const struct report *report, const struct fail_if *fail_if)
{
	(void)fail_if;
	return ns_of(report->timeline, histogram_quantile(&report->timeline->pool_wait, 0.99));
}

static double wakeup(const struct report *report, const struct fail_if *fail_if)
{
	(void)fail_if;
	double worst = 0;

	for (size_t i = 0; i < report->timeline->process->site_count; i++) {
		uint64_t p99 =
		    histogram_quantile(&report->timeline->sites[i].wakeups.latency, 0.99);
		worst = ns_of(report->timeline, p99) > worst ? ns_of(report->timeline, p99) : worst;
	}
	return worst;
}

static double pending(const struct report *report, const struct fail_if *fail_if)
{
	(void)fail_if;
	const struct timeline_top *top = &report->timeline->pending;

	return top->count > 0 ? ns_of(report->timeline, top->spans[0].duration) : 0;
}

/* Of those that begin in the callback, all signatures together; 0: there is none. */
static uint64_t p99_of_root(const struct report *report, const struct fail_if *fail_if)
{
	const struct transactions *transactions = report->transactions;
	struct histogram all = {0};

	for (size_t i = 0; i < transactions->signature_count; i++) {
		const struct transaction_signature *signature = &transactions->signatures[i];
		if (transaction_root_is(report, signature, fail_if->root, fail_if->root_length))
			histogram_merge(&all, &signature->ticks);
	}
	uint64_t p99 = histogram_quantile(&all, 0.99);
	histogram_clear(&all);
	return p99;
}

/* The worst of those that there are enough of to speak of a p99. */
static double transaction_p99(const struct report *report, const struct fail_if *fail_if)
{
	const struct transactions *transactions = report->transactions;
	uint64_t worst = 0;

	if (!transactions)
		return 0;
	if (fail_if->root)
		return ns_of(report->timeline, p99_of_root(report, fail_if));
	for (size_t i = 0; i < transactions->signature_count; i++) {
		const struct histogram *ticks = &transactions->signatures[i].ticks;
		uint64_t p99 =
		    ticks->count >= SIGNATURE_LEAST ? histogram_quantile(ticks, 0.99) : 0;
		worst = p99 > worst ? p99 : worst;
	}
	return ns_of(report->timeline, worst);
}

static double lost(const struct report *report, const struct fail_if *fail_if)
{
	(void)fail_if;
	return (double)(report->timeline->process->lost + report->timeline->process->missing);
}

static double worse(const struct report *report, const struct fail_if *fail_if)
{
	(void)fail_if;
	return (double)report->worse;
}

static double finding(const struct report *report, const struct fail_if *fail_if)
{
	(void)fail_if;
	return findings_worst(report->findings);
}

static const struct {
	const char *name;
	double (*value)(const struct report *report, const struct fail_if *fail_if);
	enum { UNIT_TIME, UNIT_NUMBER, UNIT_FINDING } unit;
	const char *text;
} figures[] = {
    {"finding", finding, UNIT_FINDING,
     "the worst finding: note, warning, error; ==ID: there is a finding of this id"},
    {"long_poll", long_poll, UNIT_TIME, "the longest callback of a loop"},
    {"turn", iteration, UNIT_TIME, "the longest time in callbacks between two waits of a loop"},
    {"pool_wait", pool_wait, UNIT_TIME, "p99 wait for a pool thread"},
    {"wakeup", wakeup, UNIT_TIME, "the slowest p99 from uv_async_send to its callback"},
    {"pending", pending, UNIT_TIME, "age of the oldest request that is pending at the end"},
    {"transaction_p99", transaction_p99, UNIT_TIME,
     "the slowest p99 of the transactions of one signature; [KIND CALLBACK]: of those that begin "
     "there"},
    {"lost", lost, UNIT_NUMBER, "events lost or missing"},
    {"worse", worse, UNIT_NUMBER, "callbacks and transactions that are slower than in --baseline"},
};

#define FIGURES (sizeof(figures) / sizeof(*figures))

void fail_if_print_figures(FILE *out)
{
	for (size_t i = 0; i < FIGURES; i++)
		fprintf(out, "  %-15s %s\n", figures[i].name, figures[i].text);
}

/* ---- Conditions ------------------------------------------------------------------------------ */

static const struct {
	const char *text; /* longer ones first */
	enum fail_if_compare compare;
} compares[] = {
    {">=", FAIL_IF_NOT_LESS}, {"<=", FAIL_IF_NOT_MORE}, {"==", FAIL_IF_SAME},
    {">", FAIL_IF_MORE},      {"<", FAIL_IF_LESS},
};

/* Finds the comparison; its text's place in `compares`, or -1. */
static int compare_find(const char *text)
{
	for (size_t i = 0; i < sizeof(compares) / sizeof(*compares); i++) {
		if (strncmp(text, compares[i].text, strlen(compares[i].text)) == 0)
			return (int)i;
	}
	return -1;
}

static int finding_parse(struct fail_if *fail_if, const char *text)
{
	enum severity severity;

	if (severity_parse(text, &severity) == 0) {
		fail_if->value = severity;
		return 0;
	}
	fail_if->id = text;
	return fail_if->compare == FAIL_IF_SAME && *text ? 0 : -EINVAL;
}

static int value_parse(struct fail_if *fail_if, const char *text)
{
	uint64_t ns;
	char *end;

	if (figures[fail_if->figure].unit == UNIT_FINDING)
		return finding_parse(fail_if, text);
	if (figures[fail_if->figure].unit == UNIT_TIME) {
		int error = duration_parse(text, &ns);
		fail_if->value = error == 0 ? (double)ns : 0;
		return error < 0 ? -EINVAL : 0;
	}
	fail_if->value = strtod(text, &end);
	return end == text || *end != '\0' ? -EINVAL : 0;
}

/* "[read on_request]" behind the figure's name, up to the last bracket: names of C++ may have some.
 * Returns how long it is. */
static size_t root_parse(struct fail_if *fail_if, const char *text)
{
	const char *end = *text == '[' ? strrchr(text, ']') : NULL;

	if (!end)
		return 0;
	fail_if->root = text + 1;
	fail_if->root_length = (size_t)(end - fail_if->root);
	return (size_t)(end + 1 - text);
}

int fail_if_parse(struct fail_if *fail_if, const char *text)
{
	size_t length = strcspn(text, "[<>=");

	*fail_if = (struct fail_if){.text = text};
	size_t before = length + root_parse(fail_if, text + length);
	int compare = compare_find(text + before);

	while (fail_if->figure < FIGURES &&
	       (strlen(figures[fail_if->figure].name) != length ||
		strncmp(figures[fail_if->figure].name, text, length) != 0))
		fail_if->figure++;
	if (fail_if->figure == FIGURES)
		return -ENOENT;
	if (compare < 0 || (fail_if->root && (figures[fail_if->figure].value != transaction_p99 ||
					      fail_if->root_length == 0)))
		return -EINVAL;
	fail_if->compare = compares[compare].compare;
	return value_parse(fail_if, text + before + strlen(compares[compare].text));
}

bool fail_if_is_about_nothing(const struct fail_if *fail_if, const struct report *report)
{
	const struct transactions *transactions = report->transactions;

	for (size_t i = 0; fail_if->root && transactions && i < transactions->signature_count;
	     i++) {
		if (transaction_root_is(report, &transactions->signatures[i], fail_if->root,
					fail_if->root_length))
			return false;
	}
	return fail_if->root != NULL;
}

bool fail_if_needs_baseline(const struct fail_if *fail_if)
{
	return figures[fail_if->figure].value == worse;
}

static bool blocking(enum fail_if_compare compare, double a, double b)
{
	switch (compare) {
	case FAIL_IF_MORE:
		return a > b;
	case FAIL_IF_NOT_LESS:
		return a >= b;
	case FAIL_IF_LESS:
		return a < b;
	case FAIL_IF_NOT_MORE:
		return a <= b;
	default:
		return a == b;
	}
}

static const struct finding *finding_with(const struct findings *findings, const char *id)
{
	for (size_t i = 0; i < findings->count; i++) {
		if (strcmp(finding_id_name(findings->list[i].id), id) == 0)
			return &findings->list[i];
	}
	return NULL;
}

static char *why_make(const struct fail_if *fail_if, double value, const struct finding *found)
{
	char text[DURATION_TEXT_BYTES], *why;
	int length;

	if (figures[fail_if->figure].unit == UNIT_FINDING)
		length = asprintf(&why, "%s: %s %s: %s", fail_if->text,
				  found ? severity_name(found->severity) : "none",
				  found ? finding_id_name(found->id) : "",
				  found ? found->text.title : "");
	else if (figures[fail_if->figure].unit == UNIT_TIME)
		length = asprintf(&why, "%s: it is %s", fail_if->text,
				  duration_format((uint64_t)value, text));
	else
		length = asprintf(&why, "%s: it is %.0f", fail_if->text, value);
	return length < 0 ? NULL : why;
}

bool fail_if_fails(const struct fail_if *fail_if, const struct report *report, char **why)
{
	const struct finding *found = report->findings->count > 0 ? report->findings->list : NULL;
	double value = figures[fail_if->figure].value(report, fail_if);
	bool fails = blocking(fail_if->compare, value, fail_if->value);

	if (fail_if->id) {
		found = finding_with(report->findings, fail_if->id);
		fails = found != NULL;
	}
	*why = fails ? why_make(fail_if, value, found) : NULL;
	return fails;
}
