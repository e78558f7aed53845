// SPDX-License-Identifier: Apache-2.0
// What `azjit doctor` finds on a host: each finding where it is due, and not where it is not.
#include "../../client/direct/doctor_local.h"

#include <azjit/address.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cmocka.h>

static struct direct direct;
static struct doctor doctor;
static char directory[] = "/tmp/azjit-doctor-XXXXXX";

static int setup(void **state)
{
	(void)state;
	direct = (struct direct){.answer = NULL};
	doctor = (struct doctor){.direct = &direct, .findings = json_array(), .unseen = json_array()};
	return azjit_config_defaults(&direct.config) == AZJIT_OK ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	json_decref(doctor.findings);
	json_decref(doctor.unseen);
	azjit_config_free(direct.config);
	return 0;
}

// Each finding as severity:kind, then how many things were not looked at; and forgets them.
static void assert_found(const char *expected)
{
	char text[512] = "";
	size_t len = 0;

	assert_false(doctor.failed);
	for (size_t i = 0; i < json_array_size(doctor.findings); i++) {
		const json_t *row = json_array_get(doctor.findings, i);

		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s:%s ",
		                        json_string_value(json_object_get(row, "severity")),
		                        json_string_value(json_object_get(row, "kind")));
		assert_true(json_string_length(json_object_get(row, "what")) > 0);
		assert_true(json_string_length(json_object_get(row, "why")) > 0);
		assert_true(json_string_length(json_object_get(row, "mend")) > 0);
	}
	(void)snprintf(text + len, sizeof(text) - len, "%zu", json_array_size(doctor.unseen));
	assert_string_equal(text, expected);
	json_array_clear(doctor.findings);
	json_array_clear(doctor.unseen);
}

static const char *first(const char *member)
{
	return json_string_value(json_object_get(json_array_get(doctor.findings, 0), member));
}

// --- files --------------------------------------------------------------------------------------------

static const char *file(const char *name, const char *text)
{
	static char path[PATH_MAX];
	FILE *out;

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	out = fopen(path, "w");
	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
	return path;
}

static void files(void **state)
{
	const char *path = file("ledger.db", "x");
	char expected[PATH_MAX], link[PATH_MAX];

	(void)state;
	assert_int_equal(chmod(path, 0600), 0);
	doctor_file(&doctor, path, geteuid(), S_IRWXG | S_IRWXO);
	assert_found("0");
	assert_int_equal(chmod(path, 0640), 0);
	doctor_file(&doctor, path, geteuid(), S_IWGRP | S_IWOTH);
	assert_found("0");
	doctor_file(&doctor, path, geteuid(), S_IRWXG | S_IRWXO);
	(void)snprintf(expected, sizeof(expected), "chown %u %s && chmod go-rwx %s", geteuid(), path, path);
	assert_string_equal(first("mend"), expected);
	assert_found("high:file-rights 0");
	(void)snprintf(link, sizeof(link), "%s/link", directory);
	assert_int_equal(symlink(path, link), 0);
	doctor_file(&doctor, link, geteuid(), S_IWGRP | S_IWOTH);
	assert_found("high:file-rights 0");
	(void)unlink(link);
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 12345, 12345), 0);
		doctor_file(&doctor, path, 0, S_IWGRP | S_IWOTH);
		assert_found("high:file-rights 0");
		doctor_file(&doctor, path, 12345, S_IWGRP | S_IWOTH);
		assert_found("0");
	}
	(void)unlink(path);
	doctor_file(&doctor, path, geteuid(), S_IWGRP);
	assert_found("1");
}

// --- PAM ----------------------------------------------------------------------------------------------

#define ACCOUNT "account required pam_azjit.so\n"
#define SESSION "session required pam_azjit.so\n"

static void pam(void **state)
{
	static const struct {
		const char *text, *found;
	} rows[] = {
	        {ACCOUNT SESSION, "0"},
	        {"# comment\n-account\trequisite  /lib/security/pam_azjit.so # ours\nSESSION required "
	         "pam_azjit.so",
	         "0"},
	        {"account required pam_unix.so\n" ACCOUNT "session required pam_loginuid.so\n" SESSION, "0"},
	        {"account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so\n" ACCOUNT SESSION,
	         "0"},
	        {ACCOUNT "account sufficient pam_unix.so\n" SESSION, "0"},
	        {"@include both\n", "0"},
	        {"account include both\nsession substack both\n", "0"},
	        {"account substack early\n" ACCOUNT SESSION, "0"},
	        {"", "high:pam-missing high:pam-missing 0"},
	        {"#" ACCOUNT SESSION, "high:pam-missing 0"},
	        {ACCOUNT "session required pam_azjit.so.old\n", "high:pam-missing 0"},
	        {"account include both\n", "high:pam-missing 0"},
	        {"account optional pam_azjit.so\n" SESSION, "high:pam-control 0"},
	        {ACCOUNT "session [default=ignore] pam_azjit.so\n", "high:pam-control 0"},
	        {"account sufficient pam_unix.so\n" ACCOUNT SESSION, "high:pam-order 0"},
	        {"account [success=done default=bad] pam_unix.so\n" ACCOUNT SESSION, "high:pam-order 0"},
	        {"@include early\n" ACCOUNT SESSION, "high:pam-order 0"},
	        {"@include sshd\n", "2"}, // of itself, without end
	        {"@include none\n" ACCOUNT SESSION, "0"},
	        {"@include none\n", "2"},
	};

	(void)state;
	(void)file("both", ACCOUNT SESSION);
	(void)file("early", "account sufficient pam_unix.so\n");
	for (size_t i = 0; i < AZJIT_COUNT(rows); i++) {
		(void)file("sshd", rows[i].text);
		doctor_pam(&doctor, directory, "sshd");
		assert_found(rows[i].found);
	}
	doctor_pam(&doctor, directory, "login");
	assert_found("2");
	for (size_t i = 0; i < 3; i++) {
		const char *names[] = {"both", "early", "sshd"};

		(void)unlink(file(names[i], ""));
	}
}

// --- sshd ---------------------------------------------------------------------------------------------

static void sshd(void **state)
{
#define GOOD "port 22\nusepam yes\nlogingracetime 120\nmaxstartups 100:30:200\n"
#define FREE "allowtcpforwarding yes\ndisableforwarding no\n"
	static const struct {
		const char *text, *found;
	} rows[] = {
	        {GOOD FREE, "0"},
	        {"", "0"},
	        {"logingracetime 0\nmaxstartups 11:30:100\n", "0"},
	        {"usepam no\n" GOOD FREE, "high:sshd-pam 0"},
	        {"xusepam no\nusepamx no\n" GOOD FREE, "0"},
	        {"logingracetime 29\n" GOOD FREE, "medium:sshd-grace 0"},
	        {"logingracetime 30\n" GOOD FREE, "0"},
	        {"maxstartups 10:30:100\n" GOOD FREE, "low:sshd-startups 0"},
	        {GOOD "allowtcpforwarding no\ndisableforwarding no\n", "low:sshd-forwarding 0"},
	        {GOOD "allowtcpforwarding yes\ndisableforwarding yes\n", "low:sshd-forwarding 0"},
	};

	(void)state;
	for (size_t i = 0; i < AZJIT_COUNT(rows); i++) {
		doctor_sshd(&doctor, rows[i].text);
		assert_found(rows[i].found);
	}
}

// --- the broker -----------------------------------------------------------------------------------------

static void broker(void **state)
{
	static const struct {
		const char *guard, *relay, *kill_switch, *result, *found;
	} rows[] = {
	        {"on", "up", "0", "ok", "0"},
	        {"on", "up", "0", NULL, "0"}, // no inventory yet
	        {"off", "up", "0", "ok", "high:guard 0"},
	        {"unknown", "up", "0", "ok", "high:guard 0"},
	        {"on", "down", "0", "ok", "high:relay 0"},
	        {"on", "up", "1", "ok", "medium:kill-switch 0"},
	        {"on", "up", "0", "forbidden", "high:inventory 0"},
	};
	struct report report;

	(void)state;
	for (size_t i = 0; i < AZJIT_COUNT(rows); i++) {
		assert_true(report_init(&report));
		report.result = AZJIT_OK;
		assert_int_equal(
		        json_array_append_new(report.rows,
		                              json_pack("{s:s, s:s, s:s, s:s}", "type", "broker", "guard",
		                                        rows[i].guard, "relay", rows[i].relay, "kill_switch",
		                                        rows[i].kill_switch)),
		        0);
		assert_int_equal(json_array_append_new(report.rows,
		                                       json_pack("{s:s, s:s*, s:s}", "type", "azure",
		                                                 "result", rows[i].result, "reason", "why")),
		                 0);
		doctor_broker(&doctor, &report);
		assert_found(rows[i].found);
		report_clear(&report);
	}
	assert_true(report_init(&report));
	report.result = azjit_fail(&report.reason, AZJIT_BROKER_DOWN, "nobody");
	doctor_broker(&doctor, &report);
	assert_found("high:broker 0");
	report_clear(&report);
}

// --- the metadata service -------------------------------------------------------------------------------

static void imds(void **state)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(here);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char url[64];

	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&here, sizeof(here)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&here, &len), 0);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u", ntohs(here.sin_port));
	doctor_imds(&doctor, url); // bound, but nobody listens
	assert_found("0");
	assert_int_equal(listen(fd, 1), 0);
	doctor_imds(&doctor, url);
	assert_found("high:imds 0");
	(void)close(fd);
	doctor_imds(&doctor, "http://[::1]:80");
	doctor_imds(&doctor, "https://127.0.0.1");
	doctor_imds(&doctor, "http://127.0.0.1:x");
	assert_found("3");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(files, setup, teardown),
	        cmocka_unit_test_setup_teardown(pam, setup, teardown),
	        cmocka_unit_test_setup_teardown(sshd, setup, teardown),
	        cmocka_unit_test_setup_teardown(broker, setup, teardown),
	        cmocka_unit_test_setup_teardown(imds, setup, teardown),
	};
	int failed;

	if (!mkdtemp(directory))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	(void)rmdir(directory);
	return failed;
}
