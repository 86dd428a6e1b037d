/* SPDX-License-Identifier: Apache-2.0
 *
 * See dir.h. Each component of a path is opened without following links (O_PATH, O_NOFOLLOW)
 * and checked by its descriptor before the walk enters it. A link is read through its descriptor,
 * and its target is walked in the same way.
 */
#include "dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reason.h"

#define LINKS_MAX  40	/* as the kernel */
#define PATH_BYTES 4096 /* SHARED_PATH_BYTES */
#define REST_BYTES (2 * PATH_BYTES)
#define MEMORY_DIR "/dev/shm" /* the one place below /dev that holds files */

/* Where files stand for other things than files. */
static const char *const system_dirs[] = {"/dev", "/proc", "/sys"};
#define SYSTEM_FOLDERS (sizeof(system_dirs) / sizeof(system_dirs[0]))

struct way {
	int dir;	  /* where it has come to */
	struct stat stat; /* of that */
	uid_t root_uid;	  /* whose "/" is: in a user namespace root may be nobody */
	struct stat system[SYSTEM_FOLDERS]; /* of system_dirs; st_ino 0: there is none */
	bool in_system;			    /* below one of these */
	bool make;			    /* missing parts */
	unsigned links;			    /* followed */
	size_t known_left; /* bytes of the path as it was given that have not been gone */
	char *rest;	   /* what is still to go: of the path, before it perhaps of a link */
	char text[REST_BYTES];
};

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool is_place(const struct stat *found, const char *path)
{
	struct stat there;

	return stat(path, &there) == 0 && is_same(found, &there);
}

/* Once for the whole way: asked for each part, they would be most of its system calls. */
static void way_find_system(struct way *way)
{
	for (size_t i = 0; i < SYSTEM_FOLDERS; i++)
		if (stat(system_dirs[i], &way->system[i]) != 0)
			way->system[i] = (struct stat){0};
}

/* Goes on from this directory, which the way owns from now on. */
static int way_enter(struct way *way, int dir, const struct stat *found)
{
	if (way->dir >= 0)
		close(way->dir);
	way->dir = dir;
	way->stat = *found;
	for (size_t i = 0; i < SYSTEM_FOLDERS; i++)
		way->in_system |= is_same(found, &way->system[i]);
	if (way->in_system && (is_place(found, MEMORY_DIR) || is_place(found, "/")))
		way->in_system = false;
	return 0;
}

static int way_to_root(struct way *way)
{
	struct stat found;
	int dir = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return -errno;
	if (fstat(dir, &found) != 0) {
		close(dir);
		return -EACCES;
	}
	way->root_uid = found.st_uid;
	return way_enter(way, dir, &found);
}

/* In a directory where anybody may create names, another user's directory may be a trap: its owner
 * can exchange files while we work. A link leads wherever its owner wants. In a user namespace the
 * system's own links may not appear as root's. */
static bool is_strange(const struct way *way, const struct stat *found)
{
	if (found->st_uid == 0 || found->st_uid == geteuid())
		return false;
	return way->stat.st_mode & S_IWOTH ||
	       (S_ISLNK(found->st_mode) && found->st_uid != way->root_uid);
}

/* What the link says comes before what is left. */
static int way_follow(struct way *way, int link)
{
	char target[PATH_BYTES];
	ssize_t bytes = readlinkat(link, "", target, sizeof(target));
	size_t left = strlen(way->rest);

	if (bytes < 0)
		return -errno;
	if (bytes == sizeof(target) || (size_t)bytes + left + 2 > sizeof(way->text))
		return -ENAMETOOLONG;
	if (++way->links > LINKS_MAX)
		return -ELOOP;
	memmove(way->text + bytes + 1, way->rest, left + 1);
	memcpy(way->text, target, (size_t)bytes);
	way->text[bytes] = '/';
	way->rest = way->text;
	return target[0] == '/' ? way_to_root(way) : 0;
}

static int part_open(struct way *way, const char *name)
{
	int part = openat(way->dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (part >= 0 || errno != ENOENT)
		return part < 0 ? -errno : part;
	if (way->in_system)
		return -REASON_SYSTEM_FOLDER;
	if (!way->make)
		return -ENOENT;
	if (mkdirat(way->dir, name, 0700) != 0 && errno != EEXIST)
		return -errno;
	part = openat(way->dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return part < 0 ? -errno : part;
}

static int way_step(struct way *way, const char *name)
{
	struct stat found;
	int part = part_open(way, name);
	int error;

	if (part < 0)
		return part;
	if (fstat(part, &found) != 0)
		error = -errno;
	else if (strcmp(name, "..") != 0 && is_strange(way, &found))
		error = -REASON_STRANGE_FOLDER;
	else if (S_ISLNK(found.st_mode))
		error = way_follow(way, part);
	else if (S_ISDIR(found.st_mode))
		return way_enter(way, part, &found);
	else
		error = -ENOTDIR;
	close(part);
	return error;
}

/* Takes the next part off the rest; false at its end. */
static bool way_next(struct way *way, char name[NAME_MAX + 1], int *error)
{
	size_t bytes;

	way->rest += strspn(way->rest, "/");
	bytes = strcspn(way->rest, "/");
	if (bytes > NAME_MAX)
		*error = -ENAMETOOLONG;
	if (bytes == 0 || bytes > NAME_MAX)
		return false;
	memcpy(name, way->rest, bytes);
	name[bytes] = '\0';
	way->rest += bytes;
	if (strlen(way->rest) < way->known_left)
		way->known_left = strlen(way->rest);
	return true;
}

static int way_go(struct way *way)
{
	char name[NAME_MAX + 1];
	int error = way_to_root(way);

	while (!error && way_next(way, name, &error))
		error = way_step(way, name);
	if (!error && way->in_system)
		error = -REASON_SYSTEM_FOLDER;
	return error;
}

int dir_open(const char *path, bool make, size_t *strange_bytes)
{
	size_t bytes = strlen(path);
	struct way way = {.dir = -1, .make = make, .known_left = bytes};
	int error, dir = -1;

	if (bytes >= PATH_BYTES)
		return -ENAMETOOLONG;
	memcpy(way.text, path, bytes + 1);
	way.rest = way.text;
	way_find_system(&way);
	error = way_go(&way);
	if (!error) {
		dir = openat(way.dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		error = dir < 0 ? -errno : 0;
	}
	if (way.dir >= 0)
		close(way.dir);
	if (strange_bytes)
		*strange_bytes = bytes - way.known_left;
	return error ? error : dir;
}

void dir_explain(int error, const char *path, size_t strange_bytes, char *text, size_t bytes)
{
	if (error == -REASON_STRANGE_FOLDER)
		snprintf(text, bytes, "%.*s belongs to another user", (int)strange_bytes, path);
	else
		snprintf(text, bytes, "%s", reason_text(error));
}

void dir_of(const char *path, char *dir, size_t bytes)
{
	const char *slash = strrchr(path, '/');

	snprintf(dir, bytes, "%.*s", slash ? (int)(slash - path) : 0, path);
}

int dir_check_file(const char *path)
{
	char parent[PATH_BYTES];
	struct stat found;
	int dir;

	dir_of(path, parent, sizeof(parent));
	dir = dir_open(parent, false, NULL);
	if (dir >= 0)
		close(dir);
	if (dir == -REASON_SYSTEM_FOLDER)
		return dir;
	return stat(path, &found) == 0 && !S_ISREG(found.st_mode) ? -REASON_NOT_A_FILE : 0;
}

int dir_walk(int dir, void (*visit)(int dir, const char *name, void *arg), void *arg)
{
	_Alignas(struct dirent64) char buffer[8192];
	ssize_t bytes;

	if (lseek(dir, 0, SEEK_SET) < 0)
		return -errno;
	while ((bytes = getdents64(dir, buffer, sizeof(buffer))) > 0) {
		for (ssize_t at = 0; at < bytes;) {
			struct dirent64 *entry = (struct dirent64 *)(buffer + at);

			visit(dir, entry->d_name, arg);
			at += entry->d_reclen;
		}
	}
	return bytes < 0 ? -errno : 0;
}

int dir_walk_path(const char *path, void (*visit)(int dir, const char *name, void *arg), void *arg)
{
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int error;

	if (dir < 0)
		return -errno;
	error = dir_walk(dir, visit, arg);
	close(dir);
	return error;
}
