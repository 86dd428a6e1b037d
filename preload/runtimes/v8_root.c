/* SPDX-License-Identifier: Apache-2.0
 *
 * From a thread to V8's Isolate, and from there to the youngest frame by which V8 called C++
 * (v8_internal.h). x86-64 and glibc.
 *
 * The isolate is in a thread-local variable: of the executable below the thread pointer, of a
 * library in one of the blocks of the thread's vector (DTV). Node 18 has it as the value of a
 * pthread key. Debian's build of node is a library without .symtab, but exports the variable.
 *
 * Where C++ called V8 there is an entry frame, and near it a handler of exceptions; the isolate
 * knows the youngest one, and each knows the next. So it is known whether there is JavaScript at
 * all, and which entry frames are real: memory of a stack holds whole old stacks.
 *
 * Rules: an isolate counts only if what it says of the stack can be so.
 */
#include "v8_internal.h"

#include <string.h>

#include "thread_pointer.h"

#define ISOLATE_WORDS	  4096 /* that are searched for the frame, where it lies elsewhere */
#define SEARCH_WORDS	  512  /* that are read at once */
#define DTV_BLOCKS	  16
#define STACK_BYTES_MAX	  (8u << 20)
#define RUNNING_BYTES	  4096 /* of a thread whose sp is not known: of the youngest frame */
#define HANDLER_BELOW_MIN 64   /* the entry frame that a handler belongs to */
#define HANDLER_BELOW_MAX 160

/* Of glibc's struct pthread, from the thread pointer. */
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

static bool may_be_frame(const struct v8_walk *walk, uint64_t address)
{
	return address % 8 == 0 && address > walk->low && address - walk->low < STACK_BYTES_MAX;
}

/* It has an exit frame's marker, and says where its own stack ended. */
static bool is_exit_frame(const struct v8_walk *walk, uint64_t frame)
{
	uint64_t marker, sp;

	if (!may_be_frame(walk, frame))
		return false;
	marker = v8_stack_word(walk, frame - 8);
	sp = v8_stack_word(walk, frame - 16);
	return marker % 2 == 0 && marker / 2 < V8_MARKERS &&
	       v8_layout.markers[marker / 2] == V8_MARKER_EXIT && sp >= walk->low && sp < frame;
}

bool v8_entry_is_known(struct v8_walk *walk, uint64_t frame)
{
	uint64_t below = frame - walk->handler;

	if (!walk->has_handler)
		return true;
	if (below < HANDLER_BELOW_MIN || below > HANDLER_BELOW_MAX)
		return false;
	walk->handler = v8_stack_word(walk, walk->handler);
	return true;
}

/* The only word at the isolate's start that leads to such a frame, where the layout's place is
 * wrong or there is none; then it is known for good. */
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

uint32_t v8_exit_at(void)
{
	return root.learned_at ? root.learned_at : v8_layout.c_entry_fp;
}

/* What the isolate says; false: not what is looked for lies there. */
static bool isolate_read(struct v8_walk *walk, uint64_t *frame, uint64_t *handler)
{
	uint64_t at = walk->isolate + v8_exit_at();

	*frame = *handler = 0;
	if (!v8_exit_at() || !remote_read(walk->memory, at, frame, sizeof(*frame)))
		return false;
	if (!walk->thread->sp && *frame)
		walk->low = *frame - RUNNING_BYTES;
	if (v8_layout.handler_after)
		*handler = remote_u64(walk->memory, at + v8_layout.handler_after);
	return (*frame == 0 || may_be_frame(walk, *frame)) &&
	       (*handler == 0 || may_be_frame(walk, *handler) || !walk->low);
}

static enum v8_root state_find(struct v8_walk *walk)
{
	uint64_t frame;

	if (!isolate_read(walk, &frame, &walk->handler)) {
		walk->exit = exit_frame_search(walk);
		return walk->exit ? V8_ROOT_KNOWN : V8_ROOT_UNKNOWN;
	}
	walk->has_handler = v8_layout.handler_after != 0;
	if (walk->has_handler && !walk->handler)
		return V8_ROOT_NONE;
	walk->exit = frame;
	return !frame || is_exit_frame(walk, frame) ? V8_ROOT_KNOWN : V8_ROOT_ODD;
}

/* ---- The isolate ----------------------------------------------------------------------------- */

static uint64_t isolate_of_key(struct v8_walk *walk, uint64_t pointer)
{
	uint32_t key = remote_u32(walk->memory, root.key_at);

	return key < PTHREAD_KEYS_INLINE
		   ? remote_u64(walk->memory, pointer + PTHREAD_SPECIFIC_AT + 16 * key + 8)
		   : 0;
}

/* Of a library: in one of the blocks of the thread's vector; its number is not known. The one that
 * says something of the stack goes first, as there are blocks of zeros. */
static uint64_t isolate_of_block(struct v8_walk *walk, uint64_t pointer)
{
	uint64_t vector = remote_u64(walk->memory, pointer + PTHREAD_DTV_AT), quiet = 0;

	for (uint64_t i = 1; i <= DTV_BLOCKS; i++) {
		uint64_t block = remote_u64(walk->memory, vector + 16 * i), frame, handler;

		if (block + 1 <= 1) /* 0, or ~0: not made yet */
			continue;
		walk->isolate = remote_u64(walk->memory, block + root.tls_offset);
		if (!walk->isolate || walk->isolate % 16 != 0 ||
		    (!isolate_read(walk, &frame, &handler) && v8_exit_at()))
			continue;
		if (frame || handler)
			return walk->isolate;
		quiet = quiet ? quiet : walk->isolate;
	}
	return quiet;
}

static uint64_t isolate_find(struct v8_walk *walk, uint64_t pointer)
{
	if (root.key_at)
		return isolate_of_key(walk, pointer);
	return root.is_executable ? remote_u64(walk->memory, pointer + root.tls_offset)
				  : isolate_of_block(walk, pointer);
}

enum v8_root v8_root_find(struct v8_walk *walk)
{
	uint64_t pointer = thread_pointer_of(walk->memory, walk->thread);

	walk->low = walk->thread->sp;
	walk->exit = 0;
	if (!pointer || !(root.key_at || root.has_tls))
		return V8_ROOT_UNKNOWN;
	walk->isolate = isolate_find(walk, pointer);
	return walk->isolate ? state_find(walk) : V8_ROOT_NONE;
}
