// SPDX-License-Identifier: Apache-2.0
// A PAM module that enters the module under test and sees errno as libpam would; PAM_ABORT if it changed.
#include <dlfcn.h>
#include <errno.h>
#include <security/pam_modules.h>
#include <stdlib.h>

int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	int (*entry)(pam_handle_t * handle, int entry_flags, int entry_argc, const char **entry_argv);
	void *module = dlopen(getenv("AZJIT_MODULE"), RTLD_NOW);
	int code;

	*(void **)&entry = module ? dlsym(module, "pam_sm_acct_mgmt") : NULL;
	if (!entry)
		return PAM_ABORT;
	errno = 4711;
	code = entry(pamh, flags, argc, argv);
	if (errno != 4711)
		code = PAM_ABORT;
	(void)dlclose(module);
	return code;
}
