/* SPDX-License-Identifier: Apache-2.0
 *
 * See static_plan.h.
 */
#include "static_plan.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "static_names.h"

#define SPAN_BYTES_MAX	 ((uintptr_t)1 << 20) /* from libuv's first function to its last */
#define BELOW_BYTES	 4096		     /* where functions of libuv's without a name may lie */
#define SHORT_BYTES_MAX	 ((size_t)512 << 10) /* a table of symbols that is read in any case */
#define NEEDED_BYTES_MAX ((size_t)16 << 20)  /* ... and where nothing is exported */
#define SOME_FUNCTIONS	 3 /* that are not exported by chance under libuv's names */
#define VERSION_INSNS	 8
#define VERSION_MAJOR(v) ((v) >> 16)

static const char *const outcome_texts[STATIC_OUTCOMES] = {
#define OUTCOME(name, text) [STATIC_##name] = (text),
#include "static_outcomes.def"
#undef OUTCOME
};

enum function_use { CALLED, HOOKED, NOTED };

static const struct {
	uint8_t arguments;
	uint8_t use; /* enum function_use */
} functions[REAL_COUNT] = {
#define FUNCTION(name, use, arguments) {arguments, use},
#include "functions.def"
#undef FUNCTION
};

/* Functions at the edges of libuv's code, which nobody wraps. */
static const char *const edges[] = {"uv_fs_poll_init", "uv_fs_event_stop", "uv_exepath"};

/* Without these a trace would mislead more than it tells. */
static const enum libuv_function core[] = {
    REAL_uv_run,	 REAL_uv_async_init, REAL_uv_async_send, REAL_uv_close,
    REAL_uv_timer_start, REAL_uv_read_start, REAL_uv_write2,	 REAL_uv_queue_work,
    REAL_uv_fs_open,	 REAL_uv_fs_read,    REAL_uv_fs_write,	 REAL_uv_fs_close,
    REAL_uv_fs_stat,
};

const char *static_outcome_text(enum static_outcome outcome)
{
	return outcome < STATIC_OUTCOMES ? outcome_texts[outcome] : "of an unknown reason";
}

bool static_plan_is_noted(size_t function)
{
	return functions[function].use == NOTED;
}

/* ---- Is it libuv? ---------------------------------------------------------------------------- */

/* Bun and Deno export functions of these names that do nothing or something else. In libuv's own
 * uv_loop_init makes the loop's uv_async_t. */
static bool is_genuine(const struct static_plan *plan)
{
	uintptr_t at = plan->parts.loop_init.address, end = at + plan->parts.loop_init.bytes;

	while (at < end) {
		struct insn insn = entry_insn(&plan->parts.image, at);

		if (insn.flow == INSN_CALL &&
		    insn.target == plan->parts.functions[REAL_uv_async_init].address)
			return true;
		if (!insn.bytes)
			return false;
		at += insn.bytes;
	}
	return false;
}

/* uv_version() returns a constant: what its first instructions load. */
static uint32_t version_read(const struct static_plan *plan)
{
	uintptr_t at = plan->parts.functions[REAL_uv_version].address;
	uint32_t version = 0;

	for (int i = 0; at && i < VERSION_INSNS; i++) {
		struct insn insn = entry_insn(&plan->parts.image, at);

		if (insn.has_value)
			version |= insn.value;
		if (insn.flow == INSN_CALL)
			version = 0; /* a profiler's, which comes first */
		else if (insn.flow != INSN_NEXT)
			return insn.flow == INSN_RETURN ? version : 0;
		at += insn.bytes;
	}
	return 0;
}

/* ---- Where its code is ----------------------------------------------------------------------- */

/* The lowest address of code not far below the range that code in [at, end) names. */
static uintptr_t lowest_named(const struct static_plan *plan, uintptr_t at, uintptr_t end)
{
	uintptr_t start = plan->parts.text.start, lowest = start;

	while (at < end) {
		struct insn insn = entry_insn(&plan->parts.image, at);
		uintptr_t named = insn.data;

		if (!insn.bytes)
			break;
		if (insn.has_value && plan->parts.image.absolute)
			named = insn.value + plan->parts.image.bias;
		if (named < lowest && start - named < BELOW_BYTES &&
		    elf_image_has(&plan->parts.image, named, 1, PF_X))
			lowest = named;
		at += insn.bytes;
	}
	return lowest;
}

/* uv_fs_poll_start's callbacks have no exported name and may lie below everything else. What they
 * do is libuv's work, not the program's: the range begins at the lowest of them. */
static void range_add_poll_callbacks(struct static_plan *plan)
{
	struct elf_function start = plan->parts.functions[REAL_uv_fs_poll_start];
	uintptr_t lowest = lowest_named(plan, start.address, start.address + start.bytes);

	while (lowest < plan->parts.text.start) {
		uintptr_t end = plan->parts.text.start;

		plan->parts.text.bytes += end - lowest;
		plan->parts.text.start = lowest;
		lowest = lowest_named(plan, lowest, end);
	}
}

static bool is_named_uv(const char *name, struct elf_function function, void *arg)
{
	(void)function, (void)arg;
	return strncmp(name, "uv_", 3) == 0;
}

static void range_add_functions(struct static_plan *plan)
{
	for (size_t i = 0; i < REAL_COUNT; i++)
		text_range_add(&plan->parts.text, plan->parts.functions[i].address,
			       plan->parts.functions[i].bytes);
}

/* What can be told without the linker's table. */
static void range_add_edges(struct static_plan *plan)
{
	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
		struct elf_function edge = elf_image_function(&plan->parts.image, edges[i]);

		text_range_add(&plan->parts.text, edge.address, edge.bytes);
	}
	range_add_poll_callbacks(plan);
}

/* ---- The order of decisions ------------------------------------------------------------------ */

size_t static_plan_core_missing(const struct static_plan *plan)
{
	/* What the linker left out is called by nobody. */
	for (size_t i = 0; i < sizeof(core) / sizeof(core[0]); i++)
		if (plan->plans[core[i]].reason != ENTRY_GOOD &&
		    plan->plans[core[i]].reason != ENTRY_ABSENT)
			return core[i];
	return REAL_COUNT;
}

static void find_exported(struct static_plan *plan)
{
	size_t count = 0;

	for (size_t i = 0; i < REAL_COUNT; i++) {
		plan->parts.functions[i] =
		    elf_image_function(&plan->parts.image, libuv_function_name(i));
		count += plan->parts.functions[i].address != 0;
	}
	plan->parts.loop_init = elf_image_function(&plan->parts.image, "uv_loop_init");
	plan->parts.is_exported = plan->parts.functions[REAL_uv_run].address != 0;
	plan->parts.exports_some = !plan->parts.is_exported && count >= SOME_FUNCTIONS;
}

static bool table_open(struct elf_symtab *table, const char *path, size_t bytes_max)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool opened = fd >= 0 && elf_symtab_open(table, fd, bytes_max);

	if (fd >= 0)
		close(fd);
	return opened;
}

/* A linker's own table of symbols knows libuv's code to the byte. It is asked where it is short, as
 * in small programs, which may be linked in any order; node has all of libuv in one piece. */
static enum static_outcome find_code(struct static_plan *plan, const char *path)
{
	bool is_exported = plan->parts.is_exported, is_mixed = false;
	struct elf_symtab table;
	bool has_table = table_open(&table, path, is_exported ? SHORT_BYTES_MAX : NEEDED_BYTES_MAX);

	if (has_table && !is_exported)
		static_names_find(&table, &plan->parts);
	range_add_functions(plan);
	if (has_table) {
		is_mixed = !static_names_extend(&table, &plan->parts);
		elf_symtab_close(&table);
	} else {
		range_add_edges(plan);
	}
	if (!plan->parts.functions[REAL_uv_run].address)
		return plan->parts.exports_some ? STATIC_IMITATION : STATIC_ABSENT;
	return is_mixed ? STATIC_MIXED : STATIC_READY;
}

static enum static_outcome plan_identify(struct static_plan *plan,
					 const struct static_executable *executable)
{
	enum static_outcome outcome;

	find_exported(plan);
	if (!plan->parts.is_exported && !executable->wants_hidden)
		return STATIC_ABSENT;
	if (!insn_is_known())
		return STATIC_NO_DECODER;
	outcome = find_code(plan, executable->path);
	if (!plan->parts.functions[REAL_uv_run].address)
		return outcome;
	if (!plan->parts.functions[REAL_uv_async_init].address ||
	    plan->parts.text.bytes > SPAN_BYTES_MAX || !is_genuine(plan))
		return plan->parts.is_exported ? STATIC_IMITATION : STATIC_INLINED;
	plan->version = version_read(plan);
	if (plan->parts.functions[REAL_uv_version].address && VERSION_MAJOR(plan->version) != 1)
		return STATIC_VERSION;
	if (!elf_image_visit(&plan->parts.image, plan->parts.text.start,
			     plan->parts.text.start + plan->parts.text.bytes, is_named_uv, NULL))
		return STATIC_MIXED;
	return outcome;
}

static void refuse_shared(struct static_plan *plan)
{
	for (size_t i = 0; i < REAL_COUNT; i++)
		for (size_t j = i + 1; j < REAL_COUNT; j++)
			if (plan->plans[i].entry && plan->plans[i].entry == plan->plans[j].entry)
				plan->plans[i].reason = plan->plans[j].reason = ENTRY_SHARED;
}

static void plan_functions(struct static_plan *plan)
{
	static const struct elf_function none;

	for (size_t i = 0; i < REAL_COUNT; i++)
		entry_plan_make(&plan->plans[i], &plan->parts.image,
				functions[i].use != CALLED ? plan->parts.functions[i] : none,
				functions[i].arguments);
	refuse_shared(plan);
}

struct static_executable static_executable_of(const struct elf_view *view, const char *path)
{
	return (struct static_executable){.segments = view->segments,
					  .segment_count = view->segment_count,
					  .bias = view->bias,
					  .is_absolute = view->is_absolute,
					  .path = path,
					  .wants_hidden = true};
}

void static_plan_make(struct static_plan *plan, const struct static_executable *executable)
{
	*plan = (struct static_plan){.outcome = STATIC_ABSENT};
	if (!elf_image_read(&plan->parts.image, executable->segments, executable->segment_count,
			    executable->bias))
		return;
	plan->parts.image.absolute = executable->is_absolute;
	plan->outcome = plan_identify(plan, executable);
	if (plan->outcome != STATIC_READY)
		return;
	plan_functions(plan);
	plan->failed = (uint8_t)static_plan_core_missing(plan);
	if (plan->failed != REAL_COUNT)
		plan->outcome = STATIC_CORE;
}
