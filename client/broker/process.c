// SPDX-License-Identifier: Apache-2.0
// Threat model. Who attacks: whoever starts azjitd with an environment of his own (SSLKEYLOGFILE, *_proxy,
// LD_*, AZURE_*); another process of our uid, such as a relay that was taken over. What must hold: only the
// configuration decides; the token in our memory is read by nobody; rights that are gone do not come back.
#include "process.h"

#include <azjit/text.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define FILES_WANTED 65536

static const char *const kept[] = {"LISTEN_PID",   "LISTEN_FDS",    "LISTEN_FDNAMES", "NOTIFY_SOCKET",
                                   "WATCHDOG_PID", "WATCHDOG_USEC", "JOURNAL_STREAM"};

enum azjit_result process_clear_environment(void)
{
	char *values[AZJIT_COUNT(kept)] = {NULL};
	bool whole = true;

	for (size_t i = 0; i < AZJIT_COUNT(kept); i++) {
		const char *value = getenv(kept[i]);

		values[i] = value ? strdup(value) : NULL;
		whole = whole && (!value || values[i]);
	}
	whole = clearenv() == 0 && whole;
	for (size_t i = 0; i < AZJIT_COUNT(kept); i++) {
		whole = whole && (!values[i] || setenv(kept[i], values[i], 1) == 0);
		free(values[i]);
	}
	// What a TPM's key is reached by (tpm2-tss) would write its own words among ours.
	whole = whole && setenv("TSS2_LOG", "all+NONE", 1) == 0;
	return whole ? AZJIT_OK : AZJIT_NOMEM;
}

// Standard descriptors that are closed would be given to the ledger or a socket.
static void fill_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		(void)close(fd);
}

static enum azjit_result drop(const struct passwd *pw, struct azjit_reason *reason)
{
	if (pw->pw_uid == 0)
		return azjit_fail(reason, AZJIT_USAGE, "--user %s is root: name the broker's own user, azjit",
		                  pw->pw_name);
	if (initgroups(pw->pw_name, pw->pw_gid) < 0 || setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) < 0 ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) < 0)
		return azjit_fail(reason, AZJIT_SYSTEM, "cannot become %s: %m", pw->pw_name);
	if (setuid(0) == 0)
		return azjit_fail(reason, AZJIT_SYSTEM, "root's rights could be taken back: not started");
	return AZJIT_OK;
}

enum azjit_result process_become(const char *user, struct azjit_reason *reason)
{
	const struct passwd *pw = user ? getpwnam(user) : NULL;

	if (user && !pw)
		return azjit_fail(reason, AZJIT_USAGE, "there is no user %s: systemd-sysusers makes it",
		                  user);
	if (geteuid() != 0) {
		if (pw && pw->pw_uid != geteuid())
			return azjit_fail(reason, AZJIT_USAGE, "only root can become %s", user);
		return AZJIT_OK;
	}
	if (!pw)
		return azjit_fail(
		        reason, AZJIT_USAGE,
		        "azjitd does not run as root: start it as its own user, or with --user azjit");
	return drop(pw, reason);
}

static void raise_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= FILES_WANTED)
		return;
	limit.rlim_cur = limit.rlim_max < FILES_WANTED ? limit.rlim_max : FILES_WANTED;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

enum azjit_result process_harden(struct azjit_reason *reason)
{
	fill_standard();
	raise_files();
	(void)umask(077);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return azjit_fail(reason, AZJIT_SYSTEM, "the process cannot be hardened: %m");
	return AZJIT_OK;
}
