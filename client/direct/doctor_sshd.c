// SPDX-License-Identifier: Apache-2.0
// sshd of this host, as it says itself: outside of Match blocks. The one program that is run as root here has a
// fixed path, no input, a deadline and a bound on what it says.
#include "doctor_local.h"

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

static bool run_sshd(struct azjit_buf *ret)
{
	int out[2], null, status = -1;
	bool ok;
	pid_t pid;

	if (pipe2(out, O_CLOEXEC) < 0)
		return false;
	pid = fork();
	if (pid == 0) {
		null = open("/dev/null", O_RDWR);
		if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(out[1], STDOUT_FILENO) >= 0 &&
		    dup2(null, STDERR_FILENO) >= 0)
			(void)execl(SSHD, SSHD, "-T", (char *)NULL);
		_exit(127);
	}
	(void)close(out[1]);
	ok = pid > 0 && gather(out[0], ret);
	(void)close(out[0]);
	if (pid > 0 && !ok)
		(void)kill(pid, SIGKILL);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return ok && WIFEXITED(status) && WEXITSTATUS(status) == 0 && ret->len > 0;
}

void doctor_run_sshd(struct doctor *doctor)
{
	_cleanup_buf_ struct azjit_buf text = AZJIT_BUF(SSHD_MAX_BYTES);

	if (run_sshd(&text))
		doctor_sshd(doctor, text.data);
	else
		doctor_unseen(doctor, "sshd: `" SSHD " -T` did not tell its configuration");
}

// "maxstartups 10:30:100" -> "10:30:100"; "" if it is not told.
struct setting {
	char value[64];
};
static struct setting setting_of(const char *text, const char *key)
{
	struct setting ret = {""};
	size_t len = strlen(key);

	for (const char *line = text; line && *line;
	     line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		if (strncmp(line, key, len) == 0 && line[len] == ' ') {
			(void)snprintf(ret.value, sizeof(ret.value), "%.*s",
			               (int)strcspn(line + len + 1, "\n"), line + len + 1);
			break;
		}
	return ret;
}

static char *sshd_mend(const char *line)
{
	return doctor_text("echo '%s' >>/etc/ssh/sshd_config.d/00-azjit.conf && systemctl reload ssh", line);
}

void doctor_sshd(struct doctor *doctor, const char *text)
{
	struct setting grace = setting_of(text, "logingracetime"), startups = setting_of(text, "maxstartups"),
	               disabled = setting_of(text, "disableforwarding"),
	               forwarding = setting_of(text, "allowtcpforwarding");
	uint64_t seconds;

	if (azjit_streq(setting_of(text, "usepam").value, "no"))
		doctor_find(doctor, AZJIT_SEVERITY_HIGH, "sshd-pam",
		            "Without PAM there is no record of a login and no denial.",
		            doctor_text("sshd has UsePAM no"), sshd_mend("UsePAM yes"));
	if (azjit_parse_u64(grace.value, 1, 29, &seconds) == AZJIT_OK)
		doctor_find(
		        doctor, AZJIT_SEVERITY_MEDIUM, "sshd-grace",
		        "It runs on while a rule of `at = \"login\"` waits for the port, and ends the login.",
		        doctor_text("sshd has LoginGraceTime %s", grace.value),
		        sshd_mend("LoginGraceTime 120"));
	startups.value[strcspn(startups.value, ":")] = '\0';
	if (azjit_parse_u64(startups.value, 1, 10, &seconds) == AZJIT_OK)
		doctor_find(doctor, AZJIT_SEVERITY_LOW, "sshd-startups",
		            "So many logins may be under way at once; of more, sshd drops some at random.",
		            doctor_text("sshd has MaxStartups %s", startups.value),
		            sshd_mend("MaxStartups 100:30:200"));
	if (!azjit_streq(forwarding.value, "no") && !azjit_streq(disabled.value, "yes"))
		return;
	doctor_find(
	        doctor, AZJIT_SEVERITY_LOW, "sshd-forwarding",
	        "`ssh -J` through this host is a forwarding; people must log in here and go on with azjit.",
	        doctor_text("sshd has AllowTcpForwarding %s and DisableForwarding %s", forwarding.value,
	                    disabled.value),
	        sshd_mend("DisableForwarding no"));
}
