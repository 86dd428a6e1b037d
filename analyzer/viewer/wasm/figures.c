/* SPDX-License-Identifier: Apache-2.0
 *
 * The figures of analyze_trace --json, of the whole process or a range: reads what they rest on,
 * and makes the report.
 */
#include <stdlib.h>

#include "findings/profile.h"
#include "report/findings_text.h"
#include "transactions/transaction_tally.h"
#include "viewer.h"

/* As analyze_trace has them where nobody says otherwise, with as many rows as its --json lists. */
struct timeline_options figure_options(void)
{
	struct timeline_options options = TIMELINE_OPTIONS_DEFAULT;
	struct thresholds thresholds = thresholds_default();

	options.top = 1000;
	thresholds_apply(&thresholds, &options);
	return options;
}

/* Who is told of a transaction that is over. */
struct listeners {
	struct transaction_tally *tally;
	bool with_briefs;
};

static void over_tell(void *arg, const struct transaction *transaction)
{
	const struct listeners *listeners = arg;

	transaction_tally_take(listeners->tally, transaction);
	if (listeners->with_briefs)
		briefs_add(&viewer.briefs, transaction);
}

struct figures figures_read(const struct timeline_options *options, bool with_briefs,
			    trace_progress progress)
{
	struct thresholds thresholds = thresholds_default();
	struct transactions_options wanted = TRANSACTIONS_OPTIONS_DEFAULT;
	struct figures figures = {
	    .tally = transaction_tally_make(viewer.process,
					    (uint64_t)thresholds.values[LIMIT_transaction_wait])};
	struct listeners listeners = {figures.tally, with_briefs};

	if (!figures.tally)
		return figures;
	wanted.over = over_tell;
	wanted.arg = &listeners;
	figures.transactions = transactions_read(viewer.trace, viewer.process_index, options,
						 &wanted, progress, NULL, &figures.timeline);
	if (figures.transactions && with_briefs)
		briefs_finish(&viewer.briefs, figures.transactions);
	return figures;
}

void figures_free(struct figures *figures)
{
	transactions_free(figures->transactions);
	transaction_tally_free(figures->tally);
	timeline_free(figures->timeline);
	*figures = (struct figures){0};
}

/* ---- The report ------------------------------------------------------------------------------ */

static const char *report_text(const struct figures *figures)
{
	struct thresholds thresholds = thresholds_default();
	struct stalls *stalls = stalls_make(figures->timeline, viewer.symbols);
	struct stalls *profile = profile_make(viewer.trace, figures->timeline, viewer.symbols);
	struct findings_input input = {.trace = viewer.trace,
				       .process = viewer.process_index,
				       .timeline = figures->timeline,
				       .symbols = viewer.symbols,
				       .thresholds = &thresholds,
				       .stalls = stalls ? stalls->list : NULL,
				       .stall_count = stalls ? stalls->count : 0,
				       .profile = profile ? profile->list : NULL,
				       .profile_count = profile ? profile->count : 0,
				       .transactions = figures->transactions,
				       .tally = figures->tally};
	struct findings *findings = findings_with_text(&input);
	struct report report = {.trace = viewer.trace,
				.timeline = figures->timeline,
				.symbols = viewer.symbols,
				.findings = findings,
				.transactions = figures->transactions,
				.tally = figures->tally,
				.stalls = stalls,
				.profile = profile,
				.alone = viewer.trace->process_count == 1};
	struct report_list *list = report_list_make(viewer.trace);
	char *text = NULL;
	size_t bytes = 0;
	FILE *out = list && findings && profile ? open_memstream(&text, &bytes) : NULL;

	if (out && report_list_add(list, &report) == 0)
		report_list_print(list, out);
	if (out)
		fclose(out);
	flame_take(&report);
	report_list_free(list);
	findings_free(findings);
	stalls_free(profile);
	stalls_free(stalls);
	free(viewer.text);
	viewer.text = text;
	return text;
}

/* As analyze_trace --json prints them. */
EXPORT(page_report) const char *page_report(void)
{
	return report_text(&viewer.figures);
}

static void figure_progress(void *arg, uint64_t done, uint64_t total)
{
	(void)arg;
	page_progress(PROGRESS_FIGURES, total ? (double)done / (double)total : 0);
}

/* Figures of a range, as --from, --to, --long-poll and --idle give them; to_ns < 0: to the end.
 * NULL: no memory. */
EXPORT(page_figures)
const char *page_figures(double from_ns, double to_ns, double long_poll_ns, double idle_ns)
{
	struct timeline_options options = figure_options();

	options.from_ns = from_ns > 0 ? (uint64_t)from_ns : 0;
	options.to_ns = to_ns >= 0 ? (uint64_t)to_ns : UINT64_MAX;
	options.long_poll_ns = (uint64_t)long_poll_ns;
	options.idle_ns = (uint64_t)idle_ns;
	struct figures figures = figures_read(&options, false, figure_progress);
	const char *text = figures.timeline ? report_text(&figures) : NULL;
	figures_free(&figures);
	return text;
}
