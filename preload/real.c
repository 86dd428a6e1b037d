/* SPDX-License-Identifier: Apache-2.0
 *
 * Finds the real functions, in the order of the dynamic linker: what comes after us in the global scope (RTLD_NEXT) is
 * everybody's; where there is none, a shared object's own handle knows which libuv it is linked with, where that came
 * in with RTLD_LOCAL (Python's uvloop, lua-luv) or lies inside the object; code without a file (JIT) goes with the
 * first copy. Looked up at a module's first call and not in the constructor, because other libraries' constructors may
 * run loops before ours, and because libuv may be loaded long after us. A copy that was found stays loaded for good, or
 * its addresses would go stale.
 */
#include "real.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "dispatch.h"

struct real_module real_modules[REAL_MODULES_MAX];
__thread const struct real_copy *real_last;
struct real_text real_uv_texts[REAL_COPIES_MAX];
_Atomic uint32_t real_uv_copies;
_Atomic bool real_uv_calls_seen;

static struct real_copy copies[REAL_COPIES_MAX];
static const struct real_copy no_copy; /* all NULL: there is no libuv, wrappers say UV_ENOSYS */
static uint32_t module_count;	       /* under find_mutex */
static pthread_mutex_t find_mutex = PTHREAD_MUTEX_INITIALIZER;

static const char *const names[REAL_COUNT] = {
#define REAL_FUNCTION(name) #name,
#include "real.def"
#undef REAL_FUNCTION
};

struct text_search {
	uintptr_t address;
	struct real_text found;
};

static int text_visit(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct text_search *search = arg;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *phdr = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + phdr->p_vaddr;

		if (phdr->p_type == PT_LOAD && phdr->p_flags & PF_X && search->address - start < phdr->p_memsz) {
			search->found = (struct real_text){start, phdr->p_memsz};
			return 1;
		}
	}
	return 0;
}

/* The code segment in which that address lies; 0 bytes where it is in no file. */
static struct real_text text_of(const void *address)
{
	struct text_search search = {.address = (uintptr_t)address};

	dl_iterate_phdr(text_visit, &search);
	return search.found;
}

bool real_is_own(const void *address)
{
	static struct real_text own; /* written with the same values by whoever comes first */

	if (!own.bytes)
		own = text_of((void *)real_find);
	return (uintptr_t)address - own.start < own.bytes;
}

/* NULL if the symbol is missing or is our own wrapper. */
static void *checked(void *function)
{
	return function && !real_is_own(function) ? function : NULL;
}

static const struct real_copy *copy_with(const void *uv_run)
{
	for (uint32_t i = 0; i < real_uv_copies; i++)
		if (copies[i].functions[REAL_uv_run] == uv_run)
			return &copies[i];
	return NULL;
}

static bool is_libuv_file(const char *path)
{
	const char *name = strrchr(path, '/');

	return strncmp(name ? name + 1 : path, "libuv.so", strlen("libuv.so")) == 0;
}

/* Where libuv lies inside another library: from the first to the last function of it that we know. */
static struct real_text text_between(void *const functions[REAL_COUNT])
{
	uintptr_t first = UINTPTR_MAX, last = 0;

	for (int i = 0; i < REAL_COUNT; i++) {
		uintptr_t address = (uintptr_t)functions[i];

		if (address && address < first)
			first = address;
		if (address > last)
			last = address;
	}
	return (struct real_text){first, last - first + 1};
}

/* Stands in for uv_write2 where uv_write is somebody else's (another preload's), who must be asked. */
static int write_asked(uv_write_t *req, uv_stream_t *handle, const uv_buf_t bufs[], unsigned int count,
		       uv_stream_t *send_handle, uv_write_cb cb)
{
	(void)send_handle;
	return REAL_AGAIN(uv_write)(req, handle, bufs, count, cb);
}

/* libuv's uv_write does nothing but jump to uv_write2, in all versions 1.x. */
static void *write_direct(void *const functions[REAL_COUNT])
{
	void *write = functions[REAL_uv_write], *write2 = functions[REAL_uv_write2];

	if (!write || !write2)
		return NULL;
	return text_of(write).start == text_of(write2).start ? write2 : (void *)write_asked;
}

/* Takes note of the libuv that `handle` leads to: NULL if it leads to none, or to one too many. */
static const struct real_copy *copy_from(void *handle)
{
	void *uv_run = checked(dlsym(handle, "uv_run"));
	const struct real_copy *known = uv_run ? copy_with(uv_run) : NULL;
	uint32_t index = real_uv_copies;
	Dl_info info;

	if (!uv_run || known || index == REAL_COPIES_MAX)
		return known;
	for (int i = 0; i < REAL_COUNT; i++)
		copies[index].functions[i] = checked(dlsym(handle, names[i]));
	copies[index].functions[REAL_uv_write_direct] = write_direct(copies[index].functions);
	if (dladdr(uv_run, &info) && info.dli_fname) {
		strncpy(copies[index].path, info.dli_fname, sizeof(copies[index].path) - 1);
		dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
	}
	real_uv_texts[index] =
	    is_libuv_file(copies[index].path) ? text_of(uv_run) : text_between(copies[index].functions);
	atomic_store(&real_uv_copies, index + 1);
	return &copies[index];
}

/* What a loaded object's own handle leads to. The handle is given back, so that the object can be unloaded as ever. */
static const struct real_copy *copy_of_object(const char *path)
{
	void *handle = path && *path ? dlopen(path, RTLD_LAZY | RTLD_NOLOAD) : NULL;
	const struct real_copy *copy = handle ? copy_from(handle) : NULL;

	if (handle)
		dlclose(handle);
	return copy;
}

const struct real_copy *real_first(void)
{
	return real_uv_copies ? &copies[0] : &no_copy;
}

static const struct real_copy *copy_for(void *caller)
{
	const struct real_copy *copy;
	Dl_info info;

	/* As the dynamic linker would: a libuv that everybody sees comes before an object's own. */
	copy = copy_from(RTLD_NEXT);
	/* The executable's handle would search the global scope, and find us. */
	if (!copy && dladdr(caller, &info) && !real_is_own(caller))
		copy = copy_of_object(info.dli_fname);
	if (!copy)
		copy = copy_of_object("libuv.so.1");
	return copy ? copy : real_first();
}

static const struct real_copy *module_find(const void *caller)
{
	/* libuv's own calls go to itself. Such modules are not listed: the first place is for who calls most. */
	for (uint32_t i = 0; i < real_uv_copies; i++)
		if ((uintptr_t)caller - real_uv_texts[i].start < real_uv_texts[i].bytes)
			return &copies[i];
	for (int i = 0; i < REAL_MODULES_MAX; i++) {
		uintptr_t bytes = atomic_load(&real_modules[i].bytes);

		if (!bytes)
			break;
		if ((uintptr_t)caller - real_modules[i].start < bytes)
			return real_modules[i].copy;
	}
	return NULL;
}

/* False if it stays taken: we are the child of a fork that happened while another thread held it. */
static bool find_lock(void)
{
	for (int tries = 0; pthread_mutex_trylock(&find_mutex); tries++) {
		if (tries == 10000)
			return false;
		sched_yield();
	}
	return true;
}

static const struct real_copy *module_add(void *caller)
{
	const struct real_copy *copy;
	struct real_text text = text_of(caller);

	if (!find_lock())
		return real_first();
	copy = copy_for(caller);
	/* libuv may come later: no module is remembered as having none. */
	if (text.bytes && copy != &no_copy && !real_is_own(caller) && !real_is_uv(caller) &&
	    module_count < REAL_MODULES_MAX) {
		struct real_module *module = &real_modules[module_count++];

		module->start = text.start;
		module->copy = copy;
		atomic_store(&module->bytes, text.bytes); /* publishes it */
	}
	pthread_mutex_unlock(&find_mutex);
	return copy;
}

const struct real_copy *real_find(void *caller)
{
	const struct real_copy *copy;
	int saved_errno;

	if (real_last && real_is_own(caller))
		return real_last;
	caller = dispatch_true_caller(caller);
	copy = module_find(caller);
	if (copy)
		return copy;
	saved_errno = errno;
	copy = module_add(caller);
	errno = saved_errno;
	return copy;
}

/* The executable comes first of all objects. Its constants are where a name of libuv's own is looked for. */
static int executable_visit(struct dl_phdr_info *info, size_t size, void *found)
{
	static const char mark[] = "UV_THREADPOOL_SIZE"; /* what libuv asks the environment for */

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *phdr = &info->dlpi_phdr[i];

		if (phdr->p_type == PT_LOAD && (phdr->p_flags & (PF_R | PF_W)) == PF_R &&
		    memmem((void *)(info->dlpi_addr + phdr->p_vaddr), phdr->p_filesz, mark, sizeof(mark)))
			*(bool *)found = true;
	}
	return 1;
}

static bool executable_has_uv(void)
{
	void *first = dlsym(RTLD_DEFAULT, "uv_run");
	bool found = false;

	if (first && checked(first) == first) /* exported: the executable's symbols come before ours */
		return true;
	if (!real_uv_copies && !dlsym(RTLD_NEXT, "uv_run"))
		dl_iterate_phdr(executable_visit, &found);
	return found;
}

/* Asked once, for it stays so. */
bool real_uv_is_static(void)
{
	static _Atomic int answer; /* 0 not asked, 1 no, 2 yes */

	if (!answer) {
		int saved_errno = errno;

		answer = executable_has_uv() ? 2 : 1;
		errno = saved_errno;
	}
	return answer == 2;
}

uint32_t real_version(void)
{
	void *function = real_first()->functions[REAL_uv_version];

	if (!function && real_uv_is_static())
		function = dlsym(RTLD_DEFAULT, "uv_version");
	return function ? ((__typeof__(&uv_version))function)() : 0;
}

real_clock *real_clock_gettime(void)
{
	void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
	void *function = libc ? dlsym(libc, "clock_gettime") : NULL;

	return function ? (real_clock *)function : clock_gettime;
}

/* libc is always there, so these need no check. */
static void *libc_function(void *_Atomic *slot, const char *name)
{
	void *function = atomic_load(slot);

	if (__builtin_expect(!function, 0)) {
		int saved_errno = errno;

		function = dlsym(RTLD_NEXT, name);
		atomic_store(slot, function);
		errno = saved_errno;
	}
	return function;
}

int real_epoll_wait(int epfd, struct epoll_event *events, int max, int timeout)
{
	static void *_Atomic slot;

	return ((__typeof__(&epoll_wait))libc_function(&slot, "epoll_wait"))(epfd, events, max, timeout);
}

int real_epoll_pwait(int epfd, struct epoll_event *events, int max, int timeout, const sigset_t *mask)
{
	static void *_Atomic slot;

	return ((__typeof__(&epoll_pwait))libc_function(&slot, "epoll_pwait"))(epfd, events, max, timeout, mask);
}

int real_pthread_create(pthread_t *tid, const pthread_attr_t *attr, void *(*entry)(void *), void *arg)
{
	static void *_Atomic slot;

	return ((__typeof__(&pthread_create))libc_function(&slot, "pthread_create"))(tid, attr, entry, arg);
}

int real_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
	static void *_Atomic slot;

	return ((__typeof__(&pthread_cond_wait))libc_function(&slot, "pthread_cond_wait"))(cond, mutex);
}
