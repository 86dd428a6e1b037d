/* SPDX-License-Identifier: Apache-2.0
 *
 * modules_resolve(): the symbols of single addresses, from the tables of their modules' files. A
 * program that ends waits for it. Of a large table an index is made, once. Of others most symbols
 * are passed over by a set of the places where something is wanted.
 */
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "elf_file.h"
#include "function_index.h"
#include "modules.h"

#define SYMBOLS_MAX (1u << 20) /* of a table, looked at */
#define SYMS_READ   1024
#define NESTED_MAX  4	 /* functions that begin before an address and end before it, too */
#define PLACES	    4096 /* parts of equal size, from the first to the last wanted address */

/* Addresses of one module that want names, by address. */
struct wanted_symbols {
	struct module_symbol *list;
	uint32_t count;
	uint64_t bias;
	int fd;
	Elf64_Shdr symbols, strings;
	uint64_t first, last; /* without the bias */
	unsigned int shift;   /* a place is 1 << shift bytes long */
	bool places[PLACES];  /* something is wanted there, or in the next one */
};

static void symbol_name(struct modules *modules, const struct wanted_symbols *wanted,
			const Elf64_Sym *symbol, struct module_symbol *to)
{
	char name[MODULES_SYMBOL_BYTES];
	ssize_t bytes = pread(wanted->fd, name, sizeof(name),
			      (off_t)(wanted->strings.sh_offset + symbol->st_name));
	size_t length = bytes > 0 ? strnlen(name, (size_t)bytes) : 0;

	if (symbol->st_name >= wanted->strings.sh_size || length == (size_t)bytes)
		return;
	to->offset = (uint32_t)(to->address - wanted->bias - symbol->st_value);
	to->name = modules_add_text(modules, name, length);
}

/* The first of the wanted ones at or after this address. */
static uint32_t wanted_lower_bound(const struct wanted_symbols *wanted, uint64_t address)
{
	uint32_t low = 0, high = wanted->count;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (wanted->list[middle].address - wanted->bias < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void places_mark(struct wanted_symbols *wanted)
{
	wanted->first = wanted->list[0].address - wanted->bias;
	wanted->last = wanted->list[wanted->count - 1].address - wanted->bias;
	while ((wanted->last - wanted->first) >> wanted->shift >= PLACES)
		wanted->shift++;
	for (uint32_t i = 0; i < wanted->count; i++) {
		uint64_t offset = wanted->list[i].address - wanted->bias - wanted->first;
		uint64_t place = offset >> wanted->shift;

		wanted->places[place] = true;
		if (place > 0)
			wanted->places[place - 1] = true;
	}
}

/* False: nothing in [start, start + bytes) is wanted. */
static bool may_be_wanted(const struct wanted_symbols *wanted, uint64_t start, uint64_t bytes)
{
	if (start > wanted->last)
		return false;
	if (start < wanted->first)
		return start + bytes > wanted->first;
	return bytes >> wanted->shift || wanted->places[(start - wanted->first) >> wanted->shift];
}

/* Gives its name to the addresses inside it. A symbol without a size names its first byte alone. */
static void symbol_match(struct modules *modules, const struct wanted_symbols *wanted,
			 const Elf64_Sym *symbol)
{
	uint64_t size = symbol->st_size ? symbol->st_size : 1;
	int type = ELF64_ST_TYPE(symbol->st_info);

	if (symbol->st_shndx == SHN_UNDEF || (type != STT_FUNC && type != STT_GNU_IFUNC) ||
	    !may_be_wanted(wanted, symbol->st_value, size))
		return;
	for (uint32_t i = wanted_lower_bound(wanted, symbol->st_value); i < wanted->count; i++) {
		if (wanted->list[i].address - wanted->bias - symbol->st_value >= size)
			return;
		if (wanted->list[i].name.bytes == 0)
			symbol_name(modules, wanted, symbol, &wanted->list[i]);
	}
}

/* Either looks for what is wanted in the whole table, or makes the index of it. False: it cannot be
 * read to its end. */
static bool table_walk(struct modules *modules, const struct wanted_symbols *wanted, uint64_t count,
		       bool is_for_index)
{
	Elf64_Sym symbols[SYMS_READ];

	for (uint64_t i = 0; i < count; i += SYMS_READ) {
		uint64_t some = count - i < SYMS_READ ? count - i : SYMS_READ;

		if (!elf_read(wanted->fd, symbols, some * sizeof(Elf64_Sym),
			      wanted->symbols.sh_offset + i * sizeof(Elf64_Sym)))
			return false;
		for (uint64_t j = 0; j < some; j++) {
			if (is_for_index)
				function_index_add(&modules->index, &symbols[j]);
			else
				symbol_match(modules, wanted, &symbols[j]);
		}
	}
	return true;
}

/* ---- By the index ---------------------------------------------------------------------------- */

/* The symbol whose function holds the address, read anew. */
static bool indexed_find(const struct function_index *index, const struct wanted_symbols *wanted,
			 uint64_t address, Elf64_Sym *symbol)
{
	uint64_t below = UINT64_MAX;

	for (int i = 0; i < NESTED_MAX; i++) {
		uint32_t number = function_index_find(index, address, below);

		if (number == UINT32_MAX ||
		    !elf_read(wanted->fd, symbol, sizeof(*symbol),
			      wanted->symbols.sh_offset + (uint64_t)number * sizeof(*symbol)) ||
		    !function_index_is_function(symbol))
			return false;
		if (address - symbol->st_value < (symbol->st_size ? symbol->st_size : 1))
			return true;
		below = symbol->st_value;
	}
	return false;
}

static void indexed_resolve(struct modules *modules, const struct wanted_symbols *wanted)
{
	Elf64_Sym symbol;

	for (uint32_t i = 0; i < wanted->count; i++)
		if (indexed_find(&modules->index, wanted, wanted->list[i].address - wanted->bias,
				 &symbol))
			symbol_name(modules, wanted, &symbol, &wanted->list[i]);
}

/* Whether the module has an index, made now where it has to be. The first large one keeps it. */
static bool index_is_there(struct modules *modules, const struct module *module,
			   const struct wanted_symbols *wanted, uint64_t count)
{
	uint64_t bytes = module->end - module->start;

	if (modules->indexed)
		return modules->indexed == module && modules->index.symbol_count == count;
	if (!function_index_fits(count, bytes))
		return false;
	function_index_begin(&modules->index, module->start - wanted->bias, bytes);
	if (!table_walk(modules, wanted, count, true))
		return false;
	modules->indexed = module;
	return true;
}

/* ---- The whole ------------------------------------------------------------------------------- */

static void symbols_find(struct modules *modules, const struct module *module,
			 struct wanted_symbols *wanted)
{
	uint64_t count;

	if (!elf_symbols(wanted->fd, &wanted->symbols, &wanted->strings))
		return;
	count = wanted->symbols.sh_size / sizeof(Elf64_Sym);
	count = count < SYMBOLS_MAX ? count : SYMBOLS_MAX;
	if (index_is_there(modules, module, wanted, count)) {
		indexed_resolve(modules, wanted);
	} else {
		places_mark(wanted);
		table_walk(modules, wanted, count, false);
	}
}

/* By address. Not qsort(): it may allocate. */
static void symbols_sort(struct module_symbol *symbols, uint32_t count)
{
	for (uint32_t i = 1; i < count; i++) {
		struct module_symbol symbol = symbols[i];
		uint32_t at = i;

		for (; at > 0 && symbols[at - 1].address > symbol.address; at--)
			symbols[at] = symbols[at - 1];
		symbols[at] = symbol;
	}
}

static void module_resolve(struct modules *modules, const struct module *module,
			   struct module_symbol *symbols, uint32_t count)
{
	struct wanted_symbols wanted = {.list = symbols, .count = count, .bias = module->file.bias};
	char path[PATH_MAX];

	if (module->path.bytes >= sizeof(path))
		return;
	memcpy(path, modules->text + module->path.at, module->path.bytes);
	path[module->path.bytes] = '\0';
	wanted.fd = elf_open(modules->pid, path);
	if (wanted.fd < 0)
		return;
	if (elf_is(wanted.fd, &module->file))
		symbols_find(modules, module, &wanted);
	close(wanted.fd);
}

void modules_resolve(struct modules *modules, struct module_symbol *symbols, uint32_t count)
{
	symbols_sort(symbols, count);
	for (uint32_t first = 0, next; first < count; first = next) {
		const struct module *module = modules_find(modules, symbols[first].address);

		for (next = first + 1;
		     module && next < count && symbols[next].address < module->end; next++)
			;
		if (module)
			module_resolve(modules, module, symbols + first, next - first);
	}
}
