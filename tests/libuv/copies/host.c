/* SPDX-License-Identifier: Apache-2.0
 *
 * host PLUGIN...: loads one plugin after the other with RTLD_LOCAL and lets it run. Built with
 * libuv (WITH_UV) it runs a loop of its own before, between and after.
 */
#include <dlfcn.h>
#include <stdio.h>

#ifdef WITH_UV
#include <uv.h>

static unsigned int ticks;

static void on_tick(uv_timer_t *timer)
{
	if (++ticks % 5 == 0)
		uv_timer_stop(timer);
}

static void host_run(void)
{
	static uv_timer_t timer;

	uv_timer_init(uv_default_loop(), &timer);
	uv_timer_start(&timer, on_tick, 1, 1);
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	printf("host: %u timers\n", ticks);
}
#else
static void host_run(void)
{
}
#endif

int main(int argc, char **argv)
{
	host_run();
	for (int i = 1; i < argc; i++) {
		void *plugin = dlopen(argv[i], RTLD_NOW | RTLD_LOCAL);
		int (*run)(const char *) =
		    plugin ? (int (*)(const char *))dlsym(plugin, "plugin_run") : NULL;

		if (!run) {
			fprintf(stderr, "%s\n", dlerror());
			return 1;
		}
		if (run(argv[i]))
			return 1;
		host_run();
	}
	return 0;
}
