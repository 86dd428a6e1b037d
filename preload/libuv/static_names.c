/* SPDX-License-Identifier: Apache-2.0
 *
 * See static_names.h. libuv's code reaches from the first to the last of the functions that are
 * wanted, and on to what lies beside it and is called uv_something; elsewhere a program may call
 * functions of its own so, as libuv's test suite does. Static functions have plain names, but the
 * linker's table has each behind the name of its source file: those beside the rest are libuv's
 * too. An optimizer of whole programs puts the functions of all files together under one name,
 * which is no source of libuv's; then they are foreign.
 */
#include "static_names.h"

#include <string.h>

#define GAP_BYTES 64 /* that the linker leaves between functions at most */

/* Functions that compilers put with the destructors and with code that is never run. */
static const char *const elsewhere[] = {"uv_library_shutdown", "uv__cancelled"};

/* libuv's sources on Linux, in all versions 1.x. */
static const char *const sources[] = {
    "async.c",
    "core.c",
    "dl.c",
    "epoll.c",
    "fs-poll.c",
    "fs.c",
    "getaddrinfo.c",
    "getnameinfo.c",
    "idna.c",
    "inet.c",
    "linux-core.c",
    "linux-inotify.c",
    "linux-syscalls.c",
    "linux.c",
    "loop-watcher.c",
    "loop.c",
    "pipe.c",
    "poll.c",
    "process.c",
    "procfs-exepath.c",
    "proctitle.c",
    "random-devurandom.c",
    "random-getrandom.c",
    "random-sysctl-linux.c",
    "random.c",
    "signal.c",
    "stream.c",
    "strscpy.c",
    "strtok.c",
    "sysinfo-loadavg.c",
    "sysinfo-memory.c",
    "tcp.c",
    "thread-common.c",
    "thread.c",
    "threadpool.c",
    "timer.c",
    "tty.c",
    "udp.c",
    "uv-common.c",
    "uv-data-getter-setters.c",
    "version.c",
};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

struct reading {
	struct static_parts *parts;
	bool grew; /* the range did, in this pass */
};

static bool begins_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

/* Parts that the compiler splits off (.cold, .part) may lie elsewhere. */
static bool is_uv_name(const char *name)
{
	if (!begins_with(name, "uv_") || strchr(name, '.'))
		return false;
	for (size_t i = 0; i < LENGTH(elsewhere); i++)
		if (strcmp(name, elsewhere[i]) == 0)
			return false;
	return true;
}

/* With -flto the table says "timer.c.o". */
static bool is_uv_source(const char *source)
{
	for (size_t i = 0; i < LENGTH(sources); i++)
		if (begins_with(source, sources[i]))
			return true;
	return false;
}

static struct elf_function function_of(const struct reading *reading,
				       const struct elf_symbol *symbol)
{
	struct elf_function function = {symbol->address + reading->parts->image.bias,
					symbol->bytes};

	if (!elf_image_has(&reading->parts->image, function.address, function.bytes, PF_X))
		return (struct elf_function){0};
	return function;
}

static bool visit_wanted(const struct elf_symbol *symbol, void *arg)
{
	struct reading *reading = arg;
	struct static_parts *parts = reading->parts;
	struct elf_function function = {0};

	if (is_uv_name(symbol->name))
		function = function_of(reading, symbol);
	if (!function.address)
		return true;
	if (strcmp(symbol->name, "uv_loop_init") == 0)
		parts->loop_init = function;
	for (size_t i = 0; i < REAL_COUNT; i++)
		if (strcmp(symbol->name, libuv_function_name(i)) == 0)
			parts->functions[i] = function;
	return true;
}

/* Adds a function that lies beside the range. */
static bool visit_neighbour(const struct elf_symbol *symbol, void *arg)
{
	struct reading *reading = arg;
	struct text_range *text = &reading->parts->text, with_gaps;
	struct elf_function function = {0};
	uintptr_t bytes = text->bytes;

	if (is_uv_name(symbol->name) ||
	    (is_uv_source(symbol->source) && !strchr(symbol->name, '.')))
		function = function_of(reading, symbol);
	if (!function.address)
		return true;
	with_gaps = (struct text_range){text->start - GAP_BYTES - function.bytes,
					text->bytes + 2 * GAP_BYTES + function.bytes};
	if (text_range_has(&with_gaps, (void *)function.address))
		text_range_add(text, function.address, function.bytes);
	reading->grew |= text->bytes != bytes;
	return true;
}

/* Whether a function is libuv's or lies outside. */
static bool visit_foreign(const struct elf_symbol *symbol, void *arg)
{
	struct reading *reading = arg;
	uintptr_t address = symbol->address + reading->parts->image.bias;

	return !text_range_has(&reading->parts->text, (void *)address) ||
	       begins_with(symbol->name, "uv_") || is_uv_source(symbol->source);
}

void static_names_find(const struct elf_symtab *table, struct static_parts *parts)
{
	struct reading reading = {.parts = parts};

	elf_symtab_visit(table, visit_wanted, &reading);
}

bool static_names_extend(const struct elf_symtab *table, struct static_parts *parts)
{
	struct reading reading = {.parts = parts};

	do {
		reading.grew = false;
		elf_symtab_visit(table, visit_neighbour, &reading);
	} while (reading.grew);
	return elf_symtab_visit(table, visit_foreign, &reading);
}
