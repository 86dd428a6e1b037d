/* SPDX-License-Identifier: Apache-2.0
 *
 * Whom sockets of this process are connected to; they know it themselves.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "observe/socket_peer.h"

static char text[64];

static bool ask(int fd)
{
	struct stat status;

	cr_assert_eq(fstat(fd, &status), 0);
	return socket_peer((uint32_t)getpid(), status.st_ino, text, sizeof(text));
}

Test(socket_peer, is_told_by_address_and_port)
{
	const struct sockaddr_in to = {
	    .sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = htonl(0x7f000009)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	cr_assert_eq(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
	cr_assert(ask(fd));
	cr_assert_str_eq(text, "127.0.0.9:53 (udp)");
}

Test(socket_peer, of_version_6_is_told_in_brackets)
{
	const struct sockaddr_in6 to = {
	    .sin6_family = AF_INET6, .sin6_port = htons(4711), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0)
		cr_skip_test("no IPv6 here");
	cr_assert(ask(fd));
	cr_assert_str_eq(text, "[::1]:4711 (udp)");
}

Test(socket_peer, is_nobody_without_a_connection)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), pair[2];

	cr_assert_eq(listen(fd, 1), 0);
	cr_assert(!ask(fd));
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	cr_assert(!ask(pair[0]));
}
