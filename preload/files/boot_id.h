/* SPDX-License-Identifier: Apache-2.0
 *
 * Which start of the machine this is: the kernel's boot_id. Traces carry it, so that whoever reads
 * one knows whether its process and its clock may still be there.
 */
#ifndef BOOT_ID_H
#define BOOT_ID_H

#include <stdbool.h>
#include <stdint.h>

/* False, and all zeroes, where it cannot be read. */
bool boot_id_read(uint8_t id[16]);

#endif
