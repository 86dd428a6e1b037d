/* SPDX-License-Identifier: Apache-2.0
 *
 * Puts C++ names right, as the C++ runtime does; C's stay as they are. On the desk that runtime is
 * asked where there is one, it is no dependency; the page has it linked in.
 *
 * Rules: names come out of traces and are not believed. A short one can stand for gigabytes,
 * because each reference back repeats what came before it: one that is long or has many stays as it
 * is.
 */
#ifndef DEMANGLE_H
#define DEMANGLE_H

#define DEMANGLE_BYTES_MAX 1024
/* 99.97 % of the C++ functions that Debian's libnode exports have no more; what comes of them is
 * some MB at the most.
 */
#define DEMANGLE_REFERENCES_MAX 24

/* "_ZN3foo3barEi" becomes "foo::bar", without parameters, return type and a library's symbol
 * version. The caller frees; NULL: no memory. */
char *demangle(const char *name);

#endif
