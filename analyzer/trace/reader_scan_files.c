/* SPDX-License-Identifier: Apache-2.0
 *
 * Scans all files, several at once: a thread a core takes the next file that nobody has taken.
 *
 * Rules: a file is scanned by one thread, which writes to that file's struct only. Where no thread
 * can be made, the caller's does it all. Progress is reported by one thread at a time.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "reader_internal.h"

#define THREADS_MAX 8 /* each has a window of a block's size */

struct scan_job {
	struct reader *reader;
	_Atomic size_t next; /* file to be taken */
	_Atomic int error;
	pthread_mutex_t progress_lock;
};

static void report_progress(struct scan_job *job, uint64_t bytes)
{
	struct reader *reader = job->reader;

	pthread_mutex_lock(&job->progress_lock);
	reader->done_bytes += bytes;
	if (reader->progress)
		reader->progress(reader->progress_arg, reader->done_bytes, reader->total_bytes);
	pthread_mutex_unlock(&job->progress_lock);
}

static void *scan_some(void *arg)
{
	struct scan_job *job = arg;
	size_t at;

	while ((at = atomic_fetch_add(&job->next, 1)) < job->reader->file_count && !job->error) {
		struct reader_file *file = &job->reader->files[at];
		int error = 0;

		if (!file->usable || file->ring)
			continue;
		error = reader_scan(file);
		if (error)
			job->error = error;
		report_progress(job, file->bytes);
	}
	return NULL;
}

static size_t thread_count(size_t files)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	size_t count = cores > 1 ? cores : 1;

	count = count < THREADS_MAX ? count : THREADS_MAX;
	return count < files ? count : files;
}

int reader_scan_files(struct reader *reader)
{
	struct scan_job job = {.reader = reader, .progress_lock = PTHREAD_MUTEX_INITIALIZER};
	size_t wanted = thread_count(reader->file_count), made = 0;
	pthread_t threads[THREADS_MAX];

	while (made + 1 < wanted && pthread_create(&threads[made], NULL, scan_some, &job) == 0)
		made++;
	scan_some(&job);
	while (made > 0)
		pthread_join(threads[--made], NULL);
	return job.error;
}
