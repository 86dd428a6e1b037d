/* SPDX-License-Identifier: Apache-2.0
 *
 * Unwinding, on stacks of this test itself: three functions call each other, the innermost takes
 * its registers and the stack up to where the first was called, as a look does. The truth is who
 * called whom.
 */
#include <criterion/criterion.h>
#include <search.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "../own_modules_helper.h"
#include "symbols/native/calls.h"
#include "symbols/unwind.h"

#define WORDS_MAX 4096

static const struct modules *found;
static struct trace_module modules[MODULES_MAX];
static struct trace_process process;
static struct symbols *symbols;

static uint64_t registers[TRACE_STALL_REGISTERS_MAX], words[WORDS_MAX];
static struct trace_stall stall;
static struct unwind_frame frames[UNWIND_FRAMES_MAX];
static uintptr_t outer_sp, outer_frame, outer_return;

static void set_up(void)
{
	found = own_modules_read(&process, modules);
}

static void tear_down(void)
{
	symbols_close(symbols);
}

TestSuite(unwind, .init = set_up, .fini = tear_down, .timeout = 60);

/* ---- A look at ourselves --------------------------------------------------------------------- */

#define CALLED __attribute__((noinline, noclone, optimize("no-optimize-sibling-calls")))

#if defined(__x86_64__)
#define MACHINE	       TRACE_MACHINE_X86_64
#define REGISTERS      17
#define FRAME_REGISTER 6

static void registers_take(const ucontext_t *context)
{
	static const int order[] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI,
				    REG_RBP, REG_RSP, REG_R8,  REG_R9,	REG_R10, REG_R11,
				    REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP};

	for (int i = 0; i < REGISTERS; i++)
		registers[i] = (uint64_t)context->uc_mcontext.gregs[order[i]];
	stall.sp = registers[7];
	stall.pc = registers[16];
}
#else
#define MACHINE	       TRACE_MACHINE_AARCH64
#define REGISTERS      33
#define FRAME_REGISTER 29

static void registers_take(const ucontext_t *context)
{
	for (int i = 0; i < 31; i++)
		registers[i] = context->uc_mcontext.regs[i];
	registers[31] = stall.sp = context->uc_mcontext.sp;
	registers[32] = stall.pc = context->uc_mcontext.pc;
}
#endif

/* The words that a look keeps. What it reads belongs to others, which sanitizers object to. */
__attribute__((no_sanitize("address", "undefined"))) static void stack_take(void)
{
	const uint64_t *stack = (const uint64_t *)(uintptr_t)stall.sp;
	uint64_t count = (outer_sp - stall.sp) / sizeof(*stack);

	cr_assert_leq(count, (uint64_t)WORDS_MAX);
	stall.word_count = 0;
	for (uint64_t i = 0; i < count; i++) {
		bool points_in = stack[i] - stall.sp < outer_sp - stall.sp;
		if (points_in || modules_is_code(found, stack[i] & TRACE_OBJECT_MASK))
			words[stall.word_count++] = trace_word(stack[i], (uint32_t)i);
	}
	stall.stack_bytes = (uint32_t)(outer_sp - stall.sp);
}

/* getcontext() as it returns: in here. */
CALLED static int innermost(int number)
{
	char other[64];
	ucontext_t context;

	memset(other, number, sizeof(other));
	getcontext(&context);
	stall = (struct trace_stall){
	    .machine = MACHINE, .frame_sp = outer_sp, .registers = registers, .words = words};
	registers_take(&context);
	stall.register_count = REGISTERS;
	stack_take();
	return other[number & 63] + number;
}

CALLED static int middle(int number)
{
	return innermost(number + 1) * 3;
}

/* With a frame pointer, whatever the others have. */
__attribute__((noinline, noclone,
	       optimize("no-omit-frame-pointer,no-optimize-sibling-calls"))) static int
outer(int number)
{
	volatile char capacity[number + 16];

	outer_frame = (uintptr_t)__builtin_frame_address(0);
	outer_return = (uintptr_t)__builtin_return_address(0);
	capacity[number] = (char)number;
	return middle(capacity[number]) + 1;
}

CALLED static int look(void)
{
	outer_sp = (uintptr_t)__builtin_frame_address(0);
	return outer(3) + 1;
}

static void ask(size_t *count)
{
	symbols = symbols_open(&process);
	cr_assert_not_null(symbols);
	*count = unwind(symbols, &stall, frames);
}

static size_t place_of(const char *function, size_t count)
{
	size_t at = 0;

	while (at < count && strcmp(unwind_symbol(symbols, &frames[at])->name, function) != 0)
		at++;
	return at;
}

/* They come in this order, one behind the other but for what was only found, which may be there
 * twice. */
static void check_chain(size_t count)
{
	size_t at = place_of("innermost", count), middle = place_of("middle", count),
	       outer = place_of("outer", count);

	cr_assert(at < middle && middle < outer && outer < count, "frames %zu, %zu, %zu of %zu", at,
		  middle, outer, count);
	for (size_t i = at + 1; i < outer; i++)
		cr_assert(i == middle || frames[i].scanned, "frame %zu is between", i);
	cr_assert_not_null(strstr(unwind_symbol(symbols, &frames[middle])->file, "test_unwind.c"));
}

/* ---- Tests ----------------------------------------------------------------------------------- */

Test(unwind, follows_registers)
{
	size_t count;

	look();
	ask(&count);
	check_chain(count);
	for (size_t i = 0; i < count; i++)
		cr_assert(!frames[i].scanned, "frame %zu of %zu", i, count);
}

/* As of a thread that sleeps in a system call. */
Test(unwind, needs_no_more_than_stack_pointer_and_program_counter)
{
	size_t count;

	look();
	stall.register_count = 0;
	ask(&count);
	check_chain(count);
}

/* The files are others by now: nothing is taken from them, so nobody knows which words are return
 * addresses. */
Test(unwind, guesses_no_callers_without_the_files)
{
	size_t count;

	look();
	for (size_t i = 0; i < process.module_count; i++)
		modules[i].build_id[0] ^= 1;
	stall.register_count = 0;
	ask(&count);
	cr_assert_eq(count, 1);
	cr_assert(frames[0].is_cut);
}

/* outer() is addressed by its frame pointer, which is not known. On the stack are a word left over
 * from what it called, and the one behind the call of it. */
Test(unwind, takes_no_word_that_leads_elsewhere)
{
	size_t count;

	look();
	ask(&count);
	uint64_t left_over = frames[place_of("middle", count)].address,
		 within = frames[place_of("outer", count)].address;
	stall = (struct trace_stall){.machine = MACHINE,
				     .sp = stall.sp,
				     .pc = within,
				     .words = words,
				     .word_count = 2,
				     .stack_bytes = 64};
	words[0] = trace_word(left_over, 1);
	words[1] = trace_word(outer_return, 3);
	cr_assert_gt(unwind(symbols, &stall, frames), 1);
	cr_expect_eq(frames[1].address, outer_return);
	cr_expect(frames[1].scanned, "nothing proves it");
	stall.word_count = 1;
	cr_assert_eq(unwind(symbols, &stall, frames), 1);
	cr_expect(frames[0].is_cut);
	cr_expect(!frames[0].is_outermost);
}

static int looks(const void *key, const void *element)
{
	return innermost(*(const int *)key) == *(const int *)element;
}

CALLED static int look_by_library(void)
{
	int key = 3;
	size_t one = 1;

	return lfind(&key, &key, &one, sizeof(key), looks) != NULL;
}

/* What another library is called by, and what it calls by a pointer. */
Test(unwind, decodes_calls)
{
	size_t count, by, library;

	outer_sp = (uintptr_t)__builtin_frame_address(0);
	look_by_library();
	ask(&count);
	by = place_of("look_by_library", count);
	library = place_of("lfind", count);
	cr_assert_eq(library + 1, by);
	cr_assert_lt(by, count);
	uint64_t in_lfind = frames[library].address, in_looks = frames[library - 1].address,
		 behind = frames[by].address;
	cr_expect_eq(call_before(symbols, MACHINE, behind, in_lfind), CALL_LEADS);
	cr_expect_eq(call_before(symbols, MACHINE, behind, in_looks), CALL_NONE);
	cr_expect_eq(call_before(symbols, MACHINE, in_lfind, in_looks), CALL_POINTER);
	cr_expect_eq(call_before(symbols, MACHINE, in_looks, stall.pc), CALL_LEADS);
	cr_expect_eq(call_before(symbols, MACHINE, in_looks - 1, stall.pc), CALL_NONE);
	cr_expect_eq(call_before(symbols, MACHINE, 16, stall.pc), CALL_NONE);
}

static const struct trace_module *vdso;
static volatile sig_atomic_t vdso_seen;

/* The words that a look keeps, of a thread that the signal has met in the kernel's own code. */
static void in_vdso(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)info;
	if (vdso_seen)
		return;
	registers_take(context);
	if (stall.pc < vdso->start || stall.pc >= vdso->end)
		return;
	stack_take();
	vdso_seen = 1;
}

CALLED static uint64_t clock_asked(void)
{
	struct timespec now = {0};

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_nsec + (uint64_t)now.tv_sec;
}

Test(unwind, goes_through_the_kernels_own_code)
{
	struct sigaction action = {.sa_sigaction = in_vdso, .sa_flags = SA_SIGINFO | SA_RESTART};
	struct itimerval each = {.it_interval.tv_usec = 500, .it_value.tv_usec = 500};
	size_t count;

	for (size_t i = 0; i < process.module_count; i++)
		if (strcmp(modules[i].path, "[vdso]") == 0)
			vdso = &modules[i];
	if (!vdso)
		cr_skip_test("no vDSO here");
	outer_sp = (uintptr_t)__builtin_frame_address(0);
	stall = (struct trace_stall){.machine = MACHINE,
				     .frame_sp = outer_sp,
				     .register_count = REGISTERS,
				     .registers = registers,
				     .words = words};
	sigaction(SIGPROF, &action, NULL);
	setitimer(ITIMER_PROF, &each, NULL);
	while (!vdso_seen)
		clock_asked();
	setitimer(ITIMER_PROF, &(struct itimerval){0}, NULL);
	ask(&count);
	size_t asked = place_of("clock_asked", count);
	cr_assert_lt(asked, count);
	for (size_t i = 0; i < asked; i++)
		cr_assert(!frames[i].scanned);
}

/* As if a look had kept this word too. */
static void word_put(uintptr_t address, uint64_t value)
{
	uint32_t place = (uint32_t)((address - stall.sp) / sizeof(value)), at = 0;

	while (at < stall.word_count && trace_word_code(words[at]) < place)
		at++;
	if (at == stall.word_count || trace_word_code(words[at]) != place) {
		memmove(&words[at + 1], &words[at], (stall.word_count - at) * sizeof(words[0]));
		stall.word_count++;
	}
	words[at] = trace_word(value, place);
}

/* The frame pointer is outer()'s, as if the two that it called had none: they are not passed over.
 */
Test(unwind, passes_nobody_over_by_a_callers_frame_pointer)
{
	size_t count;

	look();
	for (size_t i = 0; i < process.module_count; i++)
		modules[i].build_id[0] ^= 1;
	registers[FRAME_REGISTER] = outer_frame;
	word_put(outer_frame, outer_frame + 32);
	stall.frame_sp += 64; /* not what ends it here */
	ask(&count);
	cr_assert_eq(count, 1);
}

Test(unwind, ends_where_the_callback_was_called)
{
	size_t count;

	look();
	ask(&count);
	cr_assert_eq(place_of("outer", count) + 1, count, "whoever called is no part of it");
}

/* In a frame that is larger than what was seen of the stack, return addresses are left over from
 * other calls. */
Test(unwind, looks_for_no_caller_within_a_frame)
{
	uint32_t seen = 0;
	size_t count;

	look();
	ask(&count);
	stall.frame_sp = 0;
	stall.stack_bytes = 512; /* of innermost(), which has nearly twice as much */
	while (seen < stall.word_count && trace_word_code(words[seen]) < 63)
		seen++;
	words[seen] = trace_word(frames[place_of("middle", count)].address, 63);
	stall.word_count = seen + 1;
	cr_assert_eq(unwind(symbols, &stall, frames), 1);
}

Test(unwind, is_empty_where_nothing_is_known)
{
	size_t count;

	look();
	stall.pc = 0;
	ask(&count);
	cr_assert_eq(count, 0);
	look();
	stall.machine = 3;
	cr_assert_eq(unwind(symbols, &stall, frames), 0);
}

static uint64_t any_address(void)
{
	switch (random() % 4) {
	case 0:
		return modules[(size_t)random() % process.module_count].start +
		       (uint64_t)random() % 65536;
	case 1:
		return stall.sp + (uint64_t)random() % 4096;
	case 2:
		return (uint64_t)random() << 17 ^ (uint64_t)random();
	default:
		return (uint64_t)(uintptr_t)middle + (uint64_t)random() % 64;
	}
}

/* Nothing of a look is believed. */
Test(unwind, bears_any_words)
{
	size_t count;

	srandom(7);
	look();
	ask(&count);
	for (int round = 0; round < 500; round++) {
		for (uint32_t i = 0; i < REGISTERS; i++)
			registers[i] = random() % 3 ? any_address() : 0;
		stall.pc = any_address();
		stall.sp = random() % 8 ? 0x7ffd00000000 + (uint64_t)random()
					: UINT64_MAX - (uint64_t)random() % 64;
		stall.frame_sp =
		    random() % 2 ? stall.sp + (uint64_t)random() % 8192 : (uint64_t)random();
		stall.stack_bytes = (uint32_t)random() % 65536;
		stall.word_count = (uint32_t)random() % 600;
		for (uint32_t i = 0; i < stall.word_count; i++)
			words[i] = trace_word(any_address(), i * (1 + (uint32_t)round % 9));
		stall.register_count = random() % 2 ? REGISTERS : 0;
		cr_assert_leq(unwind(symbols, &stall, frames), (size_t)UNWIND_FRAMES_MAX);
	}
}
