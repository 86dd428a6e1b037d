/* SPDX-License-Identifier: Apache-2.0
 *
 * libFuzzer target: a directory of several files and processes through all that the tools do:
 * analyze_trace in every format, against itself as --baseline, --html, and trace_to_jsonl. The
 * mutator knows headers and blocks and mends checksums. Seeds: tests/fuzz/folders, tests/golden
 * and tests/fuzz/corpus.
 *
 * Rules: an input that takes more than CPU_SECONDS of processor time or MEMORY_MB is a failure,
 * like a crash.
 */
#include <signal.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "fuzz_folder.h"
#include "fuzz_mutate.h"
#include "fuzz_report.h"
#include "report/formats/report_html.h"

#define CPU_SECONDS 4 /* the largest inputs take 0.4 of a quiet machine */
#define MEMORY_MB   512
#define PAGE	    "trace_viewer.html"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t max, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *first, size_t first_bytes, const uint8_t *second,
				 size_t second_bytes, uint8_t *out, size_t max, unsigned seed);

/* ---- The files ------------------------------------------------------------------------------- */

static char place[64]; /* the directory, of links to files without a name */
static int fds[FOLDER_FILES];
static char names[FOLDER_FILES][128]; /* as they are there now; "" where there is none */

static void place_remove(void)
{
	for (size_t i = 0; i < FOLDER_FILES; i++)
		if (names[i][0])
			unlink(names[i]);
	rmdir(place);
}

static void place_make(void)
{
	strcpy(place, "/dev/shm/uvtrace_fuzz_XXXXXX");
	if (!mkdtemp(place))
		abort();
	for (size_t i = 0; i < FOLDER_FILES; i++) {
		fds[i] = memfd_create("input", MFD_CLOEXEC);
		if (fds[i] < 0)
			abort();
	}
	atexit(place_remove);
}

/* What names files that are there must not lead to them: paths, and build ids, for which there are
 * directories. */
static void hide_files(uint8_t *data, size_t bytes, uint16_t type)
{
	struct trace_module_entry entry;

	for (size_t i = 0; i < bytes; i++)
		if (data[i] == '/')
			data[i] = 1;
	for (size_t at = 0; type == TRACE_BLOCK_MODULES && bytes - at >= sizeof(entry);
	     at += entry.entry_bytes) {
		memcpy(&entry, data + at, sizeof(entry));
		entry.build_id_bytes = entry.build_id_bytes > 0; /* too short for any */
		memcpy(data + at, &entry, sizeof(entry));
		if (entry.entry_bytes < sizeof(entry) || entry.entry_bytes > bytes - at)
			break;
	}
}

static void file_mend(struct dir_file *file)
{
	struct trace_block_header header;

	for (size_t at = sizeof(struct trace_file_header);
	     (at = block_next(file->data, file->bytes, at, &header)) < file->bytes;
	     at += block_bytes(&header))
		if (header.type == TRACE_BLOCK_MODULES || header.type == TRACE_BLOCK_PROCESS)
			hide_files(file->data + at + header.header_bytes, header.payload_bytes,
				   header.type);
	if (!(file->flags & FOLDER_FILE_RAW))
		input_fix_checksums(file->data, file->bytes);
}

static void file_put(struct dir_file *file, size_t i)
{
	char name[sizeof(names[0])], target[64];

	file_mend(file);
	input_put(fds[i], file->data, file->bytes, 0);
	if (ftruncate(fds[i], file->bytes) != 0)
		abort();
	snprintf(name, sizeof(name), "%s/t.%zu.bin%s", place, i,
		 file->flags & FOLDER_FILE_OPEN ? ".open" : "");
	if (strcmp(name, names[i]) == 0)
		return;
	snprintf(target, sizeof(target), "/proc/self/fd/%d", fds[i]);
	if (names[i][0])
		unlink(names[i]);
	if (symlink(target, name) != 0)
		abort();
	strcpy(names[i], name);
}

static void dir_put(struct dir *dir)
{
	for (size_t i = 0; i < FOLDER_FILES; i++) {
		if (i < dir->count) {
			file_put(&dir->files[i], i);
		} else if (names[i][0]) {
			unlink(names[i]);
			names[i][0] = '\0';
		}
	}
}

/* ---- The bounds ------------------------------------------------------------------------------ */

static void too_long(int number)
{
	static const char text[] = "too much processor time\n";

	(void)number;
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		abort();
	abort();
}

static void timer_set_seconds(time_t seconds)
{
	struct itimerval timer = {.it_value = {.tv_sec = seconds}};

	if (setitimer(ITIMER_PROF, &timer, NULL) != 0)
		abort();
}

/* A page for --html to fill in, beside the program. */
static void page_make(void)
{
	char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 64);
	FILE *page;

	if (length < 0)
		abort();
	path[length] = '\0';
	strcpy(strrchr(path, '/') + 1, PAGE);
	page = fopen(path, "w");
	if (!page)
		abort();
	fputs("<!--TRACE-->\n", page);
	fclose(page);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static char rss[32], heap[32];
	char **longer = calloc((size_t)*argc + 3, sizeof(*longer));

	if (!longer)
		abort();
	/* In front: who runs it may say otherwise. */
	snprintf(rss, sizeof(rss), "-rss_limit_mb=%d", MEMORY_MB);
	snprintf(heap, sizeof(heap), "-malloc_limit_mb=%d", MEMORY_MB);
	longer[0] = (*argv)[0];
	longer[1] = rss;
	longer[2] = heap;
	memcpy(longer + 3, *argv + 1, ((size_t)*argc - 1) * sizeof(*longer));
	*argc += 2;
	*argv = longer;
	place_make();
	page_make();
	signal(SIGPROF, too_long);
	return 0;
}

/* ---- The tools ------------------------------------------------------------------------------- */

static void analyze(struct trace *trace, struct baseline *baseline)
{
	const struct timeline_options options = TIMELINE_OPTIONS_DEFAULT;

	input_analyze(trace, &options, baseline);
}

static void html(const struct trace *trace)
{
	const char *problem;
	char path[128];

	snprintf(path, sizeof(path), "%s/page.html", place);
	if (trace->process_count > 0 && report_html_write(trace, path, NULL, &problem) != 0)
		abort();
	unlink(path);
}

static void run(void)
{
	const char *path = place;
	struct trace *trace = trace_open(&path, 1, NULL, NULL);
	struct baseline *baseline = baseline_open(place);

	if (!trace || !baseline)
		abort();
	analyze(trace, baseline_problem(baseline) ? NULL : baseline);
	html(trace);
	input_convert(trace);
	baseline_close(baseline);
	trace_close(trace);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static struct dir dir;

	dir_parse(&dir, data, bytes);
	dir_put(&dir);
	timer_set_seconds(CPU_SECONDS);
	run();
	timer_set_seconds(0);
	return 0;
}

/* ---- The mutator ----------------------------------------------------------------------------- */

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t max, unsigned seed)
{
	static struct dir dir;

	random_begin(seed);
	dir_parse(&dir, data, bytes);
	mutate(&dir);
	return dir_write(&dir, data, max);
}

/* Some files of both. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *first, size_t first_bytes, const uint8_t *second,
				 size_t second_bytes, uint8_t *out, size_t max, unsigned seed)
{
	static struct dir dirs[2], made;

	random_begin(seed);
	dir_parse(&dirs[0], first, first_bytes);
	dir_parse(&dirs[1], second, second_bytes);
	made.count = 0;
	for (uint64_t left = 2 + random_number(FOLDER_FILES - 1); left > 0; left--) {
		const struct dir_file *file = file_pick(&dirs[random_number(2)]);

		dir_add(&made, file->data, file->bytes, file->flags);
	}
	mutate(&made);
	return dir_write(&made, out, max);
}
