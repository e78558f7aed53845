// SPDX-License-Identifier: Apache-2.0
// Against: a misspelt safety switch that means "off"; a second file pulled in past the checks of
// file.h; a value that is not what its author meant. Every doubt is an error that names file and line.
#include "config_key.h"

#include <azjit/file.h>
#include <stdio.h>

struct walk {
	const char *file;
	struct azjit_config *config;
	struct azjit_reason *reason;
};

// --- keys that are none ---

struct nearest {
	const struct azjit_config_key *key;
	unsigned distance;
};

// The likeliest key: one of exactly this name in another group, else the least misspelling.
static struct nearest nearest_key(const char *group, const char *name)
{
	struct nearest best = {NULL, (unsigned)(strlen(name) / 3 > 2 ? strlen(name) / 3 : 2) + 1};

	for (size_t i = 0; i < azjit_config_key_count; i++) {
		const struct azjit_config_key *key = &azjit_config_keys[i];
		bool here = group ? key->group && azjit_streq(key->group, group) : !key->group;
		unsigned distance = azjit_key_distance(name, key->name);

		if (distance < best.distance || (distance == best.distance && here && best.key))
			best = (struct nearest){key, distance};
	}
	return best;
}

static enum azjit_result unknown_key(const struct walk *w, const char *group, const config_setting_t *setting)
{
	const char *name = config_setting_name(setting), *dot = group ? "." : "";
	unsigned line = config_setting_source_line(setting);
	struct nearest best = nearest_key(group, name);

	group = group ? group : "";
	for (size_t i = 1; !*group && i < azjit_config_group_count; i++)
		if (azjit_key_distance(name, azjit_config_groups[i].name) <= 2)
			return azjit_fail(w->reason, AZJIT_CONFIG,
			                  "%s:%u: there is no key %s; did you mean %s?", w->file, line, name,
			                  azjit_config_groups[i].name);
	if (!*group && azjit_key_distance(name, "rules") <= 2)
		return azjit_fail(w->reason, AZJIT_CONFIG, "%s:%u: there is no key %s; did you mean rules?",
		                  w->file, line, name);
	if (!best.key)
		return azjit_fail(w->reason, AZJIT_CONFIG,
		                  "%s:%u: there is no key %s%s%s; `azjit config show` lists all", w->file,
		                  line, group, dot, name);
	return azjit_fail(w->reason, AZJIT_CONFIG, "%s:%u: there is no key %s%s%s; did you mean %s%s%s?",
	                  w->file, line, group, dot, name, best.key->group ? best.key->group : "",
	                  best.key->group ? "." : "", best.key->name);
}

// --- walking the file ---

static enum azjit_result read_key(const struct walk *w, const char *group, const config_setting_t *setting)
{
	const char *name = config_setting_name(setting);
	const struct azjit_config_key *key =
	        azjit_key_find(azjit_config_keys, azjit_config_key_count, group, name);
	char path[128];
	struct azjit_key_at at = {w->file, path, key, w->reason};

	if (!key)
		return unknown_key(w, group, setting);
	(void)snprintf(path, sizeof(path), "%s%s%s", group ? group : "", group ? "." : "", name);
	return azjit_key_read(&at, setting, w->config);
}

static enum azjit_result read_group(const struct walk *w, const config_setting_t *setting)
{
	const char *group = config_setting_name(setting);
	enum azjit_result result = AZJIT_OK;

	if (config_setting_type(setting) != CONFIG_TYPE_GROUP)
		return azjit_fail(w->reason, AZJIT_CONFIG,
		                  "%s:%u: %s is a group of keys: write %s = { KEY = VALUE; };", w->file,
		                  (unsigned)config_setting_source_line(setting), group, group);
	for (int i = 0; result == AZJIT_OK && i < config_setting_length(setting); i++)
		result = read_key(w, group, config_setting_get_elem(setting, (unsigned)i));
	return result;
}

static bool is_group(const char *name)
{
	for (size_t i = 1; i < azjit_config_group_count; i++)
		if (azjit_streq(name, azjit_config_groups[i].name))
			return true;
	return false;
}

static enum azjit_result read_root(const struct walk *w, const config_setting_t *root)
{
	enum azjit_result result = AZJIT_OK;

	for (int i = 0; result == AZJIT_OK && i < config_setting_length(root); i++) {
		const config_setting_t *setting = config_setting_get_elem(root, (unsigned)i);
		const char *name = config_setting_name(setting);

		if (azjit_streq(name, "rules"))
			result = azjit_config_read_rules(w->file, setting, w->config, w->reason);
		else if (is_group(name))
			result = read_group(w, setting);
		else
			result = read_key(w, NULL, setting);
	}
	return result == AZJIT_OK ? azjit_config_cross_check(w->file, root, w->config, w->reason) : result;
}

static enum azjit_result read_text(const struct walk *w, const char *text)
{
	enum azjit_result result;
	config_t parsed;

	result = azjit_config_scan(text, strlen(text), w->file, w->reason);
	if (result != AZJIT_OK)
		return result;
	config_init(&parsed);
	if (config_read_string(&parsed, text) == CONFIG_FALSE) {
		const char *what = config_error_text(&parsed);
		bool twice = what && strstr(what, "duplicate");

		result = azjit_fail(w->reason, AZJIT_CONFIG, "%s:%d: %s", w->file, config_error_line(&parsed),
		                    twice  ? "this key stands here for the second time"
		                    : what ? what
		                           : "cannot be read");
	} else {
		result = read_root(w, config_root_setting(&parsed));
	}
	config_destroy(&parsed);
	return result;
}

// --- the contract ---

void azjit_config_free(struct azjit_config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < config->rule_count; i++)
		azjit_keys_clear(azjit_rule_keys, azjit_rule_key_count, &config->rules[i]);
	free(config->rules);
	azjit_keys_clear(azjit_config_keys, azjit_config_key_count, config);
	free(config);
}
AZJIT_DEFINE_CLEANUP(struct azjit_config *, azjit_config_free);

enum azjit_result azjit_config_defaults(struct azjit_config **ret)
{
	_cleanup_(azjit_config_freep) struct azjit_config *config = calloc(1, sizeof(*config));
	enum azjit_result result;

	if (!config)
		return AZJIT_NOMEM;
	result = azjit_keys_default(azjit_config_keys, azjit_config_key_count, config);
	if (result == AZJIT_OK)
		*ret = STEAL(config);
	return result;
}

enum azjit_result azjit_config_parse(const char *text, const char *name, struct azjit_reason *reason,
                                     struct azjit_config **ret)
{
	_cleanup_(azjit_config_freep) struct azjit_config *config = NULL;
	enum azjit_result result = azjit_config_defaults(&config);
	struct walk w = {name, config, reason};

	if (result == AZJIT_OK)
		result = read_text(&w, text);
	if (result == AZJIT_NOMEM)
		return azjit_fail(reason, result, "%s: out of memory", name);
	if (result == AZJIT_OK)
		*ret = STEAL(config);
	return result;
}

enum azjit_result azjit_config_load(const char *path, struct azjit_reason *reason, struct azjit_config **ret)
{
	_cleanup_buf_ struct azjit_buf text = AZJIT_BUF(AZJIT_CONFIG_MAX_BYTES);
	enum azjit_result result = azjit_file_read_trusted(path, 0, false, &text, reason);

	if (result != AZJIT_OK)
		return result;
	// The parser takes a string: what it would not see is looked at here.
	if (text.data && strlen(text.data) != text.len)
		return azjit_config_scan(text.data, text.len, path, reason);
	return azjit_config_parse(text.data ? text.data : "", path, reason, ret);
}

void azjit_config_azure(const struct azjit_config *config, struct azjit_azure_options *ret)
{
	*ret = (struct azjit_azure_options){
	        .cloud = config->cloud,
	        .metadata_url = config->metadata_url,
	        .resource_manager_url = config->resource_manager_url,
	        .login_url = config->login_url,
	        .imds_url = config->imds_url,
	        .ca_file = config->ca_file,
	        .proxy = config->proxy,
	        .identity = config->identity,
	        .tenant_id = config->tenant_id,
	        .client_id = config->client_id,
	        .object_id = config->object_id,
	        .msi_res_id = config->msi_res_id,
	        .secret_file = config->secret_file,
	        .certificate_file = config->certificate_file,
	        .key_file = config->key_file,
	        .key = config->key,
	        .password_file = config->password_file,
	        .token_file = config->token_file,
	        .endpoint = config->endpoint,
	        .header_file = config->header_file,
	        .send_chain = config->send_chain,
	};
}
