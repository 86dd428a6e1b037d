/* SPDX-License-Identifier: Apache-2.0
 *
 * The files of a trace as they are, for who copies one. Compressed ones come inflated.
 */
#include "reader_internal.h"

static const struct reader_file *raw_file(const struct trace *trace, size_t index)
{
	return &((const struct reader *)trace)->files[index];
}

size_t trace_file_count(const struct trace *trace)
{
	return ((const struct reader *)trace)->file_count;
}

const char *trace_file_path(const struct trace *trace, size_t index)
{
	return raw_file(trace, index)->usable ? raw_file(trace, index)->path : NULL;
}

ssize_t trace_file_read(const struct trace *trace, size_t index, void *to, size_t bytes,
			uint64_t offset)
{
	return reader_file_read(raw_file(trace, index), to, bytes, offset);
}
