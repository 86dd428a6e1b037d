/* SPDX-License-Identifier: Apache-2.0
 *
 * See libuv_functions.h.
 */
#include "libuv_functions.h"

static const char *const names[REAL_COUNT] = {
#define FUNCTION(name, use, arguments) #name,
#include "functions.def"
#undef FUNCTION
};

const char *libuv_function_name(size_t function)
{
	return function < REAL_COUNT ? names[function] : "an unknown function";
}
