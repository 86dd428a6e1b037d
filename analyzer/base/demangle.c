/* SPDX-License-Identifier: Apache-2.0
 *
 * See demangle.h.
 */
#include "demangle.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef char *demangle_function(const char *name, char *buffer, size_t *bytes, int *status);

#if defined(__wasm__)

demangle_function __cxa_demangle __attribute__((weak));

static demangle_function *runtime(void)
{
	return __cxa_demangle;
}

#else

#include <dlfcn.h>
#include <pthread.h>

static demangle_function *found;
static pthread_once_t found_once = PTHREAD_ONCE_INIT;

static void find(void)
{
	void *library = dlopen("libstdc++.so.6", RTLD_LAZY | RTLD_LOCAL);

	if (library)
		*(void **)&found = dlsym(library, "__cxa_demangle");
}

static demangle_function *runtime(void)
{
	pthread_once(&found_once, find);
	return found;
}

#endif

/* S_, S0_, T_, T0_, ...: what came before, again. */
static bool is_reference(const char *at)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

	if (*at != 'S' && *at != 'T')
		return false;
	at++;
	return at[strspn(at, digits)] == '_';
}

static bool is_harmless(const char *name)
{
	size_t references = 0;

	for (const char *at = name; *at; at++)
		references += is_reference(at);
	return references <= DEMANGLE_REFERENCES_MAX && strlen(name) <= DEMANGLE_BYTES_MAX;
}

/* Cuts the parameters off: "f(int) const" becomes "f"; "operator()" and "{lambda(int)#1}" stay. */
static void parameters_cut(char *name)
{
	char *end = strrchr(name, ')');
	int depth = 0;

	if (!end || strchr(end, '}') || strchr(end, ':'))
		return;
	for (char *at = end; at > name; at--) {
		depth += *at == ')' ? 1 : *at == '(' ? -1 : 0;
		if (depth == 0) {
			bool is_operator = at - name >= 8 && strncmp(at - 8, "operator", 8) == 0;
			if (!is_operator)
				*at = '\0';
			return;
		}
	}
}

/* Template functions have their return type before the name: "void f<int>" becomes "f<int>". */
static void return_type_cut(char *name)
{
	char *start = name;
	int depth = 0;

	if (strstr(name, "operator"))
		return;
	for (char *at = name; *at; at++) {
		depth += *at == '<' || *at == '(' || *at == '{'	  ? 1
			 : *at == '>' || *at == ')' || *at == '}' ? -1
								  : 0;
		if (*at == ' ' && depth == 0)
			start = at + 1;
	}
	memmove(name, start, strlen(start) + 1);
}

char *demangle(const char *name)
{
	bool is_mangled = strncmp(name, "_Z", 2) == 0 && runtime() && is_harmless(name);
	int status = -1;
	char *plain = is_mangled ? runtime()(name, NULL, NULL, &status) : NULL;

	if (!plain)
		return strndup(name, strcspn(name, "@"));
	parameters_cut(plain);
	return_type_cut(plain);
	return plain;
}
