/* SPDX-License-Identifier: Apache-2.0
 *
 * The few functions of libjansson that report/json/ uses, so that the page's figures come from the
 * same code as those of analyze_trace --json. json_text.c implements them.
 *
 * Rules: a value is its own text from the beginning; adding it to another copies the text and frees
 * it.
 */
#ifndef VIEWER_JANSSON_H
#define VIEWER_JANSSON_H

#include <stdarg.h>
#include <stddef.h>

typedef struct json_value json_t;
typedef long long json_int_t;

#define JSON_INDENT(n)	       ((size_t)0 * (n)) /* nobody reads it */
#define JSON_REAL_PRECISION(n) ((size_t)(n))
#define JSON_ENCODE_ANY	       ((size_t)0) /* any value may be dumped */

json_t *json_object(void);
json_t *json_array(void);
json_t *json_string(const char *text);
json_t *json_integer(json_int_t number);
json_t *json_real(double number);
json_t *json_boolean(int truth);
json_t *json_null(void);

/* Both take the value's reference, also where they fail (-1). */
int json_object_set_new(json_t *object, const char *key, json_t *value);
int json_array_append_new(json_t *array, json_t *value);

void json_decref(json_t *value);
typedef int (*json_dump_callback_t)(const char *text, size_t bytes, void *arg);
/* flags: significant digits of reals, 0: all. */
int json_dump_callback(const json_t *value, json_dump_callback_t callback, void *arg, size_t flags);

/* Not in libjansson: the text, valid until the value goes. */
const char *json_text_of(const json_t *value);

#endif
