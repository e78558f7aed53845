// SPDX-License-Identifier: Apache-2.0
// Threat model: whoever planted a socket where the broker's should be would get the caller's stdin and
// stdout. So the peer's uid must be the broker's (azjit_wire_connect asks the kernel), and neither the
// path nor that uid comes from the environment. What the broker sends is made printable before a
// terminal sees it.
#include "caller.h"

#include <azjit/text.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>

#define SEND_MS 5000

bool caller_option(struct caller *caller, int option, const char *value)
{
	if (option == CALLER_OPT_SOCKET)
		caller->socket = value;
	else if (option == CALLER_OPT_USER)
		caller->broker_user = value;
	else
		return false;
	return true;
}

enum azjit_result caller_open(const struct caller *caller, int timeout_ms, struct azjit_reason *reason,
                              int *ret_fd)
{
	const char *path = caller->socket ? caller->socket : AZJIT_SOCKET_PATH;
	const char *user = caller->broker_user ? caller->broker_user : CALLER_USER;
	const struct passwd *broker = getpwnam(user);
	int fd;

	if (!broker)
		return azjit_fail(
		        reason, AZJIT_BROKER_DOWN,
		        "there is no user '%s' for the broker to run as: azjit is not installed here "
		        "(systemd-sysusers makes that user)",
		        user);
	fd = azjit_wire_connect(path, broker->pw_uid, timeout_ms);
	if (fd == -EPERM)
		return azjit_fail(
		        reason, AZJIT_DENIED,
		        "%s is served by a user who is neither '%s' nor root: tell your administrator", path,
		        user);
	if (fd < 0)
		return azjit_fail(reason, AZJIT_BROKER_DOWN,
		                  "the broker does not answer at %s (%s): an administrator can start it with "
		                  "`systemctl start azjitd`",
		                  path, strerror(-fd));
	*ret_fd = fd;
	return AZJIT_OK;
}

enum azjit_result caller_send(int fd, struct azjit_wire_out *out, const int *fds, size_t fd_count,
                              struct azjit_reason *reason)
{
	size_t len = azjit_wire_end(out);
	int r;

	if (len == 0)
		return azjit_fail(reason, AZJIT_USAGE, "the request does not fit in %d bytes: shorten it",
		                  AZJIT_WIRE_MAX_BYTES);
	r = azjit_wire_send(fd, out->bytes, len, fds, fd_count, SEND_MS);
	if (r < 0)
		return azjit_fail(reason, AZJIT_BROKER_DOWN, "the broker does not take the request: %s",
		                  strerror(-r));
	return AZJIT_OK;
}

const char *caller_session(void)
{
	const char *session = getenv("AZJIT_SESSION");

	return session && azjit_uuid_valid(session) ? session : NULL;
}

enum azjit_result caller_done(const struct azjit_wire_msg *msg, struct azjit_reason *reason)
{
	const char *result = azjit_wire_get(msg, "result"), *text = azjit_wire_get(msg, "reason");

	return azjit_fail(reason, azjit_result_from_name(result ? result : ""), "%s", text ? text : "");
}

int caller_exit(enum azjit_result result, const struct azjit_reason *reason)
{
	char text[sizeof(reason->text)];

	if (result != AZJIT_OK) {
		azjit_printable(reason->text, text, sizeof(text));
		(void)fprintf(stderr, "azjit: %s\n", text[0] ? text : azjit_result_name(result));
	}
	return azjit_result_exit(result);
}

int caller_usage(const char *fmt, ...)
{
	struct azjit_reason reason;
	char text[sizeof(reason.text)];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return caller_exit(azjit_fail(&reason, AZJIT_USAGE, "%s", text), &reason);
}
