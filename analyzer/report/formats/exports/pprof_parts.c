/* SPDX-License-Identifier: Apache-2.0
 *
 * See pprof_parts.h.
 */
#include "pprof_parts.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/report_table.h"
#include "pprof.pb-c.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* A text, or a function at a line, and its number in the file. */
struct known {
	char *name, *file; /* file NULL: a text */
	int line, first_line;
	int64_t number;
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

static void part_write(struct pprof_parts *parts, const Pprof__Profile *part)
{
	size_t bytes = pprof__profile__get_packed_size(part);
	uint8_t *packed = malloc(bytes + 1);

	if (!packed)
		parts->error = -ENOMEM;
	else if (fwrite(packed, 1, pprof__profile__pack(part, packed), parts->out) != bytes)
		parts->error = -errno;
	free(packed);
}

/* The one that is known already, else a copy with the next number. NULL: no memory. */
static struct known *known_get(struct pprof_parts *parts, void **tree, const struct known *wanted,
			       int64_t *count, bool *is_new)
{
	struct known **found = tfind(wanted, tree, compare_known), *added;

	*is_new = !found;
	if (found)
		return *found;
	added = calloc(1, sizeof(*added));
	if (!added) {
		parts->error = -ENOMEM;
		return NULL;
	}
	*added = *wanted;
	added->name = strdup(wanted->name);
	added->file = wanted->file ? strdup(wanted->file) : NULL;
	added->number = (*count)++;
	if (!added->name || (wanted->file && !added->file) ||
	    !tsearch(added, tree, compare_known)) {
		known_free(added);
		parts->error = -ENOMEM;
		return NULL;
	}
	return added;
}

/* The number of a text; the first that is asked for must be the empty one. */
static int64_t text_number(struct pprof_parts *parts, const char *text)
{
	char *clean = report_clean(text);
	struct known wanted = {.name = clean ? clean : ""};
	bool is_new;
	struct known *known = known_get(parts, &parts->texts, &wanted, &parts->text_count, &is_new);

	if (known && is_new) {
		Pprof__Profile part = PPROF__PROFILE__INIT;

		part.n_string_table = 1;
		part.string_table = &known->name;
		part_write(parts, &part);
	}
	free(clean);
	return known ? known->number : 0;
}

static void place_write(struct pprof_parts *parts, const struct known *place)
{
	Pprof__Function function = PPROF__FUNCTION__INIT, *functions = &function;
	Pprof__Line line = PPROF__LINE__INIT, *lines = &line;
	Pprof__Location location = PPROF__LOCATION__INIT, *locations = &location;
	Pprof__Profile part = PPROF__PROFILE__INIT;

	function.id = location.id = line.function_id = (uint64_t)place->number + 1;
	function.name = function.system_name = text_number(parts, place->name);
	function.filename = text_number(parts, place->file);
	function.start_line = place->first_line;
	line.line = place->line;
	location.n_line = 1;
	location.line = &lines;
	part.n_function = part.n_location = 1;
	part.function = &functions;
	part.location = &locations;
	part_write(parts, &part);
}

uint64_t pprof_place(struct pprof_parts *parts, const struct symbol_info *symbol, int first_line)
{
	struct known wanted = {.name = (char *)symbol->name,
			       .file = (char *)symbol->file,
			       .line = symbol->line,
			       .first_line = first_line};
	bool is_new;
	const struct known *known =
	    known_get(parts, &parts->places, &wanted, &parts->place_count, &is_new);

	if (known && is_new)
		place_write(parts, known);
	return known ? (uint64_t)known->number + 1 : 0;
}

void pprof_sample_write(struct pprof_parts *parts, const struct pprof_sample *sample)
{
	int64_t values[] = {(int64_t)sample->count, (int64_t)sample->ns};
	Pprof__Label labels[PPROF_LABELS_MAX], *all[PPROF_LABELS_MAX];
	Pprof__Sample row = PPROF__SAMPLE__INIT, *rows = &row;
	Pprof__Profile part = PPROF__PROFILE__INIT;

	for (size_t i = 0; i < sample->label_count; i++) {
		pprof__label__init(&labels[i]);
		labels[i].key = text_number(parts, sample->labels[i].key);
		labels[i].str = text_number(parts, sample->labels[i].text);
		all[i] = &labels[i];
	}
	row.n_location_id = sample->place_count;
	row.location_id = (uint64_t *)sample->places;
	row.n_value = COUNT(values);
	row.value = values;
	row.n_label = sample->label_count;
	row.label = all;
	part.n_sample = 1;
	part.sample = &rows;
	part_write(parts, &part);
}

void pprof_head_write(struct pprof_parts *parts, const struct pprof_head *head)
{
	Pprof__ValueType count = PPROF__VALUE_TYPE__INIT, time = PPROF__VALUE_TYPE__INIT;
	Pprof__ValueType *types[] = {&count, &time};
	Pprof__Profile part = PPROF__PROFILE__INIT;

	text_number(parts, "");
	count.type = text_number(parts, head->count);
	count.unit = text_number(parts, "count");
	time.type = text_number(parts, "time");
	time.unit = text_number(parts, "nanoseconds");
	part.n_sample_type = COUNT(types);
	part.sample_type = types;
	if (head->period_ns > 0) {
		part.period_type = &time;
		part.period = head->period_ns;
	}
	part.time_nanos = (int64_t)head->start_real_ns;
	part.duration_nanos = (int64_t)head->duration_ns;
	part_write(parts, &part);
}

void pprof_parts_free(struct pprof_parts *parts)
{
	tdestroy(parts->texts, known_free);
	tdestroy(parts->places, known_free);
}
