/* SPDX-License-Identifier: Apache-2.0
 *
 * See python_functions.h. The writable data of the file is gone through word by word, as it is when
 * it has been loaded at its own addresses. Three structures name functions, the same in CPython 3.8
 * to 3.14 (Include/moduleobject.h, object.h, cpython/object.h, methodobject.h): PyModuleDef, with
 * the module's functions; PyTypeObject and PyType_Spec, with a type's methods and its tp_traverse.
 */
#include "python_functions.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD	      8u
#define SEGMENTS_MAX  32
#define NAME_BYTES    128
#define METHODS_MAX   1024
#define SLOTS_MAX     128
#define FUNCTIONS_MAX 65536

/* In words. */
#define MODULE_NAME	5 /* what is before it: references, and zeros */
#define MODULE_SIZE	7
#define MODULE_METHODS	8
#define MODULE_WORDS	9
#define TYPE_NAME	3
#define TYPE_SIZES	4 /* and the next: of an object, and of an item */
#define TYPE_DEALLOC	6
#define TYPE_TRAVERSE	23
#define TYPE_METHODS	29
#define TYPE_WORDS	50
#define SPEC_SIZES	1
#define SPEC_FLAGS	2
#define SPEC_SLOTS	3
#define SPEC_WORDS	4
#define METHOD_WORDS	4 /* name, function, flags, text */
#define METHOD_FLAGS	0x3ff
#define OBJECT_BYTES	65536
#define REFERENCES_STAY 0x3fffffffu
#define SLOT_METHODS	64
#define SLOT_TRAVERSE	71
#define SLOT_LAST	100

struct segment {
	uint64_t address, bytes;
	uint8_t *data; /* with what the loader puts there */
	bool is_code, is_data;
};

struct image {
	size_t count;
	struct segment segments[SEGMENTS_MAX];
	struct python_functions *found;
};

/* ---- The file as it is loaded ---------------------------------------------------------------- */

static const struct segment *segment_at(const struct image *image, uint64_t address, uint64_t bytes)
{
	for (size_t i = 0; i < image->count; i++) {
		const struct segment *segment = &image->segments[i];

		if (address >= segment->address && bytes <= segment->bytes &&
		    address - segment->address <= segment->bytes - bytes)
			return segment;
	}
	return NULL;
}

static uint64_t word_at(const struct image *image, uint64_t address)
{
	const struct segment *segment =
	    address % WORD == 0 ? segment_at(image, address, WORD) : NULL;
	uint64_t word = 0;

	if (segment)
		memcpy(&word, segment->data + (address - segment->address), WORD);
	return word;
}

static void segment_add(struct image *image, Elf *elf, const GElf_Phdr *header)
{
	struct segment *segment = &image->segments[image->count];
	Elf_Data *data =
	    elf_getdata_rawchunk(elf, (int64_t)header->p_offset, header->p_filesz, ELF_T_BYTE);

	if (!data || !data->d_buf)
		return;
	segment->data = malloc(header->p_filesz);
	if (!segment->data)
		return;
	memcpy(segment->data, data->d_buf, header->p_filesz);
	segment->address = header->p_vaddr;
	segment->bytes = header->p_filesz;
	segment->is_code = header->p_flags & PF_X;
	segment->is_data = header->p_flags & PF_W;
	image->count++;
}

/* Words that are an address of the file, which the loader adds its own place to. */
static void relocations_apply(struct image *image, Elf *elf, Elf_Scn *section,
			      const GElf_Shdr *header)
{
	Elf_Data *data = header->sh_type == SHT_RELA ? elf_getdata(section, NULL) : NULL;
	GElf_Ehdr file;
	GElf_Rela entry;

	if (!data || !gelf_getehdr(elf, &file))
		return;
	for (int i = 0; gelf_getrela(data, i, &entry); i++) {
		uint64_t type = GELF_R_TYPE(entry.r_info);
		const struct segment *segment = segment_at(image, entry.r_offset, WORD);

		if (segment && segment->is_data &&
		    type == (file.e_machine == EM_AARCH64 ? R_AARCH64_RELATIVE : R_X86_64_RELATIVE))
			memcpy(segment->data + (entry.r_offset - segment->address), &entry.r_addend,
			       WORD);
	}
}

static void image_read(struct image *image, Elf *elf)
{
	size_t count = 0;
	GElf_Phdr segment;
	GElf_Shdr header;

	if (elf_getphdrnum(elf, &count) != 0)
		return;
	for (size_t i = 0; i < count && image->count < SEGMENTS_MAX; i++)
		if (gelf_getphdr(elf, (int)i, &segment) && segment.p_type == PT_LOAD)
			segment_add(image, elf, &segment);
	for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section));)
		if (gelf_getshdr(section, &header))
			relocations_apply(image, elf, section, &header);
}

static bool is_code(const struct image *image, uint64_t address)
{
	const struct segment *segment = segment_at(image, address, 1);

	return segment && segment->is_code;
}

/* A name as Python's are, with dots; NULL: there is none. */
static const char *name_at(const struct image *image, uint64_t address)
{
	const struct segment *segment = segment_at(image, address, 2);
	const char *text =
	    segment ? (const char *)segment->data + (address - segment->address) : NULL;
	size_t most = segment ? segment->bytes - (address - segment->address) : 0, length = 0;

	most = most < NAME_BYTES ? most : NAME_BYTES;
	while (length < most && text[length]) {
		char c = text[length++];

		if (!(c == '_' || c == '.' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (c >= '0' && c <= '9' && length > 1)))
			return NULL;
	}
	return length > 0 && length < most ? text : NULL;
}

/* ---- Tables ---------------------------------------------------------------------------------- */

static void function_add(struct image *image, uint64_t start, const char *first, const char *joint,
			 const char *second)
{
	struct python_functions *found = image->found;
	struct python_function *list;
	char name[2 * NAME_BYTES + 2];

	if (!is_code(image, start) || found->count == FUNCTIONS_MAX)
		return;
	if (found->count % 256 == 0) {
		list = realloc(found->list, (found->count + 256) * sizeof(*list));
		if (!list)
			return;
		found->list = list;
	}
	snprintf(name, sizeof(name), "%s%s%s", first, joint, second);
	found->list[found->count] = (struct python_function){start, strdup(name)};
	found->count += found->list[found->count].name != NULL;
}

/* How many methods the table has; -1: it is none. */
static int methods_count(const struct image *image, uint64_t table)
{
	for (int i = 0; i < METHODS_MAX; i++, table += METHOD_WORDS * WORD) {
		uint64_t name = word_at(image, table), text = word_at(image, table + 3 * WORD);

		if (!segment_at(image, table, WORD))
			return -1;
		if (!name)
			return i;
		if (!name_at(image, name) ||
		    (word_at(image, table + 2 * WORD) & UINT32_MAX) > METHOD_FLAGS ||
		    (text && !segment_at(image, text, 1)))
			return -1;
	}
	return -1;
}

/* What is always there has no module in front. */
static void methods_add(struct image *image, const char *owner, uint64_t table)
{
	bool is_builtin = strcmp(owner, "builtins") == 0;
	int count = table && table % WORD == 0 ? methods_count(image, table) : -1;

	for (int i = 0; i < count; i++, table += METHOD_WORDS * WORD)
		function_add(image, word_at(image, table + WORD), is_builtin ? "" : owner,
			     is_builtin ? "" : ".", name_at(image, word_at(image, table)));
}

static void traverse_add(struct image *image, const char *owner, uint64_t function)
{
	if (function)
		function_add(image, function, "tp_traverse", " ", owner);
}

/* What begins an object that is part of a file: one reference, or so many that it stays. */
static bool are_references(uint64_t word)
{
	return word == 1 || (word & UINT32_MAX) >= REFERENCES_STAY;
}

static void module_try(struct image *image, const uint64_t *words)
{
	const char *name = name_at(image, words[MODULE_NAME]);
	int64_t bytes = (int64_t)words[MODULE_SIZE];

	if (!name || !are_references(words[0]) || words[1] || words[2] || words[3] || words[4] ||
	    bytes < -1 || bytes > OBJECT_BYTES)
		return;
	methods_add(image, name, words[MODULE_METHODS]);
}

static bool are_sizes(uint64_t object, uint64_t item)
{
	return object > 0 && object <= OBJECT_BYTES && item <= OBJECT_BYTES;
}

static void type_try(struct image *image, const uint64_t *words)
{
	const char *name = name_at(image, words[TYPE_NAME]);

	if (!name || !are_references(words[0]) || words[2] ||
	    !are_sizes(words[TYPE_SIZES], words[TYPE_SIZES + 1]) ||
	    (words[TYPE_DEALLOC] && !is_code(image, words[TYPE_DEALLOC])) ||
	    (words[TYPE_TRAVERSE] && !is_code(image, words[TYPE_TRAVERSE])))
		return;
	methods_add(image, name, words[TYPE_METHODS]);
	traverse_add(image, name, words[TYPE_TRAVERSE]);
}

static void spec_try(struct image *image, const uint64_t *words)
{
	const char *name = name_at(image, words[0]);
	uint64_t slots = words[SPEC_SLOTS];

	if (!name || !are_sizes((uint32_t)words[SPEC_SIZES], words[SPEC_SIZES] >> 32) ||
	    words[SPEC_FLAGS] > UINT32_MAX || slots % WORD != 0 || !word_at(image, slots))
		return;
	for (int i = 0; i < SLOTS_MAX; i++, slots += 2 * WORD) {
		uint64_t slot = word_at(image, slots), value = word_at(image, slots + WORD);

		if (slot == 0 || slot > SLOT_LAST)
			return;
		if (slot == SLOT_METHODS)
			methods_add(image, name, value);
		else if (slot == SLOT_TRAVERSE)
			traverse_add(image, name, value);
	}
}

static void tables_find(struct image *image, const struct segment *segment)
{
	uint64_t words[TYPE_WORDS], skew = (WORD - segment->address % WORD) % WORD;

	for (uint64_t at = skew; at + MODULE_WORDS * WORD <= segment->bytes; at += WORD) {
		uint64_t left = segment->bytes - at;

		memset(words, 0, sizeof(words));
		memcpy(words, segment->data + at, left < sizeof(words) ? left : sizeof(words));
		module_try(image, words);
		spec_try(image, words);
		if (left >= sizeof(words))
			type_try(image, words);
	}
}

/* ---- ----------------------------------------------------------------------------------------- */

/* CPython itself, or a module: it has a function by which it is imported. */
static bool is_of_python(Elf *elf)
{
	GElf_Shdr header;
	GElf_Sym symbol;

	for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section));) {
		Elf_Data *data = gelf_getshdr(section, &header) && header.sh_type == SHT_DYNSYM
				     ? elf_getdata(section, NULL)
				     : NULL;

		for (int i = 1; data && gelf_getsym(data, i, &symbol); i++) {
			const char *name = elf_strptr(elf, header.sh_link, symbol.st_name);

			if (name && symbol.st_shndx != SHN_UNDEF &&
			    (strncmp(name, "PyInit_", 7) == 0 || strcmp(name, "_PyRuntime") == 0))
				return true;
		}
	}
	return false;
}

static int compare(const void *a, const void *b)
{
	const struct python_function *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* A function that has several names, as one that several types share, has none. */
static void functions_sort(struct python_functions *functions)
{
	size_t kept = 0;

	if (functions->count)
		qsort(functions->list, functions->count, sizeof(*functions->list), compare);
	for (size_t i = 0; i < functions->count; i++) {
		struct python_function *one = &functions->list[i];
		struct python_function *last = kept ? &functions->list[kept - 1] : NULL;

		if (!last || last->start != one->start) {
			functions->list[kept++] = *one;
			continue;
		}
		if (strcmp(last->name, one->name) != 0 &&
		    strncmp(last->name, "tp_traverse ", 12) != 0)
			last->name[0] = '\0';
		free(one->name);
	}
	functions->count = kept;
}

void python_functions_read(struct python_functions *functions, Elf *elf)
{
	struct image image = {.found = functions};

	*functions = (struct python_functions){0};
	if (!elf || !is_of_python(elf))
		return;
	image_read(&image, elf);
	for (size_t i = 0; i < image.count; i++)
		if (image.segments[i].is_data)
			tables_find(&image, &image.segments[i]);
	for (size_t i = 0; i < image.count; i++)
		free(image.segments[i].data);
	functions_sort(functions);
}

const char *python_functions_find(const struct python_functions *functions, uint64_t start)
{
	const struct python_function key = {start, NULL}, *found;

	found = functions->count ? bsearch(&key, functions->list, functions->count,
					   sizeof(*functions->list), compare)
				 : NULL;
	return found && found->name[0] ? found->name : NULL;
}

void python_functions_free(struct python_functions *functions)
{
	for (size_t i = 0; i < functions->count; i++)
		free(functions->list[i].name);
	free(functions->list);
	*functions = (struct python_functions){0};
}
