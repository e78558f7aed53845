// SPDX-License-Identifier: Apache-2.0
// sshd of this host, as it says itself: outside of Match blocks. The one program that is run as root here has a
// fixed path, no input, a deadline and a bound on what it says.
#include "doctor_local.h"
#include "sshd_limits.h"

#include <azjit/text.h>
#include <azjit/time.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#define SSHD             "/usr/sbin/sshd"
#define SSHD_MAX_BYTES   ((size_t)65536)
#define SSHD_DEADLINE_MS 5000

// Both ends of what it prints are ours; false if it did not end well in time.
static bool gather(int fd, struct azjit_buf *ret)
{
	uint64_t end = azjit_time_monotonic_ms() + SSHD_DEADLINE_MS, now;
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	char chunk[4096];

	while ((now = azjit_time_monotonic_ms()) < end) {
		ssize_t n;

		if (poll(&ready, 1, (int)(end - now)) <= 0)
			continue;
		n = read(fd, chunk, sizeof(chunk));
		if (n == 0)
			return true;
		if (n < 0 ? errno != EINTR : !azjit_buf_add(ret, chunk, (size_t)n))
			return false;
	}
	return false;
}

// What it prints to `from` (standard output or standard error); false if it did not come to its end in time.
static bool run_sshd(const char *argument, int from, struct azjit_buf *ret, int *ret_status)
{
	int out[2], null, status = -1;
	bool ok;
	pid_t pid;

	if (pipe2(out, O_CLOEXEC) < 0)
		return false;
	pid = fork();
	if (pid == 0) {
		null = open("/dev/null", O_RDWR);
		if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(null, STDOUT_FILENO) >= 0 &&
		    dup2(null, STDERR_FILENO) >= 0 && dup2(out[1], from) >= 0)
			(void)execl(SSHD, SSHD, argument, (char *)NULL);
		_exit(127);
	}
	(void)close(out[1]);
	ok = pid > 0 && gather(out[0], ret);
	(void)close(out[0]);
	if (pid > 0 && !ok)
		(void)kill(pid, SIGKILL);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	*ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	return ok && ret->len > 0;
}

void doctor_run_sshd(struct doctor *doctor)
{
	_cleanup_buf_ struct azjit_buf text = AZJIT_BUF(SSHD_MAX_BYTES), version = AZJIT_BUF(SSHD_MAX_BYTES);
	int status;

	if (run_sshd("-T", STDOUT_FILENO, &text, &status) && status == 0)
		doctor_sshd(doctor, text.data);
	else
		doctor_unseen(doctor, "sshd: `" SSHD " -T` did not tell its configuration");
	if (run_sshd("-V", STDERR_FILENO, &version, &status))
		doctor_sshd_version(doctor, version.data);
	else
		doctor_unseen(doctor, "sshd: `" SSHD " -V` did not tell its version");
}

// --- the version ----------------------------------------------------------------------------------------

void doctor_sshd_version(struct doctor *doctor, const char *text)
{
	const char *line = strstr(text, "OpenSSH_"), *number = line ? line + strlen("OpenSSH_") : "";
	char raw[128], name[sizeof(raw)], major[8];
	uint64_t version;

	(void)snprintf(raw, sizeof(raw), "%.*s", line ? (int)strcspn(line, ",\r\n") : 0, line ? line : "");
	azjit_printable(raw, name, sizeof(name));
	(void)snprintf(major, sizeof(major), "%.*s", (int)strcspn(number, "."), number);
	if (azjit_parse_u64(major, 1, 999, &version) != AZJIT_OK) {
		doctor_unseen(doctor, "sshd: `" SSHD " -V` told no version of OpenSSH");
		return;
	}
	doctor->failed |= json_object_set_new(doctor->direct->answer, "sshd", json_string(name)) != 0;
	if (version < 8)
		doctor_find(
		        doctor, AZJIT_SEVERITY_MEDIUM, "sshd-version",
		        "Before 8.0 it does not tell PAM the address that a login comes from, only a name "
		        "where it looked one up; no port can be opened for such a login's own address.",
		        doctor_text("sshd is %s", name),
		        doctor_text("apt-get install --only-upgrade openssh-server"));
}

// --- its configuration ----------------------------------------------------------------------------------

static char *sshd_mend(const char *line)
{
	return doctor_text("echo '%s' >>/etc/ssh/sshd_config.d/00-azjit.conf && systemctl reload ssh", line);
}

// What bounds the logins that are under way: authentication and PAM's account phase. The session phase, in
// which a rule of `at = "login"` waits, comes after it.
static void look_at_phases(struct doctor *doctor, const struct sshd_limits *limits)
{
	if (limits->grace_s > 0 && limits->grace_s < 30)
		doctor_find(
		        doctor, AZJIT_SEVERITY_MEDIUM, "sshd-grace",
		        "Authentication and the answer of azjit's account phase, 2 s at most, must come in "
		        "that time; a second factor takes longer, and the login is cut.",
		        doctor_text("sshd has LoginGraceTime %llu", (unsigned long long)limits->grace_s),
		        sshd_mend("LoginGraceTime 120"));
	if (limits->startups > 0 && limits->startups <= 10)
		doctor_find(doctor, AZJIT_SEVERITY_LOW, "sshd-startups",
		            "So many logins may be under way at once; of more, sshd drops some at random.",
		            doctor_text("sshd has MaxStartups %llu", (unsigned long long)limits->startups),
		            sshd_mend("MaxStartups 100:30:200"));
	if (limits->per_source > 0 && limits->per_source <= 10)
		doctor_find(
		        doctor, AZJIT_SEVERITY_LOW, "sshd-per-source",
		        "People behind one address, of an office or a VPN, count together; of more logins "
		        "under way, sshd drops all.",
		        doctor_text("sshd has PerSourceMaxStartups %llu",
		                    (unsigned long long)limits->per_source),
		        sshd_mend("PerSourceMaxStartups none"));
	if (limits->penalties && !*limits->exempt.text)
		doctor_find(
		        doctor, AZJIT_SEVERITY_LOW, "sshd-penalties",
		        "Whom azjit denies failed to log in, for sshd; after a few times nobody behind that "
		        "address, of an office or a VPN, gets in for a while.",
		        doctor_text("sshd has PerSourcePenalties and exempts no network from them"),
		        sshd_mend("PerSourcePenaltyExemptList NETWORK"));
}

void doctor_sshd(struct doctor *doctor, const char *text)
{
	struct sshd_value disabled = sshd_value(text, "disableforwarding"),
	                  forwarding = sshd_value(text, "allowtcpforwarding");
	struct sshd_limits limits;

	if (azjit_streq(sshd_value(text, "usepam").text, "no"))
		doctor_find(doctor, AZJIT_SEVERITY_HIGH, "sshd-pam",
		            "Without PAM there is no record of a login and no denial.",
		            doctor_text("sshd has UsePAM no"), sshd_mend("UsePAM yes"));
	(void)sshd_limits_read(text, &limits);
	look_at_phases(doctor, &limits);
	if (!azjit_streq(forwarding.text, "no") && !azjit_streq(disabled.text, "yes"))
		return;
	doctor_find(
	        doctor, AZJIT_SEVERITY_LOW, "sshd-forwarding",
	        "`ssh -J` through this host is a forwarding; people must log in here and go on with azjit.",
	        doctor_text("sshd has AllowTcpForwarding %s and DisableForwarding %s", forwarding.text,
	                    disabled.text),
	        sshd_mend("DisableForwarding no"));
}
