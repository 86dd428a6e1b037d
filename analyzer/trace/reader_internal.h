/* SPDX-License-Identifier: Apache-2.0
 *
 * What the reader's files share among themselves: the way from paths to processes is
 * reader_file (find, open, inflate) -> reader_scan (blocks of a file) -> reader_meta (what is said
 * of the process)
 * -> reader_salvage (rings) -> reader_process (order, gaps, sums) -> reader_cursor (items).
 *
 * Rules: nothing read from a file is believed before it was checked against the bytes that are
 * there. Memory that could not be had is -ENOMEM all the way up; everything else that is wrong is a
 * line in `problems`.
 */
#ifndef READER_INTERNAL_H
#define READER_INTERNAL_H

#include <sys/types.h>

#include "reader.h"

#define READER_TICK_MAX                                                                            \
	(1ull << 62) /* times and indices beyond this are damage: sums of them cannot overflow */
#define READER_INDEX_MAX	(1ull << 62)
#define READER_SHIFT_MAX	16	   /* of the unit */
#define READER_RAW_RECORDS	4096	   /* of one block that stands for a part of a ring */
#define READER_SAMPLES_MAX	(1u << 20) /* kept of one process */
#define READER_STALLS_MAX	(1u << 14) /* the same */
#define READER_PROFILE_MAX	(1u << 18) /* the same */
#define READER_SCRIPT_TEXTS_MAX (1u << 16) /* the same */

/* One block, by what its header says. `raw`: records as in a ring, not encoded items. */
struct reader_block {
	uint64_t offset; /* of the payload in its file */
	uint64_t first_index, first_tick, last_tick;
	uint32_t payload_bytes, event_count, context_count, worker, file;
	uint16_t type, raw;
};

struct reader_blocks {
	struct reader_block *list;
	size_t count;
	uint64_t recorded; /* by the worker, as its newest entry says */
};

struct reader_lines {
	char **list;
	size_t count;
	size_t left_out; /* beyond what is kept */
};

struct reader_file {
	char *path;
	int fd;		/* -1: too many are open; opened by path for each read */
	uint64_t base;	/* where the segment begins in fd: inflated ones share one file */
	uint64_t bytes; /* of the segment, inflated */
	uint64_t disk_bytes;
	uint32_t uid;	   /* whose file it is */
	uint64_t good_end; /* behind the last good block */
	dev_t device;
	ino_t inode;
	struct trace_file_header header;
	bool usable, ring, header_damaged;
	size_t process; /* that it belongs to */
	struct reader_blocks blocks;
	struct reader_lines problems;
};

struct reader_index_slot {
	uint64_t hash;
	size_t position; /* + 1; 0: free */
};

/* Where something stands in an array (reader_index.c). */
struct reader_index {
	struct reader_index_slot *slots;
	size_t capacity, count;
};
#define READER_NOWHERE SIZE_MAX

/* Of one process, while it is put together. */
struct reader_indices {
	struct reader_index workers, modules, notes, script_texts;
};

/* What is known of a process while it is put together; parallel to trace.processes. */
struct reader_state {
	struct trace_clock_pair *pairs;
	size_t pair_count;
	uint64_t seal_recorded, seal_lost, seal_tick;
	size_t sample_capacity;
	uint64_t sample_stride; /* every so many samples of one worker and type are kept */
	uint64_t *sample_seen;	/* by hash of worker and type */
	bool samples_thinned;
	size_t samples_kept_always;
	size_t stalls_left_out, profile_left_out, script_texts_left_out;
};

struct reader {
	struct trace trace; /* first: what the caller sees */
	struct reader_file *files;
	size_t file_count;
	struct reader_index file_index;		      /* by device and inode */
	struct reader_index process_index, pid_index; /* by process id; the first of each pid */
	size_t fds_kept, fds_max;
	int scratch; /* inflated segments, unlinked; -1 until there is one */
	uint64_t scratch_bytes;
	struct reader_state *states;
	trace_progress progress;
	void *progress_arg;
	uint64_t done_bytes, total_bytes;
};

/* reader_lines.c */
void *reader_append(void *array_pointer, size_t *count, size_t element_bytes);
int reader_resize(void *array_pointer, size_t *count, size_t wanted, size_t element_bytes);
int reader_text_set(char **text, const char *from, size_t bytes);
void reader_lines_add(struct reader_lines *lines, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void reader_problem(struct reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int reader_note(struct trace_process *process, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void reader_lines_free(struct reader_lines *lines);

/* reader_index.c: a hash of bytes and what was before; the positions of a hash one after the other,
 * `probe` begins as 0.
 */
uint64_t reader_hash(uint64_t hash, const void *bytes, size_t count);
int reader_index_add(struct reader_index *index, uint64_t hash, size_t position);
size_t reader_index_next(const struct reader_index *index, uint64_t hash, size_t *probe);
void reader_index_free(struct reader_index *index);

/* reader_file.c */
int reader_file_find(struct reader *reader, const char *path);
int reader_file_index(struct reader *reader, size_t at);
int reader_file_open(struct reader *reader, struct reader_file *file);
int reader_file_open_ring(struct reader *reader, const char *path, size_t *file_index);
void reader_file_close(struct reader *reader, struct reader_file *file);
ssize_t reader_file_read(const struct reader_file *file, void *to, size_t bytes, uint64_t offset);
uint64_t reader_file_next_data(const struct reader_file *file, uint64_t offset);

/* reader_inflate.c: 0, 1 where `file` is not compressed, or -errno; what could be inflated is there
 * all the same. */
int reader_inflate(struct reader *reader, struct reader_file *file, int fd);

/* reader_scan.c: every good block of a file into file->blocks. */
int reader_scan(struct reader_file *file);
bool reader_scan_finds_block(const struct reader_file *file, uint64_t offset);

/* reader_scan_files.c */
int reader_scan_files(struct reader *reader);

/* reader_meta.c: what a block other than EVENTS says. */
int reader_meta_parse(struct reader *reader, size_t process, const struct reader_file *file,
		      const struct reader_block *block);
struct trace_worker *reader_meta_worker(struct trace_process *process, uint32_t number);
uint8_t reader_meta_role(uint32_t role);
int reader_meta_set_site(struct trace_process *process, uint32_t index,
			 const struct trace_site *site);
int reader_meta_set_name(struct trace_process *process, uint32_t index, const char *name,
			 size_t name_bytes);
/* 0: nothing is to be reported. */
void reader_set_pending(struct trace_process *process, uint64_t seconds);
int reader_meta_set_kind(struct trace_process *process, uint32_t number,
			 const struct trace_kind_info *kind, const char *name, size_t name_bytes);

/* reader_samples.c */
int reader_samples_add(struct reader *reader, size_t process, const struct trace_sample *sample);
int reader_samples_finish(struct reader *reader, size_t process);

/* reader_stalls.c: stall samples, and those of a profile. -EINVAL: that is none. */
int reader_stalls_add(struct reader *reader, size_t process, const struct trace_stall_entry *entry,
		      uint32_t bytes);
int reader_profile_add(struct reader *reader, size_t process, const struct trace_stall_entry *entry,
		       uint32_t bytes);
void reader_stalls_finish(struct reader *reader, size_t process);
void reader_stalls_free(struct trace_process *process);

/* reader_scripts.c: -EINVAL: that is no text. */
int reader_scripts_add_text(struct reader *reader, size_t process,
			    const struct trace_script_text *entry, uint32_t bytes);
/* Whether an entry of `bytes` has the frames that it says it has. */
bool reader_scripts_fit(const struct trace_stall_entry *entry, uint32_t bytes);
int reader_scripts_copy(struct trace_stall *stall, const struct trace_stall_entry *entry);
void reader_scripts_name(const struct trace_process *process, struct trace_stall *stall);
void reader_scripts_free(struct trace_process *process);

/* reader_process.c */
int reader_process_find(struct reader *reader, const struct reader_file *file, size_t *process);
int reader_process_add_file(struct reader *reader, size_t file_index);
int reader_process_finish(struct reader *reader, size_t process);
void reader_process_free(struct trace_process *process, struct reader_state *state);

/* reader_clock.c */
int reader_clock_make(struct reader *reader, size_t process);

/* reader_alive.c */
bool reader_boot_is_ours(const uint8_t boot_id[16]);
bool reader_process_is_running(const struct trace_process *process);

/* reader_salvage.c: what is still in the ring of a process that is gone. */
int reader_salvage_file(struct reader *reader, size_t file_index);
int reader_salvage_process(struct reader *reader, size_t process);

/* reader_decode.c */
struct reader_decoder {
	const unsigned char *at,
	    *end;      /* encoded bytes; READER_SLACK bytes may be read behind `end` */
	bool last;     /* nothing follows `end` */
	uint64_t tick; /* end of the item before */
	uint64_t *words;
	uint32_t word_count, word_capacity;
	uint64_t define_object;
	uint64_t skip_bytes; /* of an extension, still to be passed over */
};
#define READER_SLACK 32
#define READER_ITEMS_MAX                                                                           \
	4096 /* decoded at once: so many of the longest gaps cannot overflow a tick */

enum reader_decode_end {
	READER_DECODE_FULL,  /* no room for the next item */
	READER_DECODE_UNTIL, /* the next item starts at or after `until` */
	READER_DECODE_BYTES, /* what is left is not enough for an item */
	READER_DECODE_DAMAGED,
	READER_DECODE_MEMORY,
};

void reader_decode_begin(struct reader_decoder *decoder, uint64_t first_tick);
size_t reader_decode(struct reader_decoder *decoder, uint64_t until, struct trace_item *items,
		     size_t max, enum reader_decode_end *why);

#endif
