/* SPDX-License-Identifier: Apache-2.0
 *
 * See findings_text.h. The templates' language is described in findings/findings.def; no sentence
 * stands here.
 */
#include "findings_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/durations.h"
#include "findings/advice.h"
#include "stall_text.h"

#define CERTAIN 0.9
#define LIKELY	0.7

static const struct {
	const char *looks_for, *culprit, *title, *evidence, *advice;
} rows[FINDING_COUNT] = {
#define FINDING(name, id, detector, cost, anchor, thresholds, ...) {__VA_ARGS__},
#include "findings/findings.def"
};

static const char *const unknowns[UNKNOWN_COUNT] = {
#define UNKNOWN(name, predicate, text) text,
#include "findings/findings.def"
};

const char *finding_looks_for(enum finding_id id)
{
	return rows[id].looks_for;
}

const char *unknown_text(enum unknown unknown)
{
	return unknowns[unknown];
}

const char *cost_text(enum cost cost)
{
	static const char *const texts[] = {
	    [COST_NONE] = NULL, [COST_OTHERS] = "delay of others", [COST_OWN] = "own delay"};

	return texts[cost];
}

const char *confidence_text(double confidence)
{
	return confidence >= CERTAIN ? "certain" : confidence >= LIKELY ? "likely" : "possible";
}

const char *work_reason_text(enum work_reason reason)
{
	static const char *const texts[REASON_COUNT] = {
	    [REASON_NONE] = "",
	    [REASON_GARBAGE] = "collecting garbage",
	    [REASON_JSON] = "parsing or writing JSON",
	    [REASON_REGEXP] = "matching a regular expression",
	    [REASON_COMPRESSION] = "compressing or decompressing",
	    [REASON_CRYPTO] = "in cryptography",
	    [REASON_COMPILE] = "compiling code",
	    [REASON_REQUIRE] = "loading a module",
	    [REASON_IMPORT] = "importing a module",
	    [REASON_GIL] = "waiting for Python's interpreter lock (GIL)",
	    [REASON_LOOKUP] = "resolving a name",
	    [REASON_SPAWN] = "starting a process",
	    [REASON_CHILD] = "waiting for a child process",
	    [REASON_EXIT] = "waiting for threads at the end of the program",
	};

	return texts[reason];
}

/* ---- Facts ----------------------------------------------------------------------------------- */

struct writer {
	const struct findings_input *input;
	const struct finding *finding;
	FILE *out;
};

/* A stretch of a template. */
struct part {
	const char *at;
	size_t length;
};

static bool part_is(struct part part, const char *text)
{
	return strlen(text) == part.length && strncmp(text, part.at, part.length) == 0;
}

/* Cuts off what stands before the mark, or all, and the mark. */
static struct part part_cut(struct part *part, char mark)
{
	const char *end = memchr(part->at, mark, part->length);
	struct part first = {part->at, end ? (size_t)(end - part->at) : part->length};
	size_t gone = first.length + (end != NULL);

	*part = (struct part){part->at + gone, part->length - gone};
	return first;
}

static const struct fact *fact_find(const struct writer *writer, struct part name)
{
	for (size_t i = 0; i < writer->finding->fact_count; i++) {
		if (part_is(name, fact_name(writer->finding->facts[i].name)))
			return &writer->finding->facts[i];
	}
	return NULL;
}

static void write_site(const struct writer *writer, uint32_t site, struct part detail)
{
	const char *kind = timeline_kind(writer->input->timeline->process, site);
	const struct symbol_info *info =
	    symbols_site(writer->input->symbols, site, part_is(detail, "by"));

	if (part_is(detail, "request") && kind && strcmp(kind, "after_work") == 0)
		kind = "work";
	if (part_is(detail, "kind") || part_is(detail, "request"))
		fputs(kind ? kind : "unknown", writer->out);
	else if (detail.length == 0 && kind && !info->named)
		fprintf(writer->out, "%s callback %s", kind, info->text);
	else
		fputs(info->text, writer->out);
}

static void write_worker(const struct writer *writer, uint64_t number, struct part detail)
{
	const struct trace_process *process = writer->input->timeline->process;

	if (!part_is(detail, "name")) {
		fprintf(writer->out, "%" PRIu64, number);
		return;
	}
	for (size_t i = 0; i < process->worker_count; i++) {
		if (process->workers[i].worker == number) {
			fputs(process->workers[i].name, writer->out);
			return;
		}
	}
}

/* "30%", "0.25%" */
static void write_share(const struct writer *writer, double share)
{
	fprintf(writer->out, 100 * share < 9.95 ? "%.2g%%" : "%.0f%%", 100 * share);
}

/* "341 bytes", "2.28 MB" */
static void write_bytes(const struct writer *writer, uint64_t bytes)
{
	static const char *const units[] = {"kB", "MB", "GB", "TB"};
	double number = (double)bytes / 1000;
	size_t unit = 0;

	if (bytes < 1000) {
		fprintf(writer->out, "%" PRIu64 " bytes", bytes);
		return;
	}
	for (; number >= 999.5 && unit + 1 < sizeof(units) / sizeof(*units); unit++)
		number /= 1000;
	fprintf(writer->out, "%.3g %s", number, units[unit]);
}

static void write_number(const struct writer *writer, double number)
{
	fprintf(writer->out, number < 1000 ? "%.3g" : "%.0f", number);
}

static void write_stall(const struct writer *writer, const struct stall *stall)
{
	char *text = stall_text(stall);

	fputs(text ? text : "?", writer->out);
	free(text);
}

static void write_part(const struct writer *writer, struct part text);

static void write_advice(const struct writer *writer, enum advice advice)
{
	const char *text = advice_text(advice, runtime_of(writer->input->timeline->process));

	write_part(writer, (struct part){text, strlen(text)});
}

static void write_fact(const struct writer *writer, const struct fact *fact, struct part detail)
{
	char text[DURATION_TEXT_BYTES];

	switch (fact_unit(fact->name)) {
	case FACT_UNIT_TIME:
		fputs(duration_format(fact->whole, text), writer->out);
		return;
	case FACT_UNIT_BYTES:
		write_bytes(writer, fact->whole);
		return;
	case FACT_UNIT_SHARE:
		write_share(writer, fact->number);
		return;
	case FACT_UNIT_NUMBER:
		write_number(writer, fact->number);
		return;
	case FACT_UNIT_SITE:
		write_site(writer, (uint32_t)fact->whole, detail);
		return;
	case FACT_UNIT_WORKER:
		write_worker(writer, fact->whole, detail);
		return;
	case FACT_UNIT_TEXT:
		fputs(fact->text, writer->out);
		return;
	case FACT_UNIT_STALL:
		write_stall(writer, fact->stall);
		return;
	case FACT_UNIT_ADVICE:
		write_advice(writer, (enum advice)fact->whole);
		return;
	case FACT_UNIT_REASON:
		fputs(work_reason_text((enum work_reason)fact->whole), writer->out);
		return;
	default:
		fprintf(writer->out, "%" PRIu64, fact->whole);
	}
}

/* ---- Templates ------------------------------------------------------------------------------- */

static bool is_one(const struct fact *fact)
{
	return fact_unit(fact->name) == FACT_UNIT_NUMBER ? fact->number == 1 : fact->whole == 1;
}

/* "=threshold". False: there is none of that name. */
static bool write_threshold(const struct writer *writer, struct part name)
{
	enum threshold threshold = threshold_find(name.at + 1, name.length - 1);
	char text[THRESHOLD_TEXT_BYTES];

	if (threshold == LIMIT_COUNT)
		return false;
	fputs(threshold_format(threshold, writer->input->thresholds->values[threshold], text),
	      writer->out);
	return true;
}

/* What stands in braces: "fact", "fact.detail", "fact|one|many", "=threshold". */
static void write_field(const struct writer *writer, struct part field)
{
	struct part rest = field, name = part_cut(&rest, '|'), detail = name;
	bool is_word = name.length < field.length;
	struct part one = part_cut(&rest, '|');
	const struct fact *fact;

	name = part_cut(&detail, '.');
	enum advice advice =
	    part_is(name, "advice") ? advice_find(detail.at, detail.length) : ADVICE_COUNT;
	fact = fact_find(writer, name);
	if (name.length > 0 && *name.at == '=' && write_threshold(writer, name))
		return;
	if (advice != ADVICE_COUNT) {
		write_advice(writer, advice);
		return;
	}
	if (fact && is_word && is_one(fact))
		rest = one;
	if (fact && is_word)
		fprintf(writer->out, "%.*s", (int)rest.length, rest.at);
	else if (fact)
		write_fact(writer, fact, detail);
	else
		fprintf(writer->out, "{%.*s}", (int)field.length, field.at);
}

/* How much of the text lies before the bracket that ends it. */
static size_t bracket_length(struct part text)
{
	size_t depth = 0, length = 0;

	for (; length < text.length && (depth > 0 || text.at[length] != ']'); length++)
		depth += (text.at[length] == '[') - (text.at[length] == ']');
	return length;
}

/* "[?fact:text]", "[!fact:text]", from its second character on. Returns how long it is, with its
 * end. */
static size_t write_optional(const struct writer *writer, struct part text)
{
	size_t length = bracket_length(text);
	struct part inner = {text.at + 1, length > 0 ? length - 1 : 0};
	struct part name = part_cut(&inner, ':');

	if (length > 0 && (fact_find(writer, name) != NULL) == (*text.at == '?'))
		write_part(writer, inner);
	return length + (length < text.length);
}

static void write_part(const struct writer *writer, struct part text)
{
	while (text.length > 0) {
		char first = *text.at;
		size_t used;

		text = (struct part){text.at + 1, text.length - 1};
		if (first == '{') {
			write_field(writer, part_cut(&text, '}'));
		} else if (first == '[') {
			used = write_optional(writer, text);
			text = (struct part){text.at + used, text.length - used};
		} else {
			fputc(first, writer->out);
		}
	}
}

char *finding_format(const struct findings_input *input, const struct finding *finding,
		     const char *template)
{
	char *text = NULL;
	size_t bytes;
	struct writer writer = {input, finding, open_memstream(&text, &bytes)};

	if (!writer.out)
		return NULL;
	write_part(&writer, (struct part){template, strlen(template)});
	if (fclose(writer.out) == 0)
		return text;
	free(text);
	return NULL;
}

static int finding_write(struct finding *finding, const struct findings_input *input)
{
	struct finding_text *text = &finding->text;

	text->culprit = finding_format(input, finding, rows[finding->id].culprit);
	text->title = finding_format(input, finding, rows[finding->id].title);
	text->evidence = finding_format(input, finding, rows[finding->id].evidence);
	text->advice = finding_format(input, finding, rows[finding->id].advice);
	if (finding->has_moment)
		text->snippet = snippet_make(input, finding->position, finding->tick);
	return text->culprit && text->title && text->evidence && text->advice ? 0 : -ENOMEM;
}

struct findings *findings_with_text(const struct findings_input *input)
{
	struct findings *findings = findings_make(input);
	int error = 0;

	for (size_t i = 0; findings && i < findings->count && error == 0; i++)
		error = finding_write(&findings->list[i], input);
	if (error == 0)
		return findings;
	findings_free(findings);
	return NULL;
}
