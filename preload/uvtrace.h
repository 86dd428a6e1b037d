/* SPDX-License-Identifier: Apache-2.0
 *
 * The public API, for programs that want a say in their own tracing. Include it and call; there is nothing to
 * link. Without libtrace.so in LD_PRELOAD every function does nothing and returns 0.
 */
#ifndef UVTRACE_H
#define UVTRACE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the library exports under the name uvtrace_api. Only ever grows; `bytes` is its size there. */
struct uvtrace_api {
	unsigned int bytes;
	int (*active)(void);
	int (*enable)(void);
	int (*disable)(void);
	int (*enabled)(void);
	int (*flush)(void);
};

static inline const struct uvtrace_api *uvtrace_find(void)
{
	/* RTLD_DEFAULT, as it is ((void *)0) in glibc and musl; its name needs _GNU_SOURCE before the first header. */
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

#ifdef __cplusplus
}
#endif

#endif
