/* SPDX-License-Identifier: Apache-2.0
 *
 * What is mapped in the program, from /proc/PID/maps and the ELF files themselves: where code lies, which build it
 * is, and the symbols of single addresses.
 *
 * Rules: read only, from outside, with read(2) alone (a mapped file that shrinks would be a SIGBUS). The files are
 * not believed: garbage gives no names, never an access out of bounds or an endless loop. Memory is what the struct
 * has; what does not fit is left out.
 */
#ifndef MODULES_H
#define MODULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODULES_MAX	       1024
#define MODULES_TEXT_BYTES     (1u << 20) /* paths and symbols */
#define MODULES_BUILD_ID_BYTES 64
#define MODULES_SYMBOL_BYTES   1024
#define MODULES_UNNAMED_MAX    64

/* A string in modules.text; 0 bytes: none. */
struct module_text {
	uint32_t at;
	uint16_t bytes;
};

struct module {
	uint64_t start;
	uint64_t end;
	uint64_t bias; /* address in memory - address in the ELF file */
	struct module_text path;
	uint16_t build_id_bytes;
	uint8_t build_id[MODULES_BUILD_ID_BYTES];
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
};

/* An address that wants a name. */
struct module_symbol {
	uint64_t address;
	uint32_t tag;	 /* the caller's own: the order changes */
	uint32_t offset; /* of the address from the symbol */
	struct module_text name;
};

/* The build id among these ELF notes: its length, and in *id where it lies; 0 where there is none. */
uint32_t modules_build_id(const char *notes, uint64_t bytes, const char **id);

/* pid 0: a process that is gone; there is nothing to be read of it. */
void modules_init(struct modules *modules, uint32_t pid);

/* Adds what has been mapped since. Returns 0 or -errno. */
int modules_read(struct modules *modules);

/* Adds what the program itself noted (struct trace_module_entry), for when /proc/PID cannot be read any more. */
void modules_add_noted(struct modules *modules, const void *entries, uint32_t bytes);

/* NULL if the address lies in no module that is known. */
const struct module *modules_find(const struct modules *modules, uint64_t address);

/* Whether that is code, in a module or in none. */
bool modules_is_code(const struct modules *modules, uint64_t address);

/* Looks up the symbols; each module's table is gone through once. Sorts `symbols` by address. */
void modules_resolve(struct modules *modules, struct module_symbol *symbols, uint32_t count);

/* From now on this open /proc/self/maps of the program serves in place of /proc/PID/maps. It can be read where the
 * latter is forbidden, and is empty once the program's memory is gone, by its end or by exec. */
void modules_use_maps(int fd);

/* 1: a file of this path is mapped in the process, 0: it is not, -errno: cannot be told. */
int modules_is_mapped(uint32_t pid, const char *path);

/* The same for a file whose name begins with `name`; then its path, as /proc/PID/maps has it, is in
 * `path`. */
int modules_find_mapped(uint32_t pid, const char *name, char *path, size_t bytes);

#endif
