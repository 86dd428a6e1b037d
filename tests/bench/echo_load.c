/* SPDX-License-Identifier: Apache-2.0
 *
 * Load for echo servers on 127.0.0.1, closed loop: each connection has one message under way. With
 * one port it drives that server; with two it drives them in turn in short windows, A B B A, and
 * compares: machines drift and their neighbours come and go, and both servers are hit alike by what
 * is slower than a window. Each adjacent pair of an A and a B window gives one ratio of their
 * rates; the median of these and its 95 % interval by ranks (no assumption about the noise) is the
 * answer. A window ends when the last reply that it asked for is there, so no window pays for
 * another's. Prints one flat JSON object. Every reply is checked, and counted against what was
 * sent.
 *
 * usage: echo_load [options] PORT [PORT]   (see usage())
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX	  1000
#define MESSAGE_BYTES_MAX 1024
#define PAIRS_MAX	  100000
#define LATENCY_BUCKETS                                                                            \
	1000000 /* of LATENCY_BUCKET_NS: up to 100 ms, what is longer goes into the last */
#define LATENCY_BUCKET_NS 100

struct options {
	unsigned long connections, message_bytes, window_ms, warmup_ms, messages;
	double seconds;
};

struct client {
	int fd;
	uint32_t received; /* bytes of the reply so far */
	uint64_t sent_ns;
};

struct server {
	int epoll_fd;
	struct client clients[CONNECTIONS_MAX];
	uint32_t latencies[LATENCY_BUCKETS];
	uint64_t sent, replies, busy_ns; /* of measured windows */
};

static struct options options = {
    .connections = 50, .message_bytes = 21, .window_ms = 75, .warmup_ms = 1000, .seconds = 10};
static char message[MESSAGE_BYTES_MAX];

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void fail(const char *what)
{
	fprintf(stderr, "echo_load: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- One server ------------------------------------------------------------------------------ */

static void client_connect(struct server *server, struct client *client, int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
	int on = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client->fd < 0 || connect(client->fd, (struct sockaddr *)&address, sizeof(address)))
		fail("connect");
	if (setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) ||
	    epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, client->fd, &event))
		fail("socket");
}

static struct server *server_connect(int port)
{
	struct server *server = calloc(1, sizeof(*server));

	if (!server)
		fail("memory");
	server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (server->epoll_fd < 0)
		fail("epoll_create1");
	for (unsigned long i = 0; i < options.connections; i++)
		client_connect(server, &server->clients[i], port);
	return server;
}

static void server_close(struct server *server)
{
	for (unsigned long i = 0; i < options.connections; i++)
		close(server->clients[i].fd);
	close(server->epoll_fd);
	free(server);
}

static void client_send(struct client *client)
{
	client->received = 0;
	client->sent_ns = now_ns();
	if (send(client->fd, message, options.message_bytes, MSG_NOSIGNAL) !=
	    (ssize_t)options.message_bytes)
		fail("send");
}

/* Whether the whole reply is there now. */
static bool client_receive(struct client *client)
{
	char reply[MESSAGE_BYTES_MAX];
	ssize_t got = recv(client->fd, reply, options.message_bytes - client->received, 0);

	if (got <= 0) {
		errno = got ? errno : ECONNRESET;
		fail("recv");
	}
	if (memcmp(reply, message + client->received, (size_t)got)) {
		errno = EBADMSG;
		fail("the reply is not what was sent");
	}
	client->received += (uint32_t)got;
	return client->received == options.message_bytes;
}

static void latency_add(uint32_t *latencies, uint64_t latency_ns)
{
	uint64_t bucket = latency_ns / LATENCY_BUCKET_NS;

	latencies[bucket < LATENCY_BUCKETS ? bucket : LATENCY_BUCKETS - 1]++;
}

static double latency_us(const uint32_t *latencies, uint64_t count, double quantile)
{
	uint64_t seen = 0, wanted = (uint64_t)ceil(quantile * (double)count);

	for (uint32_t bucket = 0; bucket < LATENCY_BUCKETS; bucket++) {
		seen += latencies[bucket];
		if (seen >= wanted)
			return (bucket + 0.5) * LATENCY_BUCKET_NS / 1000.0;
	}
	return 0;
}

/* Replies of one window: sends on every connection, answers each reply with the next message until
 * the window's time or its messages are used up, then waits for what is under way. */
static uint64_t server_drive(struct server *server, uint64_t window_ns, uint64_t messages)
{
	struct epoll_event events[CONNECTIONS_MAX];
	uint64_t end_ns = now_ns() + window_ns, sent = 0, replies = 0;

	for (; sent < options.connections && sent < messages; sent++)
		client_send(&server->clients[sent]);
	while (replies < sent) {
		int ready = epoll_wait(server->epoll_fd, events, CONNECTIONS_MAX, -1);
		uint64_t now = now_ns();

		for (int i = 0; i < ready; i++) {
			struct client *client = events[i].data.ptr;

			if (!client_receive(client))
				continue;
			replies++;
			latency_add(server->latencies, now - client->sent_ns);
			if (now < end_ns && sent < messages) {
				client_send(client);
				sent++;
			}
		}
	}
	server->sent += sent;
	return replies;
}

/* Requests a second of one window. */
static double server_measure(struct server *server, uint64_t window_ns, uint64_t messages)
{
	uint64_t start_ns = now_ns();
	uint64_t replies = server_drive(server, window_ns, messages);
	uint64_t busy_ns = now_ns() - start_ns;

	server->replies += replies;
	server->busy_ns += busy_ns;
	return (double)replies * 1e9 / (double)busy_ns;
}

static void server_forget(struct server *server)
{
	memset(server->latencies, 0, sizeof(server->latencies));
	server->sent = server->replies = server->busy_ns = 0;
}

static void server_print(const char *name, const struct server *server, uint64_t warmup)
{
	double seconds = (double)server->busy_ns / 1e9;

	printf("\"%s_sent\":%lu,\"%s_requests\":%lu,\"%s_warmup_requests\":%lu,", name,
	       server->sent, name, server->replies, name, warmup);
	printf("\"%s_requests_per_second\":%.0f,", name,
	       seconds > 0 ? (double)server->replies / seconds : 0);
	printf("\"%s_p50_us\":%.1f,\"%s_p99_us\":%.1f", name,
	       latency_us(server->latencies, server->replies, 0.5), name,
	       latency_us(server->latencies, server->replies, 0.99));
}

/* ---- Two servers ----------------------------------------------------------------------------- */

static int compare_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts overheads (percent of the baseline's rate that is gone), prints their median and its 95 %
 * interval. */
static void overheads_print(double *overheads, size_t count)
{
	double middle = (double)(count - 1) / 2, spread = 0.98 * sqrt((double)count);
	size_t low = middle > spread ? (size_t)floor(middle - spread) : 0;
	size_t high = (size_t)ceil(middle + spread);

	qsort(overheads, count, sizeof(*overheads), compare_double);
	printf(
	    "\"pairs\":%zu,\"overhead_percent\":%.3f,\"overhead_low\":%.3f,\"overhead_high\":%.3f",
	    count, (overheads[(count - 1) / 2] + overheads[count / 2]) / 2, overheads[low],
	    overheads[high < count ? high : count - 1]);
}

static double pair_overhead(double baseline, double traced)
{
	return (1 - traced / baseline) * 100;
}

/* One A B B A: two pairs, in both orders. */
static void quad_measure(struct server *baseline, struct server *traced, double overheads[2])
{
	uint64_t window_ns = options.window_ms * 1000000u;
	double a = server_measure(baseline, window_ns, UINT64_MAX);
	double b = server_measure(traced, window_ns, UINT64_MAX);

	overheads[0] = pair_overhead(a, b);
	b = server_measure(traced, window_ns, UINT64_MAX);
	a = server_measure(baseline, window_ns, UINT64_MAX);
	overheads[1] = pair_overhead(a, b);
}

static void compare_servers(int baseline_port, int traced_port)
{
	static double overheads[PAIRS_MAX];
	struct server *baseline = server_connect(baseline_port),
		      *traced = server_connect(traced_port);
	uint64_t warmup_a = server_drive(baseline, options.warmup_ms * 1000000u, UINT64_MAX);
	uint64_t warmup_b = server_drive(traced, options.warmup_ms * 1000000u, UINT64_MAX);
	uint64_t end_ns = now_ns() + (uint64_t)(options.seconds * 1e9);
	size_t count = 0;

	server_forget(baseline);
	server_forget(traced);
	do {
		quad_measure(baseline, traced, &overheads[count]);
		count += 2;
	} while (now_ns() < end_ns && count + 2 <= PAIRS_MAX);
	printf("{");
	server_print("baseline", baseline, warmup_a);
	printf(",");
	server_print("traced", traced, warmup_b);
	printf(",");
	overheads_print(overheads, count);
	printf("}\n");
	server_close(baseline);
	server_close(traced);
}

static void load_server(int port)
{
	struct server *server = server_connect(port);

	server_measure(server, (uint64_t)(options.seconds * 1e9),
		       options.messages ? options.messages : UINT64_MAX);
	printf("{");
	server_print("server", server, 0);
	printf("}\n");
	server_close(server);
}

/* ---- Options --------------------------------------------------------------------------------- */

static int usage(FILE *stream, int status)
{
	fprintf(stream,
		"usage: echo_load [options] PORT          drive one server\n"
		"       echo_load [options] PORT PORT     compare two: baseline, traced\n"
		"  --connections=N  to each server (50)      --bytes=N      of a message (21)\n"
		"  --seconds=S      in all, at most (10)     --messages=N   in all, at most; one "
		"server\n"
		"  --window-ms=N    of one window (75)       --warmup-ms=N  of each server, not "
		"counted (1000)\n");
	return status;
}

static const struct option long_options[] = {
    {"connections", required_argument, NULL, 'c'},
    {"bytes", required_argument, NULL, 'b'},
    {"seconds", required_argument, NULL, 's'},
    {"messages", required_argument, NULL, 'm'},
    {"window-ms", required_argument, NULL, 'w'},
    {"warmup-ms", required_argument, NULL, 'u'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static unsigned long *option_number(int letter)
{
	switch (letter) {
	case 'c':
		return &options.connections;
	case 'b':
		return &options.message_bytes;
	case 'm':
		return &options.messages;
	case 'w':
		return &options.window_ms;
	case 'u':
		return &options.warmup_ms;
	default:
		return NULL;
	}
}

static bool options_parse(int argc, char **argv)
{
	int letter;

	while ((letter = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (letter == 'h')
			exit(usage(stdout, 0));
		else if (letter == 's')
			options.seconds = strtod(optarg, NULL);
		else if (option_number(letter))
			*option_number(letter) = strtoul(optarg, NULL, 10);
		else
			return false;
	}
	return options.connections >= 1 && options.connections <= CONNECTIONS_MAX &&
	       options.message_bytes >= 1 && options.message_bytes <= MESSAGE_BYTES_MAX &&
	       options.window_ms >= 1 && options.seconds > 0 &&
	       (argc - optind == 1 || argc - optind == 2);
}

int main(int argc, char **argv)
{
	if (!options_parse(argc, argv))
		return usage(stderr, 2);
	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (char)('a' + i % 26);
	if (argc - optind == 1)
		load_server(atoi(argv[optind]));
	else
		compare_servers(atoi(argv[optind]), atoi(argv[optind + 1]));
	return 0;
}
