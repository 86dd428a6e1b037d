/* SPDX-License-Identifier: Apache-2.0
 *
 * Programs with libuv inside, by how they were built: stripped, optimized as a whole, with calls of
 * a profiler, with something else under libuv's names; and kernel probes that are set on patched
 * functions while the program runs.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness.h"
#include "patch_helper.h"

TestSuite(patch_programs, .init = harness_enter, .fini = harness_leave, .timeout = 60);

/* ---- What the linker left -------------------------------------------------------------------- */

static void strip_to(const char *from, const char *to)
{
	const char *argv[] = {"-o", to, build_path(from), NULL};
	struct run run = {.program = "strip", .bare = true};

	memcpy(run.args, argv, sizeof(argv));
	run_well(&run);
}

Test(patch_programs, stripped)
{
	struct result result;

	strip_to(EXPORTED, "exported");
	result = run_well(&(struct run){.program = "./exported"});
	cr_assert_str_eq(event_text(analyze("uvtrace.data", NULL), "tier"), "full (patched)");
	result_free(&result);
}

Test(patch_programs, stripped_without_names)
{
	struct result result;

	strip_to(HIDDEN, "hidden");
	result = run_program(&(struct run){.program = "./hidden"});
	cr_assert_eq(result.status, 0);
	cr_assert(strstr(result.err, "does not export libuv's functions"), "%s", result.err);
	cr_assert_eq(truth_value(truth_read(result.out), "changed_places"), 0);
	cr_assert_str_eq(event_text(analyze("uvtrace.data", NULL), "tier"), "libc");
	result_free(&result);
}

/* ---- How it was compiled --------------------------------------------------------------------- */

/* These are built where libuv's source could be had (scripts/install_deps.sh test). */
static void check_built(const struct expected *expected)
{
	if (access(build_path(expected->program), X_OK) != 0)
		cr_skip_test("%s is not there: libuv's source could not be fetched",
			     expected->program);
	check(expected);
}

Test(patch_programs, optimized_as_a_whole)
{
	check_built(&(struct expected){.program = "exported/odd/own_text_lto",
				       .note = "because other code lies among libuv's"});
}

/* Of its functions few are left under their names, and perhaps none. */
Test(patch_programs, optimized_as_a_whole_and_hidden)
{
	check_built(&(struct expected){
	    .program = "hidden/odd/own_text_lto",
	    .note = "it is likely there, for the executable has a constant of libuv's"});
}

Test(patch_programs, optimized_as_a_whole_but_for_the_program)
{
	check_built(&(struct expected){.program = "hidden/odd/own_text_lto_libuv",
				       .note = "its functions are not as libuv has them"});
}

Test(patch_programs, calls_of_a_profiler_come_first)
{
	static const char note[] = "cannot be patched: uv_run, because one of its first "
				   "instructions is a call or a branch";

	check_built(&(struct expected){.program = "exported/odd/own_text_fentry", .note = note});
	harness_leave();
	harness_enter();
	check_built(&(struct expected){.program = "hidden/odd/own_text_fentry", .note = note});
}

/* ---- Imitations ------------------------------------------------------------------------------ */

/* None of its functions may be called: they end the program. */
static void check_imitation(const char *program)
{
	struct result dry = run_well(&(struct run){.program = build_path("trace_ctl"),
						   .args = {"program", build_path(program)},
						   .bare = true});

	cr_assert(strstr(dry.out, "unseen: the executable's uv_ functions are not those of libuv"),
		  "%s", dry.out);
	result_free(&dry);
	check(&(struct expected){.program = program,
				 .note = "the executable's uv_ functions are not those of libuv"});
}

/* As Bun does. */
Test(patch_programs, imitation_of_all_functions)
{
	check_imitation("fixtures/imitation_all");
}

/* As Deno does. */
Test(patch_programs, imitation_of_some_functions)
{
	check_imitation("fixtures/imitation_some");
}

/* ---- Kernel probes --------------------------------------------------------------------------- */

#define UPROBE_TYPE "/sys/bus/event_source/devices/uprobe/type"

struct probe {
	const char *function;
	bool at_return;
	int fd;
};

static uint32_t uprobe_type(void)
{
	FILE *file = fopen(UPROBE_TYPE, "r");
	unsigned int type = 0;

	if (!file || fscanf(file, "%u", &type) != 1)
		cr_skip_test("this kernel has no probes of programs: %s", UPROBE_TYPE);
	fclose(file);
	return type;
}

/* Where in the file an exported function begins. */
static uint64_t file_offset(const uint8_t *file, const char *function)
{
	const Elf64_Ehdr *head = (const void *)file;
	const Elf64_Shdr *sections = (const void *)(file + head->e_shoff), *table = sections;
	const Elf64_Sym *symbol;
	const char *names;

	while (table->sh_type != SHT_DYNSYM)
		table++;
	symbol = (const void *)(file + table->sh_offset);
	names = (const char *)file + sections[table->sh_link].sh_offset;
	while (strcmp(names + symbol->st_name, function) != 0)
		symbol++;
	return symbol->st_value - sections[symbol->st_shndx].sh_addr +
	       sections[symbol->st_shndx].sh_offset;
}

static void probe_set(struct probe *probe, pid_t pid, const char *program, const uint8_t *file)
{
	struct perf_event_attr attr = {
	    .type = uprobe_type(),
	    .size = sizeof(attr),
	    .config = probe->at_return,
	    .config1 = (uintptr_t)program,
	    .config2 = file_offset(file, probe->function),
	};

	probe->fd = (int)syscall(SYS_perf_event_open, &attr, pid, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (probe->fd < 0)
		cr_skip_test("a probe cannot be set here: %s", strerror(errno));
}

static uint64_t probe_hits(const struct probe *probe)
{
	uint64_t hits = 0;

	cr_assert_eq(read(probe->fd, &hits, sizeof(hits)), sizeof(hits));
	return hits;
}

static const uint8_t *file_map(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	void *file;

	cr_assert(fd >= 0 && fstat(fd, &status) == 0);
	file = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	cr_assert_neq(file, MAP_FAILED);
	close(fd);
	return file;
}

/* The kernel runs the first instruction of the file and goes on behind it: there the jump lies. */
Test(patch_programs, kernel_probes_on_patched_functions)
{
	static struct probe probes[] = {
	    {.function = "uv_timer_start"}, {.function = "uv_timer_start", .at_return = true},
	    {.function = "uv_close"},	    {.function = "uv_close", .at_return = true},
	    {.function = "uv_read_start"},  {.function = "uv_async_send"},
	};
	const char *program = build_path("exported/fixtures/control");
	struct session session = session_start(&(struct run){.program = program});
	const uint8_t *file = file_map(program);
	struct trace trace;

	session_say(&session, "tick 10", "ok");
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++)
		probe_set(&probes[i], session.pid, program, file);
	session_say(&session, "tick 100", "ok");
	session_say(&session, "quit", NULL);
	cr_assert_eq(session_end(&session), 0, "%s", session.out);
	cr_assert_eq(probe_hits(&probes[0]), 100);
	cr_assert_eq(probe_hits(&probes[1]), 100);
	cr_assert_eq(probe_hits(&probes[2]), 2);
	cr_assert_eq(probe_hits(&probes[3]), 2);
	wait_for_seal();
	trace = trace_read("uvtrace.data");
	cr_assert_str_eq(event_text(trace.start, "tier"), "full (patched)");
	cr_assert_eq(trace_count_polls(&trace, "timer", "on_tick"), 110);
	trace_free(&trace);
}
