/* SPDX-License-Identifier: Apache-2.0
 *
 * C++ names, and names that only look like some. What plain names come to is known from the
 * language.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/demangle.h"

static void check(const char *name, const char *wanted)
{
	char *plain = demangle(name);

	cr_assert_str_eq(plain, wanted);
	free(plain);
}

Test(demangle, functions_lose_parameters_and_return_type)
{
	check("_ZN3foo3barEi", "foo::bar");
	check("_ZNK3FooclEi", "Foo::operator()");
	check("_Z1fIiEvT_", "f<int>");
	check("_ZZ4mainENKUlP10uv_timer_sE_clES0_", "main::{lambda(uv_timer_s*)#1}::operator()");
}

Test(demangle, what_is_no_cpp_stays)
{
	check("uv_run", "uv_run");
	check("uv_run@@V1", "uv_run");
	check("_Znonsense(", "_Znonsense(");
	check("", "");
}

/* Each reference doubles what it stands for: of thirty such levels come five gigabytes. */
Test(demangle, small_names_of_huge_ones_stay, .timeout = 20)
{
	char name[4096] = "_Z1f1AIvvE", again[4096];

	for (int i = 0; i < 30; i++) {
		const char digit = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[i];
		size_t length = strlen(name);

		snprintf(name + length, sizeof(name) - length, "S_IS%c_S%c_E", digit, digit);
	}
	strcpy(again, name);
	check(name, again);
}

/* A name at the limit is taken apart, a longer one is not. libstdc++ has the same limit since GCC
 * 9; other C++ runtimes have none, and go down level by level on the stack. */
Test(demangle, names_beyond_the_limit_stay)
{
	static char plain[DEMANGLE_BYTES_MAX + 2], name[sizeof(plain) + 16];
	size_t letters = DEMANGLE_BYTES_MAX - strlen("_Z1018v");

	cr_assert_eq(letters, 1017);
	memset(plain, 'a', letters);
	snprintf(name, sizeof(name), "_Z1017%sv", plain);
	cr_assert_eq(strlen(name), DEMANGLE_BYTES_MAX);
	check(name, plain);
	plain[letters] = 'a';
	snprintf(name, sizeof(name), "_Z1018%sv", plain);
	check(name, name);
}

Test(demangle, deep_names_stay)
{
	static char name[100000] = "_Z1f";

	memset(name + 4, 'P', sizeof(name) - 6);
	name[sizeof(name) - 2] = 'i';
	check(name, name);
}
