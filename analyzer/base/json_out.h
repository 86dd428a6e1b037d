/* SPDX-License-Identifier: Apache-2.0
 *
 * A buffered output for JSON that is written as it becomes known, however much it is: numbers,
 * addresses, strings. What is small enough to be held in memory is made with jansson instead.
 *
 * Rules: json_out_string() is the one place where anything is escaped, so whatever a trace holds,
 * what comes out is valid JSON and valid UTF-8. Errors are kept, and told by whoever looks at
 * `error` after json_out_flush().
 */
#ifndef JSON_OUT_H
#define JSON_OUT_H

#include <stddef.h>
#include <stdint.h>

#define JSON_OUT_BUFFER_BYTES 65536
#define JSON_OUT_TEXT_MAX     4096 /* bytes of a string from the trace that are shown */

struct json_out {
	int fd;
	int error; /* the first one, -errno; everything after it is thrown away */
	size_t used;
	char buffer[JSON_OUT_BUFFER_BYTES];
};

void json_out_flush(struct json_out *text);
void json_out_bytes(struct json_out *text, const char *from, size_t bytes);
void json_out_text(struct json_out *text, const char *from); /* as it is */
void json_out_number(struct json_out *text, uint64_t number);
/* `"` + the string, escaped + `"`. */
void json_out_string(struct json_out *text, const char *string);
/* `,"key":` before a value; the key is not escaped. */
void json_out_key(struct json_out *text, const char *key);
void json_out_key_number(struct json_out *text, const char *key, uint64_t number);
void json_out_key_string(struct json_out *text, const char *key, const char *string);
void json_out_key_address(struct json_out *text, const char *key, uint64_t address);
void json_out_key_strings(struct json_out *text, const char *key, char *const *strings,
			  size_t count);

#endif
