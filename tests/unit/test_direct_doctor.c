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
	direct = (struct direct){.answer = json_object()};
	doctor = (struct doctor){.direct = &direct, .findings = json_array(), .unseen = json_array()};
	return azjit_config_defaults(&direct.config) == AZJIT_OK ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	json_decref(doctor.findings);
	json_decref(doctor.unseen);
	json_decref(direct.answer);
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

// --- words from outside -------------------------------------------------------------------------------

// They may be no UTF-8, and longer than a sentence is.
static void words(void **state)
{
	static const char a_umlaut[] = "\xc3\xa4";
	char text[3002] = "x", expected[3010] = "";

	(void)state;
	for (size_t i = 1; i < sizeof(text) - 2; i += 2)
		memcpy(text + i, a_umlaut, 2);
	doctor_unseen(&doctor, "%s", text);
	assert_string_equal(json_string_value(json_array_get(doctor.unseen, 0)), text);
	doctor_unseen(&doctor, "\xff\x1b");
	assert_string_equal(json_string_value(json_array_get(doctor.unseen, 1)), "\\xff\\x1b");
	doctor_find(&doctor, AZJIT_SEVERITY_LOW, "kind", "why", doctor_text("%s\xff", text),
	            doctor_text("\xfe"));
	assert_false(doctor.failed);
	(void)snprintf(expected, sizeof(expected), "%s\\xff", text);
	assert_string_equal(first("what"), expected);
	assert_string_equal(first("mend"), "\\xfe");
	assert_found("low:kind 2");
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
	(void)snprintf(expected, sizeof(expected), "chown -h %u %s && chmod go-rwx %s", geteuid(), path,
	               path);
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
#define PENALTIES                                                                                        \
	"persourcepenalties crash:90 authfail:5 noauth:1 grace-exceeded:10 refuseconnection:10 max:600 " \
	"min:15 max-sources4:65536 max-sources6:65536 overflow:permissive overflow6:permissive\n"
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
	        {"persourcemaxstartups none\n" GOOD FREE, "0"},
	        {"persourcemaxstartups 11\n" GOOD FREE, "0"},
	        {"persourcemaxstartups 10\n" GOOD FREE, "low:sshd-per-source 0"},
	        {"persourcepenalties no\npersourcepenaltyexemptlist none\n" GOOD FREE, "0"},
	        {PENALTIES "persourcepenaltyexemptlist none\n" GOOD FREE, "low:sshd-penalties 0"},
	        {PENALTIES GOOD FREE, "low:sshd-penalties 0"},
	        {PENALTIES "persourcepenaltyexemptlist 192.0.2.0/24\n" GOOD FREE, "0"},
	        {GOOD "allowtcpforwarding no\ndisableforwarding no\n", "low:sshd-forwarding 0"},
	        {GOOD "allowtcpforwarding yes\ndisableforwarding yes\n", "low:sshd-forwarding 0"},
	};

	(void)state;
	for (size_t i = 0; i < AZJIT_COUNT(rows); i++) {
		doctor_sshd(&doctor, rows[i].text);
		assert_found(rows[i].found);
	}
}

static void sshd_version(void **state)
{
	static const struct {
		const char *text, *version, *found;
	} rows[] = {
	        {"OpenSSH_9.2p1 Debian-2+deb12u3, OpenSSL 3.0.11 19 Sep 2023\n",
	         "OpenSSH_9.2p1 Debian-2+deb12u3", "0"},
	        {"OpenSSH_10.0p2 Debian-7, OpenSSL 3.5.0\n", "OpenSSH_10.0p2 Debian-7", "0"},
	        {"OpenSSH_8.0p1, OpenSSL 1.1.1k\n", "OpenSSH_8.0p1", "0"},
	        {"OpenSSH_7.9p1, OpenSSL 1.1.1\n", "OpenSSH_7.9p1", "medium:sshd-version 0"},
	        {"unknown option -- V\nOpenSSH_7.4p1, OpenSSL 1.0.2k-fips\nusage: sshd [-46DdeiqTt]\n",
	         "OpenSSH_7.4p1", "medium:sshd-version 0"},
	        {"OpenSSH_9.9\xff\x1b[31m, OpenSSL", "OpenSSH_9.9\\xff\\x1b[31m", "0"},
	        {"OpenSSH_for_Elsewhere_9.2\n", NULL, "1"},
	        {"dropbear\n", NULL, "1"},
	        {"OpenSSH_", NULL, "1"},
	};

	(void)state;
	for (size_t i = 0; i < AZJIT_COUNT(rows); i++) {
		const char *told;

		json_object_clear(direct.answer);
		doctor_sshd_version(&doctor, rows[i].text);
		told = json_string_value(json_object_get(direct.answer, "sshd"));
		assert_true(rows[i].version ? told && azjit_streq(told, rows[i].version) : !told);
		assert_found(rows[i].found);
	}
}

// --- the sshd of a machine ------------------------------------------------------------------------------

static void target(void **state)
{
#define VM           "maxstartups 10:30:100\nlogingracetime 120\n"
#define EXEMPT(list) VM PENALTIES "persourcepenaltyexemptlist " list "\n"
	static const struct {
		const char *text, *found, *mend; // mend: a part of the first one's
	} rows[] = {
	        {VM, "0", NULL},
	        {VM "persourcemaxstartups none\npersourcepenalties no\n", "0", NULL},
	        {"maxstartups 8:30:100\nlogingracetime 120\n", "0", NULL},
	        {"maxstartups 7:30:100\nlogingracetime 120\n", "medium:target-startups 0",
	         "'MaxStartups 100:"},
	        {"persourcemaxstartups 8\n" VM, "0", NULL},
	        {"persourcemaxstartups 7\n" VM, "medium:target-per-source 0", "ssh web01 sudo tee"},
	        {"maxstartups 10:30:100\nlogingracetime 0\n", "low:target-grace 0", "LoginGraceTime 120"},
	        {"maxstartups 10:30:100\nlogingracetime 121\n", "low:target-grace 0", "LoginGraceTime 120"},
	        {EXEMPT("none"), "medium:target-penalties 0", "ExemptList 10.9.9.9,10.9.9.10'"},
	        {VM PENALTIES, "medium:target-penalties 0", "ExemptList 10.9.9.9,10.9.9.10'"},
	        {EXEMPT("10.9.9.0/24"), "0", NULL},
	        {EXEMPT("192.0.2.1,10.9.9.9,10.9.9.10/32"), "0", NULL},
	        {EXEMPT("10.9.9.10,192.0.2.1"), "medium:target-penalties 0",
	         "'PerSourcePenaltyExemptList "
	         "10.9.9.9,10.9.9.10,192.0.2.1'"},
	        {EXEMPT("!10.9.9.9,10.9.9.10"), "medium:target-penalties 0", "10.9.9.9,!10.9.9.9"},
	        {EXEMPT("jump.example,"), "medium:target-penalties 0", NULL},
	        {EXEMPT("x'; id; echo '"), "medium:target-penalties 0", "ExemptList 10.9.9.9,10.9.9.10,…'"},
	        {"", "1", NULL},
	        {"MaxStartups 5\n", "1", NULL}, // an sshd_config
	};
	struct azjit_sources sources = {.count = 2};

	(void)state;
	assert_int_equal(azjit_prefix_parse("10.9.9.9", &sources.items[0]), AZJIT_OK);
	assert_int_equal(azjit_prefix_parse("10.9.9.10", &sources.items[1]), AZJIT_OK);
	for (size_t i = 0; i < AZJIT_COUNT(rows); i++) {
		doctor_target_sshd(&doctor, "web01", &sources, rows[i].text);
		if (rows[i].mend && !strstr(first("mend"), rows[i].mend))
			fail_msg("%s", first("mend"));
		assert_found(rows[i].found);
	}
	doctor_target_sshd(&doctor, "web01", NULL, EXEMPT("none"));
	assert_found("1");
	direct.config->max_young = 11;
	doctor_target_sshd(&doctor, "it's", &sources, VM);
	assert_non_null(strstr(first("mend"), "ssh 'it'\\''s' sudo"));
	assert_found("medium:target-startups 0");
}

// A list that is longer than what is read of it exempts nobody.
static void endless_exemption(void **state)
{
	static char text[4096];
	const struct azjit_sources none = {.count = 0};
	struct azjit_sources one = {.count = 1};
	int len = snprintf(text, sizeof(text), "%s", VM PENALTIES "persourcepenaltyexemptlist 10.0.0.0/8");

	(void)state;
	while (len < 3000)
		len += snprintf(text + len, sizeof(text) - (size_t)len, ",192.0.2.%d", len % 256);
	assert_int_equal(azjit_prefix_parse("10.9.9.9", &one.items[0]), AZJIT_OK);
	doctor_target_sshd(&doctor, "web01", &one, text);
	assert_found("medium:target-penalties 0");
	doctor_target_sshd(&doctor, "web01", &none, text);
	assert_found("0");
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

// What Azure does about it, on the VM that has this host's address.
static void metadata_protocol(void **state)
{
	static const struct {
		const char *mode, *other_vm, *address, *found, *why;
	} rows[] = {
	        {"", NULL, "127.0.0.1", "high:imds 0", "in Enforce mode shuts it in Azure, too"},
	        {"Audit", NULL, "127.0.0.1", "high:imds 0", "in Audit mode here"},
	        {"enforce", NULL, "127.0.0.1", "1", NULL},
	        {"Enforce", NULL, "192.0.2.77", "high:imds 0", NULL},   // another machine's
	        {"Enforce", "/vm/b", "127.0.0.1", "high:imds 0", NULL}, // two networks with that address
	        {"Enforce", "/VM/A", "127.0.0.1", "1", NULL},
	        {"Enforce", NULL, "", "high:imds 0", NULL},
	};
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(here);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char url[64];

	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&here, sizeof(here)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&here, &len), 0);
	assert_int_equal(listen(fd, 16), 0);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u", ntohs(here.sin_port));
	for (size_t i = 0; i < AZJIT_COUNT(rows); i++) {
		doctor.vms = json_pack("[{s:s, s:s}, {s:s, s:s}]", "id", "/vm/a", "metadata_protocol",
		                       rows[i].mode, "id", "/vm/b", "metadata_protocol", rows[i].mode);
		doctor.nics =
		        json_pack("[{s:s, s:[{s:s}]}, {s:s, s:[{s:s}, {s:s}]}]", "vm_id", "/vm/a",
		                  "ipconfigs", "address", rows[i].address, "vm_id",
		                  rows[i].other_vm ? rows[i].other_vm : "/vm/b", "ipconfigs", "address",
		                  "192.0.2.78", "address", rows[i].other_vm ? rows[i].address : "192.0.2.79");
		assert_non_null(doctor.nics);
		doctor_imds(&doctor, url);
		if (rows[i].why)
			assert_non_null(strstr(first("why"), rows[i].why));
		assert_found(rows[i].found);
		json_decref(doctor.vms);
		json_decref(doctor.nics);
		doctor.vms = doctor.nics = NULL;
	}
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(words, setup, teardown),
	        cmocka_unit_test_setup_teardown(files, setup, teardown),
	        cmocka_unit_test_setup_teardown(pam, setup, teardown),
	        cmocka_unit_test_setup_teardown(sshd, setup, teardown),
	        cmocka_unit_test_setup_teardown(sshd_version, setup, teardown),
	        cmocka_unit_test_setup_teardown(target, setup, teardown),
	        cmocka_unit_test_setup_teardown(endless_exemption, setup, teardown),
	        cmocka_unit_test_setup_teardown(broker, setup, teardown),
	        cmocka_unit_test_setup_teardown(imds, setup, teardown),
	        cmocka_unit_test_setup_teardown(metadata_protocol, setup, teardown),
	};
	int failed;

	if (!mkdtemp(directory))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	(void)rmdir(directory);
	return failed;
}
