/* SPDX-License-Identifier: Apache-2.0
 *
 * See shm.h. The header, but for most of the sites, and the first ring's first step are reserved by
 * posix_fallocate, the rest later by MADV_POPULATE_WRITE (steps.c). So a full tmpfs is an error
 * here and not a SIGBUS in a hook. Names are random and opened with O_EXCL and O_NOFOLLOW, so
 * nobody can have prepared the place. Whoever opens the name later checks that it is still the same
 * file (ring_file.h).
 */
#include "shm.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "budget.h"
#include "ring/clock.h"
#include "config.h"
#include "files/boot_id.h"
#include "files/dir.h"
#include "log.h"
#include "files/reason.h"
#include "ring/ring_file.h"
#include "ring/steps.h"
#include "ring_size.h"
#include "files/proc_file.h"

/* Where the kernel itself goes by the counter we may as well. */
static uint32_t choose_clock(void)
{
#if defined(__x86_64__)
	char name[16];

	proc_file_read("/sys/devices/system/clocksource/clocksource0/current_clocksource", name,
		       sizeof(name));
	return strcmp(name, "tsc\n") == 0 ? TRACE_CLOCK_TSC : TRACE_CLOCK_MONOTONIC;
#else
	return TRACE_CLOCK_TSC;
#endif
}

/* Where shm_create() begins: what it does takes as long as it takes to measure the counter. */
static struct trace_clock_pair first;

/* The largest power of two of counter steps that stays within 16 ns. */
static uint32_t choose_unit_shift(uint32_t clock)
{
	struct trace_clock_pair last;
	uint32_t shift = 0;
	uint64_t hz;

	if (clock == TRACE_CLOCK_MONOTONIC)
		return 4;
#if defined(__aarch64__)
	(void)last;
	__asm__("mrs %0, cntfrq_el0" : "=r"(hz));
#else
	do
		last = clock_pair_read(clock);
	while (last.mono_ns - first.mono_ns < 20000);
	hz = (last.counter - first.counter) * 1000000000ull / (last.mono_ns - first.mono_ns);
#endif
	/* 1 % of room: this is a quick measurement. */
	while ((2000000000ull << shift) <= 16 * (hz - hz / 100))
		shift++;
	return shift;
}

/* Where the ring file lies. */
struct place {
	char path[SHARED_PATH_BYTES];
	size_t strange_bytes; /* see dir_open() */
};

static void name_make(const char *dir, char *path)
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		random = clock_mono_ns() ^ (uintptr_t)path << 20;
	snprintf(path, SHARED_PATH_BYTES, "%s/" SHARED_PREFIX "%d.%016lx", dir, getpid(), random);
}

static int open_in(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : fd;
}

static int open_in_shared_dir(struct place *place)
{
	name_make(SHARED_DIR, place->path);
	return open_in(AT_FDCWD, place->path);
}

/* The directory of the trace, made if it is missing. */
static int open_in_trace_dir(struct place *place)
{
	char path[SHARED_PATH_BYTES];
	int dir, fd;

	dir_of(config.path, path, sizeof(path));
	dir = dir_open(path, true, &place->strange_bytes);
	if (dir < 0)
		return dir;
	name_make(path, place->path);
	fd = open_in(dir, strrchr(place->path, '/') + 1);
	close(dir);
	return fd;
}

static void *map_rings(int fd, struct ring_size *rings)
{
	/* Virtual memory only, but RLIMIT_AS counts it: take fewer rings where it is scarce. */
	for (; rings->count; rings->count /= 4) {
		uint64_t bytes = rings->offset + rings->count * rings->bytes;
		void *memory;

		if (ftruncate(fd, bytes))
			return NULL;
		memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (memory != MAP_FAILED)
			return memory;
	}
	return NULL;
}

void shm_fill_options(struct shared_options *options)
{
	memcpy(options->path, config.path, sizeof(options->path));
	options->writer = config.writer;
	options->drain = config.drain;
	options->log = config.log;
	options->rotate_seconds = config.rotate_seconds;
	options->pending_seconds = config.pending_seconds;
	options->stall_ms = config.stall_ms;
	options->sample_hz = config.sample_hz;
	options->file_size_bytes = config.file_size_bytes;
	options->total_size_bytes = config.total_size_bytes;
	options->recorder_bytes = config.recorder_size_bytes;
	options->dumps_max = config.dumps_max;
	memcpy(options->triggers, config.triggers, sizeof(options->triggers));
	options->trigger_every_ns = config.trigger_every_ns;
}

static void fill_identity(struct shared *shared, const char *path, const struct ring_size *rings)
{
	memcpy(shared->magic, SHARED_MAGIC, sizeof(shared->magic));
	shared->version = SHARED_VERSION;
	shared->header_bytes = sizeof(*shared);
	shared->rings_offset = rings->offset;
	shared->ring_bytes = rings->bytes;
	shared->ring_count = rings->count;
	shared->step_bytes = rings->step;
	shared->held_bytes = rings->held < rings->grow ? rings->held : rings->grow;
	atomic_store(&shared->grow_bytes, rings->grow - shared->held_bytes);
	atomic_store(&shared->share_steps, rings->bytes / rings->step);
	atomic_store(&shared->sites_backed, STEPS_SITES);
	shared->total_bytes = rings->offset + rings->count * rings->bytes;
	shared->pid = getpid();
	shared->clock = choose_clock();
	shared->unit_shift = choose_unit_shift(shared->clock);
	if (getrandom(shared->process_id, sizeof(shared->process_id), GRND_NONBLOCK) < 0)
		memcpy(shared->process_id, path + strlen(path) - sizeof(shared->process_id),
		       sizeof(shared->process_id));
	boot_id_read(shared->boot_id);
	shared->start = clock_pair_read(shared->clock);
	memcpy(shared->self_path, path, strlen(path) + 1);
	shm_fill_options(&shared->options);
	atomic_store(&shared->enabled, config.enabled);
	atomic_store(&shared->switched_counter, shared->start.counter);
	if (!config.enabled)
		shared_note_switch(shared, false, shared->start.counter);
}

/* The flight recorder takes a part of what there is for rings and segments, at most. */
static void recorder_fit(struct shared *shared, const char *path, uint64_t memory_limit)
{
	uint64_t most = ring_size_recorder(path, memory_limit);

	if (config.writer != SHARED_WRITER_RECORDER || most >= shared->options.recorder_bytes)
		return;
	shared->options.recorder_bytes = most;
	log_warn("little memory for the flight recorder: %lu KiB for %s", most / 1024, path);
}

/* Reserves and maps the rings in this new file; -errno if it cannot hold them. */
static int fill_file(int fd, const char *path, struct shared **shared)
{
	struct ring_size rings = {0};
	uint64_t memory_limit = config.ring_total_bytes ? UINT64_MAX : budget_memory_limit();
	uint64_t total_bytes = ring_size_total(path, memory_limit);
	int error;

	ring_size_choose(&rings, total_bytes);
	rings.held = memory_limit == UINT64_MAX ? 0 : budget_left_bytes();
	error = ring_size_fit(&rings);
	if (!error)
		error = -posix_fallocate(fd, 0, offsetof(struct shared, sites[STEPS_SITES]));
	if (!error)
		error = -posix_fallocate(fd, (off_t)rings.offset, (off_t)rings.step);
	if (error)
		return error;
	*shared = map_rings(fd, &rings);
	if (!*shared)
		return -errno;
	fill_identity(*shared, path, &rings);
	recorder_fit(*shared, path, memory_limit);
	if (ring_size_is_scarce(total_bytes, memory_limit))
		log_warn("little memory for rings: %lu KiB for %s; events may be lost",
			 total_bytes / 1024, path);
	return 0;
}

/* As the kernel names it in /proc/PID/maps, by which the drain sees that the program still has it:
 * without links and "..". */
static void name_as_kernel(int fd, char *path)
{
	char link[32], real[SHARED_PATH_BYTES];
	ssize_t bytes;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	bytes = readlink(link, real, sizeof(real));
	if (bytes <= 0 || bytes == sizeof(real) || real[0] != '/')
		return;
	memcpy(path, real, (size_t)bytes);
	path[bytes] = '\0';
}

static int create_in(int (*open_file)(struct place *place), struct place *place,
		     struct shared **shared)
{
	int fd = open_file(place);
	struct stat stat;
	int error;

	if (fd < 0)
		return fd;
	name_as_kernel(fd, place->path);
	error = ring_file_remember(fd, &stat);
	error = error ? error : fill_file(fd, place->path, shared);
	close(fd);
	if (error)
		unlink(place->path);
	return error;
}

struct shared *shm_create(void)
{
	struct shared *shared = NULL;
	struct place place = {.strange_bytes = 0};
	char why[256];
	int error, second;

	first = clock_pair_read(TRACE_CLOCK_TSC);
	error = create_in(open_in_shared_dir, &place, &shared);
	if (!error)
		return shared;
	second = create_in(open_in_trace_dir, &place, &shared);
	if (!second) {
		log_warn("no ring memory in " SHARED_DIR ": %s; using the trace directory",
			 reason_text(error));
		return shared;
	}
	dir_explain(second, config.path, place.strange_bytes, why, sizeof(why));
	log_warn("cannot trace: no ring memory in " SHARED_DIR
		 ": %s, nor in the trace directory: %s",
		 reason_text(error), why);
	return shared;
}
