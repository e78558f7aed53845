// SPDX-License-Identifier: Apache-2.0
// Threat model: a user of this host takes a token of the machine's identity from the metadata service, or the
// machine's settings from the wire server. Whether he can is tried, as the user nobody, in a child that has given up
// root before it connects, and that asks for nothing: a token is not taken to see if it could be.
#include "doctor_local.h"

#include <azjit/address.h>
#include <azjit/text.h>
#include <grp.h>
#include <ifaddrs.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define IMDS_URL          "http://169.254.169.254"
#define WIRE_SERVER_URL   "http://168.63.129.16"
#define REACH_DEADLINE_MS 1500

// --- trying ----------------------------------------------------------------------------------------------

bool doctor_user(const char *name, uid_t *ret_uid, gid_t *ret_gid)
{
	char room[16384];
	struct passwd pw, *found = NULL;

	if (getpwnam_r(name, &pw, room, sizeof(room), &found) != 0 || !found)
		return false;
	*ret_uid = pw.pw_uid;
	*ret_gid = pw.pw_gid;
	return true;
}

enum reached { REACHED_UNTRIED = 0, REACHED_NO, REACHED_YES };

// In a child.
static enum reached try_as(const struct sockaddr *to, unsigned len, uid_t uid, gid_t gid)
{
	struct pollfd ready = {.fd = -1, .events = POLLOUT};
	socklen_t size = sizeof(int);
	int error = 0;

	if (geteuid() == 0 && (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 ||
	                       setresuid(uid, uid, uid) != 0 || geteuid() == 0))
		return REACHED_UNTRIED;
	ready.fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (ready.fd < 0)
		return REACHED_UNTRIED;
	if (connect(ready.fd, to, len) == 0)
		return REACHED_YES;
	if (errno != EINPROGRESS || poll(&ready, 1, REACH_DEADLINE_MS) != 1)
		return REACHED_NO;
	return getsockopt(ready.fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0 ? REACHED_YES
	                                                                                    : REACHED_NO;
}

struct endpoint {
	struct azjit_addr addr;
	uint16_t port;
};

// "http://169.254.169.254" or "http://127.0.0.1:8080".
static bool read_url(const char *url, struct endpoint *ret)
{
	static const char scheme[] = "http://";
	char host[64];
	size_t len;

	if (strncmp(url, scheme, strlen(scheme)) != 0)
		return false;
	url += strlen(scheme);
	len = strcspn(url, ":/");
	ret->port = 80;
	(void)snprintf(host, sizeof(host), "%.*s", (int)len, url);
	return azjit_addr_parse(host, &ret->addr) == AZJIT_OK &&
	       (url[len] != ':' || azjit_parse_port(url + len + 1, &ret->port) == AZJIT_OK);
}

static enum reached reach(const char *url, struct endpoint *ret)
{
	struct sockaddr_storage to;
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int status = -1;
	unsigned len;
	pid_t pid;

	if (!read_url(url, ret) || (uid == 0 && !doctor_user("nobody", &uid, &gid)))
		return REACHED_UNTRIED;
	len = azjit_addr_to_sockaddr(&ret->addr, ret->port, &to);
	pid = fork();
	if (pid == 0)
		_exit((int)try_as((const struct sockaddr *)&to, len, uid, gid));
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid > 0 && WIFEXITED(status) ? (enum reached)WEXITSTATUS(status) : REACHED_UNTRIED;
}

// --- what Azure does about it ----------------------------------------------------------------------------

static bool is_ours(const char *address)
{
	struct ifaddrs *all = NULL;
	struct azjit_addr wanted, addr;
	uint16_t port;
	bool found = false;

	if (azjit_addr_parse(address, &wanted) != AZJIT_OK || getifaddrs(&all) != 0)
		return false;
	for (const struct ifaddrs *at = all; at && !found; at = at->ifa_next)
		found = at->ifa_addr && azjit_addr_from_sockaddr(at->ifa_addr, &addr, &port) &&
		        azjit_addr_equal(&addr, &wanted);
	freeifaddrs(all);
	return found;
}

// The mode of the Metadata Security Protocol's agent on this host (azure.md §12.6), known by its private
// address; "" if it is off, or if it is not known which VM this is.
static const char *protocol_mode(const struct doctor *doctor)
{
	const char *vm = "";

	for (size_t i = 0; i < json_array_size(doctor->nics); i++) {
		const json_t *nic = json_array_get(doctor->nics, i),
		             *configs = json_object_get(nic, "ipconfigs");

		for (size_t k = 0; k < json_array_size(configs); k++) {
			if (!is_ours(json_text(json_array_get(configs, k), "address")))
				continue;
			if (*vm && !azjit_ieq(vm, json_text(nic, "vm_id")))
				return ""; // two networks may have the same addresses
			vm = json_text(nic, "vm_id");
		}
	}
	return *vm ? json_text(json_by_id(doctor->vms, vm), "metadata_protocol") : "";
}

// --- what is found -----------------------------------------------------------------------------------------

// The guard, or where there is none its line alone.
static char *shut(const struct endpoint *to, const char *ports)
{
	char addr[AZJIT_ADDR_CHARS], broker[16] = "";
	uid_t uid;
	gid_t gid;

	azjit_addr_format(&to->addr, addr);
	if (doctor_user(CALLER_USER, &uid, &gid))
		(void)snprintf(broker, sizeof(broker), ", %u", (unsigned)uid);
	return doctor_text(
	        "systemctl enable --now azjit-guard || nft 'table inet azjit_metadata { chain "
	        "output { type filter hook output priority 0; %s daddr %s tcp dport %s meta skuid != "
	        "{ 0%s } reject; }; }'",
	        to->addr.family == AZJIT_IPV6 ? "ip6" : "ip", addr, ports, broker);
}

void doctor_imds(struct doctor *doctor, const char *url)
{
	static const char audits[] =
	        "Whoever reaches the metadata service gets a token of this machine's identity, and opens "
	        "what azjit opens. The Metadata Security Protocol is in Audit mode here, and refuses nobody.";
	static const char lacks[] =
	        "Whoever reaches the metadata service gets a token of this machine's identity, and opens "
	        "what azjit opens. Metadata Security Protocol in Enforce mode shuts it in Azure, too.";
	const char *mode = protocol_mode(doctor);
	struct endpoint to;
	enum reached got = reach(url, &to);
	char port[8];

	if (got == REACHED_UNTRIED)
		doctor_unseen(doctor, "whether users reach %s: it cannot be tried as one of them", url);
	if (got != REACHED_YES)
		return;
	if (azjit_ieq(mode, "Enforce")) {
		doctor_unseen(doctor,
		              "whether the Metadata Security Protocol, in Enforce mode here, refuses users a "
		              "token: they connect to %s, and asking for one would take it",
		              url);
		return;
	}
	(void)snprintf(port, sizeof(port), "%u", to.port);
	doctor_find(doctor, AZJIT_SEVERITY_HIGH, "imds", *mode ? audits : lacks,
	            doctor_text("an unprivileged process reaches the metadata service at %s", url),
	            shut(&to, port));
}

void doctor_wire_server(struct doctor *doctor)
{
	struct endpoint to;

	if (reach(WIRE_SERVER_URL, &to) == REACHED_YES)
		doctor_find(doctor, AZJIT_SEVERITY_HIGH, "wire-server",
		            "The wire server gives out what the machine is set up with, certificates and "
		            "protected settings of extensions among it.",
		            doctor_text("an unprivileged process reaches the wire server at 168.63.129.16"),
		            shut(&to, "!= 53"));
}

void doctor_metadata(struct doctor *doctor)
{
	const struct azjit_config *config = doctor->direct->config;

	if (!doctor_is_local(doctor))
		return;
	doctor_imds(doctor, config->imds_url);
	if (azjit_streq(config->imds_url, IMDS_URL)) // else this is no VM of Azure's
		doctor_wire_server(doctor);
}
