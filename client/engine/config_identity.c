// SPDX-License-Identifier: Apache-2.0
// Which keys go with which kind of identity.
#include "config_key.h"

static const struct identity_kind {
	enum azjit_identity_kind kind;
	const char *word;
	const char *needs[4], *takes[6]; // NULL after the last
} kinds[] = {
        {AZJIT_IDENTITY_MANAGED, "managed", {NULL}, {"client_id", "object_id", "msi_res_id", NULL}},
        {AZJIT_IDENTITY_CLIENT_SECRET,
         "client-secret",
         {"tenant_id", "client_id", "secret_file", NULL},
         {NULL}},
        {AZJIT_IDENTITY_CLIENT_CERTIFICATE,
         "client-certificate",
         {"tenant_id", "client_id", NULL}, // and one of the next two
         {"certificate_file", "key_file", "key", "password_file", "send_chain", NULL}},
        {AZJIT_IDENTITY_ARC, "arc", {NULL}, {"endpoint", NULL}},
        {AZJIT_IDENTITY_APP_SERVICE,
         "app-service",
         {"endpoint", "header_file", NULL},
         {"client_id", "object_id", "msi_res_id", NULL}},
        {AZJIT_IDENTITY_WORKLOAD, "workload", {"tenant_id", "client_id", "token_file", NULL}, {NULL}},
};

static bool in_list(const char *const list[], const char *word)
{
	for (; *list; list++)
		if (azjit_streq(*list, word))
			return true;
	return false;
}

static bool is_ours(const struct azjit_config_key *key)
{
	return key->group && azjit_streq(key->group, "identity") && !azjit_streq(key->name, "kind");
}

static bool written(const struct azjit_config_key *key, const struct azjit_config *config)
{
	if (key->type == AZJIT_KEY_SWITCH)
		return *(const bool *)((const char *)config + key->offset);
	return azjit_key_is_set(key, config);
}

// A key that is written and that the kind does not take; NULL if there is none.
static const char *stray(const struct identity_kind *kind, const struct azjit_config *config)
{
	for (size_t i = 0; i < azjit_config_key_count; i++) {
		const struct azjit_config_key *key = &azjit_config_keys[i];

		if (is_ours(key) && written(key, config) && !in_list(kind->needs, key->name) &&
		    !in_list(kind->takes, key->name))
			return key->name;
	}
	return NULL;
}

static bool lacks(const struct identity_kind *kind, const struct azjit_config *config)
{
	for (size_t i = 0; i < azjit_config_key_count; i++) {
		const struct azjit_config_key *key = &azjit_config_keys[i];

		if (is_ours(key) && in_list(kind->needs, key->name) && !written(key, config))
			return true;
	}
	return false;
}

static enum azjit_result refuse_stray(const struct azjit_key_at *at, const config_setting_t *group,
                                      const struct identity_kind *kind, const struct azjit_config *config)
{
	const char *name = stray(kind, config);

	for (size_t i = 0; i < AZJIT_COUNT(kinds); i++)
		if (!stray(&kinds[i], config))
			return azjit_key_fail(at, group,
			                      "of kind \"%s\" takes no %s; did you mean kind = \"%s\"?",
			                      kind->word, name, kinds[i].word);
	return azjit_key_fail(at, group, "of kind \"%s\" takes no %s", kind->word, name);
}

static enum azjit_result refuse_lack(const struct azjit_key_at *at, const config_setting_t *group,
                                     const struct identity_kind *kind)
{
	_cleanup_buf_ struct azjit_buf list = AZJIT_BUF(200);

	for (const char *const *name = kind->needs; *name; name++)
		azjit_buf_printf(&list, "%s%s", name == kind->needs ? "" : name[1] ? ", " : " and ", *name);
	return azjit_key_fail(at, group, "of kind \"%s\" needs %s", kind->word,
	                      list.data ? list.data : "more");
}

enum azjit_result azjit_config_check_identity(const char *file, const config_setting_t *root,
                                              const struct azjit_config *config, struct azjit_reason *reason)
{
	const config_setting_t *group = config_setting_get_member(root, "identity");
	const struct azjit_key_at at = {file, "identity", NULL, reason};
	const struct identity_kind *kind = kinds;

	while (kind->kind != config->identity)
		kind++;
	if (stray(kind, config))
		return refuse_stray(&at, group, kind, config);
	if (lacks(kind, config))
		return refuse_lack(&at, group, kind);
	if (config->identity == AZJIT_IDENTITY_CLIENT_CERTIFICATE && !config->certificate_file &&
	    !config->key)
		return azjit_key_fail(&at, group, "of kind \"%s\" needs certificate_file, or key",
		                      kind->word);
	if (config->key_file && config->key)
		return azjit_key_fail(&at, group, "takes one of key_file and key");
	if (in_list(kind->takes, "client_id") &&
	    !!config->client_id + !!config->object_id + !!config->msi_res_id > 1)
		return azjit_key_fail(&at, group, "takes one of client_id, object_id and msi_res_id");
	if (config->identity == AZJIT_IDENTITY_ARC && config->endpoint && strchr(config->endpoint + 7, '/'))
		return azjit_key_fail(&at, group, "of kind \"arc\" takes an endpoint without a path");
	return AZJIT_OK;
}
