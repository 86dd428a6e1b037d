# SPDX-License-Identifier: Apache-2.0
#
# Building blocks of generated programs: pieces of C with places for names and numbers. Each gives
# code at file level, and statements that set it up on a loop.
#   $CB       name of the callback that matters     $X       prefix of all else of this block
#   $BODY     what that callback does               $PERIOD  ms between its runs
# Drivers run a callback of one kind again and again. Besides are harmless, and some come near a
# cause. Rules: a block knows nothing of the others; nothing of it is named like another's.
"""Pieces of C that generated programs are made of."""
import collections

Block = collections.namedtuple("Block", "top setup")

# What runs a callback: its kind is what differs.
DRIVERS = {
    "timer": Block("""
static void $CB(uv_timer_t *timer) { (void)timer; $BODY }
static uv_timer_t ${X}_timer;
""", "every(loop, &${X}_timer, $CB, $PERIOD);"),
    "read": Block("""
static uv_pipe_t ${X}_ours, ${X}_theirs;
static uv_timer_t ${X}_timer;
static void $CB(uv_stream_t *stream, ssize_t bytes, const uv_buf_t *buffer)
{ (void)stream; (void)bytes; (void)buffer; $BODY }
static void ${X}_send(uv_timer_t *timer)
{ uv_buf_t buffer = uv_buf_init("x", 1); (void)timer;
  uv_try_write((uv_stream_t *)&${X}_theirs, &buffer, 1); }
""", """pipes_open(loop, &${X}_ours, &${X}_theirs);
uv_read_start((uv_stream_t *)&${X}_ours, give_buffer, $CB);
every(loop, &${X}_timer, ${X}_send, $PERIOD);"""),
    "poll": Block("""
static int ${X}_fds[2];
static uv_poll_t ${X}_poll;
static uv_thread_t ${X}_thread;
static void $CB(uv_poll_t *handle, int status, int events)
{ char byte; (void)handle; (void)status; (void)events;
  if (read(${X}_fds[0], &byte, 1) > 0) { $BODY } }
static void ${X}_feed(void *arg)
{ (void)arg; while (!over) { usleep($PERIOD * 1000); if (write(${X}_fds[1], "x", 1) < 0) return; } }
""", """check(pipe(${X}_fds), "pipe");
uv_poll_init(loop, &${X}_poll, ${X}_fds[0]); uv_poll_start(&${X}_poll, UV_READABLE, $CB);
uv_thread_create(&${X}_thread, ${X}_feed, NULL);"""),
    "async": Block("""
static uv_async_t ${X}_async;
static uv_thread_t ${X}_thread;
static void $CB(uv_async_t *async) { (void)async; $BODY }
static void ${X}_tell(void *arg)
{ (void)arg; while (!over) { usleep($PERIOD * 1000); uv_async_send(&${X}_async); } }
""", """uv_async_init(loop, &${X}_async, $CB);
uv_thread_create(&${X}_thread, ${X}_tell, NULL);"""),
    "check": Block("""
static uv_check_t ${X}_check;
static uv_timer_t ${X}_timer;
static unsigned ${X}_turns;
static void ${X}_tick(uv_timer_t *timer) { (void)timer; ${X}_turns++; }
static void $CB(uv_check_t *handle)
{ (void)handle; if (${X}_turns < $PERIOD / 10) return; ${X}_turns = 0; $BODY }
""", """uv_check_init(loop, &${X}_check); uv_check_start(&${X}_check, $CB);
every(loop, &${X}_timer, ${X}_tick, 10);"""),
    "prepare": Block("""
static uv_prepare_t ${X}_prepare;
static uv_timer_t ${X}_timer;
static unsigned ${X}_turns;
static void ${X}_tick(uv_timer_t *timer) { (void)timer; ${X}_turns++; }
static void $CB(uv_prepare_t *handle)
{ (void)handle; if (${X}_turns < $PERIOD / 10) return; ${X}_turns = 0; $BODY }
""", """uv_prepare_init(loop, &${X}_prepare); uv_prepare_start(&${X}_prepare, $CB);
every(loop, &${X}_timer, ${X}_tick, 10);"""),
    "work": Block("""
static uv_work_t ${X}_work;
static uv_timer_t ${X}_timer;
static int ${X}_busy;
static void ${X}_do(uv_work_t *work) { (void)work; spin_us(50); }
static void $CB(uv_work_t *work, int status)
{ (void)work; (void)status; ${X}_busy = 0; $BODY }
static void ${X}_submit(uv_timer_t *timer)
{ if (!${X}_busy++) uv_queue_work(timer->loop, &${X}_work, ${X}_do, $CB); }
""", "every(loop, &${X}_timer, ${X}_submit, $PERIOD);"),
    "fs": Block("""
static uv_fs_t ${X}_request;
static uv_timer_t ${X}_timer;
static int ${X}_busy;
static void $CB(uv_fs_t *request) { uv_fs_req_cleanup(request); ${X}_busy = 0; $BODY }
static void ${X}_submit(uv_timer_t *timer)
{ if (!${X}_busy++) uv_fs_stat(timer->loop, &${X}_request, "/", $CB); }
""", "every(loop, &${X}_timer, ${X}_submit, $PERIOD);"),
    "udp_recv": Block("""
static uv_udp_t ${X}_udp;
static struct sockaddr_in ${X}_at;
static uv_timer_t ${X}_timer;
static void $CB(uv_udp_t *udp, ssize_t bytes, const uv_buf_t *buffer,
	const struct sockaddr *from, unsigned flags)
{ (void)udp; (void)buffer; (void)flags; if (bytes <= 0 || !from) return; $BODY }
static void ${X}_send(uv_timer_t *timer)
{ uv_buf_t buffer = uv_buf_init("x", 1); (void)timer;
  uv_udp_try_send(&${X}_udp, &buffer, 1, (struct sockaddr *)&${X}_at); }
""", """int ${X}_length = sizeof(${X}_at);
uv_ip4_addr("127.0.0.1", 0, &${X}_at); uv_udp_init(loop, &${X}_udp);
uv_udp_bind(&${X}_udp, (struct sockaddr *)&${X}_at, 0);
uv_udp_getsockname(&${X}_udp, (struct sockaddr *)&${X}_at, &${X}_length);
uv_udp_recv_start(&${X}_udp, give_buffer, $CB);
every(loop, &${X}_timer, ${X}_send, $PERIOD);"""),
    "close": Block("""
static uv_timer_t ${X}_timer, ${X}_closed;
static void $CB(uv_handle_t *handle) { (void)handle; $BODY }
static void ${X}_close(uv_timer_t *timer)
{ uv_timer_init(timer->loop, &${X}_closed); uv_close((uv_handle_t *)&${X}_closed, $CB); }
""", "every(loop, &${X}_timer, ${X}_close, $PERIOD);"),
}

# Harmless callbacks: what they do, and how often they may run (ms).
BESIDE_BODIES = [("", 5, 60), ("spin_us(100);", 8, 60), ("spin_us(600);", 15, 60),
                 ("spin_us(2500);", 60, 150)]

# Harmless programs that come near a cause; each says in its key what it is not.
NEAR = {
    "not handle_growth: it opens and closes": Block("""
static uv_timer_t ${X}_timer;
static void $CB(uv_timer_t *timer)
{ uv_timer_t *session = malloc(sizeof(*session)); uv_timer_init(timer->loop, session);
  uv_close((uv_handle_t *)session, (uv_close_cb)free); }
""", "every(loop, &${X}_timer, $CB, 8);"),
    "not nested_loop: it is short": Block("""
static uv_timer_t ${X}_timer;
static void ${X}_over(uv_timer_t *timer) { uv_close((uv_handle_t *)timer, NULL); }
static void $CB(uv_timer_t *timer)
{ uv_loop_t inner; uv_timer_t wait; (void)timer; uv_loop_init(&inner);
  uv_timer_init(&inner, &wait); uv_timer_start(&wait, ${X}_over, 2, 0);
  uv_run(&inner, UV_RUN_DEFAULT); uv_loop_close(&inner); }
""", "every(loop, &${X}_timer, $CB, 120);"),
    "not spinning: an idle handle that stops": Block("""
static uv_idle_t ${X}_idle;
static uv_timer_t ${X}_timer;
static int ${X}_left;
static void $CB(uv_idle_t *idle) { spin_us(800); if (--${X}_left <= 0) uv_idle_stop(idle); }
static void ${X}_begin(uv_timer_t *timer)
{ (void)timer; ${X}_left = 15; uv_idle_start(&${X}_idle, $CB); }
""", "uv_idle_init(loop, &${X}_idle); every(loop, &${X}_timer, ${X}_begin, 200);"),
    "not pool_small: fewer than threads": Block("""
static uv_work_t ${X}_works[2];
static uv_timer_t ${X}_timer;
static int ${X}_busy;
static void ${X}_wait(uv_work_t *work) { (void)work; usleep(15000); }
static void $CB(uv_work_t *work, int status) { (void)work; (void)status; ${X}_busy--; }
static void ${X}_submit(uv_timer_t *timer)
{ for (int i = 0; i < 2 && ${X}_busy == 0; i++)
    uv_queue_work(timer->loop, &${X}_works[i], ${X}_wait, $CB);
  if (${X}_busy == 0) ${X}_busy = 2; }
""", "every(loop, &${X}_timer, ${X}_submit, 60);"),
    "not late_timers: a debounce": Block("""
static uv_timer_t ${X}_keys, ${X}_debounce;
static void $CB(uv_timer_t *timer) { (void)timer; }
static void ${X}_key(uv_timer_t *timer)
{ static int keys; (void)timer; if (++keys % 15 < 10) uv_timer_start(&${X}_debounce, $CB, 50, 0); }
""", "uv_timer_init(loop, &${X}_debounce); every(loop, &${X}_keys, ${X}_key, 12);"),
    "not handle_growth: clients that stay": Block("""
static uv_timer_t ${X}_timer;
static void $CB(uv_stream_t *stream, ssize_t bytes, const uv_buf_t *buffer)
{ (void)stream; (void)bytes; (void)buffer; }
static void ${X}_join(uv_timer_t *timer)
{ uv_pipe_t *both = calloc(2, sizeof(*both)); static int joined; if (++joined > 40) return;
  pipes_open(timer->loop, &both[0], &both[1]);
  uv_read_start((uv_stream_t *)&both[0], give_buffer, $CB); }
""", "every(loop, &${X}_timer, ${X}_join, 20);"),
    "not unclosed_handles: clients that are closed": Block("""
static struct sockaddr_in ${X}_at;
static uv_tcp_t ${X}_server;
static uv_thread_t ${X}_thread;
static void $CB(uv_stream_t *client, ssize_t bytes, const uv_buf_t *buffer)
{ (void)buffer; if (bytes < 0) uv_close((uv_handle_t *)client, (uv_close_cb)free); }
static void ${X}_came(uv_stream_t *server, int status)
{ uv_tcp_t *client = malloc(sizeof(*client)); if (status < 0 || !client) return;
  uv_tcp_init(server->loop, client); uv_accept(server, (uv_stream_t *)client);
  uv_read_start((uv_stream_t *)client, give_buffer, $CB); }
static void ${X}_visit(void *arg)
{ (void)arg; while (!over) { close(tcp_join(&${X}_at)); usleep(12000); } }
""", """${X}_at = tcp_listen(loop, &${X}_server, ${X}_came);
uv_thread_create(&${X}_thread, ${X}_visit, NULL);"""),
    "not coalesced: all is taken": Block("""
static uv_async_t ${X}_async;
static uv_thread_t ${X}_thread;
static int ${X}_waiting, ${X}_taken;
static void $CB(uv_async_t *async)
{ (void)async; ${X}_taken += __atomic_exchange_n(&${X}_waiting, 0, __ATOMIC_ACQ_REL); }
static void ${X}_tell(void *arg)
{ (void)arg; while (!over) { for (int i = 0; i < 10; i++) {
    __atomic_fetch_add(&${X}_waiting, 1, __ATOMIC_ACQ_REL); uv_async_send(&${X}_async); }
    usleep(20000); } }
""", """uv_async_init(loop, &${X}_async, $CB);
uv_thread_create(&${X}_thread, ${X}_tell, NULL);"""),
}
