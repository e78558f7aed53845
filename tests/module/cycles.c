// SPDX-License-Identifier: Apache-2.0
// Loads, opens, closes and unloads the module a thousand times: libpam maps and unmaps it each time.
// Nothing may stay: no mapping, no descriptor, no handler (and, under the sanitizer, no memory).
#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CYCLES 1000

// 1 if the module is mapped.
static bool module_mapped(void)
{
	FILE *file = fopen("/proc/self/maps", "re");
	char line[4096];
	bool found = false;

	while (file && fgets(line, sizeof(line), file))
		found = found || strstr(line, "pam_azjit.so");
	if (file)
		(void)fclose(file);
	return found;
}

static bool cycle(const struct fake *fake, const char *user)
{
	struct host host;
	bool ok;

	host_start(&host, fake, user, true);
	ok = module_mapped() && pam_acct_mgmt(host.pamh, 0) == PAM_SUCCESS &&
	     pam_open_session(host.pamh, 0) == PAM_SUCCESS &&
	     pam_close_session(host.pamh, PAM_SILENT) == PAM_SUCCESS;
	host_end(&host);
	return ok && !module_mapped();
}

int main(void)
{
	static const struct plan good = {.fault = FAULT_NONE};
	const char *user = host_user();
	struct snapshot before, after;
	struct fake fake;
	unsigned done = 0;

	fake_start(&fake, &good);
	host_stack(&fake, &(struct stack){"required", "", "required pam_permit.so"});
	while (done < 10 && cycle(&fake, user)) // whatever the C library keeps for itself comes first
		done++;
	host_snapshot(&before);
	while (done < CYCLES && cycle(&fake, user))
		done++;
	host_snapshot(&after);
	fake_stop(&fake);
	if (done < CYCLES)
		(void)printf("not ok cycle %u failed\n0 passed, 1 failed\n", done + 1);
	else if (memcmp(&before, &after, sizeof(before)) != 0)
		(void)printf("not ok the host changed: descriptors %s, then %s\n0 passed, 1 failed\n",
		             before.fds, after.fds);
	else
		(void)printf("ok %d cycles leave nothing behind\n1 passed, 0 failed\n", CYCLES);
	return done == CYCLES && memcmp(&before, &after, sizeof(before)) == 0 ? 0 : 1;
}
