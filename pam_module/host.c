// SPDX-License-Identifier: Apache-2.0
#include "host.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

const char *host_item(const pam_handle_t *pamh, int item)
{
	const void *value = NULL;

	if (pam_get_item(pamh, item, &value) != PAM_SUCCESS || !value)
		return NULL;
	return *(const char *)value ? value : NULL;
}

// As IPv6, an IPv4 address mapped, so that the two ways to write one compare equal.
static bool address_of(const char *text, size_t len, struct in6_addr *ret)
{
	char copy[sizeof("::ffff:") + INET6_ADDRSTRLEN] = "::ffff:";

	if (len >= INET6_ADDRSTRLEN)
		return false;
	memcpy(copy + strlen("::ffff:"), text, len);
	copy[strlen("::ffff:") + len] = '\0';
	return inet_pton(AF_INET6, copy, ret) == 1 || inet_pton(AF_INET6, copy + strlen("::ffff:"), ret) == 1;
}

const char *host_ssh_connection(pam_handle_t *pamh)
{
	const char *connection = pam_getenv(pamh, "SSH_CONNECTION");
	const char *rhost = host_item(pamh, PAM_RHOST);
	struct in6_addr client, remote;

	if (!connection || !*connection)
		return NULL;
	if (rhost && address_of(rhost, strlen(rhost), &remote) &&
	    (!address_of(connection, strcspn(connection, " "), &client) ||
	     memcmp(&client, &remote, sizeof(client)) != 0))
		return NULL;
	return connection;
}

bool host_has_terminal(const pam_handle_t *pamh)
{
	static const char *const prefixes[] = {"/dev/", "tty", "pts/"};
	const char *tty = host_item(pamh, PAM_TTY);

	for (size_t i = 0; tty && i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (strncmp(tty, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

void host_say(const pam_handle_t *pamh, const char *text)
{
	const struct pam_message message = {.msg_style = PAM_ERROR_MSG, .msg = text};
	const struct pam_message *messages = &message;
	struct pam_response *response = NULL;
	const void *item = NULL;
	const struct pam_conv *conv;

	if (pam_get_item(pamh, PAM_CONV, &item) != PAM_SUCCESS || !item)
		return;
	conv = item;
	if (!conv->conv || conv->conv(1, &messages, &response, conv->appdata_ptr) != PAM_SUCCESS || !response)
		return;
	free(response->resp);
	free(response);
}
