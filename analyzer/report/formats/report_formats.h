/* SPDX-License-Identifier: Apache-2.0
 *
 * What analyze_trace can print: one table of formats. Each is begun, given one process after the
 * other, and ended.
 *
 * Rules: all functions return 0 or -errno; after an error no other is called. What a format keeps
 * between its calls is in struct report_output, and is freed by report_output_free() also after an
 * error.
 */
#ifndef REPORT_FORMATS_H
#define REPORT_FORMATS_H

#include "report/report.h"

struct report_list;
struct overview;

/* Where a report goes, and what there is to be said of. */
struct report_output {
	FILE *file;
	const char *path; /* of the viewer page; NULL: it goes to `file` too */
	const struct trace *trace;
	size_t processes;    /* that will be given */
	size_t top;	     /* rows of each list */
	bool all;	     /* the whole text report of every process, however many there are */
	const char *problem; /* what an error is about; NULL: about nothing but memory */
	/* The format's own: */
	size_t printed;	  /* processes so far */
	bool has_profile; /* one was written */
	struct report_list *list;
	struct overview *overview;
	void *own; /* freed with free() */
};

/* A process that is to be read. */
struct report_source {
	struct trace *trace;
	size_t process; /* position */
	struct symbols *symbols;
};

struct report_format {
	const char *name;
	const char *kind;    /* what it is, for --help */
	size_t top_default;  /* rows of each list */
	bool names_problems; /* of the trace as a whole; of others they go to standard error */
	int (*begin)(struct report_output *output);
	/* Of each process before process(), NULL: nothing. It is about to be read; meanwhile: a
	 * transaction is over, in the order of their ends. */
	int (*open)(struct report_output *output, const struct report_source *source);
	void (*over)(void *output, const struct transaction *transaction);
	int (*process)(struct report_output *output,
		       const struct report *report); /* NULL: needs none */
	int (*end)(struct report_output *output);
};

/* The table, by position and by name; NULL: there is none. The first is the default. */
const struct report_format *report_format_at(size_t position);
const struct report_format *report_format_find(const char *name);

#define REPORT_FORMAT_NAMES_BYTES 256

/* "text, json or html": all names. Returns text. */
const char *report_format_names(char text[REPORT_FORMAT_NAMES_BYTES]);

int report_format_process(const struct report_format *format, struct report_output *output,
			  const struct report *report);
void report_output_free(struct report_output *output);

#endif
