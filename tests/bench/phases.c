// SPDX-License-Identifier: Apache-2.0
// phases SERVICE USER ADDRESS COUNT: logs USER in and out through PAM as sshd does, COUNT times, and
// prints the time of each phase: "account US", "open US", "close US". SERVICE has no module but the one
// that is measured. Loading the modules is in none of them: the auth phase does it.
// phases --disk FILE COUNT: the median milliseconds of a 4 KiB write that is durable at its end.
// phases --round-trip COUNT: "null US": a byte to a process that waits for it, and back.
// phases --dither: sleeps a random part of the kernel's tick.
#include <fcntl.h>
#include <security/pam_appl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_COUNT 100000
#define SETTLE_US 20000 // the broker writes what nobody waits for after its answer, and a session lasts

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void require(const char *what, int code)
{
	if (code == PAM_SUCCESS)
		return;
	fprintf(stderr, "phases: %s: PAM code %d\n", what, code);
	exit(1);
}

static int converse(int count, const struct pam_message **messages, struct pam_response **ret_responses,
                    void *data)
{
	for (int i = 0; i < count; i++)
		fprintf(stderr, "phases: the module says: %s\n", messages[i]->msg);
	*ret_responses = calloc((size_t)count, sizeof(**ret_responses));
	return *ret_responses ? PAM_SUCCESS : PAM_BUF_ERR;
}

static void timed(const char *name, int (*phase)(pam_handle_t *, int), pam_handle_t *pamh)
{
	double start_us = now_us();
	int code = phase(pamh, 0);
	double end_us = now_us();

	require(name, code);
	printf("%s %.1f\n", name, end_us - start_us);
}

static void login(const char *service, const char *user, const char *address)
{
	static const struct pam_conv conv = {.conv = converse};
	pam_handle_t *pamh = NULL;
	char connection[128];

	snprintf(connection, sizeof(connection), "SSH_CONNECTION=%s 50000 %s 22", address, address);
	require("start", pam_start(service, user, &conv, &pamh));
	require("address", pam_set_item(pamh, PAM_RHOST, address));
	require("terminal", pam_set_item(pamh, PAM_TTY, "ssh"));
	require("environment", pam_putenv(pamh, connection));
	require("auth", pam_authenticate(pamh, 0));
	timed("account", pam_acct_mgmt, pamh);
	timed("open", pam_open_session, pamh);
	(void)usleep(SETTLE_US);
	timed("close", pam_close_session, pamh);
	require("end", pam_end(pamh, PAM_SUCCESS));
	(void)usleep(SETTLE_US);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int disk(const char *path, long count)
{
	double *took_us = calloc((size_t)count, sizeof(*took_us));
	char block[4096] = {0};
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);

	if (fd < 0 || !took_us)
		return 1;
	for (long i = 0; i < count; i++) {
		double start_us = now_us();

		if (write(fd, block, sizeof(block)) != (ssize_t)sizeof(block) || fdatasync(fd) < 0)
			return 1;
		took_us[i] = now_us() - start_us;
	}
	qsort(took_us, (size_t)count, sizeof(*took_us), compare);
	printf("%.3f\n", took_us[count / 2] / 1000);
	free(took_us);
	close(fd);
	return unlink(path) < 0;
}

static void echo(int fd)
{
	char byte;

	while (read(fd, &byte, 1) == 1)
		if (write(fd, &byte, 1) != 1)
			break;
	_exit(0);
}

static int round_trips(long count)
{
	int pair[2];
	char byte = 0;
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 || (child = fork()) < 0)
		return 1;
	if (child == 0) {
		(void)close(pair[0]);
		echo(pair[1]);
	}
	(void)close(pair[1]);
	for (long i = 0; i < count; i++) {
		double start_us = now_us();

		if (write(pair[0], &byte, 1) != 1 || read(pair[0], &byte, 1) != 1)
			return 1;
		printf("null %.1f\n", now_us() - start_us);
		(void)usleep(SETTLE_US);
	}
	(void)close(pair[0]);
	return waitpid(child, NULL, 0) == child ? 0 : 1;
}

static int dither(void)
{
	struct timespec tick, pause = {0};
	uint32_t random;

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &tick) < 0 ||
	    getrandom(&random, sizeof(random), 0) != sizeof(random))
		return 1;
	pause.tv_nsec = (long)((double)tick.tv_nsec * random / UINT32_MAX);
	return nanosleep(&pause, NULL) < 0;
}

int main(int argc, char **argv)
{
	long count = argc > 2 ? strtol(argv[argc - 1], NULL, 10) : 0;

	if (argc == 2 && strcmp(argv[1], "--dither") == 0)
		return dither();
	if (count < 1 || count > MAX_COUNT)
		return 64;
	if (argc == 4 && strcmp(argv[1], "--disk") == 0)
		return disk(argv[2], count);
	if (argc == 3 && strcmp(argv[1], "--round-trip") == 0)
		return round_trips(count);
	if (argc != 5)
		return 64;
	for (long i = 0; i < count; i++)
		login(argv[1], argv[2], argv[3]);
	return 0;
}
