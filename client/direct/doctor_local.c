// SPDX-License-Identifier: Apache-2.0
// Threat model: this runs as root, over files that somebody else may have written, and beside users who would
// like it to do something for them. Must hold: nothing is written, and no file decides anything here but what
// is printed.
#include "doctor_local.h"

#include <azjit/text.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#define WARNINGS_BYTES ((size_t)65536)

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
	            doctor_text("chown -h %u %s && chmod %s %s", (unsigned)owner, doctor_word(path).text,
	                        forbidden & S_IROTH ? "go-rwx" : "go-w", doctor_word(path).text));
}

static void look_at_files(struct doctor *doctor)
{
	const char *ledger = doctor->direct->config->ledger, *slash = strrchr(ledger, '/');
	char directory[PATH_MAX];
	uid_t broker;
	gid_t gid;

	doctor_file(doctor, "/etc/azjit", 0, S_IWGRP | S_IWOTH);
	doctor_file(doctor, AZJIT_CONFIG_PATH, 0, S_IWGRP | S_IWOTH);
	if (!doctor_user(CALLER_USER, &broker, &gid)) {
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

bool doctor_is_local(const struct doctor *doctor)
{
	return doctor->direct->config && azjit_streq(doctor->direct->options.config, AZJIT_CONFIG_PATH);
}

void doctor_local(struct doctor *doctor)
{
	if (!doctor_is_local(doctor)) {
		doctor_unseen(doctor, "this host: that takes its own configuration, " AZJIT_CONFIG_PATH);
		return;
	}
	look_at_config(doctor);
	look_at_files(doctor);
	look_at_pam(doctor);
	doctor_run_sshd(doctor);
	ask_broker(doctor);
}
