/* SPDX-License-Identifier: Apache-2.0
 *
 * See socket_peer.h.
 */
#include "socket_peer.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "files/proc_file.h"

struct search {
	uint64_t inode;
	const char *kind;
	char *text;
	size_t bytes;
	uint32_t lines;
	bool found;
};

/* Words of an address as the kernel prints them: each as a number of this machine. */
static bool address_read(const char *hex, int *family, uint32_t *words)
{
	size_t count = strlen(hex) / 8;
	char word[9] = "";

	if ((count != 1 && count != 4) || strlen(hex) % 8 != 0)
		return false;
	for (size_t i = 0; i < count; i++) {
		memcpy(word, hex + 8 * i, 8);
		if (sscanf(word, "%" SCNx32, &words[i]) != 1)
			return false;
	}
	*family = count == 1 ? AF_INET : AF_INET6;
	return true;
}

static bool visit_socket(char *line, void *arg)
{
	struct search *search = arg;
	char hex[33], address[INET6_ADDRSTRLEN];
	uint32_t words[4];
	uint64_t inode;
	unsigned int port;
	int family;

	if (sscanf(line, " %*u: %*[0-9A-F]:%*x %32[0-9A-F]:%x %*x %*s %*s %*s %*u %*u %" SCNu64,
		   hex, &port, &inode) != 3 ||
	    inode != search->inode)
		return ++search->lines < SOCKET_PEER_LINES_MAX;
	if (port != 0 && address_read(hex, &family, words) &&
	    inet_ntop(family, words, address, sizeof(address))) {
		snprintf(search->text, search->bytes,
			 family == AF_INET6 ? "[%s]:%u (%s)" : "%s:%u (%s)", address, port,
			 search->kind);
		search->found = true;
	}
	return false;
}

bool socket_peer(uint32_t pid, uint64_t inode, char *text, size_t bytes)
{
	static const char *const lists[][2] = {
	    {"udp", "udp"}, {"tcp", "tcp"}, {"udp6", "udp"}, {"tcp6", "tcp"}};
	struct search search = {.inode = inode, .text = text, .bytes = bytes};

	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists) && !search.found; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/proc/%u/net/%s", pid, lists[i][0]);
		search.kind = lists[i][1];
		search.lines = 0;
		proc_file_lines(path, visit_socket, &search);
	}
	return search.found;
}
