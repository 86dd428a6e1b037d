/* SPDX-License-Identifier: Apache-2.0
 *
 * The 36 functions of the file system family: one table, one shape. Without a callback they are
 * synchronous and not recorded as callbacks. With one, their work waits in the pool's queue, unless
 * this libuv gave it to io_uring.
 */
#include <stddef.h>

#include "hooks_pool.h"
#include "libuv/libuv_copy.h"
#include "program/hotpath.h"

static int fs_submit_end(const struct submit *submit, const uv_fs_t *req, int rc)
{
	if (submit->thread && rc == 0 && !req->work_req.done) {
		rc = submit_end(submit, req, rc);
		hooks_emit(false, trace_word((uintptr_t)req, TRACE_IO_URING));
		return rc;
	}
	return pool_submit_end(submit, req, rc);
}

/* (function, KIND_, own parameters, own arguments) */
#define P(...) __VA_ARGS__
#define FS_FUNCTIONS(FS)                                                                           \
	FS(uv_fs_close, CLOSE, P(uv_file file), P(file))                                           \
	FS(uv_fs_open, OPEN, P(const char *path, int flags, int mode), P(path, flags, mode))       \
	FS(uv_fs_read, READ, P(uv_file file, const uv_buf_t bufs[], unsigned int n, int64_t off),  \
	   P(file, bufs, n, off))                                                                  \
	FS(uv_fs_unlink, UNLINK, P(const char *path), P(path))                                     \
	FS(uv_fs_write, WRITE,                                                                     \
	   P(uv_file file, const uv_buf_t bufs[], unsigned int n, int64_t off),                    \
	   P(file, bufs, n, off))                                                                  \
	FS(uv_fs_copyfile, COPYFILE, P(const char *path, const char *to, int flags),               \
	   P(path, to, flags))                                                                     \
	FS(uv_fs_mkdir, MKDIR, P(const char *path, int mode), P(path, mode))                       \
	FS(uv_fs_mkdtemp, MKDTEMP, P(const char *name), P(name))                                   \
	FS(uv_fs_mkstemp, MKSTEMP, P(const char *name), P(name))                                   \
	FS(uv_fs_rmdir, RMDIR, P(const char *path), P(path))                                       \
	FS(uv_fs_scandir, SCANDIR, P(const char *path, int flags), P(path, flags))                 \
	FS(uv_fs_opendir, OPENDIR, P(const char *path), P(path))                                   \
	FS(uv_fs_readdir, READDIR, P(uv_dir_t *dir), P(dir))                                       \
	FS(uv_fs_closedir, CLOSEDIR, P(uv_dir_t *dir), P(dir))                                     \
	FS(uv_fs_stat, STAT, P(const char *path), P(path))                                         \
	FS(uv_fs_fstat, FSTAT, P(uv_file file), P(file))                                           \
	FS(uv_fs_lstat, LSTAT, P(const char *path), P(path))                                       \
	FS(uv_fs_rename, RENAME, P(const char *path, const char *to), P(path, to))                 \
	FS(uv_fs_fsync, FSYNC, P(uv_file file), P(file))                                           \
	FS(uv_fs_fdatasync, FDATASYNC, P(uv_file file), P(file))                                   \
	FS(uv_fs_ftruncate, FTRUNCATE, P(uv_file file, int64_t off), P(file, off))                 \
	FS(uv_fs_sendfile, SENDFILE, P(uv_file out, uv_file in, int64_t off, size_t n),            \
	   P(out, in, off, n))                                                                     \
	FS(uv_fs_access, ACCESS, P(const char *path, int mode), P(path, mode))                     \
	FS(uv_fs_chmod, CHMOD, P(const char *path, int mode), P(path, mode))                       \
	FS(uv_fs_fchmod, FCHMOD, P(uv_file file, int mode), P(file, mode))                         \
	FS(uv_fs_utime, UTIME, P(const char *path, double atime, double mtime),                    \
	   P(path, atime, mtime))                                                                  \
	FS(uv_fs_futime, FUTIME, P(uv_file file, double atime, double mtime),                      \
	   P(file, atime, mtime))                                                                  \
	FS(uv_fs_lutime, LUTIME, P(const char *path, double atime, double mtime),                  \
	   P(path, atime, mtime))                                                                  \
	FS(uv_fs_link, LINK, P(const char *path, const char *to), P(path, to))                     \
	FS(uv_fs_symlink, SYMLINK, P(const char *path, const char *to, int flags),                 \
	   P(path, to, flags))                                                                     \
	FS(uv_fs_readlink, READLINK, P(const char *path), P(path))                                 \
	FS(uv_fs_realpath, REALPATH, P(const char *path), P(path))                                 \
	FS(uv_fs_chown, CHOWN, P(const char *path, uv_uid_t uid, uv_gid_t gid), P(path, uid, gid)) \
	FS(uv_fs_fchown, FCHOWN, P(uv_file file, uv_uid_t uid, uv_gid_t gid), P(file, uid, gid))   \
	FS(uv_fs_lchown, LCHOWN, P(const char *path, uv_uid_t uid, uv_gid_t gid),                  \
	   P(path, uid, gid))                                                                      \
	FS(uv_fs_statfs, STATFS, P(const char *path), P(path))

#define FS_WRAPPER(name, kind, parameters, arguments)                                              \
	EXPORT int name(uv_loop_t *loop, uv_fs_t *req, parameters, uv_fs_cb cb)                    \
	{                                                                                          \
		struct submit submit;                                                              \
                                                                                                   \
		if (!cb)                                                                           \
			return REAL_CALL(name, loop, req, arguments, cb);                          \
		submit = POOL_SUBMIT(name, FS_##kind, cb);                                         \
		cb = (uv_fs_cb)submit.callback;                                                    \
		return fs_submit_end(&submit, req,                                                 \
				     CALL_REAL(&submit, name, loop, req, arguments, cb));          \
	}

FS_FUNCTIONS(FS_WRAPPER)
