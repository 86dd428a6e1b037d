/* SPDX-License-Identifier: Apache-2.0
 *
 * The public API, for programs that control or annotate their own trace. Include it and call; there
 * is nothing to link. Without libtrace.so in LD_PRELOAD every function does nothing and returns 0.
 */
#ifndef UVTRACE_H
#define UVTRACE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What is said with a mark or span besides its value; four at most. */
struct uvtrace_field {
	const char *name;
	uint64_t value;
};

enum uvtrace_what { UVTRACE_MARK, UVTRACE_BEGIN, UVTRACE_END };

/* What the library exports under the name uvtrace_api. Only ever grows; `bytes` is its size there.
 */
struct uvtrace_api {
	unsigned int bytes;
	int (*active)(void);
	int (*enable)(void);
	int (*disable)(void);
	int (*enabled)(void);
	int (*flush)(void);
	void (*tell)(unsigned int what, const char *name, uint64_t value,
		     const struct uvtrace_field *fields, unsigned int count);
	int (*dump)(const char *reason);
};

static inline const struct uvtrace_api *uvtrace_find(void)
{
	/* RTLD_DEFAULT, as it is ((void *)0) in glibc and musl; its name needs _GNU_SOURCE before
	 * the first header. */
	static const struct uvtrace_api *api;
	static int looked;

	if (!looked) {
		api = (const struct uvtrace_api *)dlsym((void *)0, "uvtrace_api");
		looked = 1;
	}
	return api;
}

/* 1 if this process is being traced (a loop has run and rings exist), else 0. */
static inline int uvtrace_active(void)
{
	return uvtrace_find() ? uvtrace_find()->active() : 0;
}

/* Switch recording on or off, for all threads, at once. Return 1 if it was on before, else 0. */
static inline int uvtrace_enable(void)
{
	return uvtrace_find() ? uvtrace_find()->enable() : 0;
}

static inline int uvtrace_disable(void)
{
	return uvtrace_find() ? uvtrace_find()->disable() : 0;
}

/* 1 while recording is switched on. */
static inline int uvtrace_enabled(void)
{
	return uvtrace_find() ? uvtrace_find()->enabled() : 0;
}

/* Waits until what was recorded before is in the file, for a second at most. 1 if it is. */
static inline int uvtrace_flush(void)
{
	return uvtrace_find() ? uvtrace_find()->flush() : 0;
}

/* Asks the flight recorder (UVTRACE_WRITER=recorder) to write what it has in memory to files, and
 * does not wait for it: a few hundred nanoseconds, also in a signal handler, when something here
 * was called before. `reason` is a short text (127 bytes) that the dump repeats. 1 if it will be
 * written, 0 if there is no flight recorder or eight dumps are asked for already. */
static inline int uvtrace_dump(const char *reason)
{
	const struct uvtrace_api *api = uvtrace_find();

	/* An older library ends before it. */
	return api && api->bytes > offsetof(struct uvtrace_api, dump) ? api->dump(reason) : 0;
}

static inline void uvtrace_tell(enum uvtrace_what what, const char *name, uint64_t value,
				const struct uvtrace_field *fields, unsigned int count)
{
	const struct uvtrace_api *api = uvtrace_find();

	/* An older library ends before it. */
	if (api && api->bytes > offsetof(struct uvtrace_api, tell))
		api->tell(what, name, value, fields, count);
}

/* Marks and spans: what the program says of itself, in every report beside what libuv ran. Any
 * thread may call them, at the price of about one clock read; a signal handler may too, when
 * something here was called before. They are recorded from the process' first loop or request on. A
 * name is a short text (59 bytes; there may be 1,024 different ones) that need not live on. */

/* Marks this moment. The report gives the values' count, p50, p99 and most by name. */
static inline void uvtrace_mark(const char *name, uint64_t value)
{
	uvtrace_tell(UVTRACE_MARK, name, value, NULL, 0);
}

/* A span lasts from begin to end of the same name and id, wherever those are called: in one
 * callback, in several, on several threads. A long callback in which a span begins or ends is
 * reported with it: so the id of the request that is served is a good one. Spans of one name and
 * different ids may overlap. */
static inline void uvtrace_begin(const char *name, uint64_t id)
{
	uvtrace_tell(UVTRACE_BEGIN, name, id, NULL, 0);
}

static inline void uvtrace_end(const char *name, uint64_t id)
{
	uvtrace_tell(UVTRACE_END, name, id, NULL, 0);
}

/* The same with fields. */
static inline void uvtrace_mark_fields(const char *name, uint64_t value,
				       const struct uvtrace_field *fields, unsigned int count)
{
	uvtrace_tell(UVTRACE_MARK, name, value, fields, count);
}

static inline void uvtrace_begin_fields(const char *name, uint64_t id,
					const struct uvtrace_field *fields, unsigned int count)
{
	uvtrace_tell(UVTRACE_BEGIN, name, id, fields, count);
}

static inline void uvtrace_end_fields(const char *name, uint64_t id,
				      const struct uvtrace_field *fields, unsigned int count)
{
	uvtrace_tell(UVTRACE_END, name, id, fields, count);
}

#ifdef __cplusplus
}
#endif

#endif
