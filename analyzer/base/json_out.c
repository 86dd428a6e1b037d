/* SPDX-License-Identifier: Apache-2.0
 *
 * See json_out.h. Made by hand because a line is built for every event of a trace.
 *
 * Rules: what is no valid UTF-8 becomes U+FFFD; quotes, backslashes and control characters are
 * escaped.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "json_out.h"

void json_out_flush(struct json_out *text)
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

void json_out_bytes(struct json_out *text, const char *from, size_t bytes)
{
	while (bytes > 0) {
		size_t capacity = sizeof(text->buffer) - text->used;
		size_t part = bytes < capacity ? bytes : capacity;

		memcpy(text->buffer + text->used, from, part);
		text->used += part;
		from += part;
		bytes -= part;
		if (text->used == sizeof(text->buffer))
			json_out_flush(text);
	}
}

void json_out_text(struct json_out *text, const char *from)
{
	json_out_bytes(text, from, strlen(from));
}

void json_out_number(struct json_out *text, uint64_t number)
{
	char digits[20];
	char *at = digits + sizeof(digits);

	do {
		*--at = '0' + number % 10;
		number /= 10;
	} while (number > 0);
	json_out_bytes(text, at, digits + sizeof(digits) - at);
}

static void put_address(struct json_out *text, uint64_t address)
{
	char digits[18];
	char *at = digits + sizeof(digits);

	do {
		*--at = "0123456789abcdef"[address & 15];
		address >>= 4;
	} while (address > 0);
	*--at = 'x';
	*--at = '0';
	json_out_bytes(text, at, digits + sizeof(digits) - at);
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

static void put_escaped(struct json_out *text, unsigned char byte)
{
	char escape[] = "\\u0000";

	if (byte == '"' || byte == '\\') {
		escape[1] = byte;
		json_out_bytes(text, escape, 2);
		return;
	}
	escape[4] = "0123456789abcdef"[byte >> 4];
	escape[5] = "0123456789abcdef"[byte & 15];
	json_out_bytes(text, escape, 6);
}

void json_out_string(struct json_out *text, const char *string)
{
	const unsigned char *at = (const unsigned char *)string;
	const unsigned char *end = at + strnlen(string, JSON_OUT_TEXT_MAX);

	json_out_bytes(text, "\"", 1);
	while (at < end) {
		size_t length = utf8_length(at);

		if (length == 0)
			json_out_text(text, "\\ufffd");
		else if (*at < 0x20 || *at == '"' || *at == '\\' || *at == 0x7f)
			put_escaped(text, *at);
		else
			json_out_bytes(text, (const char *)at, length);
		at += length ? length : 1;
	}
	json_out_bytes(text, "\"", 1);
}

void json_out_key(struct json_out *text, const char *key)
{
	json_out_bytes(text, ",\"", 2);
	json_out_text(text, key);
	json_out_bytes(text, "\":", 2);
}

void json_out_key_number(struct json_out *text, const char *key, uint64_t number)
{
	json_out_key(text, key);
	json_out_number(text, number);
}

void json_out_key_string(struct json_out *text, const char *key, const char *string)
{
	json_out_key(text, key);
	json_out_string(text, string);
}

void json_out_key_address(struct json_out *text, const char *key, uint64_t address)
{
	json_out_key(text, key);
	json_out_bytes(text, "\"", 1);
	put_address(text, address);
	json_out_bytes(text, "\"", 1);
}

void json_out_key_strings(struct json_out *text, const char *key, char *const *strings,
			  size_t count)
{
	json_out_key(text, key);
	for (size_t i = 0; i < count; i++) {
		json_out_bytes(text, i ? "," : "[", 1);
		json_out_string(text, strings[i]);
	}
	json_out_text(text, count ? "]" : "[]");
}
