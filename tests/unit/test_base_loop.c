// SPDX-License-Identifier: Apache-2.0
#include <azjit/loop.h>
#include <azjit/time.h>

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

struct scene {
	struct azjit_loop *loop;
	struct azjit_source *source;
	uint64_t fired_at;
	unsigned count;
	int fd, signo;
	uint32_t events;
};

static int setup(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	*state = scene;
	return scene && azjit_loop_new(&scene->loop) == AZJIT_OK ? 0 : -1;
}

static int teardown(void **state)
{
	struct scene *scene = *state;

	scene->source = azjit_source_free(scene->source);
	azjit_loop_free(scene->loop);
	free(scene);
	return 0;
}

static void exit_7(void *userdata)
{
	struct scene *scene = userdata;

	scene->fired_at = azjit_time_monotonic_ms();
	scene->count++;
	azjit_loop_exit(scene->loop, 7);
}

static void a_timer_fires_once_and_on_time(void **state)
{
	struct scene *scene = *state;
	uint64_t start = azjit_time_monotonic_ms();

	assert_int_equal(azjit_loop_timer(scene->loop, 50, exit_7, scene, &scene->source), AZJIT_OK);
	assert_int_equal(azjit_loop_run(scene->loop), 7);
	assert_int_equal(scene->count, 1);
	assert_in_range(scene->fired_at - start, 50, 4050); // late only if the machine is
}

static void three_times(void *userdata)
{
	struct scene *scene = userdata;

	if (++scene->count < 3)
		assert_int_equal(azjit_source_timer(scene->source, 0), AZJIT_OK);
	else
		azjit_loop_exit(scene->loop, 0);
}

static void a_timer_can_be_armed_in_its_own_callback(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(azjit_loop_timer(scene->loop, 0, three_times, scene, &scene->source), AZJIT_OK);
	assert_int_equal(scene->count, 0); // never before the call returned
	assert_int_equal(azjit_loop_run(scene->loop), 0);
	assert_int_equal(scene->count, 3);
}

static void free_itself(void *userdata)
{
	struct scene *scene = userdata;

	scene->source = azjit_source_free(scene->source);
	azjit_loop_exit(scene->loop, 0);
}

static void a_source_can_be_freed_in_its_own_callback(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(azjit_loop_timer(scene->loop, 0, free_itself, scene, &scene->source), AZJIT_OK);
	assert_int_equal(azjit_loop_run(scene->loop), 0);
	assert_null(scene->source);
}

static void a_freed_timer_never_fires(void **state)
{
	struct scene *scene = *state;
	struct azjit_source *gone = NULL;

	assert_int_equal(azjit_loop_timer(scene->loop, 0, three_times, scene, &gone), AZJIT_OK);
	assert_null(azjit_source_free(gone));
	assert_null(azjit_source_free(NULL));
	assert_int_equal(azjit_loop_timer(scene->loop, 5, exit_7, scene, &scene->source), AZJIT_OK);
	assert_int_equal(azjit_loop_run(scene->loop), 7);
	assert_int_equal(scene->count, 1);
}

static void note_io(void *userdata, int fd, uint32_t events)
{
	struct scene *scene = userdata;

	scene->fd = fd;
	scene->events |= events;
	if (++scene->count == 1)
		assert_int_equal(azjit_source_io_events(scene->source, EPOLLOUT), AZJIT_OK);
	else
		azjit_loop_exit(scene->loop, 0);
}

static void descriptors_report_and_stay_the_callers(void **state)
{
	struct scene *scene = *state;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_int_equal(azjit_loop_io(scene->loop, fds[0], EPOLLIN, note_io, scene, &scene->source),
	                 AZJIT_OK);
	assert_int_equal(azjit_loop_run(scene->loop), 0);
	assert_int_equal(scene->fd, fds[0]);
	assert_int_equal(scene->events, EPOLLIN | EPOLLOUT);
	scene->source = azjit_source_free(scene->source);
	assert_int_equal(close(fds[0]), 0);
	assert_int_equal(close(fds[1]), 0);
}

static void a_bad_descriptor_is_an_error(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(azjit_loop_io(scene->loop, 9999, EPOLLIN, note_io, scene, &scene->source),
	                 AZJIT_SYSTEM);
	assert_int_equal(errno, EBADF);
	assert_null(scene->source);
}

static void note_signal(void *userdata, int signo)
{
	struct scene *scene = userdata;

	scene->signo = signo;
	azjit_loop_exit(scene->loop, 0);
}

static void a_signal_comes_through_the_loop(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(azjit_loop_signal(scene->loop, SIGUSR1, note_signal, scene, &scene->source),
	                 AZJIT_OK);
	assert_int_equal(raise(SIGUSR1), 0); // would end the process if it were not blocked
	assert_int_equal(azjit_loop_run(scene->loop), 0);
	assert_int_equal(scene->signo, SIGUSR1);
}

static void the_service_manager_is_told(void **state)
{
	struct scene *scene = *state;
	struct sockaddr_un sun = {.sun_family = AF_UNIX, .sun_path = "/tmp/azjit-notify.XXXXXX"};
	int fd = mkostemp(sun.sun_path, O_CLOEXEC), sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char text[128] = "";

	assert_true(fd >= 0 && sock >= 0);
	assert_int_equal(unlink(sun.sun_path), 0);
	assert_int_equal(bind(sock, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(setenv("NOTIFY_SOCKET", sun.sun_path, 1), 0);
	azjit_loop_notify_ready(scene->loop, "12 grants");
	assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
	assert_true(recv(sock, text, sizeof(text) - 1, MSG_DONTWAIT) > 0);
	assert_string_equal(text, "READY=1\nSTATUS=12 grants");
	azjit_loop_notify_ready(scene->loop, NULL); // without a manager: nothing happens
	assert_int_equal(unlink(sun.sun_path), 0);
	(void)close(sock);
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(a_timer_fires_once_and_on_time, setup, teardown),
	        cmocka_unit_test_setup_teardown(a_timer_can_be_armed_in_its_own_callback, setup, teardown),
	        cmocka_unit_test_setup_teardown(a_source_can_be_freed_in_its_own_callback, setup, teardown),
	        cmocka_unit_test_setup_teardown(a_freed_timer_never_fires, setup, teardown),
	        cmocka_unit_test_setup_teardown(descriptors_report_and_stay_the_callers, setup, teardown),
	        cmocka_unit_test_setup_teardown(a_bad_descriptor_is_an_error, setup, teardown),
	        cmocka_unit_test_setup_teardown(a_signal_comes_through_the_loop, setup, teardown),
	        cmocka_unit_test_setup_teardown(the_service_manager_is_told, setup, teardown),
	};

	return cmocka_run_group_tests_name("base/loop", tests, NULL, NULL);
}
