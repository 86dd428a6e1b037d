/* SPDX-License-Identifier: Apache-2.0
 *
 * The options of analyze_trace: one table, from which the command line is read, --help is printed,
 * and which the tests hold README.md and docs/analyze_trace.1 to.
 */
#ifndef ANALYZE_OPTIONS_H
#define ANALYZE_OPTIONS_H

#include "findings/findings.h"
#include "report/formats/fail_if.h"
#include "report/formats/report_formats.h"
#include "timeline/timeline.h"

#define GATES_MAX 64

struct settings {
	struct timeline_options timeline;
	struct thresholds thresholds;
	const struct report_format *format;
	struct fail_if gates[GATES_MAX];
	size_t fail_if_count;
	const char *baseline_path;
	uint32_t top;		 /* 0: the default of the format */
	uint32_t waterfalls;	 /* so many of the slowest transactions are printed */
	uint64_t transaction_id; /* the one that is printed; 0: none */
	uint32_t pid;		 /* 0: all processes */
	bool all;		 /* the text report of every process, however many there are */
	const char *page_path;	 /* NULL, or the file of the viewer page */
	const char *const *paths;
	size_t path_count;
};

struct analyze_option {
	const char *name;     /* without the dashes */
	const char *argument; /* what it takes, in capitals, in brackets where it may be left out;
				 NULL: nothing */
	const char *fallback; /* "" without a default */
	const char *help;     /* one line */
	/* Returns OPTIONS_GO_ON or the status to exit with. */
	int (*apply)(struct settings *settings, const struct analyze_option *option,
		     const char *value);
	size_t offset; /* of what it sets, in struct settings */
};

#define OPTIONS_GO_ON -1

/* "--top=N", "--transactions[=N]". Returns text. */
const char *analyze_option_text(const struct analyze_option *option, char *text, size_t bytes);
/* By position; NULL at the end. */
const struct analyze_option *analyze_option_at(size_t position);

/* Reads the command line; what is wrong with it is told on standard error. OPTIONS_GO_ON, or the
 * status to exit with.
 */
int settings_read(struct settings *settings, int argc, char **argv);

/* A line on standard error, behind the name of the program. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
