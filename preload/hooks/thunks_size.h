/* SPDX-License-Identifier: Apache-2.0
 *
 * The two numbers that the assembler and C must agree on; site.c asserts that they do.
 */
#define TRACE_SITES_MAX 8192
#define SITE_BYTES	32
