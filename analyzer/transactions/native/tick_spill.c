/* SPDX-License-Identifier: Apache-2.0
 *
 * See tick_spill.h.
 */
#include "tick_spill.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/tick_heap.h"

#define READ_BYTES 4096

struct tick_spill {
	size_t record_bytes, piece_records;
	char *piece;		     /* the one that is being filled */
	size_t count;		     /* of its records */
	size_t pieces, last_records; /* on disk; of the last one */
	int fd;			     /* -1: not made yet */
};

struct run {
	size_t left; /* records that are still on disk */
	off_t at;
	size_t first, end; /* of `records` */
	char *records;
};

struct tick_spill_reader {
	const struct tick_spill *spill;
	struct run *runs;
	char *memory;
	struct tick_heap heap; /* runs */
	bool given;	       /* the top's record was given: go on behind it */
	int error;
};

/* ---- Writing --------------------------------------------------------------------------------- */

struct tick_spill *tick_spill_make(size_t record_bytes, size_t piece_records)
{
	struct tick_spill *spill = calloc(1, sizeof(*spill));

	if (!spill)
		return NULL;
	*spill = (struct tick_spill){
	    .record_bytes = record_bytes, .piece_records = piece_records, .fd = -1};
	spill->piece = malloc(record_bytes * piece_records);
	if (spill->piece)
		return spill;
	free(spill);
	return NULL;
}

/* A file without a name. */
static int file_make(void)
{
	const char *folder = getenv("TMPDIR");
	char path[4096];
	int fd;

	if (snprintf(path, sizeof(path), "%s/uvtrace-XXXXXX",
		     folder && folder[0] ? folder : "/tmp") >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = mkstemp(path);
	if (fd < 0)
		return -errno;
	unlink(path);
	return fd;
}

static int all_write(int fd, const char *from, size_t bytes)
{
	while (bytes > 0) {
		ssize_t put = write(fd, from, bytes);

		if (put < 0 && errno != EINTR)
			return -errno;
		from += put > 0 ? put : 0;
		bytes -= put > 0 ? (size_t)put : 0;
	}
	return 0;
}

static int compare_ticks(const void *left, const void *right)
{
	uint64_t a, b;

	memcpy(&a, left, sizeof(a));
	memcpy(&b, right, sizeof(b));
	return a < b ? -1 : a > b;
}

static int piece_write(struct tick_spill *spill)
{
	if (spill->fd < 0)
		spill->fd = file_make();
	if (spill->fd < 0)
		return spill->fd;
	qsort(spill->piece, spill->count, spill->record_bytes, compare_ticks);
	spill->pieces++;
	spill->last_records = spill->count;
	spill->count = 0;
	return all_write(spill->fd, spill->piece, spill->last_records * spill->record_bytes);
}

int tick_spill_put(struct tick_spill *spill, const void *record)
{
	memcpy(spill->piece + spill->count++ * spill->record_bytes, record, spill->record_bytes);
	return spill->count == spill->piece_records ? piece_write(spill) : 0;
}

int tick_spill_finish(struct tick_spill *spill)
{
	int error = spill->count > 0 ? piece_write(spill) : 0;

	free(spill->piece);
	spill->piece = NULL;
	return error;
}

void tick_spill_free(struct tick_spill *spill)
{
	if (!spill)
		return;
	if (spill->fd >= 0)
		close(spill->fd);
	free(spill->piece);
	free(spill);
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* Reads on where the run has nothing more in memory. False: it has nothing more at all. */
static bool run_fill(struct tick_spill_reader *reader, struct run *run)
{
	const struct tick_spill *spill = reader->spill;
	size_t room = READ_BYTES / spill->record_bytes;
	size_t records = run->left < room ? run->left : room, done = 0;

	if (run->first < run->end)
		return true;
	while (done < records * spill->record_bytes && reader->error == 0) {
		ssize_t got = pread(spill->fd, run->records + done,
				    records * spill->record_bytes - done, run->at);

		if (got <= 0 && !(got < 0 && errno == EINTR))
			reader->error = got < 0 ? -errno : -EIO;
		done += got > 0 ? (size_t)got : 0;
		run->at += got > 0 ? got : 0;
	}
	run->left -= records;
	run->first = 0;
	run->end = reader->error == 0 ? records : 0;
	return run->end > 0;
}

static const char *run_record(const struct tick_spill_reader *reader, const struct run *run)
{
	return run->records + run->first * reader->spill->record_bytes;
}

static uint64_t run_tick(const struct tick_spill_reader *reader, const struct run *run)
{
	uint64_t tick;

	memcpy(&tick, run_record(reader, run), sizeof(tick));
	return tick;
}

struct tick_spill_reader *tick_spill_read(const struct tick_spill *spill)
{
	struct tick_spill_reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return NULL;
	reader->spill = spill;
	reader->runs = calloc(spill->pieces + 1, sizeof(*reader->runs));
	reader->heap.entries = calloc(spill->pieces + 1, sizeof(*reader->heap.entries));
	reader->memory = malloc(spill->pieces * READ_BYTES + 1);
	if (!reader->runs || !reader->heap.entries || !reader->memory) {
		tick_spill_close(reader);
		return NULL;
	}
	for (size_t i = 0; i < spill->pieces; i++) {
		struct run *run = &reader->runs[i];

		run->records = reader->memory + i * READ_BYTES;
		run->left = i + 1 < spill->pieces ? spill->piece_records : spill->last_records;
		run->at = (off_t)(i * spill->piece_records * spill->record_bytes);
		if (run_fill(reader, run))
			tick_heap_push(&reader->heap, run_tick(reader, run), i);
	}
	return reader;
}

const void *tick_spill_next(struct tick_spill_reader *reader)
{
	struct tick_heap *heap = &reader->heap;

	if (reader->given) {
		struct run *run = &reader->runs[heap->entries[0].position];

		run->first++;
		if (run_fill(reader, run))
			tick_heap_move_top(heap, run_tick(reader, run));
		else
			tick_heap_pop(heap);
	}
	reader->given = heap->count > 0 && reader->error == 0;
	return reader->given ? run_record(reader, &reader->runs[heap->entries[0].position]) : NULL;
}

int tick_spill_error(const struct tick_spill_reader *reader)
{
	return reader->error;
}

void tick_spill_close(struct tick_spill_reader *reader)
{
	if (!reader)
		return;
	free(reader->runs);
	free(reader->heap.entries);
	free(reader->memory);
	free(reader);
}
