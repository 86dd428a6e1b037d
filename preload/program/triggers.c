/* SPDX-License-Identifier: Apache-2.0
 *
 * See triggers.h.
 */
#include "triggers.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>

#include "time_text.h"

static int parse_time(const char *text, size_t bytes, uint64_t *value)
{
	int error = time_text_parse(text, bytes, value);

	return !error && *value == 0 ? -EINVAL : error;
}

static int parse_nothing(const char *text, size_t bytes, uint64_t *value)
{
	(void)text;
	*value = 1;
	return bytes == 0 ? 0 : -EINVAL;
}

/* Those that mean nothing by themselves. */
static int parse_signal(const char *text, size_t bytes, uint64_t *value)
{
	static const int signals[] = {SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH};

	if (bytes > 3 && memcmp(text, "SIG", 3) == 0) {
		text += 3;
		bytes -= 3;
	}
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		const char *name = sigabbrev_np(signals[i]);

		if (strlen(name) != bytes || memcmp(name, text, bytes) != 0)
			continue;
		*value = (uint64_t)signals[i];
		return 0;
	}
	return -EINVAL;
}

static const struct {
	const char *name;
	int (*parse)(const char *text, size_t bytes, uint64_t *value);
} rows[SHARED_TRIGGERS] = {
    [SHARED_TRIGGER_STALL] = {"stall>", parse_time},
    [SHARED_TRIGGER_POOL_WAIT] = {"pool_wait>", parse_time},
    [SHARED_TRIGGER_LOOP_DELAY] = {"loop_delay>", parse_time},
    [SHARED_TRIGGER_EXIT] = {"exit!=0", parse_nothing},
    [SHARED_TRIGGER_SIGNAL] = {"signal=", parse_signal},
};

static int parse_one(const char *text, size_t bytes, uint64_t *values)
{
	for (size_t i = 0; i < SHARED_TRIGGERS; i++) {
		size_t name_bytes = strlen(rows[i].name);

		if (bytes >= name_bytes && memcmp(text, rows[i].name, name_bytes) == 0)
			return rows[i].parse(text + name_bytes, bytes - name_bytes, &values[i]);
	}
	return -EINVAL;
}

int triggers_parse(const char *text, uint64_t *values)
{
	uint64_t found[SHARED_TRIGGERS] = {0};
	bool none = strcmp(text, "none") == 0;

	for (const char *at = text; !none; at++) {
		size_t bytes = strcspn(at, ",");

		if (parse_one(at, bytes, found) != 0)
			return -EINVAL;
		at += bytes;
		if (!*at)
			break;
	}
	memcpy(values, found, sizeof(found));
	return 0;
}
