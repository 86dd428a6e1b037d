# SPDX-License-Identifier: Apache-2.0
#
# What generated programs are planted with. CAUSES has a row for each: the finding that must come
# first, and the block that plants it; the culprit is the block's callback. Numbers are drawn from
# ranges that lie well above the thresholds of analyzer/findings/thresholds.def: a cause is planted,
# or it is not.
"""Causes that generated programs have."""
import collections

from blocks import DRIVERS, Block

# expects: ids; block: None: a driver with one of the bodies; tail: how the program ends; main: how
# the first loop is run, if not by uv_run alone (the culprit is a worker then)
Cause = collections.namedtuple(
    "Cause", "expects block bodies env tail runs_ms main", defaults=(None, (), "", "", 1500, ""))

COMPUTE = ["spin_us($LONG * 1000);", "${X}_compute();"]
WAIT = ["usleep($LONG * 1000);", "uv_sleep($LONG);", "poll(NULL, 0, $LONG);",
        "struct timespec wait = {0, $LONG * 1000000}; nanosleep(&wait, NULL);",
        "${X}_ask();", "if (system(\"sleep 0.$TENTH\") < 0) return;"]
HELPERS = """
#include <poll.h>
static void __attribute__((noinline, unused)) ${X}_compute(void) { spin_us($LONG * 1000); }
static void __attribute__((noinline, unused)) ${X}_ask(void)
{ struct timeval limit = {0, $LONG * 1000}; int fds[2]; char byte;
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) return;
  setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  if (recv(fds[0], &byte, 1, 0) > 0) exit(99);
  close(fds[0]); close(fds[1]); }
"""
NESTED = ["""uv_loop_t inner; uv_timer_t wait; uv_loop_init(&inner); uv_timer_init(&inner, &wait);
  uv_timer_start(&wait, ${X}_over, $LONG, 0); uv_run(&inner, UV_RUN_DEFAULT);
  uv_loop_close(&inner);"""]
NESTED_HELPER = """
static void ${X}_over(uv_timer_t *timer) { uv_close((uv_handle_t *)timer, NULL); }
"""
LOCK_HELPER = """
static uv_mutex_t ${X}_mutex;
static uv_thread_t ${X}_holder;
static volatile int ${X}_wanted;
static void ${X}_hold(void *arg)
{ (void)arg; while (!over) { uv_mutex_lock(&${X}_mutex); while (!${X}_wanted && !over) usleep(1000);
    usleep($LONG * 1000); uv_mutex_unlock(&${X}_mutex); usleep(5000); } }
"""
LOCK_SETUP = """uv_mutex_init(&${X}_mutex); uv_thread_create(&${X}_holder, ${X}_hold, NULL);"""

BATCH = """
static uv_work_t ${X}_works[40];
static uv_timer_t ${X}_timer;
static int ${X}_busy;
static void ${X}_do(uv_work_t *work) { (void)work; %s }
static void $CB(uv_work_t *work, int status) { (void)work; (void)status; ${X}_busy--; }
static void ${X}_submit(uv_timer_t *timer)
{ if (${X}_busy > 0) return; ${X}_busy = $MANY;
  for (int i = 0; i < $MANY; i++) uv_queue_work(timer->loop, &${X}_works[i], ${X}_do, $CB); }
"""
BATCH_SETUP = "every(loop, &${X}_timer, ${X}_submit, $PERIOD);"

CAUSES = {
    "computes": Cause("blocked_cpu", bodies=COMPUTE),
    "waits": Cause("blocked_syscall", bodies=WAIT),
    "waits for a lock": Cause("blocked_lock|blocked_syscall", bodies=[
        "${X}_wanted = 1; uv_mutex_lock(&${X}_mutex); ${X}_wanted = 0;"
        "uv_mutex_unlock(&${X}_mutex);"]),
    "runs a loop": Cause("nested_loop", bodies=NESTED),
    "dies": Cause("died", bodies=["static int runs; if (++runs == 3) abort();",
                                  "static int runs; if (++runs == 3) raise(SIGSEGV);"]),
    "crowd": Cause("crowded_turn", Block("""
static uv_pipe_t ${X}_ours[300], ${X}_theirs[300];
static uv_timer_t ${X}_timer;
static void $CB(uv_stream_t *stream, ssize_t bytes, const uv_buf_t *buffer)
{ (void)stream; (void)bytes; (void)buffer; spin_us(250); }
static void ${X}_speak(uv_timer_t *timer)
{ uv_buf_t buffer = uv_buf_init("x", 1); (void)timer;
  for (int i = 0; i < 300; i++) uv_try_write((uv_stream_t *)&${X}_theirs[i], &buffer, 1); }
""", """for (int i = 0; i < 300; i++) { pipes_open(loop, &${X}_ours[i], &${X}_theirs[i]);
  uv_read_start((uv_stream_t *)&${X}_ours[i], give_buffer, $CB); }
every(loop, &${X}_timer, ${X}_speak, $PERIOD);""")),
    "storm": Cause("timer_storm", Block("""
static uv_timer_t ${X}_timers[400];
static void $CB(uv_timer_t *timer) { (void)timer; spin_us(120); }
""", "for (int i = 0; i < 400; i++) every(loop, &${X}_timers[i], $CB, $PERIOD);")),
    "idle handle": Cause("spinning", Block("""
static uv_idle_t ${X}_idle;
static void $CB(uv_idle_t *idle) { (void)idle; }
""", "uv_idle_init(loop, &${X}_idle); uv_idle_start(&${X}_idle, $CB);"),
                         env="UVTRACE_RING_SIZE=16M"),
    "ready descriptor": Cause("ready_spin", Block("""
static uv_poll_t ${X}_poll;
static int ${X}_fds[2];
static void $CB(uv_poll_t *poll, int status, int events)
{ (void)poll; (void)status; (void)events; }
""", """check(socketpair(AF_UNIX, SOCK_STREAM, 0, ${X}_fds), "socketpair");
uv_poll_init(loop, &${X}_poll, ${X}_fds[0]);
uv_poll_start(&${X}_poll, UV_READABLE | UV_WRITABLE, $CB);"""), env="UVTRACE_RING_SIZE=16M"),
    "waiting work": Cause("pool_small", Block(BATCH % "usleep($WORK * 1000);", BATCH_SETUP)),
    "computing work": Cause("pool_cpu", Block(BATCH % "spin_us($WORK * 300);", BATCH_SETUP)),
    "stuck work": Cause("pool_stuck", Block("""
static uv_work_t ${X}_works[6], ${X}_others[6];
static uv_sem_t ${X}_sem;
static uv_timer_t ${X}_timer;
static void ${X}_post(uv_work_t *work) { (void)work; uv_sem_post(&${X}_sem); }
static void $CB(uv_work_t *work) { (void)work; uv_sem_wait(&${X}_sem); }
static void ${X}_done(uv_work_t *work, int status) { (void)work; (void)status; }
static void ${X}_submit(uv_timer_t *timer)
{ uv_sem_init(&${X}_sem, 0);
  for (int i = 0; i < 6; i++) uv_queue_work(timer->loop, &${X}_works[i], $CB, ${X}_done);
  for (int i = 0; i < 6; i++) uv_queue_work(timer->loop, &${X}_others[i], ${X}_post, ${X}_done);
  uv_timer_stop(timer); }
""", "every(loop, &${X}_timer, ${X}_submit, 200);"), env="UVTRACE_PENDING_SECONDS=1",
                        tail="_exit(0);", runs_ms=2500),
    "pending work": Cause("pending_request", Block("""
static uv_work_t ${X}_work;
static void ${X}_do(uv_work_t *work) { (void)work; sleep(2); }
static void $CB(uv_work_t *work, int status) { (void)work; (void)status; }
""", "uv_queue_work(loop, &${X}_work, ${X}_do, $CB);"), env="UVTRACE_PENDING_SECONDS=1",
                          tail="_exit(0);"),
    "sessions": Cause("handle_growth|unclosed_handles", Block("""
static uv_timer_t ${X}_timer;
static void $CB(uv_timer_t *timer) { (void)timer; }
static void ${X}_login(uv_timer_t *timer)
{ uv_timer_t *session = malloc(sizeof(*session));
  if (session) every(timer->loop, session, $CB, 100); }
""", "every(loop, &${X}_timer, ${X}_login, 5);"), runs_ms=2200),
    "unread writes": Cause("request_growth", Block("""
static uv_pipe_t ${X}_ours, ${X}_theirs;
static uv_timer_t ${X}_timer;
static char ${X}_bytes[30000];
static void $CB(uv_write_t *request, int status) { (void)status; free(request); }
static void ${X}_publish(uv_timer_t *timer)
{ uv_buf_t buffer = uv_buf_init(${X}_bytes, sizeof(${X}_bytes)); (void)timer;
  uv_write_t *request = malloc(sizeof(*request));
  if (request) uv_write(request, (uv_stream_t *)&${X}_ours, &buffer, 1, $CB); }
""", """pipes_open(loop, &${X}_ours, &${X}_theirs);
every(loop, &${X}_timer, ${X}_publish, 5);"""), runs_ms=2200),
    "never closed": Cause("unclosed_handles", Block("""
static struct sockaddr_in ${X}_at;
static uv_tcp_t ${X}_server;
static uv_thread_t ${X}_thread;
static void ${X}_said(uv_stream_t *client, ssize_t bytes, const uv_buf_t *buffer)
{ (void)buffer; if (bytes < 0) uv_read_stop(client); }
static void $CB(uv_stream_t *server, int status)
{ uv_tcp_t *client = malloc(sizeof(*client)); if (status < 0 || !client) return;
  uv_tcp_init(server->loop, client); uv_accept(server, (uv_stream_t *)client);
  uv_read_start((uv_stream_t *)client, give_buffer, ${X}_said); }
static void ${X}_visit(void *arg)
{ (void)arg; while (!over) { close(tcp_join(&${X}_at)); usleep(5000); } }
""", """${X}_at = tcp_listen(loop, &${X}_server, $CB);
uv_thread_create(&${X}_thread, ${X}_visit, NULL);"""), runs_ms=2200),
}
CAUSES["descriptor limit"] = Cause("accept_limit", Block("""
#include <sys/resource.h>
static struct sockaddr_in ${X}_at;
static uv_tcp_t ${X}_server;
static uv_timer_t ${X}_timer;
static void $CB(uv_stream_t *server, int status)
{ uv_tcp_t *client = malloc(sizeof(*client)); if (status < 0 || !client) return;
  uv_tcp_init(server->loop, client); uv_accept(server, (uv_stream_t *)client); }
static void ${X}_visit(void)
{ for (uint64_t end = uv_hrtime() + 1600000000ull; uv_hrtime() < end;) { int fds[30];
    for (int i = 0; i < 30; i++) fds[i] = tcp_join(&${X}_at);
    usleep(1000);
    for (int i = 0; i < 30; i++) close(fds[i]); }
  _exit(0); }
static void ${X}_limit(uv_timer_t *timer)
{ int next = dup(0); struct rlimit limit = {next + 4, next + 4}; close(next);
  setrlimit(RLIMIT_NOFILE, &limit); uv_timer_stop(timer); }
""", """${X}_at = tcp_listen(loop, &${X}_server, $CB);
if (fork() == 0) ${X}_visit();
every(loop, &${X}_timer, ${X}_limit, 30);"""), runs_ms=1800)

# Of how the program runs its loop.
TICKER = Block("""
static uv_timer_t ${X}_timer;
static void $CB(uv_timer_t *timer) { (void)timer; spin_us(50); }
""", "every(loop, &${X}_timer, $CB, 25);")
OWN_LOOP = """for (uint64_t end = uv_hrtime() + 1500000000ull; uv_hrtime() < end;) {
		uv_run(&loops[0], UV_RUN_NOWAIT);
		%s
	}"""
CAUSES["outside uv_run"] = Cause("loop_not_run", TICKER, main=OWN_LOOP % "spin_us($LONG * 1000);")
CAUSES["asleep outside uv_run"] = Cause("loop_not_run", TICKER,
                                        main=OWN_LOOP % "usleep($LONG * 1000);")
CAUSES["polls in vain"] = Cause("spinning", TICKER, main=OWN_LOOP % "",
                                env="UVTRACE_RING_SIZE=16M")


def driven(name, cause, kind):
    """The block of a cause that is what a callback does, in a callback of that kind."""
    driver = DRIVERS[kind]
    top, setup = driver.top, driver.setup
    if name in ("computes", "waits"):
        top = HELPERS + top
    elif name == "runs a loop":
        top = NESTED_HELPER + top
    elif name == "waits for a lock":
        top, setup = LOCK_HELPER + top, LOCK_SETUP + "\n" + setup
    return cause.block or Block(top, setup)
