/* SPDX-License-Identifier: Apache-2.0
 *
 * From paths to processes: directories, several segments and processes, compressed segments, things
 * that are no traces.
 */
#include <zlib.h>
#include <zstd.h>

#include "../reader_helper.h"

#define COUNT 5000

static struct record records[COUNT];
static size_t count;
static struct builder *builder;

static void setup(void)
{
	dir_make();
	srandom(5);
	builder = builder_new();
	count = stream_make(records, COUNT, 1 << 20);
	segment_make(builder, 7, records, count, 1000);
}

static void teardown(void)
{
	builder_free(builder);
	dir_remove();
}

TestSuite(reader_files, .init = setup, .fini = teardown);

static void assert_whole(struct trace *trace)
{
	struct events events;

	cr_assert_eq(trace->process_count, 1);
	events = events_read(trace, 0, 0, 100, 0);
	assert_events(&events, records, count);
	free(events.list);
	trace_close(trace);
}

/* ---- Segments -------------------------------------------------------------------------------- */

/* One process in three segments, of which each tells a newer state. */
static void put_three_segments(void)
{
	struct trace_file_header header = builder_default_header(7);
	struct encoder encoder;

	encoder_init(&encoder, 1, HELPER_SHIFT);
	for (uint64_t segment = 0; segment < 3; segment++) {
		size_t first = segment * (count / 3),
		       end = segment == 2 ? count : first + count / 3;
		struct trace_worker_entry worker = {
		    .worker = 1, .role = TRACE_ROLE_LOOP, .recorded = end, .lost = segment};
		char name[32];

		builder->bytes = 0;
		header.segment = segment + 9;
		builder_header(builder, header);
		builder_clock(builder, 1000000000 * (segment + 1));
		builder_site(builder, 1, KIND_TIMER, segment, 0, segment == 2 ? "newest" : "older");
		builder_events(
		    builder, &encoder,
		    (struct encoder_source){records, (1ull << 40) - 1, first, end - first});
		builder_worker(builder, &worker, "main");
		if (segment < 2)
			builder_seal(builder, TRACE_SEAL_ROTATED, 0, end, 0);
		snprintf(name, sizeof(name), "trace.7.%d.bin%s", (int)segment + 9,
			 segment == 2 ? ".open" : "");
		put_file(name, builder->data, builder->bytes);
	}
}

Test(reader_files, segments_in_any_order_are_one_process)
{
	const char *paths[] = {in_dir("trace.7.11.bin.open"), in_dir("trace.7.9.bin"),
			       in_dir("trace.7.10.bin")};
	struct trace *trace;

	put_three_segments();
	trace = trace_open(paths, 3, NULL, NULL);
	assert_no_problem(trace);
	cr_assert_eq(trace->files, 3);
	cr_assert_eq(trace->process_count, 1);
	cr_assert_eq(trace->processes[0].segment_count, 3);
	cr_assert_eq(trace->processes[0].first_segment, 9);
	cr_assert_eq(trace->processes[0].last_segment, 11);
	cr_assert(!trace->processes[0].sealed);
	cr_assert_eq(trace->processes[0].lost, 2);
	cr_assert_str_eq(trace->processes[0].sites[1].callback_symbol, "newest");
	assert_whole(trace);
	assert_whole(open_path(dir));
}

Test(reader_files, evicted_segments_are_missing)
{
	struct trace *trace;

	put_three_segments();
	cr_assert_eq(unlink(in_dir("trace.7.9.bin")), 0);
	trace = open_path(dir);
	assert_no_problem(trace);
	cr_assert_eq(trace->processes[0].missing, count / 3);
	cr_assert_eq(trace->processes[0].events, count - count / 3);
	trace_close(trace);
}

Test(reader_files, file_named_twice_is_read_once)
{
	const char *paths[] = {in_dir("trace.bin"), in_dir("link.bin"), dir};
	struct trace *trace;

	put_file("trace.bin", builder->data, builder->bytes);
	cr_assert_eq(symlink("trace.bin", in_dir("link.bin")), 0);
	trace = trace_open(paths, 3, NULL, NULL);
	cr_assert_eq(trace->files, 1);
	assert_whole(trace);
}

Test(reader_files, copy_of_a_segment_adds_nothing)
{
	struct trace *trace;

	builder_sample(builder, TRACE_SAMPLE_QUEUE, 1, 500, 1, 2, 3);
	put_file("trace.bin", builder->data, builder->bytes);
	put_file("copy.bin", builder->data, builder->bytes);
	trace = open_path(dir);
	cr_assert_eq(trace->processes[0].sample_count, 1);
	assert_whole(trace);
}

Test(reader_files, processes_are_told_apart_and_in_order)
{
	struct trace_file_header header = builder_default_header(9);
	struct trace *trace;

	put_file("trace.7.0.bin", builder->data, builder->bytes);
	builder->bytes = 0;
	header.start_real_ns -= 1000;
	builder_header(builder, header);
	put_file("trace.9.0.bin", builder->data, builder->bytes);
	header.process_id[0] ^= 1;
	header.start_real_ns += 2000;
	builder->bytes = 0;
	builder_header(builder, header);
	put_file("trace.9.1.bin", builder->data, builder->bytes);
	trace = open_path(dir);
	cr_assert_eq(trace->process_count, 3, "two of them had the same pid");
	cr_assert_eq(trace->processes[0].pid, 9);
	cr_assert_eq(trace->processes[1].pid, 7);
	cr_assert_eq(trace->processes[2].pid, 9);
	trace_close(trace);
}

Test(reader_files, segment_sealed_after_it_was_named_is_found)
{
	put_file("trace.7.0.bin", builder->data, builder->bytes);
	assert_whole(open_path(in_dir("trace.7.0.bin.open")));
}

Test(reader_files, more_files_than_descriptors)
{
	enum { FILES = 400 };
	struct encoder encoder;
	struct trace *trace;
	size_t done = 0;

	encoder_init(&encoder, 1, HELPER_SHIFT);
	for (size_t i = 0; i < FILES; i++) {
		size_t end = count * (i + 1) / FILES;
		char name[32];

		builder->bytes = 0;
		builder_header(builder, builder_default_header(7));
		builder_clock(builder, 1000 * (i + 1));
		builder_events(
		    builder, &encoder,
		    (struct encoder_source){records, (1ull << 40) - 1, done, end - done});
		done = end;
		snprintf(name, sizeof(name), "trace.7.%zu.bin", i);
		put_file(name, builder->data, builder->bytes);
	}
	trace = open_path(dir);
	cr_assert_eq(trace->files, FILES);
	assert_no_problem(trace);
	assert_whole(trace);
}

static void on_progress(void *arg, uint64_t done, uint64_t total)
{
	uint64_t *seen = arg;

	cr_assert_gt(done, *seen);
	cr_assert_leq(done, total);
	*seen = done;
}

Test(reader_files, progress_comes_to_its_end)
{
	const char *path = dir;
	uint64_t seen = 0;
	struct trace *trace;

	put_three_segments();
	trace = trace_open(&path, 1, on_progress, &seen);
	cr_assert_eq(seen, trace->bytes);
	trace_close(trace);
}

/* ---- Compressed ------------------------------------------------------------------------------ */

static size_t compress_gzip(unsigned char *to, size_t capacity, size_t bytes)
{
	z_stream stream = {
	    .next_in = builder->data, .avail_in = bytes, .next_out = to, .avail_out = capacity};

	cr_assert_eq(deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY),
		     Z_OK);
	cr_assert_eq(deflate(&stream, Z_FINISH), Z_STREAM_END);
	deflateEnd(&stream);
	return capacity - stream.avail_out;
}

Test(reader_files, gzip_is_read_as_it_is)
{
	size_t capacity = builder->bytes + 1000;
	unsigned char *packed = malloc(capacity);
	size_t bytes = compress_gzip(packed, capacity, builder->bytes);
	struct trace *trace;

	put_file("trace.7.0.bin.gz", packed, bytes);
	trace = open_path(dir);
	assert_no_problem(trace);
	cr_assert_eq(trace->bytes, bytes);
	assert_whole(trace);
	put_file("trace.7.0.bin.gz", packed, bytes / 2);
	trace = open_path(dir);
	assert_problem(trace, "trace.7.0.bin.gz: the compressed data is cut off");
	cr_assert_gt(trace->processes[0].events, count / 4);
	trace_close(trace);
	free(packed);
}

Test(reader_files, gzip_of_several_members_is_one_file)
{
	size_t capacity = builder->bytes + 1000, half = builder->bytes / 2, bytes;
	unsigned char *packed = malloc(2 * capacity), *data = builder->data;

	bytes = compress_gzip(packed, capacity, half);
	builder->data += half;
	bytes += compress_gzip(packed + bytes, capacity, builder->bytes - half);
	builder->data = data;
	put_file("trace.7.0.bin.gz", packed, bytes);
	assert_whole(open_path(dir));
	free(packed);
}

Test(reader_files, zstd_is_read_as_it_is)
{
	size_t capacity = ZSTD_compressBound(builder->bytes);
	unsigned char *packed = malloc(capacity);
	size_t bytes = ZSTD_compress(packed, capacity, builder->data, builder->bytes, 3);
	struct trace *trace;

	cr_assert(!ZSTD_isError(bytes));
	put_file("trace.7.0.bin.zst", packed, bytes);
	assert_whole(open_path(dir));
	packed[bytes / 2] ^= 255;
	put_file("trace.7.0.bin.zst", packed, bytes);
	trace = open_path(dir);
	cr_assert_geq(trace->problem_count, 1);
	trace_close(trace);
	packed[bytes / 2] ^= 255;
	for (size_t length = 0; length < bytes; length += 97) {
		put_file("trace.7.0.bin.zst", packed, length);
		trace = open_path(dir);
		cr_assert_geq(trace->problem_count, 1);
		trace_close(trace);
	}
	free(packed);
}

Test(reader_files, compressed_and_plain_segments_of_one_process)
{
	unsigned char packed[65536];
	size_t bytes;

	put_three_segments();
	bytes = compress_gzip(packed, sizeof(packed), builder->bytes);
	cr_assert_eq(unlink(in_dir("trace.7.11.bin.open")), 0);
	put_file("trace.7.11.bin.gz", packed, bytes);
	assert_whole(open_path(dir));
}

/* A program that was killed just then, or is read just then: nothing is missing. */
Test(reader_files, empty_segment_that_is_still_open)
{
	struct trace *trace;

	put_file("trace.7.11.bin", builder->data, builder->bytes);
	put_file("trace.7.12.bin.open", "", 0);
	trace = open_path(dir);
	cr_assert_eq(trace->problem_count, 0);
	assert_whole(trace);
}

/* ---- No traces ------------------------------------------------------------------------------- */

static void assert_nothing(const char *path, const char *problem)
{
	struct trace *trace = open_path(path);

	cr_assert_eq(trace->process_count, 0, "%s", path);
	cr_assert_eq(trace->problem_count, 1, "%s: %zu problems", path, trace->problem_count);
	assert_problem(trace, problem);
	trace_close(trace);
}

Test(reader_files, what_is_no_trace_is_one_line)
{
	static const char text[] =
	    "This is a letter, and much longer than the header of a file has to be: one hundred "
	    "and twenty-eight bytes are soon full, if one goes on like that.";
	unsigned char packed[1000];
	struct trace_file_header header = builder_default_header(1);

	assert_nothing(in_dir("absent.bin"), "absent.bin: No such file or directory");
	assert_nothing(dir, "no trace in this directory");
	assert_nothing("/dev/null", "/dev/null: not a regular file");
	put_file("empty.bin", "", 0);
	assert_nothing(in_dir("empty.bin"), "empty.bin: empty");
	put_file("letter.bin", text, sizeof(text));
	assert_nothing(in_dir("letter.bin"), "letter.bin: not a uvtrace trace");
	put_file("short.bin", text, 20);
	assert_nothing(in_dir("short.bin"), "short.bin: not a uvtrace trace");
	builder->bytes = 0;
	builder_put(builder, text, sizeof(text));
	put_file("letter.gz", packed, compress_gzip(packed, sizeof(packed), builder->bytes));
	assert_nothing(in_dir("letter.gz"), "letter.gz: not a uvtrace trace");
	builder->bytes = 0;
	header.version = 9;
	header.reader_version_min = TRACE_VERSION + 1;
	builder_header(builder, header);
	put_file("newer.bin", builder->data, builder->bytes);
	assert_nothing(in_dir("newer.bin"),
		       "newer.bin: made by a newer uvtrace (format 9, this reads 1)");
	builder->bytes = 0;
	header = builder_default_header(1);
	header.unit_shift = 17;
	builder_header(builder, header);
	put_file("shifted.bin", builder->data, builder->bytes);
	assert_nothing(in_dir("shifted.bin"),
		       "shifted.bin: the file header makes no sense, at byte 0");
	put_file("cut.bin", builder->data, 100);
	assert_nothing(in_dir("cut.bin"), "cut.bin: cut off in the file header, at byte 0");
}

Test(reader_files, fifo_does_not_block, .timeout = 10)
{
	cr_assert_eq(mkfifo(in_dir("fifo.bin"), 0600), 0);
	assert_nothing(in_dir("fifo.bin"), "fifo.bin: not a regular file");
}

Test(reader_files, good_file_beside_bad_ones_is_read)
{
	struct trace *trace;

	put_file("trace.7.0.bin", builder->data, builder->bytes);
	put_file("bad.bin", "nonsense", 8);
	put_file("notes.txt", "is not looked at", 16);
	trace = open_path(dir);
	assert_problem(trace, "bad.bin: not a uvtrace trace");
	assert_whole(trace);
}
