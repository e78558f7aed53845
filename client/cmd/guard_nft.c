// SPDX-License-Identifier: Apache-2.0
#include "guard_nft.h"

#include <azjit/text.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define NFT "/usr/sbin/nft"

// Standard input of a child: the script, or nothing.
static int script_fd(const struct azjit_buf *script)
{
	_cleanup_close_ int fd = memfd_create("azjit-guard", MFD_CLOEXEC);

	if (fd < 0)
		return -1;
	for (size_t done = 0; script && done < script->len;) {
		ssize_t n = write(fd, script->data + done, script->len - done);

		if (n < 0 && errno != EINTR)
			return -1;
		done += n > 0 ? (size_t)n : 0;
	}
	return lseek(fd, 0, SEEK_SET) < 0 ? -1 : STEAL_FD(fd);
}

// Only async-signal-safe calls: the parent's locks may be in any state.
static _Noreturn void exec_nft(const char *const argv[], int in, int out, int err)
{
	static char *const env[] = {NULL};

	if (dup2(in, STDIN_FILENO) >= 0 && (out < 0 || dup2(out, STDOUT_FILENO) >= 0) &&
	    dup2(err, STDERR_FILENO) >= 0)
		execve(NFT, (char *const *)argv, env);
	_exit(127);
}

// Runs nft; its exit status, or -1. Output goes to `out` (-1: where ours goes), errors to `err`.
static int run_nft(const char *const argv[], const struct azjit_buf *script, int out, int err)
{
	_cleanup_close_ int in = script_fd(script);
	int status;
	pid_t pid;

	if (in < 0)
		return -1;
	pid = fork();
	if (pid < 0)
		return -1;
	if (pid == 0)
		exec_nft(argv, in, out, err);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static enum azjit_result nft_failed(int status, int err, struct azjit_reason *reason)
{
	char text[200] = "", printable[400];
	ssize_t n = pread(err, text, sizeof(text) - 1, 0);

	if (status == 127)
		return azjit_fail(reason, AZJIT_SYSTEM, NFT " could not be started; is nftables installed?");
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	azjit_printable(text, printable, sizeof(printable));
	return azjit_fail(reason, AZJIT_SYSTEM, "nft refused the guard's rules: %s", printable);
}

// `out`: -1 for our own standard output.
static enum azjit_result nft(const char *const argv[], const struct azjit_buf *script, int out,
                             struct azjit_reason *reason)
{
	_cleanup_close_ int err = memfd_create("azjit-guard-errors", MFD_CLOEXEC);
	int status;

	if (err < 0)
		return azjit_fail(reason, AZJIT_SYSTEM, "cannot run nft: %s", strerror(errno));
	status = run_nft(argv, script, out, err);
	return status == 0 ? AZJIT_OK : nft_failed(status, err, reason);
}

enum azjit_result azjit_guard_nft(const struct azjit_buf *script, struct azjit_reason *reason)
{
	static const char *const argv[] = {NFT, "-f", "-", NULL};
	_cleanup_close_ int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (script->failed || null < 0)
		return azjit_fail(reason, AZJIT_SYSTEM,
		                  "the guard's rules do not fit, or /dev/null is missing");
	return nft(argv, script, null, reason);
}

bool azjit_guard_table_present(void)
{
	static const char *const argv[] = {NFT, "list", "chain", "inet", "azjit_guard", "output", NULL};
	_cleanup_close_ int out = memfd_create("azjit-guard-chain", MFD_CLOEXEC);
	char text[4096];
	ssize_t n;

	if (out < 0 || nft(argv, NULL, out, NULL) != AZJIT_OK)
		return false;
	n = pread(out, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	return strstr(text, "@managed goto managed_port") && strstr(text, "goto metadata");
}

static enum azjit_result read_output(int fd, struct azjit_buf *ret, struct azjit_reason *reason)
{
	char bytes[16384];
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, bytes, sizeof(bytes), at)) > 0 && azjit_buf_add(ret, bytes, (size_t)n))
		at += n;
	return n == 0 ? AZJIT_OK : azjit_fail(reason, AZJIT_SYSTEM, "what nft prints does not fit");
}

enum azjit_result azjit_guard_list_attempts(struct azjit_buf *ret_json, struct azjit_reason *reason)
{
	static const char *const argv[] = {NFT,    "-jn",         "list",     "set",
	                                   "inet", "azjit_guard", "attempts", NULL};
	_cleanup_close_ int out = memfd_create("azjit-guard-attempts", MFD_CLOEXEC);
	enum azjit_result result;

	if (out < 0)
		return azjit_fail(reason, AZJIT_SYSTEM, "cannot run nft: %s", strerror(errno));
	result = nft(argv, NULL, out, reason);
	if (result != AZJIT_OK)
		return azjit_guard_table_present() ? result : AZJIT_NOT_FOUND;
	return read_output(out, ret_json, reason);
}

enum azjit_result azjit_guard_flush_attempts(struct azjit_reason *reason)
{
	_cleanup_buf_ struct azjit_buf script = AZJIT_BUF(64);

	azjit_buf_str(&script, "flush set inet azjit_guard attempts\n");
	return azjit_guard_nft(&script, reason);
}

enum azjit_result azjit_guard_print_table(struct azjit_reason *reason)
{
	static const char *const attempts[] = {NFT, "list", "set", "inet", "azjit_guard", "attempts", NULL};
	static const char *const counters[] = {NFT, "list", "counters", "table", "inet", "azjit_guard", NULL};
	enum azjit_result result = nft(counters, NULL, -1, reason);

	return result == AZJIT_OK ? nft(attempts, NULL, -1, reason) : result;
}
