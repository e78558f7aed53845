// SPDX-License-Identifier: Apache-2.0
// Whatever Azure Arc's agent is said to ask for: only .key files of exactly the directory are opened.
#define azjit_file_read_trusted opened
#include "../../client/azure/arc.c"

#undef azjit_file_read_trusted

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// In the place of the function that opens files.
enum azjit_result opened(const char *path, uid_t owner, bool secret, struct azjit_buf *ret,
                         struct azjit_reason *reason)
{
	const char *name = path + strlen("/usr/");
	size_t len = strlen(path);

	if (strncmp(path, "/usr/", strlen("/usr/")) != 0 || strchr(name, '/') || *name == '.' ||
	    !azjit_streq(path + len - 4, ".key"))
		abort();
	azjit_buf_str(ret, name);
	return AZJIT_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *challenge = strndup((const char *)data, size);
	_cleanup_buf_ struct azjit_buf key = AZJIT_BUF(KEY_MAX_BYTES);
	struct azjit_reason reason;

	if (arc_read_key("/usr", challenge, &key, &reason) == AZJIT_OK && strlen(key.data) != key.len)
		abort();
	return 0;
}
