// SPDX-License-Identifier: Apache-2.0
// azjit: finds the command and runs it.
#include "commands.h"

#include "administer.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>

// A program that was started without stdin, stdout or stderr must not get a socket in their place.
static bool open_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		(void)close(fd);
	return fd >= 0;
}

int main(int argc, char **argv)
{
	static char help[] = "help", version[] = "version";
	char *none[] = {help, NULL};
	const struct azjit_cmd *cmd;
	int words, status;

	if (!open_standard() || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return azjit_result_exit(AZJIT_SYSTEM);
	argc--;
	argv++;
	if (argc <= 0) {
		argc = 1;
		argv = none;
	}
	if (azjit_streq(argv[0], "--help") || azjit_streq(argv[0], "-h"))
		argv[0] = help;
	if (azjit_streq(argv[0], "--version"))
		argv[0] = version;
	cmd = azjit_command_find(azjit_commands, azjit_command_count, argc, argv, &words);
	if (!cmd)
		return azjit_command_unknown(azjit_commands, azjit_command_count, argc, argv);
	if (argc > words && azjit_streq(argv[words], "--help"))
		status = azjit_command_help(cmd);
	else if (!cmd->run)
		status = administer_execute(argv);
	else
		status = cmd->run(argc - words + 1, argv + words - 1);
	if (fflush(stdout) != 0 && status == 0)
		status = azjit_result_exit(AZJIT_SYSTEM);
	return status;
}
