/* SPDX-License-Identifier: Apache-2.0
 *
 * See report_html.h. The page lies beside the program, or where `make install` puts it. Into the
 * place that it keeps for a trace go the segments and the names, each deflated and in base64, in
 * script elements that are no scripts.
 *
 * Rules: the page is written under another name first, so that a failure leaves nothing behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "report_html.h"
#include "base/report_table.h"
#include "symbols/symbols.h"
#include "symbols/unwind.h"

#define PAGE	    "trace_viewer.html"
#define PLACE	    "<!--TRACE-->"
#define CHUNK_BYTES 49152 /* a multiple of 3: base64 without an end in between */

/* Of a process' profile: a page keeps some 70 bytes and the texts of each. What comes after them
 * has no native functions in the page. */
#define PROFILE_FRAMES_MAX (1u << 18)

static const char *const page_dirs[] = {"", "../share/uvtrace/"};

/* Deflates what it is given and writes it as base64. */
struct packer {
	FILE *out;
	z_stream stream;
	size_t held; /* bytes in `packed` */
	unsigned char packed[CHUNK_BYTES];
};

static void base64_write(FILE *out, const unsigned char *bytes, size_t count)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < count; i += 3) {
		size_t left = count - i;
		uint32_t three = (uint32_t)bytes[i] << 16 | (left > 1 ? bytes[i + 1] : 0) << 8 |
				 (left > 2 ? bytes[i + 2] : 0);
		putc(digits[three >> 18], out);
		putc(digits[three >> 12 & 63], out);
		putc(left > 1 ? digits[three >> 6 & 63] : '=', out);
		putc(left > 2 ? digits[three & 63] : '=', out);
	}
	putc('\n', out);
}

static int packer_begin(struct packer *packer, FILE *out)
{
	memset(&packer->stream, 0, sizeof(packer->stream));
	packer->out = out;
	return deflateInit2(&packer->stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8,
			    Z_DEFAULT_STRATEGY) == Z_OK
		   ? 0
		   : -ENOMEM;
}

static void packer_put(struct packer *packer, const void *bytes, size_t count, int flush)
{
	packer->stream.next_in = (unsigned char *)bytes;
	packer->stream.avail_in = (unsigned int)count;
	do {
		packer->stream.next_out = packer->packed + packer->held;
		packer->stream.avail_out = (unsigned int)(CHUNK_BYTES - packer->held);
		deflate(&packer->stream, flush);
		packer->held = CHUNK_BYTES - packer->stream.avail_out;
		if (packer->held < CHUNK_BYTES)
			break;
		base64_write(packer->out, packer->packed, packer->held);
		packer->held = 0;
	} while (true);
}

static void packer_end(struct packer *packer)
{
	packer_put(packer, "", 0, Z_FINISH);
	base64_write(packer->out, packer->packed, packer->held);
	deflateEnd(&packer->stream);
	packer->held = 0;
}

/* ---- The trace ------------------------------------------------------------------------------- */

static void attribute_write(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (strchr("\"&<>", *text) || (unsigned char)*text < 0x20)
			fprintf(out, "&#%d;", (unsigned char)*text);
		else
			putc(*text, out);
	}
}

static int segment_write(struct packer *packer, const struct trace *trace, size_t file, FILE *out,
			 const char **problem)
{
	const char *path = trace_file_path(trace, file);
	unsigned char chunk[CHUNK_BYTES];
	uint64_t offset = 0;
	ssize_t got;

	fputs("<script type=\"application/octet-stream\" data-trace=\"", out);
	attribute_write(out, path);
	fputs("\">\n", out);
	if (packer_begin(packer, out) < 0)
		return -ENOMEM;
	while ((got = trace_file_read(trace, file, chunk, sizeof(chunk), offset)) > 0) {
		packer_put(packer, chunk, (size_t)got, Z_NO_FLUSH);
		offset += (uint64_t)got;
	}
	packer_end(packer);
	fputs("</script>\n", out);
	if (got < 0)
		*problem = path;
	return got < 0 ? (int)got : 0;
}

/* A name as a part of a line: nothing in it may end the part. */
static void name_put(struct packer *packer, const char *name, const char *end)
{
	char *clean = report_clean(name); /* also of tabs */

	if (clean)
		packer_put(packer, clean, strlen(clean), Z_NO_FLUSH);
	packer_put(packer, end, strlen(end), Z_NO_FLUSH);
	free(clean);
}

static void info_put(struct packer *packer, const struct symbol_info *info, const char *end)
{
	char numbers[64];

	name_put(packer, info->name, "\t");
	name_put(packer, info->file, "\t");
	snprintf(numbers, sizeof(numbers), "%d\t%d\t", info->line,
		 info->named	  ? 1
		 : info->searched ? 2
				  : 0);
	packer_put(packer, numbers, strlen(numbers), Z_NO_FLUSH);
	name_put(packer, info->module, "\t");
	name_put(packer, info->text, end);
}

/* A line of what the page cannot find out by itself: what it is about, of which process, of which
 * site or sample. */
static void line_put(struct packer *packer, const char *what, uint32_t pid, uint64_t number,
		     bool second)
{
	char begin[96];

	snprintf(begin, sizeof(begin), "%s\t%" PRIu32 "\t%" PRIu64 "\t%d\t", what, pid, number,
		 second);
	packer_put(packer, begin, strlen(begin), Z_NO_FLUSH);
}

/* Where it lies on the stack: functions of scripts, which the trace holds, lie between. */
static void frame_place_put(struct packer *packer, const struct unwind_frame *frame)
{
	char place[32];

	snprintf(place, sizeof(place), "%" PRIu64 "\t%d\n", frame->sp,
		 frame->is_outermost ? 1
		 : frame->is_cut     ? 2
				     : 0);
	packer_put(packer, place, strlen(place), Z_NO_FLUSH);
}

/* The functions of a sample; returns how many. */
static size_t frames_put(struct packer *packer, const struct trace_process *process,
			 struct symbols *symbols, const struct trace_stall *sample)
{
	struct unwind_frame frames[UNWIND_FRAMES_MAX];
	size_t count = unwind(symbols, sample, frames);

	for (size_t i = 0; i < count; i++) {
		line_put(packer, "frame", process->pid, trace_stall_key(sample), frames[i].scanned);
		info_put(packer, unwind_symbol(symbols, &frames[i]), "\t");
		frame_place_put(packer, &frames[i]);
	}
	return count;
}

/* The functions of a stall sample, and the lock that it waited for. */
static void stall_put(struct packer *packer, const struct trace_process *process,
		      struct symbols *symbols, size_t index)
{
	const struct trace_stall *stall = &process->stalls[index];
	char *variable =
	    stall->syscall >= 0 ? symbols_variable(symbols, stall->arguments[0]) : NULL;

	frames_put(packer, process, symbols, stall);
	if (variable) {
		line_put(packer, "variable", process->pid, stall->arguments[0], false);
		name_put(packer, variable, "\n");
	}
	free(variable);
}

static int compare_addresses(const void *left, const void *right)
{
	return (uintptr_t)left < (uintptr_t)right ? -1 : (uintptr_t)left > (uintptr_t)right;
}

/* Whether it is seen for the first time. */
static bool is_first(void **seen, const struct symbol_info *info)
{
	return !tfind(info, seen, compare_addresses) && tsearch(info, seen, compare_addresses);
}

static void forget(void *seen)
{
	(void)seen;
}

/* Where a line of a script was written, which the page cannot look up: the script's file and line,
 * then those of the source map. Others are what the trace says. Many samples have the same. */
static void place_put(struct packer *packer, const struct trace_process *process,
		      struct symbols *symbols, const struct trace_script *script, bool whole,
		      void **seen)
{
	const struct symbol_info *info = symbols_script(symbols, script, whole);
	uint32_t line = whole ? script->first_line : script->line;
	char *file = report_clean(script->file);

	if (file && strcmp(file, info->file) != 0 && is_first(seen, info)) {
		line_put(packer, "place", process->pid, line, info->about);
		name_put(packer, script->file, "\t");
		info_put(packer, info, "\n");
	}
	free(file);
}

static void places_put(struct packer *packer, const struct trace_process *process,
		       struct symbols *symbols, const struct trace_stall *sample, void **seen)
{
	for (size_t i = 0; i < sample->script_count; i++) {
		if (!sample->scripts[i].file)
			continue;
		place_put(packer, process, symbols, &sample->scripts[i], false, seen);
		place_put(packer, process, symbols, &sample->scripts[i], true, seen);
	}
}

static void all_places_put(struct packer *packer, const struct trace_process *process,
			   struct symbols *symbols)
{
	void *seen = NULL;

	for (size_t i = 0; i < process->stall_count; i++)
		places_put(packer, process, symbols, &process->stalls[i], &seen);
	for (size_t i = 0; i < process->profile_count; i++)
		places_put(packer, process, symbols, &process->profile[i], &seen);
	tdestroy(seen, forget);
}

static void profile_put(struct packer *packer, const struct trace_process *process,
			struct symbols *symbols)
{
	size_t frames = 0;

	for (size_t i = 0; i < process->profile_count && frames < PROFILE_FRAMES_MAX; i++)
		frames += frames_put(packer, process, symbols, &process->profile[i]);
}

static int process_put(struct packer *packer, const struct trace_process *process)
{
	struct symbols *symbols = symbols_open(process);

	if (!symbols)
		return -ENOMEM;
	for (uint32_t i = 0; i < 2 * process->site_count; i++) {
		if (!process->sites[i / 2].present)
			continue;
		line_put(packer, "site", process->pid, i / 2, i % 2);
		info_put(packer, symbols_site(symbols, i / 2, i % 2), "\n");
	}
	for (size_t i = 0; i < process->stall_count; i++)
		stall_put(packer, process, symbols, i);
	all_places_put(packer, process, symbols);
	profile_put(packer, process, symbols);
	symbols_close(symbols);
	return 0;
}

static int names_write(struct packer *packer, const struct trace *trace, FILE *out)
{
	int error = packer_begin(packer, out);

	if (error < 0)
		return error;
	fputs("<script type=\"application/octet-stream\" id=\"trace-names\">\n", out);
	for (size_t i = 0; error == 0 && i < trace->process_count; i++)
		error = process_put(packer, &trace->processes[i]);
	packer_end(packer);
	fputs("</script>\n", out);
	return error;
}

static int trace_write(const struct trace *trace, FILE *out, const char **problem)
{
	struct packer *packer = calloc(1, sizeof(*packer));
	int error = packer ? names_write(packer, trace, out) : -ENOMEM;

	for (size_t i = 0; error == 0 && i < trace_file_count(trace); i++) {
		if (trace_file_path(trace, i))
			error = segment_write(packer, trace, i, out, problem);
	}
	free(packer);
	return error;
}

/* ---- The page -------------------------------------------------------------------------------- */

static FILE *page_open(void)
{
	char self[4096], path[sizeof(self) + 64];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	FILE *page = NULL;

	self[length > 0 ? length : 0] = '\0';
	char *name = strrchr(self, '/');
	if (name)
		name[1] = '\0';
	for (size_t i = 0; !page && i < sizeof(page_dirs) / sizeof(*page_dirs); i++) {
		snprintf(path, sizeof(path), "%s%s%s", self, page_dirs[i], PAGE);
		page = fopen(path, "re");
	}
	return page;
}

static int page_copy(const struct trace *trace, FILE *page, FILE *out, const char **problem)
{
	char *line = NULL;
	size_t capacity = 0;
	int error = 0;
	ssize_t bytes;

	while (error == 0 && (bytes = getline(&line, &capacity, page)) >= 0) {
		if (strcmp(line, PLACE "\n") == 0)
			error = trace_write(trace, out, problem);
		else
			fwrite(line, 1, (size_t)bytes, out);
	}
	free(line);
	return error;
}

/* A file beside it, under a name that nobody can have foreseen: *unfinished, which is to be
 * renamed. What is no file (a terminal, a pipe) is written to as it is, if nobody else has put it
 * there. Returns a descriptor or -errno. */
static int out_open(const char *path, char **unfinished)
{
	struct stat status;
	mode_t mask;
	int fd;

	if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
		if (status.st_uid != 0 && status.st_uid != geteuid())
			return -EPERM;
		fd = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
		return fd < 0 ? -errno : fd;
	}
	if (asprintf(unfinished, "%s.XXXXXX", path) < 0) {
		*unfinished = NULL;
		return -ENOMEM;
	}
	fd = mkostemp(*unfinished, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	mask = umask(0);
	umask(mask);
	fchmod(fd, 0666 & ~mask);
	return fd;
}

static int page_write(const struct trace *trace, FILE *page, int fd, const char *path,
		      const char **problem)
{
	FILE *out = fdopen(fd, "w");

	*problem = path;
	if (!out) {
		close(fd);
		return -ENOMEM;
	}
	int error = page_copy(trace, page, out, problem);
	if (error == 0 && (fflush(out) != 0 || ferror(out)))
		error = errno ? -errno : -EIO;
	if (fclose(out) != 0 && error == 0)
		error = -errno;
	return error;
}

static int file_write(const struct trace *trace, FILE *page, const char *path, const char **problem)
{
	char *unfinished = NULL;
	int fd = out_open(path, &unfinished);

	*problem = path;
	int error = fd < 0 ? fd : page_write(trace, page, fd, path, problem);
	if (error == 0 && unfinished && rename(unfinished, path) != 0)
		error = -errno;
	if (fd >= 0 && error < 0 && unfinished)
		unlink(unfinished);
	free(unfinished);
	return error;
}

int report_html_write(const struct trace *trace, const char *path, FILE *out, const char **problem)
{
	FILE *page = page_open();

	*problem = PAGE " (make viewer builds it)";
	if (!page)
		return -ENOENT;
	*problem = NULL;
	int error =
	    path ? file_write(trace, page, path, problem) : page_copy(trace, page, out, problem);
	fclose(page);
	return error;
}
