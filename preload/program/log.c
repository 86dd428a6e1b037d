/* SPDX-License-Identifier: Apache-2.0
 *
 * See log.h. vsnprintf into a stack buffer does not allocate for the formats that are used here (%s
 * %d %lu).
 */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ring/shared.h"

#define LOG_LINES_MAX 16

static _Atomic unsigned int log_lines;
static uint64_t log_level = SHARED_LOG_WARN;
static dev_t log_device; /* what standard error was at the start */
static ino_t log_inode;

void log_start(uint64_t level)
{
	int saved_errno = errno;
	struct stat now;

	log_level = level;
	if (fstat(STDERR_FILENO, &now) == 0) {
		log_device = now.st_dev;
		log_inode = now.st_ino;
	}
	errno = saved_errno;
}

/* A program that closed it may have a file of its own under that number by now. */
static int log_stderr_is_ours(void)
{
	struct stat now;

	return log_inode && fstat(STDERR_FILENO, &now) == 0 && now.st_dev == log_device &&
	       now.st_ino == log_inode;
}

__attribute__((format(printf, 2, 0))) static void log_line(uint64_t level, const char *format,
							   va_list args)
{
	static const char prefix[] = "uvtrace: ";
	char line[512];
	int saved_errno = errno;
	int used = sizeof(prefix) - 1;
	int bytes;

	if (log_level < level || atomic_fetch_add(&log_lines, 1) >= LOG_LINES_MAX ||
	    !log_stderr_is_ours()) {
		errno = saved_errno;
		return;
	}
	__builtin_memcpy(line, prefix, used);
	bytes = vsnprintf(line + used, sizeof(line) - used - 1, format, args);
	if (bytes > 0)
		used += bytes < (int)sizeof(line) - used - 1 ? bytes : (int)sizeof(line) - used - 2;
	line[used++] = '\n';
	if (write(STDERR_FILENO, line, used) < 0) {
		/* Nobody to tell. */
	}
	errno = saved_errno;
}

void log_warn(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_line(SHARED_LOG_WARN, format, args);
	va_end(args);
}

void log_info(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_line(SHARED_LOG_INFO, format, args);
	va_end(args);
}
