// SPDX-License-Identifier: Apache-2.0
// azjit ssh: ssh with the right ProxyCommand. ssh hands that to the caller's shell after it has replaced
// its % sequences, so our own path is quoted for the shell and its % doubled for ssh.
#include "commands.h"

#include "caller.h"

#include <azjit/buf.h>
#include <limits.h>
#include <stdio.h>

#define COMMAND_BYTES 16384

static void put_quoted(struct azjit_buf *buf, const char *text)
{
	azjit_buf_str(buf, "'");
	for (const char *p = text; *p; p++) {
		if (*p == '\'')
			azjit_buf_str(buf, "'\\''");
		else if (*p == '%')
			azjit_buf_str(buf, "%%");
		else
			azjit_buf_add(buf, p, 1);
	}
	azjit_buf_str(buf, "'");
}

static void put_option(struct azjit_buf *buf, const char *name, const char *value)
{
	if (!value)
		return;
	azjit_buf_printf(buf, " --%s ", name);
	put_quoted(buf, value);
}

static char *proxy_command(const struct caller *caller, bool start)
{
	_cleanup_buf_ struct azjit_buf buf = AZJIT_BUF(COMMAND_BYTES);
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0)
		return NULL;
	self[n] = '\0';
	azjit_buf_str(&buf, "ProxyCommand=");
	put_quoted(&buf, self);
	azjit_buf_str(&buf, start ? " connect --start" : " connect");
	put_option(&buf, "socket", caller->socket);
	put_option(&buf, "broker-user", caller->broker_user);
	azjit_buf_str(&buf, " -- %h %p");
	return azjit_buf_steal(&buf);
}

// Ours come first and are long, which ssh's never are; the rest is ssh's, untouched.
static int own_options(int argc, char **argv, struct caller *caller, bool *ret_start)
{
	int i = 1;

	*ret_start = false;
	while (i + 1 < argc) {
		if (azjit_streq(argv[i], "--start"))
			*ret_start = true;
		else if (azjit_streq(argv[i], "--socket"))
			caller->socket = argv[++i];
		else if (azjit_streq(argv[i], "--broker-user"))
			caller->broker_user = argv[++i];
		else
			break;
		i++;
	}
	return i;
}

static int run(int argc, char **argv)
{
	static char ssh[] = "ssh", option[] = "-o";
	struct caller caller = {0};
	bool start;
	int first = own_options(argc, argv, &caller, &start), count = 0;
	_cleanup_free_ char *proxy = proxy_command(&caller, start);
	char **words;

	if (first >= argc)
		return caller_usage("ssh takes what ssh takes: azjit ssh [ssh's options] HOST [COMMAND]");
	if (!proxy)
		return caller_usage("the path of this program cannot be found: is /proc mounted?");
	words = calloc((size_t)argc + 4, sizeof(*words));
	if (!words)
		return azjit_result_exit(AZJIT_NOMEM);
	words[count++] = ssh;
	words[count++] = option;
	words[count++] = proxy;
	for (int i = first; i < argc; i++)
		words[count++] = argv[i];
	(void)execvp(ssh, words);
	(void)fprintf(stderr, "azjit: ssh cannot be run: %s\n", strerror(errno));
	free(words);
	return azjit_result_exit(AZJIT_SYSTEM);
}

const struct azjit_cmd azjit_cmd_ssh = {
        .name = "ssh",
        .usage = "[--start] [--socket PATH] [--broker-user NAME] [ssh's options] HOST [COMMAND]",
        .summary = "ssh to a VM, opening its port on the way",
        .help = "Runs ssh with `azjit connect` as its ProxyCommand; everything else is ssh's own.\n"
                "\n"
                "  --start             start the VM first if it does not run, where your rule says "
                "so\n" CALLER_HELP "  (all before ssh's options)\n",
        .run = run,
};
