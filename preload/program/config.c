/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads the options: the only file that looks at the environment. One table (config.def), one
 * parser a type.
 */
#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "time_text.h"
#include "triggers.h"

struct config config;

#define BAD_MARK "=" /* an empty value may be a bad one */

enum option_type {
	TYPE_PATH,
	TYPE_SIZE,
	TYPE_NUMBER,
	TYPE_CHOICE,
	TYPE_FLAG,
	TYPE_TIME,
	TYPE_TRIGGERS, /* an array */
};

struct option {
	const char *name;
	size_t offset; /* in struct config */
	enum option_type type;
	const char *fallback;
	uint64_t min, max;
	const char *argument; /* the choices */
};

static const struct option options[] = {
#define OPTION(name, field, type, fallback, min, max, argument, help)                              \
	{name, offsetof(struct config, field), TYPE_##type, fallback, min, max, argument},
#include "config.def"
#undef OPTION
};

static int parse_number(const char *text, bool units, uint64_t *value)
{
	static const char suffixes[] = "KMGT";
	uint64_t number = 0;
	const char *p = text;

	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, *p - '0', &number))
			return -EINVAL;
	if (p == text)
		return -EINVAL;
	if (units && *p) {
		const char *suffix = strchr(suffixes, *p & ~0x20);
		uint32_t shift = suffix ? 10 * (suffix - suffixes + 1) : 64;

		if (!suffix || !*suffix || number > UINT64_MAX >> shift)
			return -EINVAL;
		number <<= shift;
		p++;
	}
	*value = number;
	return *p ? -EINVAL : 0;
}

static int parse_choice(const char *text, const char *choices, uint64_t *value)
{
	size_t bytes = strlen(text);
	const char *choice = choices;

	for (uint64_t i = 0; choice; i++) {
		if (strncmp(choice, text, bytes) == 0 && (choice[bytes] == '|' || !choice[bytes]) &&
		    bytes) {
			*value = i;
			return 0;
		}
		choice = strchr(choice, '|');
		choice = choice ? choice + 1 : NULL;
	}
	return -EINVAL;
}

static int parse_value(const struct option *option, const char *text, uint64_t *value)
{
	switch (option->type) {
	case TYPE_CHOICE:
		return parse_choice(text, option->argument, value);
	case TYPE_TIME:
		return time_text_parse(text, SIZE_MAX, value);
	default:
		return parse_number(text, option->type == TYPE_SIZE, value);
	}
}

static int parse_option(const struct option *option, const char *text, uint64_t *value)
{
	int rc;

	if (option->type == TYPE_TRIGGERS)
		return triggers_parse(text, value);
	rc = parse_value(option, text, value);
	if (rc == 0 && (*value < option->min || *value > option->max))
		rc = -ERANGE;
	return rc;
}

/* Absolute, because the program may change its directory before the first loop runs. */
static int set_path(const char *text)
{
	size_t used = 0;
	size_t bytes = strlen(text);

	if (!bytes || text[bytes - 1] == '/')
		return -EINVAL;
	if (text[0] != '/') {
		if (!getcwd(config.path, sizeof(config.path) - 1))
			return -errno;
		used = strlen(config.path);
		config.path[used++] = '/';
	}
	/* Room for ".PID.N.bin.open" behind it. */
	if (used + bytes + 64 > sizeof(config.path))
		return -ENAMETOOLONG;
	memcpy(config.path + used, text, bytes + 1);
	return 0;
}

/* What was said and cannot be used, cut off: programs write over their environment. */
static char bad_values[sizeof(options) / sizeof(options[0])][200];

static void bad_keep(const struct option *option, const char *text)
{
	snprintf(bad_values[option - options], sizeof(bad_values[0]), "%s%s", BAD_MARK, text);
}

void config_say_bad(void)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (!bad_values[i][0])
			continue;
		log_warn("%s: \"%s\" is not a valid value, using %s", options[i].name,
			 bad_values[i] + strlen(BAD_MARK), options[i].fallback);
		bad_values[i][0] = '\0';
	}
	for (size_t i = 0; config.writer != SHARED_WRITER_RECORDER && i < SHARED_TRIGGERS; i++) {
		if (!config.triggers[i])
			continue;
		log_warn("UVTRACE_TRIGGER does nothing without UVTRACE_WRITER=recorder");
		return;
	}
}

static void option_set(const struct option *option)
{
	/* secure_getenv: a setuid program must not write where its caller says. */
	const char *text = secure_getenv(option->name);
	uint64_t *value = (uint64_t *)((char *)&config + option->offset);

	if (option->type == TYPE_PATH) {
		if (text && set_path(text) == 0)
			return;
		if (text)
			bad_keep(option, text);
		if (set_path(option->fallback))
			config.path[0] = 0; /* no current directory: nothing can be written,
					       process_start says so */
		return;
	}
	if (text && parse_option(option, text, value) == 0)
		return;
	parse_option(option, option->fallback, value);
	if (text)
		bad_keep(option, text);
}

void config_read(void)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		option_set(&options[i]);
	/* Rings are masked, so their size is a power of two: round down. */
	while (config.ring_size_bytes & (config.ring_size_bytes - 1))
		config.ring_size_bytes &= config.ring_size_bytes - 1;
	log_start(config.log);
}
