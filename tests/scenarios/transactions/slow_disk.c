/* SPDX-License-Identifier: Apache-2.0
 *
 * Each request reads a file. Some files lie on a disk that takes long to answer (a FIFO, which is
 * written later).
 * expects: slow_transactions file_read
 * says: in the pool's work for file_read
 */
#include "../clients.h"

#include <fcntl.h>
#include <sys/stat.h>

static int near_fd, far_fd, far_end;

struct reading {
	uv_fs_t fs;
	uv_stream_t *client;
	char bytes[1];
};

static char ask(unsigned n)
{
	return n % 60 == 30 ? 'f' : 'n';
}

static void file_read(uv_fs_t *fs)
{
	struct reading *reading = (struct reading *)fs;

	answer(reading->client);
	uv_fs_req_cleanup(fs);
	free(reading);
}

static void *spin_up(void *arg)
{
	(void)arg;
	usleep(200000);
	if (write(far_end, "x", 1) != 1)
		exit(99);
	return NULL;
}

static void on_request(uv_stream_t *client, ssize_t bytes, const uv_buf_t *buffer)
{
	struct reading *reading = bytes > 0 ? malloc(sizeof(*reading)) : NULL;
	pthread_t disk;

	if (!reading)
		return;
	bool far = *buffer->base == 'f';
	uv_buf_t into = uv_buf_init(reading->bytes, 1);
	reading->client = client;
	if (far && (pthread_create(&disk, NULL, spin_up, NULL) != 0 || pthread_detach(disk) != 0))
		exit(99);
	check(uv_fs_read(client->loop, &reading->fs, far ? far_fd : near_fd, &into, 1, far ? -1 : 0,
			 file_read),
	      "uv_fs_read");
}

int main(void)
{
	static struct clients clients = {.count = 8, .every_us = 8000, .requests = 300, .ask = ask};

	if (mkfifo("far", 0600) != 0 || (near_fd = open("near", O_RDWR | O_CREAT, 0600)) < 0 ||
	    write(near_fd, "x", 1) != 1 || (far_end = open("far", O_RDWR)) < 0 ||
	    (far_fd = open("far", O_RDONLY)) < 0)
		return 99;
	clients_start(uv_default_loop(), &clients, on_request);
	run_for(uv_default_loop(), 2700);
	return 0;
}
