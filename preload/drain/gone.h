/* SPDX-License-Identifier: Apache-2.0
 *
 * What is known of a program that has ended.
 */
#ifndef GONE_H
#define GONE_H

/* What program_gone says once it is not 0: besides, the status of wait(), from that bit on. */
#define PROGRAM_GONE	    1u
#define PROGRAM_GONE_STATUS 2u
#define PROGRAM_GONE_SHIFT  16

#endif
