/* SPDX-License-Identifier: Apache-2.0
 *
 * The callback in which the program died. Only a fatal signal is death: a program that calls
 * _exit() there ends as it meant to, and SIGTERM, SIGINT and SIGHUP are how others end it. Where
 * nobody saw how it ended, that it ended there is all that is told.
 */
#include "findings/findings_internal.h"

#define SURE_OF_SIGNAL	0.9 /* the kernel said how it ended */
#define SURE_OF_END	0.8
#define SURE_OF_SEVERAL 0.5 /* ... but not which thread did it */

/* How long it had run: when the program died nobody saw, the helper only noticed that it was gone.
 */
static void facts_of_death(const struct detection *detection, const struct timeline_span *span,
			   struct finding *finding)
{
	const struct findings_input *input = detection->input;
	uint64_t least =
	    stalls_open_least(detection->timeline, input->stalls, input->stall_count, span);

	if (least > 0)
		fact_ticks(detection, finding, FACT_at_least_ns, least);
	if (timeline_death_was_noticed(detection->timeline))
		fact_ticks(detection, finding, FACT_at_most_ns, span->duration);
	fact_flag(finding, FACT_registered, span->site < detection->timeline->process->site_count);
}

/* Signals of Linux that have one number on all machines that are traced. */
static const struct {
	uint32_t number;
	const char *name;
	bool is_order; /* how others end a program that nothing ails */
} signals[] = {
    {1, "SIGHUP", true},    {2, "SIGINT", true},    {3, "SIGQUIT", false},  {4, "SIGILL", false},
    {5, "SIGTRAP", false},  {6, "SIGABRT", false},  {7, "SIGBUS", false},   {8, "SIGFPE", false},
    {9, "SIGKILL", false},  {10, "SIGUSR1", false}, {11, "SIGSEGV", false}, {12, "SIGUSR2", false},
    {13, "SIGPIPE", false}, {14, "SIGALRM", false}, {15, "SIGTERM", true},  {24, "SIGXCPU", false},
    {25, "SIGXFSZ", false}, {31, "SIGSYS", false},
};

/* The row of a signal; the table's length: it has none. */
static size_t signal_row(uint32_t number)
{
	size_t row = 0;

	while (row < sizeof(signals) / sizeof(*signals) && signals[row].number != number)
		row++;
	return row;
}

static bool is_fatal(const struct timeline_ending *ending)
{
	size_t row = signal_row(ending->signal);

	return ending->signal != 0 &&
	       !(row < sizeof(signals) / sizeof(*signals) && signals[row].is_order);
}

static void facts_of_ending(const struct timeline_ending *ending, struct finding *finding)
{
	size_t row = signal_row(ending->signal);
	const char *name = row < sizeof(signals) / sizeof(*signals) ? signals[row].name : NULL;

	fact_flag(finding, FACT_end_unknown, !ending->known);
	if (!ending->known)
		return;
	if (name)
		fact_text(finding, FACT_signal, name);
	else if (ending->signal)
		fact_whole(finding, FACT_signal_number, ending->signal);
	else
		fact_whole(finding, FACT_exit_code, ending->code);
	fact_flag(finding, FACT_died, is_fatal(ending));
}

/* One of a loop rather than one of the pool. */
static const struct timeline_span *open_at_death(const struct timeline *timeline)
{
	const struct timeline_span *span = NULL;

	for (size_t i = 0; i < timeline->open.count; i++) {
		const struct timeline_span *open = &timeline->open.spans[i];
		if (!timeline_end_is_known(timeline, open->worker))
			continue;
		if (!span || (is_loop(timeline, open->worker) && !is_loop(timeline, span->worker)))
			span = open;
	}
	return span;
}

/* What ran on other loops at that moment, first the one that began last: which thread ended the
 * program the kernel does not tell. */
static bool facts_of_others(const struct timeline *timeline, const struct timeline_span *span,
			    struct finding *finding)
{
	const struct timeline_span *beside = NULL;
	uint64_t count = 0;

	for (size_t i = 0; is_loop(timeline, span->worker) && i < timeline->open.count; i++) {
		const struct timeline_span *open = &timeline->open.spans[i];
		if (open->worker == span->worker || !is_loop(timeline, open->worker) ||
		    !timeline_end_is_known(timeline, open->worker))
			continue;
		count++;
		beside = !beside || open->tick > beside->tick ? open : beside;
	}
	if (!beside)
		return false;
	fact_whole(finding, FACT_beside, beside->site);
	fact_whole(finding, FACT_beside_count, count);
	return true;
}

void detect_died(struct detection *detection)
{
	const struct timeline *timeline = detection->timeline;
	const struct timeline_span *span =
	    timeline_died(timeline->process) ? open_at_death(timeline) : NULL;

	if (!span)
		return;
	struct timeline_ending ending = timeline_ending(timeline->process);
	/* Work on the pool goes on whoever ends the program. */
	enum severity severity =
	    is_loop(timeline, span->worker) && is_fatal(&ending) ? SEVERITY_ERROR : SEVERITY_NOTE;
	struct finding finding = finding_make(detection, FINDING_DIED, severity);
	facts_of_ending(&ending, &finding);
	finding_blame(detection, &finding, span->site);
	finding_place(detection, &finding, span->tick, span->duration, span->worker);
	facts_of_death(detection, span, &finding);
	finding.confidence = ending.known ? SURE_OF_SIGNAL : SURE_OF_END;
	if (facts_of_others(timeline, span, &finding))
		finding.confidence = SURE_OF_SEVERAL;
	finding_add(detection, &finding);
}
