// SPDX-License-Identifier: Apache-2.0
#include "config_key.h"

static bool same_group(const struct azjit_config_key *key, const char *group)
{
	return group ? key->group && azjit_streq(key->group, group) : !key->group;
}

// --- as a file ---

static void show_key(const struct azjit_config_key *key, const void *base, const char *indent,
                     struct azjit_buf *out)
{
	if (!azjit_key_is_set(key, base)) {
		azjit_buf_printf(out, "%s# %s is not set\n", indent, key->name);
		return;
	}
	azjit_buf_printf(out, "%s%s = ", indent, key->name);
	azjit_key_write(key, base, false, out);
	azjit_buf_str(out, ";\n");
}

static void show_group(const struct azjit_config *config, const char *group, struct azjit_buf *out)
{
	if (group)
		azjit_buf_printf(out, "\n%s = {\n", group);
	for (size_t i = 0; i < azjit_config_key_count; i++)
		if (same_group(&azjit_config_keys[i], group))
			show_key(&azjit_config_keys[i], config, group ? "\t" : "", out);
	if (group)
		azjit_buf_str(out, "};\n");
}

// `wait` is refused where it means nothing, so it is not written there.
static bool rule_key_shown(const struct azjit_config_key *key, const struct azjit_access_rule *rule)
{
	return !azjit_streq(key->name, "wait") || rule->at == AZJIT_AT_LOGIN;
}

static void show_rule(const struct azjit_access_rule *rule, struct azjit_buf *out)
{
	azjit_buf_str(out, "\t{\n");
	for (size_t i = 0; i < azjit_rule_key_count; i++)
		if (rule_key_shown(&azjit_rule_keys[i], rule))
			show_key(&azjit_rule_keys[i], rule, "\t\t", out);
	azjit_buf_str(out, "\t}");
}

bool azjit_config_show(const struct azjit_config *config, struct azjit_buf *out)
{
	for (size_t i = 0; i < azjit_config_group_count; i++)
		show_group(config, azjit_config_groups[i].name, out);
	azjit_buf_str(out, "\nrules = (");
	for (size_t i = 0; i < config->rule_count; i++) {
		azjit_buf_str(out, i ? ",\n" : "\n");
		show_rule(&config->rules[i], out);
	}
	return azjit_buf_str(out, config->rule_count ? "\n);\n" : " );\n");
}

// --- as JSON ---

static void json_key(const struct azjit_config_key *key, const void *base, const char **comma,
                     struct azjit_buf *out)
{
	azjit_buf_printf(out, "%s\"%s\": ", *comma, key->name);
	*comma = ", ";
	if (azjit_key_is_set(key, base))
		azjit_key_write(key, base, true, out);
	else
		azjit_buf_str(out, "null");
}

static void json_group(const struct azjit_config *config, const char *group, struct azjit_buf *out)
{
	const char *comma = "";

	if (group)
		azjit_buf_printf(out, ", \"%s\": {", group);
	for (size_t i = 0; i < azjit_config_key_count; i++)
		if (same_group(&azjit_config_keys[i], group))
			json_key(&azjit_config_keys[i], config, &comma, out);
	if (group)
		azjit_buf_str(out, "}");
}

bool azjit_config_show_json(const struct azjit_config *config, struct azjit_buf *out)
{
	azjit_buf_str(out, "{");
	for (size_t i = 0; i < azjit_config_group_count; i++)
		json_group(config, azjit_config_groups[i].name, out);
	azjit_buf_str(out, ", \"rules\": [");
	for (size_t i = 0; i < config->rule_count; i++) {
		const char *comma = "";

		azjit_buf_str(out, i ? ", {" : "{");
		for (size_t j = 0; j < azjit_rule_key_count; j++)
			json_key(&azjit_rule_keys[j], &config->rules[i], &comma, out);
		azjit_buf_str(out, "}");
	}
	return azjit_buf_str(out, "]}\n");
}

// --- the sample ---

static void sample_text(const char *text, const char *indent, struct azjit_buf *out)
{
	while (text && *text) {
		size_t len = strcspn(text, "\n");

		azjit_buf_printf(out, "%s%.*s\n", indent, (int)len, text);
		text += len + (text[len] == '\n');
	}
}

static void sample_key(const struct azjit_config_key *key, const char *indent, struct azjit_buf *out)
{
	char takes[256];

	azjit_key_takes(key, takes, sizeof(takes));
	sample_text(key->text, *indent ? "\t# " : "# ", out);
	azjit_buf_printf(out, "%s# Takes %s.%s\n", indent, takes, key->def ? "" : " Not set unless written.");
	azjit_buf_printf(out, "%s#%s = %s;\n", indent, key->name, key->def ? key->def : "...");
}

static void sample_group(const struct azjit_config_group *group, struct azjit_buf *out)
{
	const char *gap = "";

	if (group->name) {
		sample_text(group->text, "# ", out);
		azjit_buf_printf(out, "%s = {\n", group->name);
	}
	for (size_t i = 0; i < azjit_config_key_count; i++) {
		if (!same_group(&azjit_config_keys[i], group->name))
			continue;
		azjit_buf_str(out, gap);
		gap = "\n";
		sample_key(&azjit_config_keys[i], group->name ? "\t" : "", out);
	}
	azjit_buf_str(out, group->name ? "};\n\n" : "\n");
}

static const char head[] =
        "# SPDX-License-Identifier: Apache-2.0\n"
        "# /etc/azjit/azjit.conf: every key of azjit. A key that is commented out shows its default.\n"
        "# Check a change with `azjit config check`; see what is in force with `azjit config show`; then\n"
        "# restart azjitd. An unknown or repeated key is an error; @include is refused. The file must "
        "belong\n"
        "# to root and be writable by nobody else.\n\n";

static const char rules_head[] =
        "# Who may open what. A rule lets the people it names open the ports of the virtual machines it\n"
        "# names; the first rule that fits decides; whom no rule names may not log in through pam_azjit.\n"
        "# The keys of a rule:\n#\n";

static const char example[] = "#\n# An example; without rules nobody may open anything.\n"
                              "#rules = (\n"
                              "#\t{\n"
                              "#\t\tname = \"web\";\n"
                              "#\t\tgroups = [ \"web-admins\" ];\n"
                              "#\t\ttargets = [ \"web*\", \"cache01@rg-web\" ];\n"
                              "#\t\tports = [ 22, 3389 ];\n"
                              "#\t\tduration = \"1h\";\n"
                              "#\t\tmax_duration = \"4h\";\n"
                              "#\t}\n"
                              "#);\n";

bool azjit_config_sample(struct azjit_buf *out)
{
	azjit_buf_str(out, head);
	for (size_t i = 0; i < azjit_config_group_count; i++)
		sample_group(&azjit_config_groups[i], out);
	azjit_buf_str(out, rules_head);
	for (size_t i = 0; i < azjit_rule_key_count; i++) {
		const struct azjit_config_key *key = &azjit_rule_keys[i];
		char takes[256];

		azjit_key_takes(key, takes, sizeof(takes));
		azjit_buf_printf(out, "# %s = %s;\n", key->name, key->def ? key->def : "...");
		sample_text(key->text, "#     ", out);
		azjit_buf_printf(out, "#     Takes %s.\n", takes);
	}
	return azjit_buf_str(out, example);
}
