/* SPDX-License-Identifier: Apache-2.0
 *
 * Segments: files DIRECTORY/NAME.PID.N.bin.open, sealed by rename to NAME.PID.N.bin, kept within a
 * budget. The writer takes finished blocks; of their content it knows only whether that is
 * events.
 *
 * Rules: no file is ever overwritten, reached through a link, or written by anybody else. No block
 * makes a segment larger than its limit, nor all files of this path (of every process) larger than
 * the budget. No descriptor except the open segment's is kept between calls; no memory is
 * allocated. A failure costs what could not be written. The segment is given up, and a new one may
 * begin a second later.
 */
#ifndef WRITER_H
#define WRITER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "ring/shared.h"

#define WRITER_BLOCK_SLACK 8 /* bytes behind a block that its padding may be written to */
#define WRITER_RETRY_NS	   1000000000ull

struct writer {
	uint32_t mode; /* enum shared_writer */
	uint32_t pid;
	bool has_budget; /* total_bytes_max holds: the oldest files go */
	uint64_t file_bytes_max;
	uint64_t total_bytes_max;
	char dir[SHARED_PATH_BYTES];
	char name[SHARED_PATH_BYTES]; /* without .bin */

	bool is_open;	 /* blocks are welcome: a segment is open, or the writer is null */
	bool has_events; /* in the open segment: without them it is not worth keeping */
	bool reopens;	 /* the descriptor table is the program's own: open the file again for each
			    write */
	int fd;		 /* of the open segment, or -1 */
	dev_t device;	 /* of the open segment: what a path must still lead to */
	ino_t inode;
	uint64_t segment;	    /* N of the open segment */
	uint64_t bytes;		    /* in it */
	uint64_t segment_bytes_max; /* what it may grow to */
	uint64_t others_bytes; /* of all other files of this path; those that others write count as
				  full */
	uint64_t retry_ns;     /* CLOCK_MONOTONIC before which no segment is begun */
	int error; /* the last one, -errno or -reason; 0 when a segment could be begun since */
	size_t strange_bytes; /* of `directory`, for -REASON_STRANGE_FOLDER: what leads to another
				 user's */

	uint64_t bytes_written; /* since the start */
	uint64_t sealed_segments;
	uint64_t evicted_segments;
};

/* Takes what it needs from the options. Returns 0 or -EINVAL for a path that cannot be one. */
int writer_init(struct writer *writer, const struct shared_options *options, uint32_t pid);

/* Begins a segment; the header's `segment` and checksum are filled in. Returns 0, -errno or
 * -reason. */
int writer_begin(struct writer *writer, struct trace_file_header *header, uint64_t now_ns);

/* Payload bytes that a block may have to fit into the open segment. */
uint64_t writer_space_left(const struct writer *writer);

/* Writes a block: pads it (WRITER_BLOCK_SLACK bytes must lie behind it) and fills in the checksum.
 * Returns 0, -EMSGSIZE when it does not fit into this segment, or another -errno or -reason, and
 * then the segment has been given up. */
int writer_append(struct writer *writer, struct trace_block_header *block, uint64_t now_ns);

/* What is to be told of such an error: one line. */
void writer_explain(const struct writer *writer, int error, char *text, size_t bytes);

/* Gives the open segment its final name. */
void writer_seal(struct writer *writer);

/* The same, but what still comes may be appended. */
void writer_seal_and_go_on(struct writer *writer);

#endif
