/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON as growing text; see ../include/jansson.h.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jansson.h"

struct json_value {
	char *text; /* an object or array without its closing bracket while it may grow */
	size_t bytes, capacity;
	size_t members;
	char close; /* 0: whole already */
};

static int text_add(json_t *value, const char *text, size_t bytes)
{
	if (value->bytes + bytes + 2 > value->capacity) {
		size_t capacity = (value->bytes + bytes + 2) * 2;
		char *grown = realloc(value->text, capacity);
		if (!grown)
			return -1;
		value->text = grown;
		value->capacity = capacity;
	}
	memcpy(value->text + value->bytes, text, bytes);
	value->bytes += bytes;
	value->text[value->bytes] = '\0';
	return 0;
}

static json_t *value_make(const char *text, size_t bytes, char close)
{
	json_t *value = calloc(1, sizeof(*value));

	if (!value)
		return NULL;
	value->close = close;
	if (text_add(value, text, bytes) == 0)
		return value;
	json_decref(value);
	return NULL;
}

json_t *json_object(void)
{
	return value_make("{", 1, '}');
}

json_t *json_array(void)
{
	return value_make("[", 1, ']');
}

json_t *json_null(void)
{
	return value_make("null", 4, 0);
}

json_t *json_boolean(int truth)
{
	return truth ? value_make("true", 4, 0) : value_make("false", 5, 0);
}

json_t *json_integer(json_int_t number)
{
	char text[32];
	int bytes = snprintf(text, sizeof(text), "%lld", number);

	return value_make(text, (size_t)bytes, 0);
}

json_t *json_real(double number)
{
	char text[40];

	if (!isfinite(number))
		return json_null();
	int bytes = snprintf(text, sizeof(text), "%.17g", number);
	return value_make(text, (size_t)bytes, 0);
}

static int text_add_escaped(json_t *value, const char *text)
{
	char escape[8];
	int error = text_add(value, "\"", 1);

	for (; *text && error == 0; text++) {
		unsigned char byte = (unsigned char)*text;
		if (byte == '"' || byte == '\\' || byte < 0x20) {
			int bytes = snprintf(escape, sizeof(escape), "\\u%04x", byte);
			error = text_add(value, escape, (size_t)bytes);
		} else {
			error = text_add(value, text, 1);
		}
	}
	return error == 0 ? text_add(value, "\"", 1) : error;
}

json_t *json_string(const char *text)
{
	json_t *value = value_make("", 0, 0);

	if (value && text_add_escaped(value, text) == 0)
		return value;
	json_decref(value);
	return NULL;
}

static int member_add(json_t *to, const char *key, json_t *value)
{
	int error = to && value ? 0 : -1;

	if (error == 0 && to->members++ > 0)
		error = text_add(to, ",", 1);
	if (error == 0 && key)
		error = text_add_escaped(to, key) < 0 ? -1 : text_add(to, ":", 1);
	if (error == 0)
		error = text_add(to, json_text_of(value), strlen(value->text));
	return error;
}

int json_object_set_new(json_t *object, const char *key, json_t *value)
{
	int error = member_add(object, key, value);

	json_decref(value);
	return error;
}

int json_array_append_new(json_t *array, json_t *value)
{
	int error = member_add(array, NULL, value);

	json_decref(value);
	return error;
}

void json_decref(json_t *value)
{
	if (!value)
		return;
	free(value->text);
	free(value);
}

/* There is always room for the bracket. */
const char *json_text_of(const json_t *value)
{
	if (value->close) {
		value->text[value->bytes] = value->close;
		value->text[value->bytes + 1] = '\0';
	}
	return value->text;
}

/* The end of a string that begins at `at`. */
static const char *string_end(const char *at)
{
	for (at++; *at != '"'; at++)
		at += *at == '\\';
	return at + 1;
}

/* Everything as it is, but reals, which have a point or an exponent, with so many digits. */
int json_dump_callback(const json_t *value, json_dump_callback_t callback, void *arg, size_t flags)
{
	const char *at = json_text_of(value);
	int result = 0;

	while (*at && result == 0) {
		size_t number = strspn(at, "-+.0123456789eE");
		const char *end = *at == '"' ? string_end(at) : at + 1;
		char real[40];
		if (*at == 't' || *at == 'f' ||
		    *at == 'n') /* true, false, null: no letter of them is a number's */
			end = at + strspn(at, "truefalsn");
		else if (*at != '"' && number > 0)
			end = at + number;
		if (flags > 0 && number > 0 && strcspn(at, ".eE") < number)
			result = callback(real,
					  (size_t)snprintf(real, sizeof(real), "%.*g", (int)flags,
							   strtod(at, NULL)),
					  arg);
		else
			result = callback(at, (size_t)(end - at), arg);
		at = end;
	}
	return result;
}
