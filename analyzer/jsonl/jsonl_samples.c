/* SPDX-License-Identifier: Apache-2.0
 *
 * The samples of a process as events: QueueSample (a loop's and the pool's in one line), Recording,
 * and those that are no more than a name and three numbers.
 */
#include "jsonl.h"

static const struct trace_sample *sample_at(const struct jsonl_samples *samples, size_t at)
{
	const struct trace_process *process = samples->process->process;

	return at < process->sample_count ? &process->samples[at] : NULL;
}

/* Looks ahead to the pool's next sample, and notes each loop's last one before it. Each sample is
 * looked at once. */
static void round_read(struct jsonl_samples *samples)
{
	const struct trace_sample *sample;
	size_t at = samples->at;

	request_table_empty(&samples->last);
	for (; (sample = sample_at(samples, at)) && sample->type != TRACE_SAMPLE_POOL; at++) {
		uint64_t key = (uint64_t)sample->worker + 1;
		struct request *last = sample->type == TRACE_SAMPLE_QUEUE
					   ? request_table_add(&samples->last, key)
					   : NULL;
		if (last)
			*last = (struct request){.key = key, .submit_tick = at};
	}
	samples->pool_at = at;
}

/* The drain samples the loops, then the pool: the pool's sample of the same round is the next one
 * before this loop is sampled again. Else the last one that there was. */
static const struct trace_sample *pool_of_round(struct jsonl_samples *samples,
						const struct trace_sample *sample)
{
	if (samples->pool_at <= samples->at)
		round_read(samples);

	const struct trace_sample *pool = sample_at(samples, samples->pool_at);
	const struct request *last =
	    request_table_find(&samples->last, (uint64_t)sample->worker + 1);

	return pool && last && last->submit_tick == samples->at ? pool : samples->pool;
}

static void put_pool(struct jsonl_process *process, const struct trace_sample *pool)
{
	if (!pool)
		return;
	json_out_key_number(process->out, "pool_queued", pool->a);
	json_out_key_number(process->out, "pool_running", pool->b);
	json_out_key_number(process->out, "pool_threads", pool->c);
}

static void put_queue(struct jsonl_samples *samples, const struct trace_sample *sample, uint64_t ns)
{
	samples->loops_told = true;
	jsonl_begin(samples->process, "QueueSample", ns, sample->worker);
	json_out_key_number(samples->process->out, "active_requests", sample->a);
	json_out_key_number(samples->process->out, "active_handles", sample->b);
	json_out_key_number(samples->process->out, "ready", sample->c);
	put_pool(samples->process, pool_of_round(samples, sample));
	jsonl_end(samples->process);
}

/* Has a line of its own only where no loop's sample of its round carries it. */
static void put_pool_alone(struct jsonl_samples *samples, const struct trace_sample *sample,
			   uint64_t ns)
{
	bool told = samples->loops_told;

	samples->pool = sample;
	samples->loops_told = false;
	if (told)
		return;
	jsonl_begin(samples->process, "QueueSample", ns, sample->worker);
	put_pool(samples->process, sample);
	jsonl_end(samples->process);
}

static void put_recording(struct jsonl_samples *samples, const struct trace_sample *sample,
			  uint64_t ns)
{
	jsonl_begin(samples->process, "Recording", ns, sample->worker);
	json_out_text(samples->process->out,
		      sample->a ? ",\"enabled\":true" : ",\"enabled\":false");
	jsonl_end(samples->process);
}

/* What a type is called, and what its numbers are; NULL: it has no such number. `d` came later, and
 * is told where it is not 0. */
static const struct {
	const char *event, *a, *b, *c, *d;
} names[] = {
    [TRACE_SAMPLE_WORKER] = {"WorkerSample", "cpu_ns", "sched_wait_ns", "time_slices", NULL},
    [TRACE_SAMPLE_UNTRACED] = {"Untraced", "callbacks", "threads", "events", "marks"},
    [TRACE_SAMPLE_STALLS] = {"StallTotals", "looks", "suppressed", "blind", NULL},
    [TRACE_SAMPLE_SWITCHES] = {"SwitchesSample", "voluntary", "involuntary", NULL, NULL},
    [TRACE_SAMPLE_CGROUP] = {"CgroupSample", "periods", "throttled_periods", "throttled_ns", NULL},
    [TRACE_SAMPLE_MACHINE] = {"MachineSample", "busy_ns", "idle_ns", "steal_ns", NULL},
    [TRACE_SAMPLE_CPUS] = {"CpusSample", "cpus", "allowed", "quota_thousandths", NULL},
    [TRACE_SAMPLE_PRICE] = {"EventPrice", "price_ps", NULL, NULL, NULL},
    [TRACE_SAMPLE_EXIT] = {"ExitStatus", "code", "signal", NULL, NULL},
};

static void put_numbers(struct jsonl_samples *samples, const struct trace_sample *sample,
			uint64_t ns)
{
	jsonl_begin(samples->process, names[sample->type].event, ns, sample->worker);
	json_out_key_number(samples->process->out, names[sample->type].a, sample->a);
	if (names[sample->type].b)
		json_out_key_number(samples->process->out, names[sample->type].b, sample->b);
	if (names[sample->type].c)
		json_out_key_number(samples->process->out, names[sample->type].c, sample->c);
	if (names[sample->type].d && sample->d > 0)
		json_out_key_number(samples->process->out, names[sample->type].d, sample->d);
	jsonl_end(samples->process);
}

static void (*const writers[])(struct jsonl_samples *samples, const struct trace_sample *sample,
			       uint64_t ns) = {
    [TRACE_SAMPLE_QUEUE] = put_queue,	   [TRACE_SAMPLE_POOL] = put_pool_alone,
    [TRACE_SAMPLE_WORKER] = put_numbers,   [TRACE_SAMPLE_RECORDING] = put_recording,
    [TRACE_SAMPLE_STALLS] = put_numbers,   [TRACE_SAMPLE_UNTRACED] = put_numbers,
    [TRACE_SAMPLE_SWITCHES] = put_numbers, [TRACE_SAMPLE_CGROUP] = put_numbers,
    [TRACE_SAMPLE_MACHINE] = put_numbers,  [TRACE_SAMPLE_CPUS] = put_numbers,
    [TRACE_SAMPLE_PRICE] = put_numbers,	   [TRACE_SAMPLE_EXIT] = put_numbers,
};

static bool next_ns(const struct jsonl_samples *samples, uint64_t *ns)
{
	const struct trace_sample *sample = sample_at(samples, samples->at);

	if (sample)
		*ns = trace_ns(samples->process->process, sample->tick);
	return sample != NULL;
}

bool jsonl_samples_begin(struct jsonl_samples *samples, struct jsonl_process *process, uint64_t *ns)
{
	*samples = (struct jsonl_samples){.process = process};
	return next_ns(samples, ns);
}

bool jsonl_samples_write(struct jsonl_samples *samples, uint64_t *ns)
{
	const struct trace_sample *sample = sample_at(samples, samples->at);

	if (sample->type < sizeof(writers) / sizeof(writers[0]) && writers[sample->type])
		writers[sample->type](samples, sample,
				      trace_ns(samples->process->process, sample->tick));
	samples->at++;
	return next_ns(samples, ns);
}

void jsonl_samples_end(struct jsonl_samples *samples)
{
	request_table_free(&samples->last);
}
