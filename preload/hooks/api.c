/* SPDX-License-Identifier: Apache-2.0
 *
 * What uvtrace.h calls, exported as one struct.
 */
#include "uvtrace.h"

#include <stdbool.h>

#include "program/config.h"
#include "ring/control.h"
#include "ring/dump_request.h"
#include "mark_emit.h"
#include "program/process.h"
#include "program/supervisor.h"

#define FLUSH_MS 1000

static int api_active(void)
{
	return process_shared() != NULL;
}

/* Before the first loop runs there is no ring file yet: the option is what counts then. */
static int api_switch(bool on)
{
	bool was = config.enabled;

	if (process_shared())
		return control_enable(process_shared(), on);
	config.enabled = on;
	return was;
}

static int api_enable(void)
{
	return api_switch(true);
}

static int api_disable(void)
{
	return api_switch(false);
}

static int api_enabled(void)
{
	return process_shared() ? atomic_load(&process_shared()->enabled) : config.enabled;
}

static int api_flush(void)
{
	supervisor_wake(); /* there is one for sure then */
	return process_shared() && control_flush(process_shared(), FLUSH_MS) == 0;
}

static int api_dump(const char *reason)
{
	struct dump_request request = {
	    .cause = TRACE_DUMP_PROGRAM, .reason = reason, .last_ns = DUMP_REQUEST_ALL};

	return process_shared() && dump_request(process_shared(), &request) >= 0;
}

static void api_tell(unsigned int what, const char *name, uint64_t value,
		     const struct uvtrace_field *fields, unsigned int count)
{
	static const uint32_t codes[] = {
	    [UVTRACE_MARK] = TRACE_MARK,
	    [UVTRACE_BEGIN] = TRACE_SPAN_BEGIN,
	    [UVTRACE_END] = TRACE_SPAN_END,
	};

	if (what < sizeof(codes) / sizeof(codes[0]))
		mark_emit(codes[what], name, value, fields, count);
}

__attribute__((visibility("default"))) extern const struct uvtrace_api uvtrace_api;

const struct uvtrace_api uvtrace_api = {
    sizeof(uvtrace_api), api_active, api_enable, api_disable,
    api_enabled,	 api_flush,  api_tell,	 api_dump,
};
