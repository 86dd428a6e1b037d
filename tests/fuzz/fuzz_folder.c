/* SPDX-License-Identifier: Apache-2.0
 *
 * libFuzzer target: a folder of several files and processes through all that the tools do: analyze_trace in every
 * format, against itself as --baseline, --html, and trace_to_jsonl. The mutator knows headers and blocks and mends
 * checksums. Seeds: tests/fuzz/folders, tests/golden and tests/fuzz/corpus.
 *
 * Rules: an input that takes more than CPU_SECONDS of processor time or MEMORY_MB is a failure, like a crash.
 */
#include <signal.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "fuzz_folder.h"
#include "fuzz_report.h"
#include "report/formats/report_html.h"

#define CPU_SECONDS 1
#define MEMORY_MB   512
#define PAGE	    "trace_viewer.html"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t max, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *first, size_t first_bytes, const uint8_t *second, size_t second_bytes,
				 uint8_t *out, size_t max, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t bytes, size_t max);

/* ---- The files ------------------------------------------------------------------------------------------------ */

static char place[64]; /* the folder, of links to files without a name */
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

/* What names files that are there must not lead to them: paths, and build ids, for which there are folders. */
static void hide_files(uint8_t *data, size_t bytes, uint16_t type)
{
	struct trace_module_entry entry;

	for (size_t i = 0; i < bytes; i++)
		if (data[i] == '/')
			data[i] = 1;
	for (size_t at = 0; type == TRACE_BLOCK_MODULES && bytes - at >= sizeof(entry); at += entry.entry_bytes) {
		memcpy(&entry, data + at, sizeof(entry));
		entry.build_id_bytes = entry.build_id_bytes > 0; /* too short for any */
		memcpy(data + at, &entry, sizeof(entry));
		if (entry.entry_bytes < sizeof(entry) || entry.entry_bytes > bytes - at)
			break;
	}
}

static bool block_at(const uint8_t *data, size_t bytes, size_t at, struct trace_block_header *header)
{
	if (at > bytes || bytes - at < sizeof(*header))
		return false;
	memcpy(header, data + at, sizeof(*header));
	return header->magic == TRACE_BLOCK_MAGIC && header->header_bytes >= sizeof(*header) &&
	       (size_t)header->header_bytes + header->payload_bytes <= bytes - at;
}

static size_t block_bytes(const struct trace_block_header *header)
{
	return (header->header_bytes + (size_t)header->payload_bytes + 7) & ~(size_t)7;
}

/* Where the next block begins, from `at` on; `bytes` where there is none. */
static size_t block_next(const uint8_t *data, size_t bytes, size_t at, struct trace_block_header *header)
{
	while (at < bytes && !block_at(data, bytes, at, header))
		at += 8;
	return at < bytes ? at : bytes;
}

static void file_mend(struct folder_file *file)
{
	struct trace_block_header header;

	for (size_t at = sizeof(struct trace_file_header);
	     (at = block_next(file->data, file->bytes, at, &header)) < file->bytes; at += block_bytes(&header))
		if (header.type == TRACE_BLOCK_MODULES || header.type == TRACE_BLOCK_PROCESS)
			hide_files(file->data + at + header.header_bytes, header.payload_bytes, header.type);
	if (!(file->flags & FOLDER_FILE_RAW))
		input_fix_checksums(file->data, file->bytes);
}

static void file_put(struct folder_file *file, size_t i)
{
	char name[sizeof(names[0])], target[64];

	file_mend(file);
	input_put(fds[i], file->data, file->bytes, 0);
	if (ftruncate(fds[i], file->bytes) != 0)
		abort();
	snprintf(name, sizeof(name), "%s/t.%zu.bin%s", place, i, file->flags & FOLDER_FILE_OPEN ? ".open" : "");
	if (strcmp(name, names[i]) == 0)
		return;
	snprintf(target, sizeof(target), "/proc/self/fd/%d", fds[i]);
	if (names[i][0])
		unlink(names[i]);
	if (symlink(target, name) != 0)
		abort();
	strcpy(names[i], name);
}

static void folder_put(struct folder *folder)
{
	for (size_t i = 0; i < FOLDER_FILES; i++) {
		if (i < folder->count) {
			file_put(&folder->files[i], i);
		} else if (names[i][0]) {
			unlink(names[i]);
			names[i][0] = '\0';
		}
	}
}

/* ---- The bounds ----------------------------------------------------------------------------------------------- */

static void too_long(int number)
{
	static const char text[] = "more than a second of processor time\n";

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

/* ---- The tools ------------------------------------------------------------------------------------------------ */

static void analyze(struct trace *trace, struct baseline *baseline)
{
	static FILE *out;
	const struct timeline_options options = TIMELINE_OPTIONS_DEFAULT;
	struct report_list *list = report_list_make(trace);

	if (!out)
		out = fopen("/dev/null", "w");
	if (!out || !list)
		abort();
	for (size_t i = 0; i < trace->process_count; i++)
		input_report(trace, i, &options, baseline, list, out);
	if (trace->process_count > 0 && report_list_print(list, out) != 0)
		abort();
	report_list_free(list);
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
	static struct folder folder;

	folder_parse(&folder, data, bytes);
	folder_put(&folder);
	timer_set_seconds(CPU_SECONDS);
	run();
	timer_set_seconds(0);
	return 0;
}

/* ---- The mutator ---------------------------------------------------------------------------------------------- */

static uint64_t random_state;

static uint64_t random_number(uint64_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return below ? random_state % below : 0;
}

static void random_begin(unsigned seed)
{
	random_state = (seed + 1) * 0x9e3779b97f4a7c15ull;
}

/* Where arithmetic and tables have their ends. */
static uint64_t some_number(void)
{
	static const uint64_t edges[] = {
	    0,
	    1,
	    2,
	    7,
	    8,
	    64,
	    255,
	    256,
	    4095,
	    4096,
	    65535,
	    65536,
	    1u << 20,
	    INT32_MAX,
	    1ull << 31,
	    UINT32_MAX,
	    1ull << 40,
	    1ull << 47,
	    (1ull << 48) - 1,
	    1ull << 61,
	    (1ull << 62) - 1,
	    1ull << 62,
	    INT64_MAX,
	    1ull << 63,
	    UINT64_MAX - 7,
	    UINT64_MAX,
	    1000000000,
	    1700000000000000000ull,
	};

	return random_number(4) ? edges[random_number(sizeof(edges) / sizeof(*edges))]
				: random_number(UINT64_MAX) >> random_number(64);
}

struct field {
	uint16_t offset, bytes;
};
#define FIELD(type, name)                                                                                              \
	{                                                                                                              \
		offsetof(struct type, name), sizeof(((struct type *)0)->name)                                          \
	}

static const struct field header_fields[] = {
    FIELD(trace_file_header, version),	     FIELD(trace_file_header, header_bytes),
    FIELD(trace_file_header, pid),	     FIELD(trace_file_header, unit_shift),
    FIELD(trace_file_header, clock),	     FIELD(trace_file_header, tier),
    FIELD(trace_file_header, segment),	     FIELD(trace_file_header, start_tick),
    FIELD(trace_file_header, start_mono_ns), FIELD(trace_file_header, start_real_ns),
    FIELD(trace_file_header, process_id),    FIELD(trace_file_header, boot_id),
};

static const struct field block_fields[] = {
    FIELD(trace_block_header, type),	      FIELD(trace_block_header, header_bytes),
    FIELD(trace_block_header, payload_bytes), FIELD(trace_block_header, worker),
    FIELD(trace_block_header, event_count),   FIELD(trace_block_header, first_index),
    FIELD(trace_block_header, first_tick),    FIELD(trace_block_header, last_tick),
    FIELD(trace_block_header, context_count),
};

static void field_set(uint8_t *at, const struct field *fields, size_t count)
{
	const struct field *field = &fields[random_number(count)];
	uint64_t number = some_number(), before = 0;
	size_t bytes = field->bytes < 8 ? field->bytes : 8;

	memcpy(&before, at + field->offset, bytes);
	if (random_number(3) == 0)
		number = before + random_number(17) - 8; /* nearby */
	memcpy(at + field->offset, &number, bytes);
}

/* A block of a file; false where there is none. */
static bool block_pick(const struct folder_file *file, size_t *at, struct trace_block_header *header)
{
	size_t places[512], count = 0;

	for (size_t from = sizeof(struct trace_file_header);
	     count < 512 && (from = block_next(file->data, file->bytes, from, header)) < file->bytes;
	     from += block_bytes(header))
		places[count++] = from;
	if (count == 0)
		return false;
	*at = places[random_number(count)];
	return block_at(file->data, file->bytes, *at, header);
}

static struct folder_file *file_pick(struct folder *folder)
{
	return &folder->files[random_number(folder->count)];
}

static void mutate_bytes(struct folder *folder)
{
	struct folder_file *file = file_pick(folder);

	if (file->bytes > 0)
		file->bytes = (uint32_t)LLVMFuzzerMutate(file->data, file->bytes, FOLDER_FILE_BYTES);
}

static void mutate_header(struct folder *folder)
{
	struct folder_file *file = file_pick(folder);

	if (file->bytes >= sizeof(struct trace_file_header))
		field_set(file->data, header_fields, sizeof(header_fields) / sizeof(*header_fields));
}

static void mutate_block_header(struct folder *folder)
{
	struct folder_file *file = file_pick(folder);
	struct trace_block_header header;
	size_t at;

	if (block_pick(file, &at, &header))
		field_set(file->data + at, block_fields, sizeof(block_fields) / sizeof(*block_fields));
}

/* A number within a payload: most are 8 bytes long, and lie at a multiple of that. */
static void mutate_payload_number(struct folder *folder)
{
	struct folder_file *file = file_pick(folder);
	struct trace_block_header header;
	uint64_t number = some_number();
	size_t at, bytes = (size_t)1 << random_number(4);

	if (!block_pick(file, &at, &header) || header.payload_bytes < 8)
		return;
	at += header.header_bytes + random_number(header.payload_bytes - 7) / bytes * bytes;
	memcpy(file->data + at, &number, bytes);
}

static void mutate_payload_bytes(struct folder *folder)
{
	struct folder_file *file = file_pick(folder);
	struct trace_block_header header;
	size_t at;

	if (block_pick(file, &at, &header) && header.payload_bytes > 0)
		LLVMFuzzerMutate(file->data + at + header.header_bytes, header.payload_bytes, header.payload_bytes);
}

static void bytes_insert(struct folder_file *file, size_t at, const uint8_t *from, size_t bytes)
{
	if (at > file->bytes || bytes > FOLDER_FILE_BYTES - file->bytes)
		return;
	memmove(file->data + at + bytes, file->data + at, file->bytes - at);
	memcpy(file->data + at, from, bytes);
	file->bytes += (uint32_t)bytes;
}

/* A block of any file once more, before a block of any file. */
static void mutate_block_copy(struct folder *folder)
{
	static uint8_t copy[FOLDER_FILE_BYTES];
	struct folder_file *from = file_pick(folder), *to = file_pick(folder);
	struct trace_block_header header, before;
	size_t at, into;

	if (!block_pick(from, &at, &header) || !block_pick(to, &into, &before))
		return;
	size_t bytes = block_bytes(&header) <= from->bytes - at ? block_bytes(&header) : from->bytes - at;
	memcpy(copy, from->data + at, bytes);
	bytes_insert(to, into, copy, bytes);
}

static void mutate_block_remove(struct folder *folder)
{
	struct folder_file *file = file_pick(folder);
	struct trace_block_header header;
	size_t at;

	if (!block_pick(file, &at, &header))
		return;
	size_t end = at + block_bytes(&header) < file->bytes ? at + block_bytes(&header) : file->bytes;
	memmove(file->data + at, file->data + end, file->bytes - end);
	file->bytes -= (uint32_t)(end - at);
}

/* Another segment of the same process, another process of the same boot, or of another. */
static void mutate_file_copy(struct folder *folder)
{
	const struct folder_file *file = file_pick(folder);
	struct trace_file_header header;
	uint64_t what = random_number(4);

	if (folder->count == FOLDER_FILES || file->bytes < sizeof(header))
		return;
	folder_add(folder, file->data, file->bytes, file->flags);
	struct folder_file *copy = &folder->files[folder->count - 1];
	memcpy(&header, copy->data, sizeof(header));
	header.segment += what == 0;
	header.process_id[0] += what >= 1;
	header.pid += what >= 1;
	header.boot_id[0] += what >= 2;
	memcpy(copy->data, &header, sizeof(header));
}

static void mutate_file_remove(struct folder *folder)
{
	if (folder->count > 2)
		*file_pick(folder) = folder->files[--folder->count];
}

/* What says whose file it is, or when it began, as in another file. */
static void mutate_identity(struct folder *folder)
{
	const struct folder_file *from = file_pick(folder);
	struct folder_file *to = file_pick(folder);
	static const struct field parts[] = {
	    FIELD(trace_file_header, process_id),    FIELD(trace_file_header, boot_id),
	    FIELD(trace_file_header, pid),	     FIELD(trace_file_header, start_tick),
	    FIELD(trace_file_header, start_mono_ns), FIELD(trace_file_header, start_real_ns),
	};
	const struct field *part = &parts[random_number(sizeof(parts) / sizeof(*parts))];

	if (from->bytes >= sizeof(struct trace_file_header) && to->bytes >= sizeof(struct trace_file_header))
		memmove(to->data + part->offset, from->data + part->offset, part->bytes);
}

static void mutate_flags(struct folder *folder)
{
	file_pick(folder)->flags ^= 1u << random_number(2);
}

static void mutate(struct folder *folder)
{
	static void (*const ways[])(struct folder *) = {
	    mutate_bytes,	  mutate_header,	 mutate_header,		mutate_block_header,
	    mutate_block_header,  mutate_payload_number, mutate_payload_number, mutate_payload_bytes,
	    mutate_payload_bytes, mutate_block_copy,	 mutate_block_remove,	mutate_file_copy,
	    mutate_file_remove,	  mutate_identity,	 mutate_flags,
	};

	for (uint64_t times = 1 + random_number(4); times > 0; times--)
		ways[random_number(sizeof(ways) / sizeof(*ways))](folder);
	if (folder->count < 2)
		mutate_file_copy(folder);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t max, unsigned seed)
{
	static struct folder folder;

	random_begin(seed);
	folder_parse(&folder, data, bytes);
	mutate(&folder);
	return folder_write(&folder, data, max);
}

/* Some files of both. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *first, size_t first_bytes, const uint8_t *second, size_t second_bytes,
				 uint8_t *out, size_t max, unsigned seed)
{
	static struct folder folders[2], made;

	random_begin(seed);
	folder_parse(&folders[0], first, first_bytes);
	folder_parse(&folders[1], second, second_bytes);
	made.count = 0;
	for (uint64_t left = 2 + random_number(FOLDER_FILES - 1); left > 0; left--) {
		const struct folder_file *file = file_pick(&folders[random_number(2)]);

		folder_add(&made, file->data, file->bytes, file->flags);
	}
	mutate(&made);
	return folder_write(&made, out, max);
}
