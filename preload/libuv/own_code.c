/* SPDX-License-Identifier: Apache-2.0
 *
 * See own_code.h.
 */
#include "own_code.h"

#include <link.h>

struct text_search {
	const void *address;
	struct text_range found;
};

static int text_visit(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct text_search *search = arg;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *phdr = &info->dlpi_phdr[i];
		struct text_range range = {info->dlpi_addr + phdr->p_vaddr, phdr->p_memsz};

		if (phdr->p_type == PT_LOAD && phdr->p_flags & PF_X &&
		    text_range_has(&range, search->address)) {
			search->found = range;
			return 1;
		}
	}
	return 0;
}

struct text_range text_range_of(const void *address)
{
	struct text_search search = {.address = address};

	dl_iterate_phdr(text_visit, &search);
	return search.found;
}

bool own_code_has(const void *address)
{
	static struct text_range own; /* written with the same values by whoever comes first */

	if (!own.bytes)
		own = text_range_of((void *)text_range_of);
	return text_range_has(&own, address);
}
