// SPDX-License-Identifier: Apache-2.0
// Threat model: this runs as root, over files that somebody else may have written, and beside users who would
// like it to do something for them. Must hold: nothing is written, no file decides anything here but what is
// printed, and the child that tries IMDS has given
// up root before it does.
#include "doctor_local.h"

#include <azjit/address.h>
#include <azjit/text.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define IMDS_URL         "http://169.254.169.254"
#define IMDS_DEADLINE_MS 1500
#define WARNINGS_BYTES   ((size_t)65536)

// --- the configuration and the files --------------------------------------------------------------------

static void look_at_config(struct doctor *doctor)
{
	static const char why[] =
	        "A rule that names nobody lets nobody in, and what the broker cannot read stops it.";
	_cleanup_buf_ struct azjit_buf warnings = AZJIT_BUF(WARNINGS_BYTES);
	struct azjit_reason reason;
	char *line, *rest;

	if (azjit_config_check(doctor->direct->config, &warnings, &reason) != AZJIT_OK)
		doctor_find(doctor, AZJIT_SEVERITY_HIGH, "config", why, doctor_text("%s", reason.text),
		            doctor_text("azjit config check"));
	rest = warnings.data;
	while (rest && (line = strsep(&rest, "\n")))
		if (*line)
			doctor_find(doctor, AZJIT_SEVERITY_LOW, "config-warning", why,
			            doctor_text("%s", line), doctor_text("azjit config check"));
}

void doctor_file(struct doctor *doctor, const char *path, uid_t owner, mode_t forbidden)
{
	struct stat st;
	bool owned, shut;

	if (lstat(path, &st) != 0) {
		doctor_unseen(doctor, "%s: %m", path);
		return;
	}
	owned = st.st_uid == 0 || st.st_uid == owner;
	shut = !S_ISLNK(st.st_mode) && !(st.st_mode & forbidden);
	if (owned && shut)
		return;
	doctor_find(doctor, AZJIT_SEVERITY_HIGH, "file-rights",
	            "Who writes the configuration decides who gets in, and who writes the ledger what is "
	            "known of it.",
	            doctor_text("%s has the mode %04o and belongs to uid %u", path,
	                        (unsigned)(st.st_mode & 07777), (unsigned)st.st_uid),
	            doctor_text("chown %u %s && chmod %s %s", (unsigned)owner, doctor_word(path).text,
	                        forbidden & S_IROTH ? "go-rwx" : "go-w", doctor_word(path).text));
}

static bool uid_of(const char *name, uid_t *ret)
{
	char room[16384];
	struct passwd pw, *found = NULL;

	if (getpwnam_r(name, &pw, room, sizeof(room), &found) != 0 || !found)
		return false;
	*ret = pw.pw_uid;
	return true;
}

static void look_at_files(struct doctor *doctor)
{
	const char *ledger = doctor->direct->config->ledger, *slash = strrchr(ledger, '/');
	char directory[PATH_MAX];
	uid_t broker;

	doctor_file(doctor, "/etc/azjit", 0, S_IWGRP | S_IWOTH);
	doctor_file(doctor, AZJIT_CONFIG_PATH, 0, S_IWGRP | S_IWOTH);
	if (!uid_of(CALLER_USER, &broker)) {
		doctor_unseen(doctor, "%s: there is no user " CALLER_USER, ledger);
		return;
	}
	(void)snprintf(directory, sizeof(directory), "%.*s", (int)(slash - ledger), ledger);
	doctor_file(doctor, directory, broker, S_IWGRP | S_IWOTH);
	doctor_file(doctor, ledger, broker, S_IRWXG | S_IRWXO);
}

// --- PAM --------------------------------------------------------------------------------------------------

static void look_at_pam(struct doctor *doctor)
{
	const struct azjit_config *config = doctor->direct->config;
	json_auto_t *services = json_object();

	for (size_t i = 0; i < config->rule_count; i++) {
		const struct azjit_strings *of_rule = &config->rules[i].services;

		if (of_rule->count == 0)
			doctor->failed |= json_object_set_new(services, "sshd", json_true()) != 0;
		for (size_t k = 0; k < of_rule->count; k++)
			doctor->failed |= json_object_set_new(services, of_rule->items[k], json_true()) != 0;
	}
	for (void *at = json_object_iter(services); at; at = json_object_iter_next(services, at))
		doctor_pam(doctor, "/etc/pam.d", json_object_iter_key(at));
}

// --- the metadata service ---------------------------------------------------------------------------------

// 0: connected, 1: not, 2: it cannot be tried as somebody unprivileged. In a child.
static int try_imds(const struct sockaddr *to, unsigned len, uid_t uid, gid_t gid)
{
	struct pollfd ready = {.fd = -1, .events = POLLOUT};
	socklen_t size = sizeof(int);
	int error = 0;

	if (geteuid() == 0 && (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 ||
	                       setresuid(uid, uid, uid) != 0 || geteuid() == 0))
		return 2;
	ready.fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (ready.fd < 0)
		return 2;
	if (connect(ready.fd, to, len) == 0)
		return 0;
	if (errno != EINPROGRESS || poll(&ready, 1, IMDS_DEADLINE_MS) != 1)
		return 1;
	return getsockopt(ready.fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0 ? 0 : 1;
}

// "http://169.254.169.254" or "http://127.0.0.1:8080".
static bool read_url(const char *url, struct azjit_addr *ret, uint16_t *ret_port)
{
	static const char scheme[] = "http://";
	char host[64];
	size_t len;

	if (strncmp(url, scheme, strlen(scheme)) != 0)
		return false;
	url += strlen(scheme);
	len = strcspn(url, ":/");
	*ret_port = 80;
	(void)snprintf(host, sizeof(host), "%.*s", (int)len, url);
	return azjit_addr_parse(host, ret) == AZJIT_OK &&
	       (url[len] != ':' || azjit_parse_port(url + len + 1, ret_port) == AZJIT_OK);
}

static int ask_imds(const char *url)
{
	char room[16384];
	struct passwd pw, *nobody = NULL;
	struct sockaddr_storage to;
	struct azjit_addr addr;
	uint16_t port;
	unsigned len;
	int status = -1;
	pid_t pid;

	if (!read_url(url, &addr, &port) ||
	    (geteuid() == 0 && (getpwnam_r("nobody", &pw, room, sizeof(room), &nobody) != 0 || !nobody)))
		return 2;
	len = azjit_addr_to_sockaddr(&addr, port, &to);
	pid = fork();
	if (pid == 0)
		_exit(try_imds((const struct sockaddr *)&to, len, nobody ? nobody->pw_uid : geteuid(),
		               nobody ? nobody->pw_gid : getegid()));
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}

void doctor_imds(struct doctor *doctor, const char *url)
{
	int got = ask_imds(url);

	if (got == 2)
		doctor_unseen(doctor, "whether users reach %s: it cannot be tried as one of them", url);
	if (got != 0)
		return;
	doctor_find(doctor, AZJIT_SEVERITY_HIGH, "imds",
	            "Whoever reaches the metadata service gets a token of this machine's identity, and opens "
	            "what azjit opens. Metadata Security Protocol in Enforce mode shuts it in Azure, too.",
	            doctor_text("an unprivileged process reaches the metadata service at %s", url),
	            doctor_text("systemctl enable --now azjit-guard"));
}

// --- the broker -------------------------------------------------------------------------------------------

static const json_t *row_of(const struct report *report, const char *type)
{
	for (size_t i = 0; i < json_array_size(report->rows); i++)
		if (report_is(json_array_get(report->rows, i), type))
			return json_array_get(report->rows, i);
	return NULL;
}

static void look_at_broker_row(struct doctor *doctor, const json_t *row)
{
	if (!azjit_streq(report_get(row, "guard"), "on"))
		doctor_find(doctor, AZJIT_SEVERITY_HIGH, "guard",
		            "Without the guard a port that is opened for one person is open to every user of "
		            "this host.",
		            doctor_text("the guard is not on: %s", report_get(row, "guard")),
		            doctor_text("systemctl enable --now azjit-guard"));
	if (!azjit_streq(report_get(row, "relay"), "up"))
		doctor_find(doctor, AZJIT_SEVERITY_HIGH, "relay", "Every connection goes through the relay.",
		            doctor_text("the relay is not up: %s", report_get(row, "relay")),
		            doctor_text("systemctl enable --now azjit-relay"));
	if (azjit_streq(report_get(row, "kill_switch"), "1"))
		doctor_find(doctor, AZJIT_SEVERITY_MEDIUM, "kill-switch",
		            "Nothing is requested while it is on.", doctor_text("the kill switch is on"),
		            doctor_text("rm %s", doctor_word(doctor->direct->config->kill_switch).text));
}

void doctor_broker(struct doctor *doctor, const struct report *report)
{
	const json_t *broker = row_of(report, "broker"), *azure = row_of(report, "azure");
	const char *result = azure ? report_get(azure, "result") : "";

	if (report->result != AZJIT_OK || !broker) {
		doctor_find(doctor, AZJIT_SEVERITY_HIGH, "broker",
		            "Without the broker no port is opened, and no login is recorded.",
		            doctor_text("%s", report->reason.text),
		            doctor_text("systemctl enable --now azjitd.socket azjitd"));
		return;
	}
	look_at_broker_row(doctor, broker);
	if (*result && !azjit_streq(result, "ok"))
		doctor_find(
		        doctor, AZJIT_SEVERITY_HIGH, "inventory",
		        "What the broker could not read it does not open, or opens by what it knew before.",
		        doctor_text("the broker's last inventory failed: %s", report_get(azure, "reason")),
		        doctor_text("journalctl -u azjitd"));
}

static void ask_broker(struct doctor *doctor)
{
	const struct caller caller = {.socket = doctor->direct->config->socket};
	_cleanup_report_ struct report report = {.rows = NULL};

	if (!report_init(&report)) {
		doctor->failed = true;
		return;
	}
	report_ask(&report, &caller, "STATUS", NULL, 0);
	doctor_broker(doctor, &report);
}

// --- all of it ------------------------------------------------------------------------------------------

void doctor_local(struct doctor *doctor)
{
	const struct azjit_config *config = doctor->direct->config;

	if (!config || !azjit_streq(doctor->direct->options.config, AZJIT_CONFIG_PATH)) {
		doctor_unseen(doctor, "this host: that takes its own configuration, " AZJIT_CONFIG_PATH);
		return;
	}
	look_at_config(doctor);
	look_at_files(doctor);
	look_at_pam(doctor);
	doctor_run_sshd(doctor);
	ask_broker(doctor);
	doctor_imds(doctor, config->imds_url ? config->imds_url : IMDS_URL);
}
