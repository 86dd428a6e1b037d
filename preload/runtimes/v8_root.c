/* SPDX-License-Identifier: Apache-2.0
 *
 * From a thread to V8's Isolate, and from there to the youngest frame by which V8 called C++
 * (v8_internal.h). x86-64 and glibc.
 *
 * The isolate is in a thread-local variable: of the executable below the thread pointer, of a
 * library in one of the blocks of the thread's vector (DTV). Node 18 has it as the value of a
 * pthread key. Debian's build of node is a library without .symtab, but exports the variable.
 *
 * Rules: an isolate counts only if the frame that it leads to is one by which V8 called C++, or if
 * it says that there is none.
 */
#include "v8_internal.h"

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ISOLATE_WORDS	4096 /* that are searched for the frame, where it lies elsewhere */
#define SEARCH_WORDS	512  /* that are read at once */
#define DTV_BLOCKS	16
#define STACK_BYTES_MAX (8u << 20)

/* Of glibc's struct pthread, from the thread pointer. */
#define PTHREAD_SELF_AT	    0x10
#define PTHREAD_TID_AT	    0x2d0
#define PTHREAD_ROBUST_AT   0x2e0
#define PTHREAD_SPECIFIC_AT 0x310
#define PTHREAD_KEYS_INLINE 32
#define PTHREAD_DTV_AT	    8

static struct {
	uint64_t tls_offset; /* of the variable, from the thread pointer or in its block */
	bool has_tls, is_executable;
	uint64_t key_at;     /* address of the pthread key; 0: there is none */
	uint32_t learned_at; /* of the frame in the isolate, where the layout's place is wrong */
} root;

void v8_root_read(const struct runtime_module *module)
{
	static const char *const variables[] = {"_ZN2v88internal18g_current_isolate_E"};
	struct elf_name found;

	memset(&root, 0, sizeof(root));
	root.is_executable = module->is_executable;
	if (elf_names_find(&module->names, "_ZN2v88internal7Isolate12isolate_key_E", &found)) {
		root.key_at = module->bias + found.address;
		return;
	}
	root.has_tls = elf_names_find(&module->names, variables[0], &found);
	if (!root.has_tls) {
		elf_names_find_static(&module->names, variables, &found, 1);
		root.has_tls = found.bytes > 0;
	}
	root.tls_offset =
	    root.is_executable ? found.address - module->names.tls_bytes : found.address;
}

/* ---- Frames ---------------------------------------------------------------------------------- */

/* It has an exit frame's marker, and says where its own stack ended. */
static bool is_exit_frame(const struct v8_walk *walk, uint64_t frame)
{
	uint64_t marker = v8_stack_word(walk, frame - 8), sp = v8_stack_word(walk, frame - 16);

	return v8_on_stack(walk, frame) && marker % 2 == 0 && marker / 2 < V8_MARKERS &&
	       v8_layout.markers[marker / 2] == V8_MARKER_EXIT && sp > walk->thread->sp &&
	       sp < frame;
}

/* The only word at the isolate's start that leads to such a frame; then where it lies is known for
 * good. */
static uint64_t exit_frame_search(struct v8_walk *walk)
{
	static uint64_t words[SEARCH_WORDS];
	uint32_t found_at = 0, count = 0;
	uint64_t found = 0;

	for (uint32_t i = 0; i < ISOLATE_WORDS; i += SEARCH_WORDS) {
		if (!remote_read(walk->memory, walk->isolate + 8 * (uint64_t)i, words,
				 sizeof(words)))
			return 0;
		for (uint32_t k = 0; k < SEARCH_WORDS; k++) {
			if (!is_exit_frame(walk, words[k]))
				continue;
			found = words[k];
			found_at = 8 * (i + k);
			count++;
		}
	}
	if (count != 1)
		return 0;
	root.learned_at = found_at;
	return found;
}

uint64_t v8_exit_frame(struct v8_walk *walk)
{
	uint32_t at = root.learned_at ? root.learned_at : v8_layout.c_entry_fp;
	uint64_t frame;

	if (!walk->isolate)
		return 0;
	frame = at ? remote_u64(walk->memory, walk->isolate + at) : 0;
	if (is_exit_frame(walk, frame))
		return frame;
	return at && !frame ? 0 : exit_frame_search(walk);
}

/* ---- The isolate ----------------------------------------------------------------------------- */

/* Of a thread that is not stopped: the kernel tells where its list of robust mutexes is, which lies
 * in glibc's struct pthread. */
static uint64_t thread_pointer(const struct v8_walk *walk)
{
	uint64_t head = 0;
	size_t bytes = 0;

	if (walk->thread->thread_pointer)
		return walk->thread->thread_pointer;
	if (syscall(SYS_get_robust_list, walk->thread->tid, &head, &bytes) != 0 ||
	    head < PTHREAD_ROBUST_AT)
		return 0;
	head -= PTHREAD_ROBUST_AT;
	return remote_u64(walk->memory, head + PTHREAD_SELF_AT) == head &&
		       remote_u32(walk->memory, head + PTHREAD_TID_AT) == walk->thread->tid
		   ? head
		   : 0;
}

static uint64_t isolate_of_key(struct v8_walk *walk, uint64_t pointer)
{
	uint32_t key = remote_u32(walk->memory, root.key_at);

	return key < PTHREAD_KEYS_INLINE
		   ? remote_u64(walk->memory, pointer + PTHREAD_SPECIFIC_AT + 16 * key + 8)
		   : 0;
}

static bool is_plausible(struct v8_walk *walk, uint64_t isolate)
{
	uint64_t frame;

	if (!isolate || isolate % 16 != 0 ||
	    !remote_read(walk->memory, isolate + v8_layout.c_entry_fp, &frame, sizeof(frame)))
		return false;
	return frame == 0 ||
	       (frame % 8 == 0 && frame - walk->thread->sp < STACK_BYTES_MAX);
}

static uint64_t isolate_of_block(struct v8_walk *walk, uint64_t pointer)
{
	uint64_t vector = remote_u64(walk->memory, pointer + PTHREAD_DTV_AT);

	for (uint64_t i = 1; i <= DTV_BLOCKS; i++) {
		uint64_t block = remote_u64(walk->memory, vector + 16 * i), isolate;

		if (block + 1 <= 1) /* 0, or ~0: not made yet */
			continue;
		isolate = remote_u64(walk->memory, block + root.tls_offset);
		if (is_plausible(walk, isolate))
			return isolate;
	}
	return 0;
}

uint64_t v8_isolate_find(struct v8_walk *walk)
{
	uint64_t pointer = thread_pointer(walk);

	if (!pointer)
		return 0;
	if (root.key_at)
		return isolate_of_key(walk, pointer);
	if (!root.has_tls)
		return 0;
	return root.is_executable ? remote_u64(walk->memory, pointer + root.tls_offset)
				  : isolate_of_block(walk, pointer);
}
