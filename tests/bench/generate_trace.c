/* SPDX-License-Identifier: Apache-2.0
 *
 * generate_trace [options] FOLDER: a synthetic trace of any size, for benchmarks and tests of the
 * readers: echo servers (loop workers) which now and then have the pool (pool workers) do
 * something. What is in it is counted as it is made and printed as one JSON object: the truth that
 * a reader must find.
 *
 * Rules: the same options give the same bytes, on any machine. Every event is consistent with the
 * others: each submitted request is worked on and done, each poll ends, time goes on.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "../trace_builder.h"

#define PID		4242
#define WORK_REQ_OFFSET 72
#define RING_RECORDS	16384 /* of one worker, encoded when half full */
#define HANDLES		50    /* connections of a loop */
#define START_NS	1000000000ull
#define SAMPLE_NS	10000000ull /* clock pairs too */

enum site { SITE_READ, SITE_WRITE, SITE_TIMER, SITE_WORK, SITE_AFTER_WORK, SITE_COUNT };

static const struct {
	uint8_t kind;
	const char *symbol;
} sites[SITE_COUNT] = {
    [SITE_READ] = {KIND_READ, "on_read"},
    [SITE_WRITE] = {KIND_WRITE, "on_write"},
    [SITE_TIMER] = {KIND_TIMER, "on_timer"},
    [SITE_WORK] = {KIND_WORK, "compute"},
    [SITE_AFTER_WORK] = {KIND_AFTER_WORK, "on_computed"},
};

struct worker {
	uint32_t number;
	bool pool;
	struct encoder encoder;
	struct record records[RING_RECORDS];
	uint64_t head, tail;
	uint64_t polls, parks, submits, items, busy_ns, longest_ns, calls[SITE_COUNT];
};

/* A loop and the pool worker that works for it, if there is one: they are generated together. */
struct pair {
	struct worker *loop, *pool;
	uint64_t now_ns, pool_free_ns, sampled_ns;
	uint64_t work; /* request with the pool, 0: none */
	uint64_t work_done_ns;
};

static struct {
	uint64_t events, workers, file_bytes;
	uint64_t chunk; /* records of a worker that are encoded together */
	const char *dir;
	uint64_t random, made, segment, total_bytes, files, samples;
	struct builder *builder;
	struct worker *all;
} generator = {
    .events = 1000000, .workers = 4, .file_bytes = 16 << 20, .random = 88172645463325252ull};

static uint64_t random_below(uint64_t limit)
{
	generator.random ^= generator.random << 13;
	generator.random ^= generator.random >> 7;
	generator.random ^= generator.random << 17;
	return (generator.random >> 11) % limit;
}

/* Mostly near `typical`, now and then many times that. */
static uint64_t random_duration(uint64_t typical_ns)
{
	uint64_t scale = random_below(1000) == 0 ? 200 : random_below(20) == 0 ? 8 : 1;

	return typical_ns / 2 + random_below(typical_ns * scale);
}

/* ---- Segments -------------------------------------------------------------------------------- */

static void begin_segment(void)
{
	struct builder *builder = generator.builder;
	struct trace_file_header header = builder_default_header(PID);

	header.segment = generator.segment;
	header.start_tick = builder_counter(START_NS) >> header.unit_shift;
	header.start_mono_ns = START_NS;
	header.start_real_ns = 1700000000000000000ull + START_NS;
	builder_header(builder, header);
	builder_text(builder, TRACE_TEXT_EXE, "/usr/bin/synthetic");
	builder_text(builder, TRACE_TEXT_CMDLINE, "synthetic --echo");
	builder_text(builder, TRACE_TEXT_LIBUV, "1.44.2");
	builder_kinds(builder, WORK_REQ_OFFSET);
	for (int i = 0; i < SITE_COUNT; i++)
		builder_site(builder, i, sites[i].kind, 0x401000 + 64 * i, 0x402000 + 64 * i,
			     sites[i].symbol);
}

static void end_segment(uint64_t now_ns, uint32_t reason)
{
	struct builder *builder = generator.builder;
	uint64_t recorded = 0;
	char path[4096];

	for (uint64_t i = 0; i < generator.workers; i++) {
		struct worker *worker = &generator.all[i];
		struct trace_worker_entry entry = {.worker = worker->number,
						   .tid = PID + i,
						   .role = worker->pool ? TRACE_ROLE_POOL
									: TRACE_ROLE_LOOP,
						   .start_tick = builder_counter(START_NS) >> 5,
						   .recorded = worker->tail};

		builder_worker(builder, &entry, worker->pool ? "libuv-worker" : "synthetic");
		recorded += worker->tail;
	}
	builder_clock(builder, now_ns);
	builder_seal(builder, reason, builder_counter(now_ns) >> 5, recorded, 0);
	snprintf(path, sizeof(path), "%s/trace.%d.%" PRIu64 ".bin", generator.dir, PID,
		 generator.segment++);
	generator.total_bytes += builder->bytes;
	generator.files++;
	builder_write(builder, path);
}

/* ---- Records --------------------------------------------------------------------------------- */

static void flush(struct worker *worker, uint64_t now_ns)
{
	struct encoder_source source = {worker->records, RING_RECORDS - 1, worker->tail,
					worker->head - worker->tail};

	builder_events(generator.builder, &worker->encoder, source);
	worker->tail = worker->head;
	if (generator.builder->bytes > generator.file_bytes) {
		end_segment(now_ns, TRACE_SEAL_ROTATED);
		begin_segment();
	}
}

static void emit(struct worker *worker, uint64_t ns, uint64_t word)
{
	worker->records[worker->head++ & (RING_RECORDS - 1)] =
	    (struct record){builder_counter(ns), word};
	generator.made++;
}

static uint64_t emit_poll(struct worker *worker, uint64_t ns, enum site site, uint64_t object,
			  uint64_t duration_ns, uint64_t inner_word)
{
	emit(worker, ns, trace_word(object, TRACE_CODE_POLL + site));
	if (inner_word) {
		emit(worker, ns, inner_word);
		worker->submits++;
	}
	emit(worker, ns + duration_ns, trace_word(0, TRACE_POLL_END));
	worker->polls++;
	worker->calls[site]++;
	worker->busy_ns += duration_ns;
	if (duration_ns > worker->longest_ns)
		worker->longest_ns = duration_ns;
	return ns + duration_ns;
}

static uint64_t emit_park(struct worker *worker, uint64_t from_ns, uint64_t to_ns, uint64_t ready)
{
	emit(worker, from_ns, trace_word(0, TRACE_PARK));
	emit(worker, to_ns, trace_word(ready, TRACE_UNPARK));
	worker->parks++;
	return to_ns;
}

/* ---- The life of a loop ---------------------------------------------------------------------- */

static uint64_t handle_of(const struct pair *pair, uint64_t connection)
{
	return 0x55550000000ull + pair->loop->number * 0x100000 + connection * 256;
}

/* Gives the pool something to do; it will be done some time after `ns`. */
static uint64_t submit_work(struct pair *pair, uint64_t ns)
{
	uint64_t wake_ns = ns + 5000 + random_below(20000), end_ns;

	if (wake_ns < pair->pool_free_ns + 1000)
		wake_ns = pair->pool_free_ns + 1000;
	pair->work = handle_of(pair, HANDLES);
	emit_park(pair->pool, pair->pool_free_ns, wake_ns, 0);
	end_ns =
	    emit_poll(pair->pool, wake_ns + 200, SITE_WORK, pair->work, random_duration(40000), 0);
	emit(pair->pool, end_ns + 100, trace_word(pair->work + WORK_REQ_OFFSET, TRACE_ITEM_END));
	pair->pool->items++;
	pair->pool_free_ns = end_ns + 300;
	pair->work_done_ns = end_ns + 2000;
	return trace_word(pair->work, TRACE_CODE_SUBMIT + SITE_AFTER_WORK);
}

/* One connection's request: read, answer, and the write's callback. */
static void serve(struct pair *pair)
{
	uint64_t handle = handle_of(pair, random_below(HANDLES));
	uint64_t start_ns = pair->now_ns + 200 + random_below(300);
	uint64_t inner = trace_word(handle + 128, TRACE_CODE_SUBMIT + SITE_WRITE);

	pair->now_ns =
	    emit_poll(pair->loop, start_ns, SITE_READ, handle, random_duration(1500), inner);
	start_ns = pair->now_ns + 100 + random_below(100);
	pair->now_ns =
	    emit_poll(pair->loop, start_ns, SITE_WRITE, handle + 128, random_duration(300), 0);
}

static void iteration(struct pair *pair)
{
	uint64_t ready = 1 + random_below(6), wake_ns = pair->now_ns + 300 + random_below(30000),
		 inner = 0;

	pair->now_ns = emit_park(pair->loop, pair->now_ns + 100, wake_ns, ready);
	if (pair->work && pair->now_ns > pair->work_done_ns) {
		pair->now_ns = emit_poll(pair->loop, pair->now_ns + 150, SITE_AFTER_WORK,
					 pair->work, random_duration(600), 0);
		pair->work = 0;
	}
	for (uint64_t i = 0; i < ready; i++)
		serve(pair);
	if (random_below(8) != 0)
		return;
	if (pair->pool && !pair->work)
		inner = submit_work(pair, pair->now_ns + 250);
	pair->now_ns = emit_poll(pair->loop, pair->now_ns + 250, SITE_TIMER,
				 handle_of(pair, HANDLES + 2), random_duration(900), inner);
}

static void sample(struct pair *pair)
{
	uint64_t tick = builder_counter(pair->now_ns) >> 5;

	if (pair->now_ns < pair->sampled_ns + SAMPLE_NS)
		return;
	pair->sampled_ns = pair->now_ns;
	builder_sample(generator.builder, TRACE_SAMPLE_QUEUE, pair->loop->number, tick, 1,
		       HANDLES + 2, 3);
	builder_sample(generator.builder, TRACE_SAMPLE_WORKER, pair->loop->number, tick,
		       pair->loop->busy_ns, 0, pair->loop->parks);
	generator.samples += 2;
	builder_clock(generator.builder, pair->now_ns);
}

static void advance(struct pair *pair)
{
	while (generator.made < generator.events &&
	       pair->loop->head - pair->loop->tail < generator.chunk &&
	       (!pair->pool || pair->pool->head - pair->pool->tail < generator.chunk))
		iteration(pair);
	sample(pair);
	flush(pair->loop, pair->now_ns);
	if (pair->pool)
		flush(pair->pool, pair->now_ns);
}

static struct pair *earliest(struct pair *pairs, size_t count)
{
	struct pair *found = &pairs[0];

	for (size_t i = 1; i < count; i++)
		if (pairs[i].now_ns < found->now_ns)
			found = &pairs[i];
	return found;
}

/* ---- The whole ------------------------------------------------------------------------------- */

static struct pair *make_workers(size_t *pair_count)
{
	size_t loops = (generator.workers + 1) / 2;
	struct pair *pairs = calloc(loops, sizeof(*pairs));

	generator.all = calloc(generator.workers, sizeof(*generator.all));
	if (!pairs || !generator.all)
		abort();
	for (size_t i = 0; i < generator.workers; i++) {
		struct worker *worker = &generator.all[i];

		worker->number = i + 1;
		worker->pool = i >= loops;
		encoder_init(&worker->encoder, worker->number, 5);
		if (worker->pool)
			pairs[i - loops].pool = worker;
		else
			pairs[i].loop = worker;
	}
	for (size_t i = 0; i < loops; i++)
		pairs[i].now_ns = pairs[i].pool_free_ns = START_NS + 1000 * (i + 1);
	*pair_count = loops;
	return pairs;
}

static void print_truth(uint64_t end_ns)
{
	printf("{\"pid\":%d,\"events\":%" PRIu64 ",\"segments\":%" PRIu64 ",\"bytes\":%" PRIu64
	       ",\"samples\":%" PRIu64 ",\"start_ns\":%llu,\"end_ns\":%" PRIu64 ",\"workers\":[",
	       PID, generator.made, generator.files, generator.total_bytes, generator.samples,
	       START_NS, end_ns);
	for (uint64_t i = 0; i < generator.workers; i++) {
		struct worker *worker = &generator.all[i];

		printf("%s{\"worker\":%u,\"role\":\"%s\",\"events\":%" PRIu64 ",\"polls\":%" PRIu64
		       ",\"parks\":%" PRIu64 ",\"submits\":%" PRIu64 ",\"items\":%" PRIu64
		       ",\"busy_ns\":%" PRIu64 ",\"longest_ns\":%" PRIu64,
		       i ? "," : "", worker->number, worker->pool ? "pool" : "loop", worker->head,
		       worker->polls, worker->parks, worker->submits, worker->items,
		       worker->busy_ns, worker->longest_ns);
		for (int site = 0; site < SITE_COUNT; site++)
			printf("%s\"%s\":%" PRIu64, site ? "," : ",\"calls\":{", sites[site].symbol,
			       worker->calls[site]);
		printf("}}");
	}
	printf("]}\n");
}

static void generate(void)
{
	size_t count;
	struct pair *pairs = make_workers(&count);
	uint64_t end_ns = START_NS;

	generator.builder = builder_new();
	generator.chunk =
	    generator.events / 16 < RING_RECORDS / 2 ? generator.events / 16 : RING_RECORDS / 2;
	begin_segment();
	builder_clock(generator.builder, START_NS);
	while (generator.made < generator.events)
		advance(earliest(pairs, count));
	for (size_t i = 0; i < count; i++) {
		uint64_t pool_ns = pairs[i].pool ? pairs[i].pool_free_ns : 0;

		end_ns = pairs[i].now_ns > end_ns ? pairs[i].now_ns : end_ns;
		end_ns = pool_ns > end_ns ? pool_ns : end_ns;
	}
	end_segment(end_ns, TRACE_SEAL_EXIT);
	print_truth(end_ns);
	builder_free(generator.builder);
	free(generator.all);
	free(pairs);
}

static int usage(FILE *to, int status)
{
	fputs(
	    "Usage: generate_trace [--events=N] [--workers=N] [--file-bytes=N] [--seed=N] FOLDER\n",
	    to);
	return status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"events", required_argument, NULL, 'e'},
						{"workers", required_argument, NULL, 'w'},
						{"file-bytes", required_argument, NULL, 'f'},
						{"seed", required_argument, NULL, 's'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		uint64_t number = optarg ? strtoull(optarg, NULL, 0) : 0;

		switch (option) {
		case 'e':
			generator.events = number;
			break;
		case 'w':
			generator.workers = number;
			break;
		case 'f':
			generator.file_bytes = number;
			break;
		case 's':
			generator.random += number;
			break;
		default:
			return usage(option == 'h' ? stdout : stderr, option == 'h' ? 0 : 2);
		}
	}
	if (optind + 1 != argc || generator.workers == 0 || generator.workers > 1000)
		return usage(stderr, 2);
	generator.dir = argv[optind];
	mkdir(generator.dir, 0700);
	generate();
	return 0;
}
