// SPDX-License-Identifier: Apache-2.0
// A token from the Azure CLI, as the caller whom `az login` logged in (azure.md §6.5). Threat model: a
// directory of PATH, or the one we were started in, where somebody else can put an `az`; an `az` that hangs,
// talks without end or prints what is no token. Hence: absolute directories of PATH only, no shell, a
// directory of its own that nobody else writes to, a deadline after which it and its children are killed,
// bounded output. The token is wiped wherever it was.
#include "direct.h"

#include <azjit/text.h>
#include <azjit/time.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>

#include <sys/wait.h>

#define OUTPUT_MAX_BYTES ((size_t)65536)
#define SAFE_DIRECTORY   "/"

struct az {
	pid_t pid;
	int out, err; // to be read; -1 at their end
	struct azjit_buf answer, errors;
};

static void az_clear(struct az *az)
{
	if (az->pid > 0) {
		(void)kill(-az->pid, SIGKILL);
		(void)waitpid(az->pid, NULL, 0);
	}
	if (az->out >= 0)
		(void)close(az->out);
	if (az->err >= 0)
		(void)close(az->err);
	azjit_buf_wipe(&az->answer);
	azjit_buf_free(&az->errors);
}

// The first `az` of PATH that can be executed; NULL if there is none.
static char *find_az(void)
{
	const char *path = getenv("PATH");

	while (path && *path) {
		size_t len = strcspn(path, ":");
		char *file = NULL;

		if (*path == '/' && asprintf(&file, "%.*s/az", (int)len, path) > 0) {
			if (access(file, X_OK) == 0)
				return file;
			free(file);
		}
		path += len + (path[len] == ':');
	}
	return NULL;
}

// In the child: nothing but what may be called after fork. A token is of one tenant, which both options name, and
// az takes but one of them.
static void become_az(const char *file, const char *audience, const struct az_wish *wish, int out, int err)
{
	const char *one = wish->tenant ? wish->tenant : wish->subscription;
	const char *argv[] = {"az",
	                      "account",
	                      "get-access-token",
	                      "--output",
	                      "json",
	                      "--resource",
	                      audience,
	                      !one ? NULL : wish->tenant ? "--tenant" : "--subscription",
	                      one,
	                      NULL};
	int null = open("/dev/null", O_RDONLY);

	if (setpgid(0, 0) == 0 && chdir(SAFE_DIRECTORY) == 0 && null >= 0 && dup2(null, STDIN_FILENO) >= 0 &&
	    dup2(out, STDOUT_FILENO) >= 0 && dup2(err, STDERR_FILENO) >= 0) {
		(void)signal(SIGPIPE, SIG_DFL);
		(void)execv(file, (char *const *)(uintptr_t)argv);
	}
	_exit(127);
}

static enum azjit_result start(const char *file, const char *audience, const struct az_wish *wish,
                               struct az *az, struct azjit_reason *reason)
{
	int out[2], err[2];

	if (pipe2(out, O_CLOEXEC) < 0)
		return azjit_fail(reason, AZJIT_SYSTEM, "no pipe can be made: %m");
	az->out = out[0];
	if (pipe2(err, O_CLOEXEC) < 0) {
		(void)close(out[1]);
		return azjit_fail(reason, AZJIT_SYSTEM, "no pipe can be made: %m");
	}
	az->err = err[0];
	az->pid = fork();
	if (az->pid == 0)
		become_az(file, audience, wish, out[1], err[1]);
	(void)close(out[1]);
	(void)close(err[1]);
	if (az->pid < 0)
		return azjit_fail(reason, AZJIT_SYSTEM, "no process can be made for the Azure CLI: %m");
	(void)setpgid(az->pid, az->pid); // here, too: one of the two comes first
	return AZJIT_OK;
}

// Takes what is there; closes at the end. False: more than we take.
static bool drain(int *fd, struct azjit_buf *buf)
{
	char chunk[4096];
	ssize_t n = read(*fd, chunk, sizeof(chunk));
	bool ok = true;

	if (n > 0)
		ok = azjit_buf_add(buf, chunk, (size_t)n);
	else if (n == 0 || errno != EINTR) {
		(void)close(*fd);
		*fd = -1;
	}
	explicit_bzero(chunk, sizeof(chunk));
	return ok;
}

static enum azjit_result gather(struct az *az, uint64_t end, unsigned deadline_ms,
                                struct azjit_reason *reason)
{
	while (az->out >= 0 || az->err >= 0) {
		struct pollfd fds[] = {{.fd = az->out, .events = POLLIN}, {.fd = az->err, .events = POLLIN}};
		uint64_t now = azjit_time_monotonic_ms();

		if (now >= end)
			return azjit_fail(reason, AZJIT_IDENTITY,
			                  "the Azure CLI gave no token within %u seconds: try `az account "
			                  "get-access-token` by hand",
			                  deadline_ms / 1000);
		if (poll(fds, 2, (int)(end - now)) < 0 && errno != EINTR)
			return azjit_fail(reason, AZJIT_SYSTEM, "poll: %m");
		if ((fds[0].revents && !drain(&az->out, &az->answer)) ||
		    (fds[1].revents && !drain(&az->err, &az->errors)))
			return azjit_fail(reason, AZJIT_IDENTITY,
			                  "the Azure CLI printed more than %zu bytes where a token was asked",
			                  OUTPUT_MAX_BYTES);
	}
	return AZJIT_OK;
}

// The first line that says ERROR, else the first with anything on it, in one printable sentence.
static enum azjit_result complain(const struct az *az, struct azjit_reason *reason)
{
	const char *text = az->errors.data ? az->errors.data : "", *error = strstr(text, "ERROR:");
	char line[512];

	if (error)
		text = error + strlen("ERROR:");
	text += strspn(text, " \t\r\n");
	(void)snprintf(line, sizeof(line), "%.*s", (int)strcspn(text, "\r\n"), text);
	return azjit_fail(reason, AZJIT_IDENTITY, "the Azure CLI gave no token: %s",
	                  line[0] ? line : "it failed without a word");
}

// From az's form to the one that the library reads (azure.md §6.2).
static enum azjit_result convert(const struct az *az, struct azjit_buf *ret, struct azjit_reason *reason)
{
	json_auto_t *root =
	        az->answer.len ? json_loadb(az->answer.data, az->answer.len, JSON_REJECT_DUPLICATES, NULL)
	                       : NULL;
	json_t *token = json_object_get(root, "accessToken"), *ends = json_object_get(root, "expires_on");
	bool ok;

	if (!json_is_string(token))
		return azjit_fail(
		        reason, AZJIT_IDENTITY,
		        "the Azure CLI printed no token: try `az account get-access-token` by hand");
	ok = strcspn(json_string_value(token), "\"\\") == json_string_length(token) &&
	     azjit_buf_printf(ret, "{\"access_token\": \"%s\", \"expires_on\": %lld}",
	                      json_string_value(token), (long long)json_integer_value(ends));
	explicit_bzero((char *)(uintptr_t)json_string_value(token), json_string_length(token));
	if (!json_is_integer(ends))
		return azjit_fail(
		        reason, AZJIT_IDENTITY,
		        "the Azure CLI does not say when its token ends (expires_on): it must be 2.54 "
		        "or newer");
	return ok ? AZJIT_OK
	          : azjit_fail(reason, AZJIT_IDENTITY, "the Azure CLI printed a token that cannot be used");
}

// Its output has ended, so it is about to end. Who is not by the deadline is killed, and failed.
static int reap(struct az *az, uint64_t end)
{
	int status = -1;
	pid_t pid;

	while ((pid = waitpid(az->pid, &status, WNOHANG)) <= 0) {
		if ((pid < 0 && errno != EINTR) || azjit_time_monotonic_ms() >= end)
			return -1; // az_clear kills it
		(void)poll(NULL, 0, 5);
	}
	az->pid = 0;
	return status;
}

enum azjit_result az_bring(void *userdata, const char *audience, struct azjit_buf *ret_answer,
                           struct azjit_reason *reason)
{
	const struct az_wish *wish = userdata;
	_cleanup_(az_clear) struct az az = {.out = -1,
	                                    .err = -1,
	                                    .answer = AZJIT_BUF(OUTPUT_MAX_BYTES),
	                                    .errors = AZJIT_BUF(OUTPUT_MAX_BYTES)};
	_cleanup_free_ char *file = find_az();
	uint64_t end = azjit_time_monotonic_ms() + wish->deadline_ms;
	enum azjit_result result;
	int status;

	if (!file)
		return azjit_fail(reason, AZJIT_IDENTITY,
		                  "there is no identity: run `azjit login`, or set AZURE_CLIENT_ID, "
		                  "AZURE_TENANT_ID and AZURE_CLIENT_SECRET, or install the Azure CLI and run "
		                  "`az login`, or give --config");
	result = start(file, audience, wish, &az, reason);
	if (result == AZJIT_OK)
		result = gather(&az, end, wish->deadline_ms, reason);
	if (result != AZJIT_OK)
		return result;
	status = reap(&az, end);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return complain(&az, reason);
	return convert(&az, ret_answer, reason);
}
