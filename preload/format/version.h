/* SPDX-License-Identifier: Apache-2.0
 *
 * The version of uvtrace as a whole; the trace format has its own (trace_format.h).
 */
#ifndef VERSION_H
#define VERSION_H

#define UVTRACE_VERSION "0.1.0"

#endif
