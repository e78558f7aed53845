// SPDX-License-Identifier: Apache-2.0
// What Entra ID answers to a login, and the file in which a login is kept.
#include "../../client/azure/login.h"
#include "../../client/direct/login_cache.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// In the place of the one that reads the environment.
char *state_directory(bool make)
{
	return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(azjit_buf_wipe) struct azjit_buf text = AZJIT_BUF(8 * FILE_MAX_BYTES);
	_cleanup_(azjit_login_clear) struct azjit_login login = {.tenant = NULL}, again = {.tenant = NULL};
	const char *why = NULL;
	json_auto_t *root = js_read((const char *)data, size, &why);
	struct device_code code;

	if (root && !device_code_read(root, &code) &&
	    (!*code.code || code.expires_s < 1 || code.interval_s < 1 || code.interval_s > 60 ||
	     strlen(code.message) >= sizeof(code.message)))
		abort();
	if (login_parse((const char *)data, size, &login) != AZJIT_OK)
		return 0;
	if (!login_format(&login, &text) || login_parse(text.data, text.len, &again) != AZJIT_OK ||
	    !azjit_streq(login.refresh_token, again.refresh_token) || !azjit_streq(login.who, again.who))
		abort();
	return 0;
}
