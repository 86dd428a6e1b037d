/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of addresses, asked of this test program itself: found where the build-id fits, never where
 * it does not.
 */
#include <criterion/criterion.h>
#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "symbols/symbols.h"

static struct trace_module modules[2];
static struct trace_site sites[4];
static struct trace_process process = {.modules = modules, .sites = sites, .site_count = 4};
static struct symbols *symbols;

static uint64_t own_start, own_end, own_bias;
static char own_path[4096];
static uint64_t called_from;

static const int callback_line = __LINE__ + 1;
static __attribute__((noinline)) void symbols_test_callback(void)
{
	called_from = (uint64_t)(uintptr_t)__builtin_return_address(0);
}

static __attribute__((noinline, noclone)) int symbols_test_caller(void)
{
	symbols_test_callback();
	return __LINE__ - 1;
}

static int own_segments(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	(void)arg;
	own_bias = info->dlpi_addr;
	own_start = UINT64_MAX;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		uint64_t start = info->dlpi_addr + segment->p_vaddr;
		if (segment->p_type != PT_LOAD)
			continue;
		own_start = start < own_start ? start : own_start;
		own_end = start + segment->p_memsz > own_end ? start + segment->p_memsz : own_end;
	}
	return 1; /* the first is the program */
}

static void own_build_id(struct trace_module *module)
{
	int fd = open(own_path, O_RDONLY);
	const void *build_id;

	elf_version(EV_CURRENT);
	Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
	ssize_t bytes = dwelf_elf_gnu_build_id(elf, &build_id);
	if (bytes > 0) {
		module->build_id_bytes = (uint16_t)bytes;
		memcpy(module->build_id, build_id, (size_t)bytes);
	}
	elf_end(elf);
	close(fd);
}

static void set_up(void)
{
	ssize_t length = readlink("/proc/self/exe", own_path, sizeof(own_path) - 1);

	cr_assert_gt(length, 0);
	unsetenv("DEBUGINFOD_URLS");
	dl_iterate_phdr(own_segments, NULL);
	modules[0] = (struct trace_module){
	    .bias = own_bias, .start = own_start, .end = own_end, .path = own_path};
	own_build_id(&modules[0]);
	cr_assert_gt(modules[0].build_id_bytes, 0, "this program has a build-id");
	process.module_count = 1;
	sites[1] = (struct trace_site){.present = true,
				       .callback = (uint64_t)(uintptr_t)symbols_test_callback};
}

static void ask(void)
{
	symbols = symbols_open(&process);
	cr_assert_not_null(symbols);
}

static void tear_down(void)
{
	symbols_close(symbols);
	symbols = NULL;
}

TestSuite(symbols, .init = set_up, .fini = tear_down);

Test(symbols, finds_function_file_and_line)
{
	ask();
	const struct symbol_info *info = symbols_site(symbols, 1, false);
	char text[64];
	cr_assert_str_eq(info->name, "symbols_test_callback");
	cr_assert_not_null(strstr(info->file, "tests/unit/trace/test_symbols.c"));
	cr_assert_eq(info->line, callback_line, "line %d", info->line);
	snprintf(text, sizeof(text), "symbols_test_callback test_symbols.c:%d", callback_line);
	cr_assert_str_eq(info->text, text);
	cr_assert_eq(symbols_site(symbols, 1, false), info, "answers are kept");
}

Test(symbols, looks_callers_up_at_the_call)
{
	int line = symbols_test_caller();

	sites[1].caller = called_from;
	ask();
	const struct symbol_info *info = symbols_site(symbols, 1, true);
	cr_assert_str_eq(info->name, "symbols_test_caller");
	cr_assert_eq(info->line, line);
}

Test(symbols, believes_no_file_with_another_build_id)
{
	modules[0].build_id[0] ^= 1;
	ask();
	const struct symbol_info *info = symbols_site(symbols, 1, false);
	char expected[4200];
	snprintf(expected, sizeof(expected), "%s+0x%llx", strrchr(own_path, '/') + 1,
		 (unsigned long long)(sites[1].callback - own_bias));
	cr_assert_str_eq(info->name, expected);
	cr_assert_str_eq(info->text, expected);
	cr_assert_str_empty(info->file);
}

Test(symbols, falls_back_to_what_the_trace_recorded)
{
	char symbol[] = "recorded_name", module[512];

	modules[0].build_id[0] ^= 1;
	sites[1].callback_symbol = symbol;
	ask();
	cr_assert_str_eq(symbols_site(symbols, 1, false)->name, "recorded_name");
	snprintf(module, sizeof(module), "recorded_name (%s)", strrchr(own_path, '/') + 1);
	cr_assert_str_eq(symbols_site(symbols, 1, false)->text, module);
	tear_down();
	sites[1].callback_offset = 16;
	ask();
	cr_assert_str_eq(symbols_site(symbols, 1, false)->name, "recorded_name+0x10");
}

/* This program's file, in which the note of its build-id is none any more. */
static void copy_without_build_id(char *path)
{
	static const char note[] = "\4\0\0\0\24\0\0\0\3\0\0\0GNU";
	FILE *from = fopen(own_path, "rb"), *to = fdopen(mkstemp(path), "wb");
	char *bytes, *found;
	struct stat status;

	cr_assert(from && to && fstat(fileno(from), &status) == 0);
	bytes = malloc((size_t)status.st_size);
	cr_assert_eq(fread(bytes, 1, (size_t)status.st_size, from), (size_t)status.st_size);
	found = memmem(bytes, (size_t)status.st_size, note, sizeof(note));
	cr_assert_not_null(found, "this program has no build-id");
	found[8] = 99;
	cr_assert_eq(fwrite(bytes, 1, (size_t)status.st_size, to), (size_t)status.st_size);
	fclose(from);
	fclose(to);
	free(bytes);
}

Test(symbols, believes_no_file_without_build_id_that_is_newer_than_the_trace)
{
	static char path[] = "/tmp/uvtrace_test_symbols_XXXXXX";

	modules[0].build_id_bytes = 0;
	process.start_real_ns = UINT64_MAX;
	ask();
	cr_assert_null(strstr(symbols_site(symbols, 1, false)->name, "symbols_test_callback"),
		       "the trace has no build-id, the file has one: not the same");
	tear_down();
	copy_without_build_id(path);
	modules[0].path = path;
	process.start_real_ns = UINT64_MAX;
	ask();
	cr_expect_not_null(strstr(symbols_site(symbols, 1, false)->name, "symbols_test_callback"),
			   "neither has one, and the file was there before");
	tear_down();
	process.start_real_ns = 1000000000;
	ask();
	cr_expect_null(strstr(symbols_site(symbols, 1, false)->name, "symbols_test_callback"),
		       "it was changed since");
	unlink(path);
}

Test(symbols, survives_files_that_are_none)
{
	static const char *const paths[] = {"/nonexistent", "/", "/dev/null",
					    "/etc/passwd",  "",	 "/dev/zero"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		char path[64];
		snprintf(path, sizeof(path), "%s", paths[i]);
		modules[0].path = path;
		ask();
		cr_assert_not_null(strstr(symbols_site(symbols, 1, false)->name, "+0x"), "%s",
				   path);
		tear_down();
	}
}

Test(symbols, takes_c_plus_plus_names_apart)
{
	static char mangled[] = "_ZN4node2fs11AfterStringEP7uv_fs_s";
	static char operator_name[] = "_ZNK3FooclEiPKc";
	static char anonymous[] = "_ZN12_GLOBAL__N_13runEP10uv_timer_s";
	static char template[] = "_ZN4node10StreamBase8JSMethodILi3EEEvPi";

	modules[0].build_id[0] ^= 1;
	for (uint32_t i = 0; i < 4; i++)
		sites[i] = (struct trace_site){.present = true, .callback = own_start + i};
	sites[0].callback_symbol = template;
	sites[1].callback_symbol = mangled;
	sites[2].callback_symbol = operator_name;
	sites[3].callback_symbol = anonymous;
	ask();
	cr_assert_str_eq(symbols_site(symbols, 1, false)->name, "node::fs::AfterString");
	cr_assert_str_eq(symbols_site(symbols, 2, false)->name, "Foo::operator()");
	cr_assert_str_eq(symbols_site(symbols, 3, false)->name, "(anonymous namespace)::run");
	cr_assert_str_eq(symbols_site(symbols, 0, false)->name, "node::StreamBase::JSMethod<3>");
}

Test(symbols, says_what_it_does_not_know)
{
	sites[2] = (struct trace_site){.present = true};
	sites[3] =
	    (struct trace_site){.present = true, .callback = 0xdead0000, .caller = 0xbeef0000};
	ask();
	cr_assert_str_eq(symbols_site(symbols, 0, false)->text, "(unknown)");
	cr_assert_str_eq(symbols_site(symbols, 999, true)->text, "(unknown)");
	cr_assert_str_eq(symbols_site(symbols, 2, false)->text, "(no callback)");
	cr_assert_str_eq(symbols_site(symbols, 3, false)->text, "0xdead0000");
	cr_assert_str_eq(symbols_site(symbols, 3, true)->text, "0xbeef0000");
}

Test(symbols, keeps_many_answers_apart)
{
	ask();
	for (uint64_t i = 0; i < 5000; i++) {
		char expected[32];
		snprintf(expected, sizeof(expected), "0x%llx", (unsigned long long)(0x1000 + i));
		cr_assert_str_eq(symbols_address(symbols, 0x1000 + i, i % 2)->text, expected);
	}
}
