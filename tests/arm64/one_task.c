/* SPDX-License-Identifier: Apache-2.0
 *
 * A preload for programs under qemu-user, to go before libtrace.so: the emulator's own threads are
 * not among the tasks of the program. With them there, code is not patched. What /proc/self/task
 * says is asked with stat() alone.
 */
#include <dlfcn.h>
#include <string.h>
#include <sys/stat.h>

#define LINKS_OF_ONE_TASK 3

int stat(const char *restrict path, struct stat *restrict status)
{
	int (*next)(const char *, struct stat *) = (__typeof__(next))dlsym(RTLD_NEXT, "stat");
	int result = next(path, status);

	if (result == 0 && strcmp(path, "/proc/self/task") == 0)
		status->st_nlink = LINKS_OF_ONE_TASK;
	return result;
}
