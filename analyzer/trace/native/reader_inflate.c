/* SPDX-License-Identifier: Apache-2.0
 *
 * Segments that somebody compressed: .gz and .zst are inflated into one unlinked temporary file and
 * read from there like any other.
 *
 * Rules: told by their first bytes, not by their name. What begins with anything but a trace is not
 * inflated to its end, so a bomb has to look like a trace. Cut off or damaged: what came out before
 * is read.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "trace/reader_internal.h"

#define CHUNK_BYTES 65536

struct inflation {
	int fd; /* compressed */
	int scratch;
	uint64_t base, bytes; /* what came out */
	const char *problem;  /* NULL: all is well */
	unsigned char in[CHUNK_BYTES], out[CHUNK_BYTES];
};

static int scratch_open(void)
{
	const char *dir = getenv("TMPDIR");
	char path[4096];
	int fd;

	if (!dir || !*dir)
		dir = "/tmp";
	if (snprintf(path, sizeof(path), "%s/uvtrace.XXXXXX", dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	unlink(path);
	return fd;
}

/* False: stop, inflation->problem says why. */
static bool put_out(struct inflation *inflation, size_t bytes)
{
	size_t done = 0;

	if (inflation->bytes == 0 && bytes >= 8 && memcmp(inflation->out, TRACE_MAGIC, 8) != 0) {
		inflation->problem = "not a uvtrace trace";
		return false;
	}
	while (done < bytes) {
		ssize_t put = pwrite(inflation->scratch, inflation->out + done, bytes - done,
				     inflation->base + inflation->bytes + done);

		if (put <= 0) {
			inflation->problem = "no room for it in the directory for temporary files";
			return false;
		}
		done += put;
	}
	inflation->bytes += bytes;
	return true;
}

static ssize_t take_in(struct inflation *inflation)
{
	ssize_t got;

	do {
		got = read(inflation->fd, inflation->in, CHUNK_BYTES);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		inflation->problem = strerror(errno);
	return got;
}

/* One chunk of input; false: stop. A file may hold several streams one after the other. */
static bool gzip_chunk(struct inflation *inflation, z_stream *stream, int *status)
{
	do {
		if (*status == Z_STREAM_END)
			inflateReset(stream);
		stream->next_out = inflation->out;
		stream->avail_out = CHUNK_BYTES;
		*status = inflate(stream, Z_NO_FLUSH);
		if (!put_out(inflation, CHUNK_BYTES - stream->avail_out))
			return false;
		if (*status != Z_OK && *status != Z_STREAM_END && *status != Z_BUF_ERROR) {
			inflation->problem = "the compressed data is damaged";
			return false;
		}
	} while (stream->avail_in > 0 || (stream->avail_out == 0 && *status != Z_STREAM_END));
	return true;
}

static void inflate_gzip(struct inflation *inflation)
{
	z_stream stream = {0};
	int status = Z_OK;
	ssize_t got;

	if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) {
		inflation->problem = "no memory to inflate it";
		return;
	}
	while ((got = take_in(inflation)) > 0) {
		stream.next_in = inflation->in;
		stream.avail_in = got;
		if (!gzip_chunk(inflation, &stream, &status))
			break;
	}
	if (!inflation->problem && status != Z_STREAM_END)
		inflation->problem = "the compressed data is cut off";
	inflateEnd(&stream);
}

static bool zstd_chunk(struct inflation *inflation, ZSTD_DStream *stream, size_t bytes,
		       size_t *status)
{
	ZSTD_inBuffer in = {inflation->in, bytes, 0};
	ZSTD_outBuffer out = {inflation->out, CHUNK_BYTES, 0};

	do {
		out.pos = 0;
		*status = ZSTD_decompressStream(stream, &out, &in);
		if (!put_out(inflation, out.pos))
			return false;
		if (ZSTD_isError(*status)) {
			inflation->problem = "the compressed data is damaged";
			return false;
		}
	} while (in.pos < in.size || out.pos == out.size);
	return true;
}

static void inflate_zstd(struct inflation *inflation)
{
	ZSTD_DStream *stream = ZSTD_createDStream();
	size_t status = 1;
	ssize_t got;

	if (!stream) {
		inflation->problem = "no memory to inflate it";
		return;
	}
	while ((got = take_in(inflation)) > 0)
		if (!zstd_chunk(inflation, stream, got, &status))
			break;
	if (!inflation->problem && status != 0)
		inflation->problem = "the compressed data is cut off";
	ZSTD_freeDStream(stream);
}

typedef void inflate_function(struct inflation *inflation);

static inflate_function *function_for(int fd)
{
	unsigned char magic[4] = {0};

	if (pread(fd, magic, sizeof(magic), 0) < 2)
		return NULL;
	if (magic[0] == 0x1f && magic[1] == 0x8b)
		return inflate_gzip;
	return memcmp(magic, "\x28\xb5\x2f\xfd", 4) == 0 ? inflate_zstd : NULL;
}

int reader_inflate(struct reader *reader, struct reader_file *file, int fd)
{
	inflate_function *function = function_for(fd);
	struct inflation *inflation;

	if (!function)
		return 1;
	if (reader->scratch < 0)
		reader->scratch = scratch_open();
	if (reader->scratch < 0) {
		reader_problem(reader, "%s: no temporary file to inflate it: %s", file->path,
			       strerror(-reader->scratch));
		return -EIO;
	}
	inflation = calloc(1, sizeof(*inflation));
	if (!inflation)
		return -ENOMEM;
	*inflation =
	    (struct inflation){.fd = fd, .scratch = reader->scratch, .base = reader->scratch_bytes};
	function(inflation);
	if (inflation->problem)
		reader_problem(reader, "%s: %s", file->path, inflation->problem);
	file->fd = reader->scratch;
	file->base = inflation->base;
	file->bytes = inflation->bytes;
	reader->scratch_bytes = inflation->base + ((inflation->bytes + 7) & ~7ull);
	fd = inflation->problem && inflation->bytes == 0 ? -EINVAL : 0;
	free(inflation);
	return fd;
}
