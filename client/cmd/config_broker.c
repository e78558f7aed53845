// SPDX-License-Identifier: Apache-2.0
#include "config_broker.h"

#include "caller.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>

// Its errors go to `err`; nothing of our environment goes with it. 0, or an errno value.
static int spawn(const char *const argv[], int err, pid_t *ret)
{
	char *environment[] = {NULL};
	posix_spawn_file_actions_t actions;
	int error = posix_spawn_file_actions_init(&actions);

	if (error)
		return error;
	error = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDWR, 0);
	if (!error)
		error = posix_spawn_file_actions_adddup2(&actions, STDIN_FILENO, STDOUT_FILENO);
	if (!error)
		error = posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
	if (!error)
		error = posix_spawn(ret, argv[0], &actions, NULL, (char *const *)argv, environment);
	(void)posix_spawn_file_actions_destroy(&actions);
	return error;
}

// As root it becomes the broker's user, who must be able to read what the broker will read.
static int run_broker(const char *program, const char *file, int err, int *ret_status)
{
	const char *const argv[] = {
	        program, "--check", "--config", file, geteuid() == 0 ? "--user" : NULL, CALLER_USER, NULL};
	pid_t pid;
	int error = spawn(argv, err, &pid);

	while (!error && waitpid(pid, ret_status, 0) < 0)
		error = errno == EINTR ? 0 : errno;
	return error;
}

// "azjitd: SENTENCE\n" without its ends.
static enum azjit_result tell(int err, struct azjit_reason *reason)
{
	char text[sizeof(reason->text)];
	ssize_t n = pread(err, text, sizeof(text) - 1, 0);
	const char *sentence = text;

	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (strncmp(text, "azjitd: ", 8) == 0)
		sentence += 8;
	return azjit_fail(reason, AZJIT_CONFIG, "%s", *sentence ? sentence : "azjitd --check failed");
}

enum azjit_result config_ask_broker(const char *program, const char *file, struct azjit_buf *warnings,
                                    struct azjit_reason *reason)
{
	_cleanup_close_ int err = memfd_create("azjitd-errors", MFD_CLOEXEC);
	int status = -1, error = err < 0 ? errno : run_broker(program, file, err, &status);

	if (error) {
		azjit_buf_printf(warnings,
		                 "identity.certificate_file was not examined: %s cannot be run: %s\n",
		                 program, strerror(error));
		return AZJIT_OK;
	}
	return status == 0 ? AZJIT_OK : tell(err, reason);
}
