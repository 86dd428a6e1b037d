/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of advice, cell by cell, and which row and column of it a program gets.
 */
#include <ctype.h>

#include "findings/advice.h"
#include "findings_helper.h"

/* ---- The table ------------------------------------------------------------------------------- */

/* libuv's C interface, and libc's. */
static const char *c_interface(const char *text)
{
	static const char *const functions[] = {"pthread_", "madvise", "mlock",
						"waitpid",  "->",      "()("};

	for (const char *at = text; (at = strstr(at, "uv_")); at++)
		if ((at == text || !isalnum((unsigned char)at[-1])) &&
		    islower((unsigned char)at[3]) && strncmp(at, "uv_poll (by", 11) != 0)
			return at;
	for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++)
		if (strstr(text, functions[i]))
			return strstr(text, functions[i]);
	return NULL;
}

/* Each cell, as the report renders it. */
static char *rendered(enum advice advice, enum runtime runtime)
{
	static char exes[RUNTIME_COUNT][16] = {"server", "node", "python3.11", "nvim"};
	struct finding finding = {.id = FINDING_SPINNING};
	struct findings_input input = {
	    .timeline = timeline, .symbols = symbols, .thresholds = &thresholds};
	char template[64];

	process.exe = exes[runtime];
	snprintf(template, sizeof(template), "{advice.%s}", advice_id(advice));
	return finding_format(&input, &finding, template);
}

Test(advice, each_cell_is_a_sentence_of_its_runtime)
{
	set_up(400 * MS, 0);
	for (enum advice advice = 0; advice < ADVICE_COUNT; advice++) {
		for (enum runtime runtime = 0; runtime < RUNTIME_COUNT; runtime++) {
			char *text = rendered(advice, runtime);

			cr_expect_gt(strlen(text), 20, "%s", advice_id(advice));
			cr_expect(isupper((unsigned char)text[0]) || text[4] == '(' ||
				      strstr(text, "exit()") || strstr(text, "os.exit"),
				  "%s: %s", advice_id(advice), text);
			cr_expect_eq(text[strlen(text) - 1], '.', "%s", text);
			cr_expect_null(strpbrk(text, "{}["), "%s", text);
			cr_expect(runtime == RUNTIME_C || !c_interface(text), "%s: %s",
				  advice_id(advice), text);
			free(text);
		}
	}
	finish();
	find(NULL, 0);
	done();
}

/* What does not help: the pool's threads for what must stay on the loop, or waits for others. */
Test(advice, sends_no_work_to_the_pool_where_that_does_not_help)
{
	static const enum advice rows[] = {ADVICE_SPAWN, ADVICE_GIL,	ADVICE_EXIT,
					   ADVICE_CHILD, ADVICE_THREAD, ADVICE_SLEEP};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		cr_expect_null(strstr(advice_text(rows[i], RUNTIME_C), "uv_queue_work"));
}

/* What each finding advises differs by runtime in more than a name of libuv's. */
Test(advice, findings_are_told_in_the_terms_of_the_runtime)
{
	static const struct {
		enum advice row;
		const char *node, *python, *lua;
	} rows[] = {
	    {ADVICE_NESTED, "promise", "await", "vim.wait()"},
	    {ADVICE_SHORTEN, "setImmediate()", "asyncio.to_thread", "uv.new_work"},
	    {ADVICE_HOT, "node:cluster", "reuse_port=True", "stream:write2()"},
	    {ADVICE_POOL_SIZE, "process.env", "os.environ", "once the pool runs"},
	    {ADVICE_POOL_DNS, "dns.resolve4()", "aiodns", "nearby resolver"},
	    {ADVICE_POOL_POLLS, "fs.watch()", "watchfiles", "uv.new_fs_event"},
	    {ADVICE_POOL_STUCK, "net.Socket", "resolv.conf", "time limit"},
	    {ADVICE_DRIFT, "performance.now()", "loop.call_at(", "uv.now()"},
	    {ADVICE_ACCEPT, "server.maxConnections", "writer.close()", "handle:close()"},
	    {ADVICE_IN_FLIGHT, "stream.pipeline()", "asyncio.Semaphore", "callbacks"},
	};

	set_up(400 * MS, 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *const has[RUNTIME_COUNT] = {NULL, rows[i].node, rows[i].python,
							rows[i].lua};
		for (enum runtime runtime = RUNTIME_NODE; runtime < RUNTIME_COUNT; runtime++) {
			char *text = rendered(rows[i].row, runtime);
			cr_expect(strstr(text, has[runtime]), "%s: %s", has[runtime], text);
			free(text);
		}
	}
	finish();
	find(NULL, 0);
	done();
}

Test(advice, each_row_is_found_by_its_id)
{
	for (enum advice advice = 0; advice < ADVICE_COUNT; advice++)
		cr_expect_eq(advice_find(advice_id(advice), strlen(advice_id(advice))), advice);
	cr_expect_eq(advice_find("fil", 3), ADVICE_COUNT);
}

/* ---- Runtimes -------------------------------------------------------------------------------- */

static enum runtime runtime_with(const char *exe, const char *module, uint8_t script)
{
	struct trace_module modules[] = {{.path = "/usr/lib/libc.so.6"}, {.path = (char *)module}};
	struct trace_script scripts[] = {{.kind = script}};
	struct trace_stall stalls[] = {{.scripts = scripts, .script_count = script ? 1 : 0}};
	const struct trace_process of = {.exe = (char *)exe,
					 .modules = modules,
					 .module_count = 2,
					 .stalls = stalls,
					 .stall_count = 1};

	return runtime_of(&of);
}

Test(advice, knows_the_runtime)
{
	static const char libuv[] = "/usr/lib/libuv.so.1";

	cr_expect_eq(runtime_with("/srv/bin/server", libuv, 0), RUNTIME_C);
	cr_expect_eq(runtime_with("/usr/bin/node", libuv, 0), RUNTIME_NODE);
	cr_expect_eq(runtime_with("/usr/bin/python3.11", libuv, 0), RUNTIME_PYTHON);
	cr_expect_eq(runtime_with("/usr/bin/nvim", libuv, 0), RUNTIME_LUA);
	cr_expect_eq(runtime_with("/opt/app", "/usr/lib/libpython3.13.so.1.0", 0), RUNTIME_PYTHON);
	cr_expect_eq(runtime_with("/opt/app", libuv, TRACE_SCRIPT_PYTHON), RUNTIME_PYTHON);
	cr_expect_eq(runtime_with("/opt/app", libuv, TRACE_SCRIPT_TURBOFAN), RUNTIME_NODE);
}

/* ---- Causes ---------------------------------------------------------------------------------- */

static enum advice of_call(int64_t syscall, char *object)
{
	const struct trace_stall sample = {
	    .machine = TRACE_MACHINE_X86_64, .syscall = syscall, .object = object};
	const struct stall stall = {
	    .cause = STALL_SYSCALL, .in = {.kind = STALL_IN_SYSCALL}, .stall_sample = &sample};

	return advice_of_stall(&stall, REASON_NONE);
}

Test(advice, goes_by_what_the_callback_waited_for)
{
	static char file[] = "fd 7 = /var/lib/x.db", terminal[] = "fd 1 = /dev/pts/3",
		    stream[] = "fd 2 = pipe:[77]", path[] = "/etc/x", nothing[] = "";
	const struct stall futex = {.cause = STALL_SYSCALL, .in = {.kind = STALL_IN_FUTEX}};
	const struct stall lock = {.cause = STALL_LOCK, .in = {.kind = STALL_IN_FUTEX}};
	const struct stall cpu = {.cause = STALL_CPU};

	cr_expect_eq(of_call(0, file), ADVICE_FILE);
	cr_expect_eq(of_call(1, terminal), ADVICE_STREAM);
	cr_expect_eq(of_call(1, stream), ADVICE_STREAM);
	cr_expect_eq(of_call(257, path), ADVICE_FILE);
	cr_expect_eq(of_call(35, nothing), ADVICE_SLEEP);
	cr_expect_eq(of_call(61, nothing), ADVICE_CHILD);
	cr_expect_eq(of_call(24, nothing), ADVICE_WAIT);
	cr_expect_eq(advice_of_stall(&futex, REASON_NONE), ADVICE_THREAD);
	cr_expect_eq(advice_of_stall(&futex, REASON_EXIT), ADVICE_EXIT);
	cr_expect_eq(advice_of_stall(&lock, REASON_NONE), ADVICE_LOCK);
	cr_expect_eq(advice_of_stall(&cpu, REASON_NONE), ADVICE_COMPUTE);
	cr_expect_eq(advice_of_stall(&cpu, REASON_GIL), ADVICE_GIL);
}
