// SPDX-License-Identifier: Apache-2.0
// Rules, and what must hold between keys.
#include "config_key.h"

#include <stdio.h>

#define RULES_MAX      1000
#define RULE_NAME_MAX  64
#define MAX_DURATION_S (3 * 3600) // what Azure's portal asks for

// --- one rule ---

static enum azjit_result unknown_rule_key(const struct azjit_key_at *at, const config_setting_t *setting)
{
	const char *name = config_setting_name(setting), *best = NULL;
	unsigned least = 3;

	for (size_t i = 0; i < azjit_rule_key_count; i++) {
		unsigned distance = azjit_key_distance(name, azjit_rule_keys[i].name);

		if (distance < least) {
			least = distance;
			best = azjit_rule_keys[i].name;
		}
	}
	if (!best)
		return azjit_key_fail(at, setting, "is no key of a rule; conf/azjit.conf lists them");
	return azjit_key_fail(at, setting, "is no key of a rule; did you mean %s?", best);
}

static enum azjit_result read_members(const char *file, const char *path, const config_setting_t *group,
                                      struct azjit_access_rule *rule, struct azjit_reason *reason)
{
	enum azjit_result result = AZJIT_OK;

	for (int i = 0; result == AZJIT_OK && i < config_setting_length(group); i++) {
		const config_setting_t *setting = config_setting_get_elem(group, (unsigned)i);
		const char *name = config_setting_name(setting);
		char full[128];
		struct azjit_key_at at = {file, full,
		                          azjit_key_find(azjit_rule_keys, azjit_rule_key_count, NULL, name),
		                          reason};

		(void)snprintf(full, sizeof(full), "%s.%s", path, name);
		result = at.key ? azjit_key_read(&at, setting, rule) : unknown_rule_key(&at, setting);
	}
	return result;
}

static bool has(const config_setting_t *group, const char *name)
{
	return config_setting_get_member(group, name) != NULL;
}

static enum azjit_result check_times(const struct azjit_key_at *at, const config_setting_t *group,
                                     struct azjit_access_rule *rule)
{
	char duration[32], longest[32];

	if (!has(group, "max_duration"))
		rule->max_duration_s = rule->duration_s > MAX_DURATION_S ? rule->duration_s : MAX_DURATION_S;
	if (rule->duration_s > rule->max_duration_s) {
		azjit_duration_format(rule->duration_s, duration, sizeof(duration));
		azjit_duration_format(rule->max_duration_s, longest, sizeof(longest));
		return azjit_key_fail(at, group, "has duration %s above max_duration %s", duration, longest);
	}
	if (has(group, "wait") && rule->at != AZJIT_AT_LOGIN)
		return azjit_key_fail(at, group, "has wait, which means something with at = \"login\" only");
	return AZJIT_OK;
}

static enum azjit_result check_rule(const struct azjit_key_at *at, const config_setting_t *group,
                                    struct azjit_access_rule *rule)
{
	if (!rule->name)
		return azjit_key_fail(at, group, "has no name; write name = \"...\"");
	if (strlen(rule->name) > RULE_NAME_MAX)
		return azjit_key_fail(at, group, "has a name of more than %d bytes", RULE_NAME_MAX);
	if (rule->users.count == 0 && rule->groups.count == 0)
		return azjit_key_fail(at, group, "names nobody; write users or groups");
	if (rule->targets.count == 0)
		return azjit_key_fail(at, group, "names no virtual machine; write targets = [ \"web*\" ]");
	return check_times(at, group, rule);
}

static enum azjit_result read_rule(const char *file, size_t index, const config_setting_t *group,
                                   struct azjit_access_rule *rule, struct azjit_reason *reason)
{
	char path[64];
	struct azjit_key_at at = {file, path, NULL, reason};
	enum azjit_result result;

	(void)snprintf(path, sizeof(path), "rules[%zu]", index);
	if (config_setting_type(group) != CONFIG_TYPE_GROUP)
		return azjit_key_fail(&at, group,
		                      "is not a rule in braces: rules = ( { name = \"...\"; }, { } );");
	result = azjit_keys_default(azjit_rule_keys, azjit_rule_key_count, rule);
	if (result == AZJIT_OK)
		result = read_members(file, path, group, rule, reason);
	return result == AZJIT_OK ? check_rule(&at, group, rule) : result;
}

// --- all rules ---

static enum azjit_result check_names(const struct azjit_key_at *at, const config_setting_t *setting,
                                     const struct azjit_config *config)
{
	for (size_t i = 0; i < config->rule_count; i++)
		for (size_t j = 0; j < i; j++)
			if (azjit_streq(config->rules[i].name, config->rules[j].name))
				return azjit_key_fail(at, config_setting_get_elem(setting, (unsigned)i),
				                      "has two rules of the name \"%s\"",
				                      config->rules[i].name);
	return AZJIT_OK;
}

enum azjit_result azjit_config_read_rules(const char *file, const config_setting_t *setting,
                                          struct azjit_config *config, struct azjit_reason *reason)
{
	struct azjit_key_at at = {file, "rules", NULL, reason};
	int type = config_setting_type(setting), count = config_setting_length(setting);
	enum azjit_result result = AZJIT_OK;

	if (type != CONFIG_TYPE_LIST && !(type == CONFIG_TYPE_ARRAY && count == 0))
		return azjit_key_fail(&at, setting,
		                      "is a list of rules: rules = ( { name = \"...\"; }, { } );");
	if (count > RULES_MAX)
		return azjit_key_fail(&at, setting, "has %d rules; at most %d are taken", count, RULES_MAX);
	config->rules = calloc(count ? (size_t)count : 1, sizeof(*config->rules));
	if (!config->rules)
		return AZJIT_NOMEM;
	for (int i = 0; result == AZJIT_OK && i < count; i++) {
		config->rule_count = (size_t)i + 1;
		result = read_rule(file, (size_t)i, config_setting_get_elem(setting, (unsigned)i),
		                   &config->rules[i], reason);
	}
	return result == AZJIT_OK ? check_names(&at, setting, config) : result;
}

// --- between keys ---

bool azjit_config_prefix_ok(const struct azjit_prefix *prefix, int64_t max_prefix, const char **ret_why)
{
	if (prefix->addr.family != AZJIT_IPV4)
		*ret_why = "just-in-time access knows IPv4 only";
	else if ((int64_t)prefix->bits < max_prefix)
		*ret_why = "it is wider than source.max_prefix allows";
	else if (azjit_addr_forbidden(&prefix->addr, ret_why))
		return false;
	else
		return true;
	return false;
}

static enum azjit_result check_prefix(const struct azjit_key_at *at, const config_setting_t *setting,
                                      const struct azjit_prefix *prefix, int64_t max_prefix)
{
	char text[AZJIT_PREFIX_CHARS];
	const char *why;

	if (azjit_config_prefix_ok(prefix, max_prefix, &why))
		return AZJIT_OK;
	azjit_prefix_format(prefix, text);
	return azjit_key_fail(at, setting, "cannot take %s as a source: %s", text, why);
}

static enum azjit_result check_sources(const char *file, const config_setting_t *root,
                                       const struct azjit_config *config, struct azjit_reason *reason)
{
	config_setting_t *source = config_setting_get_member(root, "source");
	config_setting_t *rules = config_setting_get_member(root, "rules");
	struct azjit_key_at at = {file, "source.fleet_source", NULL, reason};
	enum azjit_result result = AZJIT_OK;

	if (config->fleet_source)
		result = check_prefix(&at, source, config->fleet_source, config->max_prefix);
	for (size_t i = 0; result == AZJIT_OK && i < config->rule_count; i++) {
		const config_setting_t *rule = config_setting_get_elem(rules, (unsigned)i);
		char path[64];

		(void)snprintf(path, sizeof(path), "rules[%zu].source", i);
		at.path = path;
		for (size_t j = 0; result == AZJIT_OK && j < config->rules[i].prefix_count; j++)
			result = check_prefix(&at, config_setting_get_member(rule, "source"),
			                      &config->rules[i].prefixes[j], config->max_prefix);
	}
	return result;
}

static enum azjit_result check_cloud(const char *file, const config_setting_t *root,
                                     const struct azjit_config *config, struct azjit_reason *reason)
{
	struct azjit_key_at at = {file, "cloud", NULL, reason};

	if (config->metadata_url || azjit_cloud_builtin(config->cloud))
		return AZJIT_OK;
	return azjit_key_fail(
	        &at, config_setting_get_member(root, "cloud"),
	        "takes \"AzureCloud\", \"AzureUSGovernment\" or \"AzureChinaCloud\", not \"%.60s\": "
	        "another cloud needs metadata_url",
	        config->cloud);
}

enum azjit_result azjit_config_cross_check(const char *file, const config_setting_t *root,
                                           const struct azjit_config *config, struct azjit_reason *reason)
{
	enum azjit_result result = check_cloud(file, root, config, reason);

	if (result == AZJIT_OK)
		result = azjit_config_check_identity(file, root, config, reason);
	return result == AZJIT_OK ? check_sources(file, root, config, reason) : result;
}
