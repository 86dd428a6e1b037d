/* SPDX-License-Identifier: Apache-2.0
 *
 * A buffered output with what JSON lines need: numbers, addresses, strings. Made by hand because a
 * line is built for every event of a trace.
 *
 * Rules: jsonl_put_string() is the one place where anything is escaped: quotes, backslashes,
 * control characters; what is no valid UTF-8 becomes U+FFFD. Errors are kept and told once, by
 * whoever flushes.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "jsonl.h"

void jsonl_flush(struct jsonl_text *text)
{
	size_t done = 0;

	while (!text->error && done < text->used) {
		ssize_t put = write(text->fd, text->buffer + done, text->used - done);

		if (put < 0 && errno != EINTR)
			text->error = -errno;
		else if (put > 0)
			done += put;
	}
	text->used = 0;
}

void jsonl_put(struct jsonl_text *text, const char *from, size_t bytes)
{
	while (bytes > 0) {
		size_t capacity = sizeof(text->buffer) - text->used;
		size_t part = bytes < capacity ? bytes : capacity;

		memcpy(text->buffer + text->used, from, part);
		text->used += part;
		from += part;
		bytes -= part;
		if (text->used == sizeof(text->buffer))
			jsonl_flush(text);
	}
}

void jsonl_put_text(struct jsonl_text *text, const char *from)
{
	jsonl_put(text, from, strlen(from));
}

void jsonl_put_number(struct jsonl_text *text, uint64_t number)
{
	char digits[20];
	char *at = digits + sizeof(digits);

	do {
		*--at = '0' + number % 10;
		number /= 10;
	} while (number > 0);
	jsonl_put(text, at, digits + sizeof(digits) - at);
}

static void put_address(struct jsonl_text *text, uint64_t address)
{
	char digits[18];
	char *at = digits + sizeof(digits);

	do {
		*--at = "0123456789abcdef"[address & 15];
		address >>= 4;
	} while (address > 0);
	*--at = 'x';
	*--at = '0';
	jsonl_put(text, at, digits + sizeof(digits) - at);
}

/* Length of the UTF-8 character at `at`, which ends with a 0 byte at the latest; 0: it is none. */
static size_t utf8_length(const unsigned char *at)
{
	static const struct {
		unsigned char mask, lead, second_min, second_max, length;
	} forms[] = {
	    {0xff, 0xe0, 0xa0, 0xbf, 3}, {0xff, 0xed, 0x80, 0x9f, 3}, {0xf0, 0xe0, 0x80, 0xbf, 3},
	    {0xff, 0xf0, 0x90, 0xbf, 4}, {0xff, 0xf4, 0x80, 0x8f, 4}, {0xfc, 0xf0, 0x80, 0xbf, 4},
	    {0xfe, 0xc0, 0xff, 0x00, 2}, {0xe0, 0xc0, 0x80, 0xbf, 2},
	};

	if (at[0] < 0x80)
		return 1;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		size_t length = 2;

		if ((at[0] & forms[i].mask) != forms[i].lead)
			continue;
		if (at[1] < forms[i].second_min || at[1] > forms[i].second_max)
			return 0;
		while (length < forms[i].length && (at[length] & 0xc0) == 0x80)
			length++;
		return length == forms[i].length ? length : 0;
	}
	return 0;
}

static void put_escaped(struct jsonl_text *text, unsigned char byte)
{
	char escape[] = "\\u0000";

	if (byte == '"' || byte == '\\') {
		escape[1] = byte;
		jsonl_put(text, escape, 2);
		return;
	}
	escape[4] = "0123456789abcdef"[byte >> 4];
	escape[5] = "0123456789abcdef"[byte & 15];
	jsonl_put(text, escape, 6);
}

void jsonl_put_string(struct jsonl_text *text, const char *string)
{
	const unsigned char *at = (const unsigned char *)string;
	const unsigned char *end = at + strnlen(string, JSONL_TEXT_MAX);

	jsonl_put(text, "\"", 1);
	while (at < end) {
		size_t length = utf8_length(at);

		if (length == 0)
			jsonl_put_text(text, "\\ufffd");
		else if (*at < 0x20 || *at == '"' || *at == '\\' || *at == 0x7f)
			put_escaped(text, *at);
		else
			jsonl_put(text, (const char *)at, length);
		at += length ? length : 1;
	}
	jsonl_put(text, "\"", 1);
}

void jsonl_key(struct jsonl_text *text, const char *key)
{
	jsonl_put(text, ",\"", 2);
	jsonl_put_text(text, key);
	jsonl_put(text, "\":", 2);
}

void jsonl_key_number(struct jsonl_text *text, const char *key, uint64_t number)
{
	jsonl_key(text, key);
	jsonl_put_number(text, number);
}

void jsonl_key_string(struct jsonl_text *text, const char *key, const char *string)
{
	jsonl_key(text, key);
	jsonl_put_string(text, string);
}

void jsonl_key_address(struct jsonl_text *text, const char *key, uint64_t address)
{
	jsonl_key(text, key);
	jsonl_put(text, "\"", 1);
	put_address(text, address);
	jsonl_put(text, "\"", 1);
}

void jsonl_key_strings(struct jsonl_text *text, const char *key, char *const *strings, size_t count)
{
	jsonl_key(text, key);
	for (size_t i = 0; i < count; i++) {
		jsonl_put(text, i ? "," : "[", 1);
		jsonl_put_string(text, strings[i]);
	}
	jsonl_put_text(text, count ? "]" : "[]");
}
