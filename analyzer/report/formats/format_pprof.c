/* SPDX-License-Identifier: Apache-2.0
 *
 * The profile of callbacks (UVTRACE_SAMPLE_HZ) in pprof's format (pprof.proto), for pprof and for
 * what else reads it: of each sample one count and the time that it stands for, with the callback
 * as its outermost function. It holds one process: the first that has a profile.
 *
 * Rules: the file is a row of messages that readers put together, so that each sample is written as
 * soon as it is known. Texts and places are written once, before the sample that needs them.
 */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/report_table.h"
#include "pprof.pb-c.h"
#include "report/profile_rows.h"
#include "report_formats_internal.h"

#define SECOND_NS 1000000000

/* A text, or a function at a line, and its number in the file. */
struct known {
	char *name, *file; /* file NULL: a text */
	int line, first_line;
	int64_t number;
};

struct pprof {
	FILE *out;
	void *texts, *places; /* trees of struct known */
	int64_t text_count, place_count;
	int error;
};

static int compare_known(const void *left, const void *right)
{
	const struct known *a = left, *b = right;
	int order = strcmp(a->name, b->name);

	if (order == 0 && a->file && b->file)
		order = strcmp(a->file, b->file);
	if (order == 0)
		order = a->line - b->line;
	return order ? order : a->first_line - b->first_line;
}

static void known_free(void *node)
{
	struct known *known = node;

	free(known->name);
	free(known->file);
	free(known);
}

static void part_write(struct pprof *pprof, const Pprof__Profile *part)
{
	size_t bytes = pprof__profile__get_packed_size(part);
	uint8_t *packed = malloc(bytes + 1);

	if (packed)
		fwrite(packed, 1, pprof__profile__pack(part, packed), pprof->out);
	else
		pprof->error = -ENOMEM;
	free(packed);
}

/* The one that is known already, else a copy with the next number. NULL: no memory. */
static struct known *known_get(struct pprof *pprof, void **tree, const struct known *wanted,
			       int64_t *count, bool *is_new)
{
	struct known **found = tfind(wanted, tree, compare_known), *added;

	*is_new = !found;
	if (found)
		return *found;
	added = calloc(1, sizeof(*added));
	if (!added) {
		pprof->error = -ENOMEM;
		return NULL;
	}
	*added = *wanted;
	added->name = strdup(wanted->name);
	added->file = wanted->file ? strdup(wanted->file) : NULL;
	added->number = (*count)++;
	if (!added->name || (wanted->file && !added->file) ||
	    !tsearch(added, tree, compare_known)) {
		known_free(added);
		pprof->error = -ENOMEM;
		return NULL;
	}
	return added;
}

/* The number of a text; the first that is asked for must be the empty one. */
static int64_t text_number(struct pprof *pprof, const char *text)
{
	char *clean = report_clean(text);
	struct known wanted = {.name = clean ? clean : ""};
	bool is_new;
	struct known *known = known_get(pprof, &pprof->texts, &wanted, &pprof->text_count, &is_new);

	if (known && is_new) {
		Pprof__Profile part = PPROF__PROFILE__INIT;

		part.n_string_table = 1;
		part.string_table = &known->name;
		part_write(pprof, &part);
	}
	free(clean);
	return known ? known->number : 0;
}

static void place_write(struct pprof *pprof, const struct known *place)
{
	Pprof__Function function = PPROF__FUNCTION__INIT, *functions = &function;
	Pprof__Line line = PPROF__LINE__INIT, *lines = &line;
	Pprof__Location location = PPROF__LOCATION__INIT, *locations = &location;
	Pprof__Profile part = PPROF__PROFILE__INIT;

	function.id = location.id = line.function_id = (uint64_t)place->number + 1;
	function.name = function.system_name = text_number(pprof, place->name);
	function.filename = text_number(pprof, place->file);
	function.start_line = place->first_line;
	line.line = place->line;
	location.n_line = 1;
	location.line = &lines;
	part.n_function = part.n_location = 1;
	part.function = &functions;
	part.location = &locations;
	part_write(pprof, &part);
}

/* The id of a place in a function. */
static uint64_t place_id(struct pprof *pprof, const struct symbol_info *symbol, int first_line)
{
	struct known wanted = {.name = (char *)symbol->name,
			       .file = (char *)symbol->file,
			       .line = symbol->line,
			       .first_line = first_line};
	bool is_new;
	const struct known *known =
	    known_get(pprof, &pprof->places, &wanted, &pprof->place_count, &is_new);

	if (known && is_new)
		place_write(pprof, known);
	return known ? (uint64_t)known->number + 1 : 0;
}

static uint64_t frame_id(struct pprof *pprof, const struct stack_frame *frame)
{
	return place_id(pprof, frame->symbol, frame->script ? (int)frame->script->first_line : 0);
}

static void sample_write(struct pprof *pprof, const struct report *report,
			 const struct stall *sample)
{
	bool is_known = sample->site < report->timeline->process->site_count;
	uint64_t *places = calloc(sample->frame_count + 1, sizeof(*places));
	int64_t values[] = {1, (int64_t)timeline_ns(report->timeline, sample->ticks)};
	Pprof__Label label = PPROF__LABEL__INIT, *labels = &label;
	Pprof__Sample row = PPROF__SAMPLE__INIT, *rows = &row;
	Pprof__Profile part = PPROF__PROFILE__INIT;

	if (!places) {
		pprof->error = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < sample->frame_count; i++)
		places[row.n_location_id++] = frame_id(pprof, &sample->frames[i]);
	if (is_known)
		places[row.n_location_id++] =
		    place_id(pprof, symbols_site(report->symbols, sample->site, false), 0);
	label.key = text_number(pprof, "callback kind");
	label.str = text_number(pprof, is_known ? report_kind(report->timeline, sample->site)
						: "(unknown)");
	row.location_id = places;
	row.n_value = COUNT(values);
	row.value = values;
	row.n_label = 1;
	row.label = &labels;
	part.n_sample = 1;
	part.sample = &rows;
	part_write(pprof, &part);
	free(places);
}

static void head_write(struct pprof *pprof, const struct report *report)
{
	const struct trace_process *process = report->timeline->process;
	Pprof__ValueType samples = PPROF__VALUE_TYPE__INIT, time = PPROF__VALUE_TYPE__INIT;
	Pprof__ValueType *types[] = {&samples, &time};
	Pprof__Profile part = PPROF__PROFILE__INIT;

	text_number(pprof, "");
	samples.type = text_number(pprof, "samples");
	samples.unit = text_number(pprof, "count");
	time.type = text_number(pprof, "time");
	time.unit = text_number(pprof, "nanoseconds");
	part.n_sample_type = COUNT(types);
	part.sample_type = types;
	part.period_type = &time;
	part.period = SECOND_NS / process->profile_hz;
	part.time_nanos = (int64_t)process->start_real_ns;
	part.duration_nanos = (int64_t)timeline_ns(report->timeline, report->timeline->range_ticks);
	part_write(pprof, &part);
}

int pprof_process(struct report_output *output, const struct report *report)
{
	const struct stalls *profile = report->profile;
	struct pprof pprof = {.out = output->file};

	if (!profile || profile->count == 0 || output->has_profile)
		return 0;
	output->has_profile = true;
	head_write(&pprof, report);
	for (size_t i = 0; pprof.error == 0 && i < profile->count; i++)
		sample_write(&pprof, report, &profile->list[i]);
	tdestroy(pprof.texts, known_free);
	tdestroy(pprof.places, known_free);
	return pprof.error;
}

int pprof_end(struct report_output *output)
{
	if (output->has_profile)
		return 0;
	output->problem = "no samples of callbacks in this trace (UVTRACE_SAMPLE_HZ takes them)";
	return -ENODATA;
}
