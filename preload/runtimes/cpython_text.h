/* SPDX-License-Identifier: Apache-2.0
 *
 * Objects of CPython: of which type they are, and the text of a str.
 */
#ifndef CPYTHON_TEXT_H
#define CPYTHON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cpython_layout.h"
#include "remote_memory.h"

/* Whether it is an object of exactly this type. */
bool cpython_is_a(struct remote_memory *memory, uint64_t object, uint64_t type);

/* As UTF-8. A text that is too long loses its end; a path its beginning, as its end says which file
 * it is. False: it is no str, or an empty one. At most SCRIPT_FILE_BYTES_MAX `bytes`. */
bool cpython_text(const struct cpython *python, struct remote_memory *memory, uint64_t object,
		  bool is_path, char *to, size_t bytes);

#endif
