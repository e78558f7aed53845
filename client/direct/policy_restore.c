// SPDX-License-Identifier: Apache-2.0
#include "../cmd/administer.h"
#include "ask.h"
#include "change.h"

#include <azjit/file.h>
#include <azjit/text.h>

#define FILE_MAX_BYTES ((size_t)16 * 1024 * 1024)

// The policy becomes the one of the file, whatever it is.
static enum azjit_result put_back(struct direct *direct, json_t *policy, const json_t *job)
{
	json_t *wanted = json_object_get(job, "wanted");
	json_auto_t *copy = json_deep_copy(wanted);

	if (!copy || json_object_clear(policy) != 0 || json_object_update(policy, copy) != 0)
		return azjit_fail(&direct->reason, AZJIT_NOMEM, "out of memory");
	return AZJIT_OK;
}

static bool is_policy(const json_t *policy)
{
	char name[64];

	return azjit_id_segment(json_text(policy, "id"), "jitNetworkAccessPolicies", name, sizeof(name)) &&
	       json_array_size(policy_vms(policy)) > 0;
}

static enum azjit_result read_file(struct direct *direct, json_t **ret)
{
	_cleanup_buf_ struct azjit_buf text = AZJIT_BUF(FILE_MAX_BYTES);
	const char *path = direct->options.words[0];
	enum azjit_result result = azjit_file_read_trusted(path, geteuid(), false, &text, &direct->reason);
	json_auto_t *policy = NULL;
	json_error_t error;

	if (result != AZJIT_OK) // a file that is not there is no VM that is not there
		return result == AZJIT_NOT_FOUND ? AZJIT_CONFIG : result;
	policy = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, &error);
	if (!policy)
		return azjit_fail(&direct->reason, AZJIT_USAGE, "%s is no JSON: line %d: %s", path,
		                  error.line, error.text);
	if (!is_policy(policy))
		return azjit_fail(&direct->reason, AZJIT_USAGE,
		                  "%s holds no just-in-time policy with an id and VMs", path);
	*ret = STEAL(policy);
	return AZJIT_OK;
}

static enum azjit_result run(struct direct *direct)
{
	json_auto_t *policy = NULL, *vms = NULL, *jobs = NULL;
	enum azjit_result result = read_file(direct, &policy);

	if (result == AZJIT_OK)
		result = ask_vms(direct, NULL, &vms);
	if (result != AZJIT_OK)
		return result;
	jobs = json_pack("[{s:s, s:O}]", "policy_id", json_text(policy, "id"), "wanted", policy);
	if (!jobs)
		return azjit_fail(&direct->reason, AZJIT_NOMEM, "out of memory");
	return change_all(direct, jobs, vms, put_back);
}

const struct direct_command direct_policy_restore = {
        .cmd = &azjit_cmd_policy_restore,
        .wants = WANTS_WORD | WANTS_WRITE,
        .run = run,
};
