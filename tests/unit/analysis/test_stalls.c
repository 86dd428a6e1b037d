/* SPDX-License-Identifier: Apache-2.0
 *
 * Looks at stuck callbacks: entries good and bad, what is made of them, and the table of system
 * calls.
 */
#include <signal.h>
#include <sys/syscall.h>

#include "jsonl/jsonl.h"
#include "../reader_helper.h"
#include "report/stall_text.h"
#include "trace/syscalls.h"

static struct builder *builder;
static struct trace *trace;
static struct timeline *timeline;
static struct symbols *symbols;
static struct stalls *stalls;

static void check_what(size_t at, const char *expected)
{
	char *what = stall_text(&stalls->list[at]);

	cr_assert_str_eq(what, expected);
	free(what);
}

static void setup(void)
{
	dir_make();
	builder = builder_new();
	builder_header(builder, builder_default_header(77));
	builder_clock(builder, 20000000);
	builder_clock(builder, 2000000000);
	builder_kinds(builder, 64);
	builder_site(builder, 2, KIND_TIMER, 0x401000, 0x402000, "on_timer");
	builder_worker(
	    builder,
	    &(struct trace_worker_entry){.worker = 1, .tid = 4711, .role = TRACE_ROLE_LOOP},
	    "loop");
	builder_worker(
	    builder,
	    &(struct trace_worker_entry){.worker = 2, .tid = 4712, .role = TRACE_ROLE_POOL},
	    "pool");
}

static void teardown(void)
{
	stalls_free(stalls);
	symbols_close(symbols);
	timeline_free(timeline);
	trace_close(trace);
	builder_free(builder);
	dir_remove();
}

TestSuite(stalls, .init = setup, .fini = teardown);

static uint64_t tick_at(uint64_t ns)
{
	return builder_counter(ns) >> 5;
}

/* One that slept, from 100 ms on, as most of these tests want it. */
static struct trace_stall_entry asleep(uint64_t at_ns)
{
	return (struct trace_stall_entry){
	    .worker = 1,
	    .type = TRACE_STALL_LOOK,
	    .state = 'S',
	    .machine = TRACE_MACHINE_X86_64,
	    .poll_word = trace_word(0x5000, TRACE_CODE_POLL + 2),
	    .poll_tick = tick_at(100000000),
	    .base_tick = tick_at(110000000),
	    .base_cpu_ns = 1000000,
	    .base_wait_ns = 2000000,
	    .cpu_ns = 3000000,
	    .wait_ns = 5000000,
	    .tick = tick_at(at_ns),
	    .syscall = 73, /* flock */
	    .arguments = {7, 2},
	    .sp = 0x7ffd00001000,
	    .pc = 0x7f0000001000,
	};
}

/* Its data: `words` words, then the object. `claimed` bytes more than there are of entry_bytes. */
static void put(struct trace_stall_entry entry, const uint64_t *words, const char *object,
		int claimed)
{
	unsigned char payload[8192] = {0};
	size_t bytes = sizeof(entry);

	if (words)
		memcpy(payload + bytes, words, entry.word_count * sizeof(uint64_t));
	bytes += (entry.register_count + (words ? entry.word_count : 0)) * sizeof(uint64_t);
	entry.object_bytes = entry.object_bytes ? entry.object_bytes : (uint16_t)strlen(object);
	memcpy(payload + bytes, object, strlen(object));
	bytes = (bytes + strlen(object) + 7) & ~(size_t)7;
	entry.entry_bytes = (uint32_t)((int)bytes + claimed);
	memcpy(payload, &entry, sizeof(entry));
	builder_block(builder, TRACE_BLOCK_STALLS, payload, bytes);
}

static const struct trace_process *opened(void)
{
	const char *path = in_dir("trace.77.0.bin");

	builder_write(builder, path);
	trace = trace_open(&path, 1, NULL, NULL);
	cr_assert_not_null(trace);
	cr_assert_eq(trace->process_count, 1);
	return &trace->processes[0];
}

static const struct stalls *explained(void)
{
	const struct timeline_options options = TIMELINE_OPTIONS_DEFAULT;
	const struct trace_process *process = opened();

	timeline = timeline_read(trace, 0, &options, NULL, NULL);
	symbols = symbols_open(process);
	cr_assert(timeline && symbols);
	stalls = stalls_make(timeline, symbols);
	cr_assert_not_null(stalls);
	return stalls;
}

/* ---- Entries --------------------------------------------------------------------------------- */

Test(stalls, come_through_the_reader)
{
	const uint64_t words[] = {trace_word(0x7f0000001234, 1), trace_word(0x7ffd00001040, 5)};
	struct trace_stall_entry entry = asleep(150000000);

	entry.word_count = 2;
	entry.blocker = 4712;
	put(entry, words, "fd 7 = /var/lib/x.db", 0);
	const struct trace_process *process = opened();
	cr_assert_eq(process->stall_count, 1);
	const struct trace_stall *stall = &process->stalls[0];
	cr_assert_eq(stall->worker, 1);
	cr_assert_eq(stall->tick, tick_at(150000000));
	cr_assert_eq(stall->syscall, 73);
	cr_assert_eq(stall->arguments[1], 2);
	cr_assert_eq(stall->word_count, 2);
	cr_assert_eq(stall->words[1], words[1]);
	cr_assert_eq(stall->blocker, 4712);
	cr_assert_str_eq(stall->object, "fd 7 = /var/lib/x.db");
	cr_assert_eq(trace->problem_count, 0);
}

Test(stalls, come_in_order_and_once)
{
	put(asleep(300000000), NULL, "", 0);
	put(asleep(150000000), NULL, "", 0);
	put(asleep(300000000), NULL, "", 0);
	const struct trace_process *process = opened();
	cr_assert_eq(process->stall_count, 2);
	cr_assert_lt(process->stalls[0].tick, process->stalls[1].tick);
}

/* What a later version adds behind the text is passed over. */
Test(stalls, may_be_longer)
{
	put(asleep(150000000), NULL, "fd 7", 0);
	struct trace_stall_entry entry = asleep(160000000);
	entry.object_bytes = 4;
	put(entry, NULL, "fd 7 and what is not known yet", 0);
	const struct trace_process *process = opened();
	cr_assert_eq(process->stall_count, 2);
	cr_assert_str_eq(process->stalls[1].object, "fd 7");
}

static void check_bad(struct trace_stall_entry entry, const uint64_t *words, int claimed)
{
	teardown();
	trace = NULL, timeline = NULL, symbols = NULL, stalls = NULL;
	setup();
	put(entry, words, "text", claimed);
	cr_assert_eq(opened()->stall_count, 0);
	cr_assert_eq(trace->problem_count, 1);
}

Test(stalls, that_make_no_sense_are_none)
{
	const uint64_t twice[] = {trace_word(1, 5), trace_word(2, 5)};
	struct trace_stall_entry entry = asleep(150000000);

	check_bad(entry, NULL, 8);
	check_bad(entry, NULL, -8);
	entry.word_count = UINT32_MAX;
	check_bad(entry, NULL, 0);
	entry.word_count = 2;
	check_bad(entry, twice, 0);
	entry = asleep(150000000);
	entry.object_bytes = 60000;
	check_bad(entry, NULL, 0);
	entry = asleep(150000000);
	entry.tick = UINT64_MAX;
	check_bad(entry, NULL, 0);
	entry = asleep(150000000);
	entry.poll_tick = entry.tick + 1;
	check_bad(entry, NULL, 0);
	entry = asleep(150000000);
	entry.register_count = 41;
	check_bad(entry, NULL, 0);
}

/* ---- What is made of them -------------------------------------------------------------------- */

Test(stalls, say_what_is_behind_a_call)
{
	static const struct {
		int64_t syscall;
		const char *object, *what;
	} calls[] = {
	    {73, "fd 7 = /var/lib/x.db", "flock(fd 7 = /var/lib/x.db)"},
	    {87, "/mnt/far/away", "unlink(\"/mnt/far/away\")"},
	    {35, "0.250 s", "nanosleep(0.250 s)"},
	    {73, "", "flock()"},
	    {9999, "", "system call 9999"},
	    {-1, "", "a page fault: memory that had to be read from disk, or given by the kernel"}};

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		struct trace_stall_entry entry = asleep(150000000 + i * 1000000);
		entry.syscall = calls[i].syscall;
		put(entry, NULL, calls[i].object, 0);
	}
	explained();
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		check_what(i, calls[i].what);
		cr_assert_eq(stalls->list[i].cause, STALL_SYSCALL);
		cr_assert_eq(stalls->list[i].site, 2);
	}
}

Test(stalls, say_who_holds_a_lock)
{
	struct trace_stall_entry entry = asleep(150000000);

	entry.syscall = 202;
	entry.arguments[0] = 0x600000;
	entry.blocker = 4712;
	put(entry, NULL, "reader", 0);
	entry.tick++;
	entry.blocker = 4713;
	put(entry, NULL, "writer", 0);
	explained();
	cr_assert_eq(stalls->list[0].cause, STALL_LOCK);
	check_what(0, "futex(0x600000), held by worker 2 (reader)");
	check_what(1, "futex(0x600000), held by thread 4713 (writer)");
}

/* Time on the CPU, waiting for it and asleep are what lies between the two ends, and no more. */
Test(stalls, measure_between_both_ends)
{
	struct trace_stall_entry entry = asleep(150000000);

	put(entry, NULL, "", 0);
	entry.tick++;
	entry.cpu_ns = 999999999;
	put(entry, NULL, "", 0);
	entry.tick++;
	entry.cpu_ns = 0; /* could not be read */
	put(entry, NULL, "", 0);
	explained();
	cr_assert(stalls->list[0].measured);
	cr_assert_eq(stalls->list[0].cpu_ns, 2000000);
	cr_assert_eq(stalls->list[0].wait_ns, 3000000);
	cr_assert_leq(llabs((long long)stalls->list[0].asleep_ns - 35000000), 100);
	cr_assert_eq(stalls->list[1].cpu_ns, stalls->list[1].measured_ns);
	cr_assert_eq(stalls->list[1].asleep_ns, 0);
	cr_assert(!stalls->list[2].measured);
}

/* A thread that was ready to run all the while did not compute. */
Test(stalls, tell_computing_from_waiting_for_the_cpu)
{
	struct trace_stall_entry entry = asleep(150000000);

	entry.state = 'R';
	entry.sp = entry.pc = 0;
	entry.syscall = -1;
	entry.cpu_ns = entry.base_cpu_ns + 39000000;
	put(entry, NULL, "", 0);
	entry.tick++;
	entry.cpu_ns = entry.base_cpu_ns + 1000000;
	entry.wait_ns = entry.base_wait_ns + 39000000;
	put(entry, NULL, "", 0);
	entry.tick++;
	entry.wait_ns = entry.base_wait_ns;
	put(entry, NULL, "", 0);
	explained();
	cr_assert_eq(stalls->list[0].cause, STALL_CPU);
	cr_assert_eq(stalls->list[1].cause, STALL_DESCHEDULED);
	cr_assert_eq(stalls->list[2].cause, STALL_UNKNOWN);
}

Test(stalls, stand_for_the_time_since_the_look_before)
{
	struct trace_stall_entry other = asleep(170000000);

	put(asleep(150000000), NULL, "", 0);
	put(asleep(200000000), NULL, "", 0);
	other.worker = 2;
	other.poll_tick = tick_at(160000000);
	other.base_tick = tick_at(160000000);
	put(other, NULL, "", 0);
	explained();
	cr_assert_eq(stalls->list[0].ticks, tick_at(150000000) - tick_at(100000000));
	cr_assert_eq(stalls->list[1].ticks, tick_at(170000000) - tick_at(160000000));
	cr_assert_eq(stalls->list[2].ticks, tick_at(200000000) - tick_at(150000000));
	cr_assert(!stalls->list[0].is_last);
	cr_assert(stalls->list[1].is_last && stalls->list[2].is_last);
}

Test(stalls, count_what_was_left_out)
{
	put(asleep(150000000), NULL, "", 0);
	builder_sample(builder, TRACE_SAMPLE_STALLS, 0, tick_at(200000000), 5, 7, 1);
	explained();
	cr_assert_eq(stalls->suppressed, 7);
	cr_assert_eq(stalls->blind, 1);
}

/* ---- System calls ---------------------------------------------------------------------------- */

/* The numbers of this machine's own headers. */
Test(stalls, know_system_calls_by_number)
{
#if defined(__x86_64__)
	const uint16_t machine = TRACE_MACHINE_X86_64;
#else
	const uint16_t machine = TRACE_MACHINE_AARCH64;
#endif
	static const struct {
		long number;
		const char *name;
		enum syscall_role role;
	} known[] = {{SYS_read, "read", SYSCALL_FD},
		     {SYS_flock, "flock", SYSCALL_FD},
		     {SYS_futex, "futex", SYSCALL_FUTEX},
		     {SYS_openat, "openat", SYSCALL_AT_PATH},
		     {SYS_nanosleep, "nanosleep", SYSCALL_TIME},
		     {SYS_clock_nanosleep, "clock_nanosleep", SYSCALL_CLOCK_TIME},
		     {SYS_ppoll, "ppoll", SYSCALL_POLL},
		     {SYS_wait4, "wait4", SYSCALL_PROCESS},
		     {SYS_fsync, "fsync", SYSCALL_FD},
		     {SYS_mmap, "mmap", SYSCALL_NONE},
		     {SYS_recvfrom, "recvfrom", SYSCALL_FD},
		     {SYS_connect, "connect", SYSCALL_FD},
		     {SYS_newfstatat, "newfstatat", SYSCALL_AT_PATH},
		     {SYS_fcntl, "fcntl", SYSCALL_FD}};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		cr_assert_str_eq(syscall_name(machine, known[i].number), known[i].name);
		cr_assert_eq(syscall_role(machine, known[i].number), known[i].role, "%s",
			     known[i].name);
	}
	cr_assert_str_eq(syscall_name(TRACE_MACHINE_AARCH64, 32), "flock");
	cr_assert_str_eq(syscall_name(TRACE_MACHINE_X86_64, 73), "flock");
	cr_assert_null(syscall_name(machine, -1));
	cr_assert_null(syscall_name(machine, 100000));
	cr_assert_null(syscall_name(3, 1));
}
