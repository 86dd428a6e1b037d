/* SPDX-License-Identifier: Apache-2.0
 *
 * Symbols by name in ELF files that are made here, good ones and bad ones.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>

#include "elf_image_helper.h"
#include "observe/elf_names.h"

#define COUNT 100

static struct elf_image image;
static char names[COUNT][16];
static struct image_symbol symbols[COUNT];

static void setup(void)
{
	for (uint32_t i = 0; i < COUNT; i++) {
		snprintf(names[i], sizeof(names[i]), "symbol_%u", i);
		symbols[i] = (struct image_symbol){names[i], (int32_t)(1000 + i)};
	}
	image_make(&image, symbols, COUNT);
}

TestSuite(elf_names, .init = setup);

static bool opens(struct elf_names *file)
{
	return elf_names_open(file, image_file(&image, IMAGE_BYTES));
}

/* The value of a symbol; -1: it is not found. */
static int32_t value_of(const char *name)
{
	struct elf_names file;
	struct elf_name found;
	int32_t value = -1;

	if (!opens(&file))
		return -2;
	if (elf_names_find(&file, name, &found) &&
	    !elf_names_read(&file, found.address, &value, sizeof(value)))
		value = -3;
	elf_names_close(&file);
	return value;
}

Test(elf_names, each_exported_symbol_is_found)
{
	for (uint32_t i = 0; i < COUNT; i++)
		cr_assert_eq(value_of(names[i]), (int32_t)(1000 + i), "%s", names[i]);
}

Test(elf_names, what_is_not_there_is_not_found)
{
	cr_assert_eq(value_of("symbol_"), -1);
	cr_assert_eq(value_of("symbol_100"), -1);
	cr_assert_eq(value_of("symbol_1 "), -1);
}

Test(elf_names, thread_local_bytes_are_aligned)
{
	struct elf_names file;

	cr_assert(opens(&file));
	cr_assert_eq(file.tls_bytes, 128);
	elf_names_close(&file);
}

/* Hash and name agree, but the symbol is another file's. */
Test(elf_names, an_undefined_symbol_is_none)
{
	image.symbols[3].st_shndx = SHN_UNDEF;
	cr_assert_eq(value_of("symbol_2"), -1);
}

/* The same hash, another name. */
Test(elf_names, the_whole_name_counts)
{
	strcpy(image.strings + image.symbols[3].st_name, "symbol^S");
	cr_assert_eq(value_of("symbol_2"), -1);
}

Test(elf_names, bytes_are_read_within_a_segment_alone)
{
	struct elf_names file;
	uint64_t value;

	image.segments[0].p_filesz = IMAGE_BYTES - 4;
	cr_assert(opens(&file));
	cr_assert(elf_names_read(&file, IMAGE_BYTES - 12, &value, sizeof(value)));
	cr_assert_not(elf_names_read(&file, IMAGE_BYTES - 8, &value, sizeof(value)));
	cr_assert_not(elf_names_read(&file, IMAGE_BYTES, &value, sizeof(value)));
	cr_assert_not(elf_names_read(&file, 8, &value, UINT64_MAX));
	elf_names_close(&file);
}

/* ---- Bad files ------------------------------------------------------------------------------- */

Test(elf_names, what_is_no_elf_file_is_refused_and_closed)
{
	struct elf_names file;
	int fd;

	image.bytes[1] = 'X';
	fd = image_file(&image, IMAGE_BYTES);
	cr_assert_not(elf_names_open(&file, fd));
	cr_assert_eq(fcntl(fd, F_GETFD), -1);
}

Test(elf_names, a_file_that_was_cut_finds_nothing)
{
	for (size_t bytes = 0; bytes < IMAGE_VALUES_AT; bytes += 64) {
		struct elf_names file;
		struct elf_name found;

		if (!elf_names_open(&file, image_file(&image, bytes)))
			continue;
		cr_assert_not(elf_names_find(&file, "symbol_99", &found) &&
			      bytes < IMAGE_STRINGS_AT);
		elf_names_close(&file);
	}
}

Test(elf_names, more_headers_than_fit_are_refused)
{
	image.header->e_phnum = 65;
	cr_assert_eq(value_of("symbol_1"), -2);
}

Test(elf_names, a_hash_without_buckets_is_refused)
{
	image.hash[0] = 0;
	cr_assert_eq(value_of("symbol_1"), -2);
}

Test(elf_names, a_hash_without_bloom_words_is_refused)
{
	image.hash[2] = 0;
	cr_assert_eq(value_of("symbol_1"), -2);
}

Test(elf_names, a_shift_of_more_bits_than_there_are_is_refused)
{
	image.hash[3] = 32;
	cr_assert_eq(value_of("symbol_1"), -2);
}

Test(elf_names, a_bucket_below_the_first_symbol_is_none)
{
	image.hash[1] = 2;
	cr_assert_eq(value_of("symbol_1"), -1);
}

/* It never says that it ends: the walk does. */
Test(elf_names, a_chain_without_an_end_ends)
{
	for (uint32_t i = 0; i < COUNT; i++)
		image.hash[7 + i] &= ~1u;
	cr_assert_eq(value_of("symbol_none"), -1);
}

Test(elf_names, a_name_outside_the_strings_is_none)
{
	image.symbols[2].st_name = UINT32_MAX;
	cr_assert_eq(value_of("symbol_1"), -1);
	cr_assert_eq(value_of("symbol_2"), 1002);
}
