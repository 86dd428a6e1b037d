/* SPDX-License-Identifier: Apache-2.0
 *
 * The modules mapped in the program, from /proc/PID/maps and the ELF files themselves: where code
 * is, which build it is, and the symbols of single addresses.
 *
 * Rules: read only, from outside. Memory is what the struct has; what does not fit is left out.
 */
#ifndef MODULES_H
#define MODULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elf_file.h"
#include "function_index.h"

#define MODULES_MAX	     1024
#define MODULES_TEXT_BYTES   (1u << 20) /* paths and symbols */
#define MODULES_SYMBOL_BYTES 1024
#define MODULES_UNNAMED_MAX  64

/* A string in modules.text; 0 bytes: none. */
struct module_text {
	uint32_t at;
	uint16_t bytes;
};

struct module {
	uint64_t start;
	uint64_t end;
	struct module_text path;
	struct elf_file file;
};

/* Code that is in no file: made at run time, or the kernel's own. */
struct module_range {
	uint64_t start, end;
};

struct modules {
	uint32_t pid;
	uint32_t count;
	uint32_t text_bytes;
	uint32_t unnamed_count;
	struct module_range unnamed[MODULES_UNNAMED_MAX]; /* by address; as last read */
	struct module list[MODULES_MAX];
	char text[MODULES_TEXT_BYTES];
	const struct module *indexed; /* the one whose functions are in `index`; NULL: none yet */
	struct function_index index;
};

/* An address that wants a name. */
struct module_symbol {
	uint64_t address;
	uint32_t tag;	 /* the caller's own: the order changes */
	uint32_t offset; /* of the address from the symbol */
	struct module_text name;
};

/* pid 0: a process that is gone; there is nothing to be read of it. */
void modules_init(struct modules *modules, uint32_t pid);

/* Adds what has been mapped since. Returns 0 or -errno. */
int modules_read(struct modules *modules);

/* Adds what the program itself noted (struct trace_module_entry), for when /proc/PID cannot be read
 * any more. */
void modules_add_noted(struct modules *modules, const void *entries, uint32_t bytes);

/* NULL if the address lies in no module that is known. */
const struct module *modules_find(const struct modules *modules, uint64_t address);

/* Whether that is code, in a module or in none. */
bool modules_is_code(const struct modules *modules, uint64_t address);

/* A copy of the text among the struct's own; 0 bytes where there is no room. */
struct module_text modules_add_text(struct modules *modules, const char *text, size_t bytes);

/* Looks up the symbols; each module's table is gone through once, but for a large one, whose index
 * is kept. Sorts `symbols` by address. */
void modules_resolve(struct modules *modules, struct module_symbol *symbols, uint32_t count);

#endif
