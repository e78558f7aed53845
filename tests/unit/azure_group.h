// SPDX-License-Identifier: Apache-2.0
// A shorthand for security groups, and tables of them (tests/unit/data/azure/verdicts.txt says how it is
// read). A group is turned into the JSON that Azure answers and parsed as an answer is parsed.
#ifndef AZJIT_TEST_AZURE_GROUP_H
#define AZJIT_TEST_AZURE_GROUP_H

#include "azure_data.h"

#include <azjit/text.h>

#define WEB "10.20.1.4"
#define HEX "545C5DBC675443D3BF179EFD1EF8254D"

// A copy of `text` in which the next piece up to one of `ends` is cut off and returned.
static inline char *piece(char **text, const char *ends)
{
	char *start = *text + strspn(*text, " ");

	*text = start + strcspn(start, ends);
	if (**text)
		*(*text)++ = '\0';
	return start;
}

// Sets the singular member for one text, the plural for several.
static inline void set_texts(json_t *properties, const char *name, const char *plural, char *texts)
{
	bool several = strchr(texts, ',') != NULL;
	json_t *list = json_array();

	while (*texts)
		json_array_append_new(list, json_string(piece(&texts, ",")));
	if (several)
		json_object_set(properties, plural, list);
	else
		json_object_set(properties, name, json_array_get(list, 0));
	json_decref(list);
}

static inline void set_address(json_t *properties, bool source, char *texts)
{
	const char *asg = source ? "sourceApplicationSecurityGroups" : "destinationApplicationSecurityGroups";

	if (strncmp(texts, "asg:", 4) == 0)
		json_object_set_new(properties, asg, json_pack("[{s:s}]", "id", texts + 4));
	else if (source)
		set_texts(properties, "sourceAddressPrefix", "sourceAddressPrefixes", texts);
	else
		set_texts(properties, "destinationAddressPrefix", "destinationAddressPrefixes", texts);
}

static const char shut[] = "4096 deny * * " WEB " 22 name=MicrosoftDefenderForCloud-JITRule_-1151891693_" HEX;
static const char ours[] = "MicrosoftDefenderForCloud-JITRule--1151891693-" HEX;
static const char old[] = "SecurityCenter-JITRule-1170687618-" HEX;

static inline json_t *rule_json(char *text)
{
	json_t *properties, *rule = json_pack("{s:s}", "name", "rule");
	uint64_t priority = 0;
	const char *why;

	if (*text == '{') {
		json_object_set_new(rule, "properties", js_read(text, strlen(text), &why));
		return rule;
	}
	assert_int_equal(azjit_parse_u64(piece(&text, " "), 1, 65535, &priority), AZJIT_OK);
	properties = json_pack("{s:i, s:s, s:s, s:s}", "priority", (int)priority, "sourcePortRange", "*",
	                       "direction", "Inbound", "provisioningState", "Succeeded");
	json_object_set_new(properties, "access", json_string(*piece(&text, " ") == 'a' ? "Allow" : "Deny"));
	json_object_set_new(properties, "protocol", json_string(piece(&text, " ")));
	set_address(properties, true, piece(&text, " "));
	set_address(properties, false, piece(&text, " "));
	set_texts(properties, "destinationPortRange", "destinationPortRanges", piece(&text, " "));
	while (*text) {
		char *word = piece(&text, " ");

		if (azjit_streq(word, "pending"))
			json_object_set_new(properties, "provisioningState", json_string("Updating"));
		else if (strncmp(word, "source-port=", 12) == 0)
			json_object_set_new(properties, "sourcePortRange", json_string(word + 12));
		else if (azjit_streq(word, "OURS") || azjit_streq(word, "OLD"))
			json_object_set_new(rule, "name", json_string(word[1] == 'U' ? ours : old));
		else if (strncmp(word, "name=", 5) == 0)
			json_object_set_new(rule, "name", json_string(word + 5));
		else
			assert_string_equal(word, "");
	}
	json_object_set_new(rule, "properties", properties);
	return rule;
}

static inline json_t *group_json(const char *name, const char *shorthand)
{
	static const char defaults[] =
	        "65000 allow * VirtualNetwork VirtualNetwork * name=AllowVnetInBound;"
	        "65001 allow * AzureLoadBalancer * * name=AllowAzureLoadBalancerInBound;"
	        "65500 deny * * * * name=DenyAllInBound;";
	_cleanup_free_ char *copy = strdup(shorthand), *more = strdup(defaults), *deny = strdup(shut);
	json_t *custom = json_array(), *rest = json_array();
	const char *state = "Succeeded";
	char *text = copy, *part = more;

	while (*text) {
		char *rule = piece(&text, ";");

		if (azjit_streq(rule, "updating"))
			state = "Updating";
		else if (azjit_streq(rule, "bare"))
			part += strlen(part);
		else if (azjit_streq(rule, "SHUT"))
			json_array_append_new(custom, rule_json(deny));
		else if (*rule)
			json_array_append_new(custom, rule_json(rule));
	}
	while (*part)
		json_array_append_new(rest, rule_json(piece(&part, ";")));
	return json_pack("{s:s, s:{s:s, s:o, s:o}}", "id", name, "properties", "provisioningState", state,
	                 "securityRules", custom, "defaultSecurityRules", rest);
}

static inline const struct azjit_nsg *group(struct arena *arena, const char *name, const char *shorthand,
                                            json_t **keep)
{
	const struct azjit_nsg *nsg = NULL;

	if (shorthand) {
		*keep = group_json(name, shorthand);
		assert_non_null(*keep);
		assert_null(parse_nsg(arena, *keep, &nsg));
	}
	return nsg;
}

// "-" is none, and "\"\"" is empty.
static inline const char *column(char **line)
{
	char *start = *line, *end = strstr(start, " | ");

	*line = end ? end + 3 : start + strlen(start);
	if (end)
		*end = '\0';
	if (azjit_streq(start, "-"))
		return NULL;
	return azjit_streq(start, "\"\"") ? "" : start;
}

#endif
