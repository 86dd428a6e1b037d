/* SPDX-License-Identifier: Apache-2.0
 *
 * scripts/uvtrace: what it refuses, what it keeps of the program, what it says at the end; and the
 * library's own shape, which is what makes preloading safe.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

TestSuite(launcher, .init = harness_enter, .fini = harness_leave, .timeout = 30);

static struct result launch(const char *first, const char *second, const char *third,
			    const char *fourth)
{
	return run_program(&(struct run){.program = source_path("scripts/uvtrace"),
					 .args = {first, second, third, fourth},
					 .bare = true});
}

static void check_refused(const char *program, int status, const char *reason)
{
	struct result result = launch("--", program, NULL, NULL);

	cr_assert_eq(result.status, status, "%s: status %d: %s", program, result.status,
		     result.err);
	cr_assert(strstr(result.err, reason), "%s: says: %s", program, result.err);
	cr_assert_str_empty(result.out);
	cr_assert_eq(strchr(result.err, '\n'), result.err + strlen(result.err) - 1, "one line: %s",
		     result.err);
}

static void write_file(const char *name, const char *text, mode_t mode)
{
	FILE *file = fopen(name, "w");

	cr_assert_not_null(file);
	fputs(text, file);
	fclose(file);
	cr_assert_eq(chmod(name, mode), 0);
}

Test(launcher, refuses_what_cannot_run)
{
	write_file("plain", "text", 0644);
	write_file("orphan", "#!/no/such/interpreter\n", 0755);
	check_refused("no-such-program", 127, "no such program");
	check_refused("./no-such-program", 127, "no such program");
	check_refused("./plain", 126, "not executable");
	check_refused("/", 126, "not executable");
	check_refused("./orphan", 127, "interpreter");
}

static bool compile(const char *source, const char *flag, const char *output)
{
	struct run run = {.program = "gcc",
			  .args = {flag, "-x", "c", "-", "-o", output},
			  .input = source,
			  .bare = true};

	return run_program(&run).status == 0;
}

/* The library would stop it from starting: musl's loader cannot load what needs glibc. */
Test(launcher, refuses_programs_for_musl)
{
	if (!compile("int main(void) { return 0; }",
		     "-Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1", "for_musl"))
		cr_skip_test("no compiler");
	check_refused("./for_musl", 126, "linked to musl; the library needs glibc");
}

Test(launcher, refuses_static_programs)
{
	if (!compile("int main(void) { return 0; }", "-static", "static"))
		cr_skip_test("no static libc");
	check_refused("./static", 126, "static");
	if (compile("int main(void) { return 0; }", "-static-pie", "static-pie"))
		check_refused("./static-pie", 126, "static");
}

Test(launcher, refuses_setuid_programs)
{
	if (getuid() != 0)
		cr_skip_test("needs root to make a program of another user");
	cr_assert(compile("int main(void) { return 0; }", "-O1", "setuid"));
	cr_assert_eq(chown("setuid", 65534, 65534), 0);
	cr_assert_eq(chmod("setuid", 04755), 0);
	check_refused("./setuid", 126, "setuid");
	cr_assert_eq(chmod("setuid", 02755), 0);
	check_refused("./setuid", 126, "setgid");
}

Test(launcher, bad_usage)
{
	cr_assert_eq(launch(NULL, NULL, NULL, NULL).status, 2);
	cr_assert_eq(launch("--no-such-option", "--", "true", NULL).status, 2);
	cr_assert_eq(launch("--path", NULL, NULL, NULL).status, 2);
	cr_assert_eq(launch("--help", NULL, NULL, NULL).status, 0);
}

/* All tools are of one version. */
Test(launcher, versions_agree)
{
	struct result launcher = launch("--version", NULL, NULL, NULL);
	const char *version = strrchr(launcher.out, ' ');
	static const char *const tools[] = {"analyze_trace", "trace_to_jsonl", "trace_ctl"};

	cr_assert_not_null(version);
	for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++) {
		struct run run = {
		    .program = build_path(tools[i]), .args = {"--version"}, .bare = true};
		struct result result = run_program(&run);

		cr_assert_eq(result.status, 0, "%s --version", tools[i]);
		cr_assert(strstr(result.out, version), "%s: %s", tools[i], result.out);
	}
}

/* The command that it prints is the one that reads the trace. */
Test(launcher, says_where_the_trace_is)
{
	struct result result = launch("--", build_path("fixtures/timers"), NULL, NULL);
	const char *command = strstr(result.err, "read it with: ");
	struct result report;

	cr_assert_eq(result.status, 0);
	cr_assert(strstr(result.out, "\"fixture\":\"timers\""));
	cr_assert_not_null(command, "%s", result.err);
	report = run_program(&(struct run){
	    .program = "sh", .args = {"-c", command + strlen("read it with: ")}, .bare = true});
	cr_assert_eq(report.status, 0, "%s", report.err);
	cr_assert(strstr(report.out, "on_tick"), "%s", report.out);
}

static void check_hint(const char *path, const char *program, const char *expected)
{
	struct result result = launch(path, "--", program, NULL);
	char *command = strstr(result.err, "with: ");
	struct result report;

	cr_assert_eq(result.status, 0);
	cr_assert_not_null(command, "%s: %s", path, result.err);
	cr_assert(strstr(command, expected), "%s: says %s", path, command);
	report = run_program(&(struct run){
	    .program = "sh", .args = {"-c", command + strlen("with: ")}, .bare = true});
	cr_assert_eq(report.status, 0, "%s: %s: %s", path, command, report.err);
	cr_assert(strstr(report.out, "computed"), "%s: %s", path, report.out);
}

/* It can be pasted, whatever the path; and is quoted only where it has to be. */
Test(launcher, the_hint_can_be_pasted)
{
	const char *program = build_path("examples/completing_task");
	char *script;

	check_hint("--path=plain/t.bin", program, " plain/t.");
	check_hint("--path=a space/t.bin", program, " 'a space/t.");
	check_hint("--path=it's $HOME;echo `id` \\n*/t.bin", program, " 'it'\\''s $HOME;");
	check_hint("--path=-x.bin", program, " ./-x.");
	cr_assert_gt(asprintf(&script, "#!/bin/sh\n%s && %s\n", program, program), 0);
	write_file("two", script, 0755);
	check_hint("--path=two programs/t.bin", "./two", ".'* 'two programs/t.");
}

Test(launcher, says_when_there_is_no_trace)
{
	struct result no_loop = launch("--", build_path("fixtures/no_loop"), NULL, NULL);
	struct result no_uv = launch("--", "true", NULL, NULL);
	struct result not_uv =
	    launch("--", build_path("fixtures/imitation_all"), "without waits", NULL);

	cr_assert_eq(no_loop.status, 0);
	cr_assert(strstr(no_loop.err, "NO TRACE") && strstr(no_loop.err, "never ran a loop"), "%s",
		  no_loop.err);
	cr_assert(strstr(no_uv.err, "NO TRACE") && strstr(no_uv.err, "libuv was not found"), "%s",
		  no_uv.err);
	cr_assert_eq(not_uv.status, 0);
	cr_assert(strstr(not_uv.err, "NO TRACE") && strstr(not_uv.err, "not those of libuv"), "%s",
		  not_uv.err);
}

Test(launcher, says_where_the_dump_of_the_flight_recorder_is)
{
	struct result calm =
	    launch("--writer=recorder", "--", build_path("examples/completing_task"), NULL);
	struct result killed =
	    launch("--writer=recorder", "--", build_path("fixtures/fault_end"), "kill");

	cr_assert_eq(calm.status, 0, "%s", calm.err);
	cr_assert(strstr(calm.err, "nothing was written"), "%s", calm.err);
	cr_assert(strstr(killed.err, "a dump; read it with: "), "%s", killed.err);
	cr_assert(strstr(killed.err, ".1.dump"), "%s", killed.err);
}

Test(launcher, follows_scripts)
{
	char *script;

	cr_assert_gt(asprintf(&script, "#!/bin/sh\nexec %s\n", build_path("fixtures/timers")), 0);
	write_file("script", script, 0755);
	cr_assert_eq(launch("--", "./script", NULL, NULL).status, 0);
	cr_assert_eq(count_files("uvtrace.data", ".bin"), 1);
}

/* Each variable has an option of its name. */
Test(launcher, each_variable_has_an_option)
{
	static const char *const variables[] = {
#define OPTION(name, field, type, fallback, min, max, argument, help) name,
#include "program/config.def"
#undef OPTION
	};

	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
		char option[64] = "--", expected[64];
		size_t length = 2;

		for (const char *at = variables[i] + strlen("UVTRACE_"); *at; at++)
			option[length++] = *at == '_' ? '-' : *at | 0x20;
		strcpy(option + length, "=7");
		snprintf(expected, sizeof(expected), "\n%s=7\n", variables[i]);
		cr_expect(strstr(launch(option, "--", "env", NULL).out, expected), "%s", option);
	}
}

/* Values as users write them. */
Test(launcher, options_reach_the_program)
{
	static const char *const options[][2] = {
	    {"--path=some/where.bin", "UVTRACE_PATH=some/where.bin"},
	    {"--writer=single", "UVTRACE_WRITER=single"},
	    {"--file-size=1M", "UVTRACE_FILE_SIZE=1M"},
	    {"--total-size=5M", "UVTRACE_TOTAL_SIZE=5M"},
	    {"--rotate-seconds=7", "UVTRACE_ROTATE_SECONDS=7"},
	    {"--ring-size=2M", "UVTRACE_RING_SIZE=2M"},
	    {"--ring-total=8M", "UVTRACE_RING_TOTAL=8M"},
	    {"--drain=thread", "UVTRACE_DRAIN=thread"},
	    {"--disabled", "UVTRACE_ENABLED=0"},
	    {"--alloc", "UVTRACE_ALLOC=1"},
	    {"--stall-ms=100", "UVTRACE_STALL_MS=100"},
	    {"--log=quiet", "UVTRACE_LOG=quiet"},
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		cr_assert(strstr(launch(options[i][0], "--", "env", NULL).out, options[i][1]), "%s",
			  options[i][0]);
	cr_assert(strstr(launch("--drain", "thread", "env", NULL).out, "UVTRACE_DRAIN=thread"));
}

Test(launcher, keeps_other_preloads)
{
	struct run run = {.program = source_path("scripts/uvtrace"),
			  .args = {"--", "env"},
			  .env = {"LD_PRELOAD=libdl.so.2"},
			  .bare = true};
	struct result result = run_program(&run);

	cr_assert(strstr(result.out, "libtrace.so:libdl.so.2"), "%s", result.out);
}

Test(launcher, keeps_input_and_status)
{
	struct run run = {.program = source_path("scripts/uvtrace"),
			  .args = {"--", "sh", "-c", "cat; exit 42"},
			  .input = "what it reads\n",
			  .bare = true};
	struct result result = run_program(&run);

	cr_assert_eq(result.status, 42);
	cr_assert_str_eq(result.out, "what it reads\n");
	cr_assert_eq(launch("--", "sh", "-c", "kill -KILL $$").status, 128 + SIGKILL);
	cr_assert_eq(launch("--", "sh", "-c", "kill -INT $$; sleep 9").status, 128 + SIGINT);
}

/* ---- The library ----------------------------------------------------------------------------- */

static struct result readelf(const char *option)
{
	return run_well(&(struct run){
	    .program = "readelf", .args = {option, "-W", build_path("libtrace.so")}, .bare = true});
}

/* Children that have nothing to do with libuv load the library too: it must bring nothing but libc
 * with it. */
Test(launcher, library_needs_libc_alone)
{
	struct result result = readelf("-d");

	for (const char *line = strstr(result.out, "(NEEDED)"); line;
	     line = strstr(line + 1, "(NEEDED)"))
		cr_assert(strstr(line, "[libc.so.6]") &&
			      strchr(line, '[') == strstr(line, "[libc.so.6]"),
			  "%.80s", line);
	cr_assert(strstr(result.out, "NODELETE"), "%s", result.out);
	cr_assert(strstr(result.out, "BIND_NOW") || strstr(result.out, "NOW"), "%s", result.out);
	cr_assert(strstr(result.out, "STATIC_TLS"), "thread state is initial-exec: %s", result.out);
	cr_assert_null(strstr(result.out, "TEXTREL"));
}

static bool may_be_exported(const char *name)
{
	static const char *const others[] = {"accept",	    "epoll_create1",	"epoll_wait",
					     "epoll_pwait", "pthread_create",	"uvtrace_api",
					     "UVTRACE",	    "pthread_cond_wait"};

	if (strncmp(name, "uv_", 3) == 0)
		return true;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strncmp(name, others[i], strlen(others[i])) == 0)
			return true;
	return false;
}

Test(launcher, library_exports_only_what_it_interposes)
{
	struct result result = readelf("--dyn-syms");
	size_t exported = 0;

	for (char *line = strtok(result.out, "\n"); line; line = strtok(NULL, "\n")) {
		char type[16], bind[16], section[16], name[128];

		if (sscanf(line, " %*d: %*x %*s %15s %15s %*s %15s %127s", type, bind, section,
			   name) != 4 ||
		    strcmp(section, "UND") == 0)
			continue;
		exported++;
		cr_assert(may_be_exported(name), "%s is exported", name);
	}
	cr_assert_geq(exported, 69, "%zu names are exported", exported);
}

/* The doctor records a program of its own, so it can only be content where that worked. */
Test(launcher, doctor_tests_itself)
{
	struct result well = launch("doctor", NULL, NULL, NULL);
	struct result with = launch("doctor", "--", build_path("fixtures/timers"), NULL);
	struct result help = launch("doctor", "--help", NULL, NULL);
	struct result elsewhere =
	    launch("doctor", "--path=/tmp/t.bin", "--", build_path("fixtures/timers"));
	struct result refused = launch("doctor", "--", build_path("uvtrace-drain"), NULL);
	struct result linked = launch("doctor", "--", build_path("fixtures/slow_hidden"), NULL);
	struct result left_alone =
	    run_program(&(struct run){.program = source_path("scripts/uvtrace"),
				      .args = {"doctor", "--", build_path("fixtures/slow_hidden")},
				      .env = {"UVTRACE_PATCH=0"},
				      .bare = true});
	struct result nowhere = run_program(&(struct run){.program = source_path("scripts/uvtrace"),
							  .args = {"doctor"},
							  .env = {"TMPDIR=/nonexistent"},
							  .bare = true});

	cr_assert_str_eq(help.out, launch("--help", NULL, NULL, NULL).out);
	cr_assert(strstr(elsewhere.out, "disk        /tmp,"), "%s", elsewhere.out);
	cr_assert(elsewhere.status == 0 && strstr(elsewhere.out, "tier full"), "%s", elsewhere.out);
	cr_assert_eq(well.status, 0, "%s", well.out);
	cr_assert(strstr(well.out, "2 of 2 callbacks were recorded and read back"), "%s", well.out);
	cr_assert(strstr(well.out, " for all rings together"), "%s", well.out);
	cr_assert(with.status == 0 && strstr(with.out, "tier full"), "%s", with.out);
	cr_assert(refused.status == 1 && strstr(refused.out, "statically linked"), "%s",
		  refused.out);
	cr_assert(linked.status == 0 && strstr(linked.out, "tier full (patched): "), "%s",
		  linked.out);
	cr_assert(strstr(linked.out, " in it can be patched"), "%s", linked.out);
	cr_assert_null(strstr(linked.out, "callbacks of "), "%s", linked.out);
	cr_assert(left_alone.status == 0 && strstr(left_alone.out, "tier libc"), "%s",
		  left_alone.out);
	cr_assert(nowhere.status == 1 && strstr(nowhere.out, "FAIL  self-test"), "%s", nowhere.out);
	cr_assert_eq(count_files(".", "uvtrace"), 0);
}
