/* SPDX-License-Identifier: Apache-2.0
 *
 * Whom a socket of the program is connected to, as /proc/PID/net has it.
 *
 * Rules: a list of sockets may be very long; only the first SOCKET_PEER_LINES_MAX are looked at.
 */
#ifndef SOCKET_PEER_H
#define SOCKET_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOCKET_PEER_LINES_MAX 4096

/* "127.0.0.9:53 (udp)", "[::1]:80 (tcp)". False: it is connected to nobody, or is of another kind.
 */
bool socket_peer(uint32_t pid, uint64_t inode, char *text, size_t bytes);

#endif
