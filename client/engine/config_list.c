// SPDX-License-Identifier: Apache-2.0
#include "config_value.h"

#include <stdio.h>

static bool is_list(const config_setting_t *setting)
{
	int type = config_setting_type(setting);

	return type == CONFIG_TYPE_ARRAY || type == CONFIG_TYPE_LIST;
}

// Checks the number of items and makes room for them.
static enum azjit_result make_room(const struct azjit_key_at *at, const config_setting_t *setting,
                                   size_t item_bytes, void **ret_items, size_t *ret_count)
{
	int count;

	if (!is_list(setting))
		return azjit_key_refuse(at, setting);
	count = config_setting_length(setting);
	if (count < at->key->min)
		return azjit_key_fail(at, setting, "is empty; it takes at least one");
	if (count > at->key->max)
		return azjit_key_fail(at, setting, "has %d items; it takes at most %lld", count,
		                      (long long)at->key->max);
	*ret_items = calloc(count ? (size_t)count : 1, item_bytes);
	if (!*ret_items)
		return AZJIT_NOMEM;
	*ret_count = (size_t)count;
	return AZJIT_OK;
}

// Strings.

static bool numeric(const char *text)
{
	return text[strspn(text, "0123456789")] == '\0';
}

// Names are compared exactly, so what other tools would read as a pattern, a negation or a number would
// here silently mean nobody: refused, with what to write instead.
static const char *name_fault(enum azjit_key_type type, const char *text)
{
	size_t len = strlen(text);

	if (text[0] == '!' || text[0] == '-')
		return "rules only allow; leave out whom you do not want";
	if (strpbrk(text, "*?"))
		return "people are not named by patterns; name a group that they are in";
	if (text[0] == '%' || text[0] == '@' || text[0] == '+')
		return "write a group's bare name, under groups";
	if (text[0] == ' ' || text[len - 1] == ' ')
		return "there is a blank at an end";
	if (strpbrk(text, ":/,"))
		return "no name holds ':', '/' or ','; write one name an item";
	if (type == AZJIT_KEY_GROUPS && numeric(text))
		return "groups are named, not numbered; write the group's name";
	return NULL;
}

static const char *item_fault(enum azjit_key_type type, const char *text)
{
	switch (type) {
	case AZJIT_KEY_GUIDS:
		return azjit_uuid_valid(text) ? NULL
		                              : "not a GUID such as 00000000-0000-0000-0000-000000000000";
	case AZJIT_KEY_USERS:
	case AZJIT_KEY_GROUPS:
		return name_fault(type, text);
	case AZJIT_KEY_WORDS:
		return strpbrk(text, " /*?!") ? "not the name of a PAM service such as sshd" : NULL;
	case AZJIT_KEY_PATTERNS:
		return text[0] == '!' || strpbrk(text, "[] ,")
		               ? "a pattern knows * and ? only: no negation, no [ ], no blanks; one an item"
		               : NULL;
	default:
		return NULL;
	}
}

static enum azjit_result read_item(const struct azjit_key_at *at, const config_setting_t *item, char **ret)
{
	const char *text, *fault;
	enum azjit_result result;

	if (!config_setting_get_string(item))
		return azjit_key_refuse(at, item);
	result = azjit_key_text(at, item, &text);
	if (result != AZJIT_OK)
		return result;
	fault = item_fault(at->key->type, text);
	if (fault)
		return azjit_key_fail(at, item, "cannot take \"%.80s\": %s", text, fault);
	*ret = strdup(text);
	return *ret ? AZJIT_OK : AZJIT_NOMEM;
}

enum azjit_result azjit_read_strings(const struct azjit_key_at *at, const config_setting_t *setting,
                                     void *field)
{
	struct azjit_strings *ret = field;
	void *items;
	enum azjit_result result = make_room(at, setting, sizeof(char *), &items, &ret->count);

	if (result != AZJIT_OK)
		return result;
	ret->items = items;
	for (size_t i = 0; i < ret->count && result == AZJIT_OK; i++)
		result = read_item(at, config_setting_get_elem(setting, (unsigned)i), &ret->items[i]);
	return result;
}

bool azjit_write_strings(const struct azjit_config_key *key, const void *field, bool json,
                         struct azjit_buf *out)
{
	const struct azjit_strings *strings = field;

	azjit_buf_str(out, "[");
	for (size_t i = 0; i < strings->count; i++) {
		azjit_buf_str(out, i ? ", " : " ");
		azjit_write_quoted(strings->items[i], out);
	}
	return azjit_buf_str(out, " ]");
}

// Ports.

enum azjit_result azjit_read_ports(const struct azjit_key_at *at, const config_setting_t *setting,
                                   void *field)
{
	struct azjit_config_list *ret = field;
	enum azjit_result result = make_room(at, setting, sizeof(uint16_t), &ret->items, &ret->count);

	if (result != AZJIT_OK)
		return result;
	for (size_t i = 0; i < ret->count; i++) {
		const config_setting_t *item = config_setting_get_elem(setting, (unsigned)i);
		int64_t port = config_setting_get_int64(item);
		int type = config_setting_type(item);

		if ((type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64) || port < 1 || port > 65535)
			return azjit_key_refuse(at, item);
		((uint16_t *)ret->items)[i] = (uint16_t)port;
	}
	return AZJIT_OK;
}

bool azjit_write_ports(const struct azjit_config_key *key, const void *field, bool json,
                       struct azjit_buf *out)
{
	const struct azjit_config_list *list = field;

	azjit_buf_str(out, "[");
	for (size_t i = 0; i < list->count; i++)
		azjit_buf_printf(out, "%s%u", i ? ", " : " ", ((const uint16_t *)list->items)[i]);
	return azjit_buf_str(out, " ]");
}

// Addresses and prefixes. JIT knows IPv4 only (azure.md §0.7).

static enum azjit_result read_prefix(const struct azjit_key_at *at, const config_setting_t *item,
                                     struct azjit_prefix *ret)
{
	const char *text;
	enum azjit_result result = azjit_key_text(at, item, &text);

	if (result != AZJIT_OK)
		return result;
	if (azjit_prefix_parse(text, ret) != AZJIT_OK)
		return azjit_key_fail(at, item,
		                      "cannot take \"%.80s\": not an address or prefix such as 20.1.2.3 or "
		                      "20.1.2.0/28",
		                      text);
	if (ret->addr.family != AZJIT_IPV4)
		return azjit_key_fail(at, item, "cannot take %.80s: just-in-time access knows IPv4 only",
		                      text);
	return AZJIT_OK;
}

static enum azjit_result read_address(const struct azjit_key_at *at, const config_setting_t *item,
                                      struct azjit_addr *ret)
{
	struct azjit_prefix prefix;
	const char *why;
	enum azjit_result result = read_prefix(at, item, &prefix);

	if (result != AZJIT_OK)
		return result;
	if (prefix.bits != 32)
		return azjit_key_fail(at, item, "takes single addresses; write out each of \"%.80s\"",
		                      config_setting_get_string(item));
	if (azjit_addr_forbidden(&prefix.addr, &why))
		return azjit_key_fail(at, item, "cannot take %.80s: %s", config_setting_get_string(item),
		                      why);
	*ret = prefix.addr;
	return AZJIT_OK;
}

enum azjit_result azjit_read_addresses(const struct azjit_key_at *at, const config_setting_t *setting,
                                       void *field)
{
	struct azjit_config_list *ret = field;
	enum azjit_result result =
	        make_room(at, setting, sizeof(struct azjit_addr), &ret->items, &ret->count);

	if (result != AZJIT_OK)
		return result;
	for (size_t i = 0; i < ret->count && result == AZJIT_OK; i++)
		result = read_address(at, config_setting_get_elem(setting, (unsigned)i),
		                      &((struct azjit_addr *)ret->items)[i]);
	return result;
}

bool azjit_write_addresses(const struct azjit_config_key *key, const void *field, bool json,
                           struct azjit_buf *out)
{
	const struct azjit_config_list *list = field;
	char text[AZJIT_ADDR_CHARS];

	azjit_buf_str(out, "[");
	for (size_t i = 0; i < list->count; i++) {
		azjit_addr_format(&((const struct azjit_addr *)list->items)[i], text);
		azjit_buf_printf(out, "%s\"%s\"", i ? ", " : " ", text);
	}
	return azjit_buf_str(out, " ]");
}

enum azjit_result azjit_read_prefix(const struct azjit_key_at *at, const config_setting_t *setting,
                                    void *field)
{
	_cleanup_free_ struct azjit_prefix *prefix = calloc(1, sizeof(*prefix));
	enum azjit_result result = prefix ? read_prefix(at, setting, prefix) : AZJIT_NOMEM;

	if (result == AZJIT_OK)
		*(struct azjit_prefix **)field = STEAL(prefix);
	return result;
}

bool azjit_write_prefix(const struct azjit_config_key *key, const void *field, bool json,
                        struct azjit_buf *out)
{
	char text[AZJIT_PREFIX_CHARS];

	azjit_prefix_format(*(struct azjit_prefix *const *)field, text);
	return azjit_write_quoted(text, out);
}

// The table of what Azure sees.

static enum azjit_result read_mapping(const struct azjit_key_at *at, const config_setting_t *item,
                                      struct azjit_source_map *ret)
{
	const config_setting_t *from, *to;
	enum azjit_result result;

	if (config_setting_type(item) != CONFIG_TYPE_GROUP)
		return azjit_key_refuse(at, item);
	from = config_setting_get_member(item, "from");
	to = config_setting_get_member(item, "to");
	if (!from || !to || config_setting_length(item) != 2)
		return azjit_key_fail(at, item, "takes exactly from and to in each entry");
	result = read_prefix(at, from, &ret->from);
	return result == AZJIT_OK ? read_address(at, to, &ret->to) : result;
}

enum azjit_result azjit_read_map(const struct azjit_key_at *at, const config_setting_t *setting, void *field)
{
	struct azjit_config_list *ret = field;
	enum azjit_result result =
	        make_room(at, setting, sizeof(struct azjit_source_map), &ret->items, &ret->count);

	if (result != AZJIT_OK)
		return result;
	for (size_t i = 0; i < ret->count && result == AZJIT_OK; i++)
		result = read_mapping(at, config_setting_get_elem(setting, (unsigned)i),
		                      &((struct azjit_source_map *)ret->items)[i]);
	return result;
}

bool azjit_write_map(const struct azjit_config_key *key, const void *field, bool json, struct azjit_buf *out)
{
	const struct azjit_config_list *list = field;
	char from[AZJIT_PREFIX_CHARS], to[AZJIT_ADDR_CHARS];

	azjit_buf_str(out, json ? "[" : "(");
	for (size_t i = 0; i < list->count; i++) {
		const struct azjit_source_map *map = &((const struct azjit_source_map *)list->items)[i];

		azjit_prefix_format(&map->from, from);
		azjit_addr_format(&map->to, to);
		azjit_buf_printf(out,
		                 json ? "%s{ \"from\": \"%s\", \"to\": \"%s\" }"
		                      : "%s{ from = \"%s\"; to = \"%s\"; }",
		                 i ? ", " : " ", from, to);
	}
	return azjit_buf_str(out, json ? " ]" : " )");
}

// Names of root's own for virtual machines.

#define ALIAS_MAX 64

static const char *alias_fault(const char *name)
{
	struct azjit_addr addr;

	if (name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] ||
	    name[0] == '-')
		return "an alias is made of letters, digits, '.', '_' and '-', and begins with no '-'";
	if (strlen(name) > ALIAS_MAX)
		return "it is longer than 64 bytes";
	return azjit_addr_parse(name, &addr) == AZJIT_OK ? "an address is no alias" : NULL;
}

static enum azjit_result read_alias(const struct azjit_key_at *at, const config_setting_t *item,
                                    struct azjit_alias *ret)
{
	const char *name = NULL, *vm = NULL, *fault;
	const config_setting_t *members[3];
	enum azjit_result result;

	if (config_setting_type(item) != CONFIG_TYPE_GROUP)
		return azjit_key_refuse(at, item);
	members[0] = config_setting_get_member(item, "name");
	members[1] = config_setting_get_member(item, "vm");
	members[2] = config_setting_get_member(item, "address");
	if (!members[0] || !members[1] || config_setting_length(item) != 2 + (members[2] != NULL))
		return azjit_key_fail(at, item,
		                      "takes exactly name, vm and, if need be, address in each entry");
	result = azjit_key_text(at, members[0], &name);
	if (result == AZJIT_OK)
		result = azjit_key_text(at, members[1], &vm);
	if (result == AZJIT_OK && members[2])
		result = read_address(at, members[2], &ret->address);
	if (result != AZJIT_OK)
		return result;
	fault = alias_fault(name);
	if (fault)
		return azjit_key_fail(at, item, "cannot take \"%.80s\": %s", name, fault);
	ret->name = strdup(name);
	ret->vm = strdup(vm);
	return ret->name && ret->vm ? AZJIT_OK : AZJIT_NOMEM;
}

// An alias leads to a virtual machine, so none can lead in a circle.
static enum azjit_result check_aliases(const struct azjit_key_at *at, const config_setting_t *setting,
                                       const struct azjit_alias *aliases, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < count; j++) {
			const config_setting_t *item = config_setting_get_elem(setting, (unsigned)i);

			if (j < i && azjit_ieq(aliases[i].name, aliases[j].name))
				return azjit_key_fail(at, item, "has \"%s\" twice", aliases[i].name);
			if (azjit_ieq(aliases[i].vm, aliases[j].name))
				return azjit_key_fail(at, item,
				                      "has \"%s\" for \"%s\", which is an alias; write the "
				                      "virtual machine",
				                      aliases[i].name, aliases[i].vm);
		}
	return AZJIT_OK;
}

enum azjit_result azjit_read_aliases(const struct azjit_key_at *at, const config_setting_t *setting,
                                     void *field)
{
	struct azjit_config_list *ret = field;
	enum azjit_result result =
	        make_room(at, setting, sizeof(struct azjit_alias), &ret->items, &ret->count);

	if (result != AZJIT_OK)
		return result;
	for (size_t i = 0; i < ret->count && result == AZJIT_OK; i++)
		result = read_alias(at, config_setting_get_elem(setting, (unsigned)i),
		                    &((struct azjit_alias *)ret->items)[i]);
	return result == AZJIT_OK ? check_aliases(at, setting, ret->items, ret->count) : result;
}

bool azjit_write_aliases(const struct azjit_config_key *key, const void *field, bool json,
                         struct azjit_buf *out)
{
	const struct azjit_config_list *list = field;
	char address[AZJIT_ADDR_CHARS];

	azjit_buf_str(out, json ? "[" : "(");
	for (size_t i = 0; i < list->count; i++) {
		const struct azjit_alias *alias = &((const struct azjit_alias *)list->items)[i];

		azjit_buf_printf(out, json ? "%s{ \"name\": " : "%s{ name = ", i ? ", " : " ");
		azjit_write_quoted(alias->name, out);
		azjit_buf_str(out, json ? ", \"vm\": " : "; vm = ");
		azjit_write_quoted(alias->vm, out);
		if (alias->address.family != AZJIT_FAMILY_NONE) {
			azjit_addr_format(&alias->address, address);
			azjit_buf_printf(out, json ? ", \"address\": \"%s\"" : "; address = \"%s\"", address);
		}
		azjit_buf_str(out, json ? " }" : "; }");
	}
	return azjit_buf_str(out, json ? " ]" : " )");
}

// A rule's source: two words or a list.

enum azjit_result azjit_read_source(const struct azjit_key_at *at, const config_setting_t *setting,
                                    void *field)
{
	struct azjit_access_rule *rule = field;
	const char *word = config_setting_get_string(setting);
	enum azjit_result result;
	void *items;

	if (word && (azjit_streq(word, "self") || azjit_streq(word, "client"))) {
		rule->source = azjit_streq(word, "self") ? AZJIT_SOURCE_SELF : AZJIT_SOURCE_CLIENT;
		return AZJIT_OK;
	}
	if (is_list(setting) && config_setting_length(setting) == 0)
		return azjit_key_refuse(at, setting);
	result = make_room(at, setting, sizeof(struct azjit_prefix), &items, &rule->prefix_count);
	if (result != AZJIT_OK)
		return result;
	rule->prefixes = items;
	rule->source = AZJIT_SOURCE_LIST;
	for (size_t i = 0; i < rule->prefix_count && result == AZJIT_OK; i++)
		result = read_prefix(at, config_setting_get_elem(setting, (unsigned)i), &rule->prefixes[i]);
	return result;
}

bool azjit_write_source(const struct azjit_config_key *key, const void *field, bool json,
                        struct azjit_buf *out)
{
	const struct azjit_access_rule *rule = field;
	char text[AZJIT_PREFIX_CHARS];

	if (rule->source != AZJIT_SOURCE_LIST)
		return azjit_write_quoted(rule->source == AZJIT_SOURCE_SELF ? "self" : "client", out);
	azjit_buf_str(out, "[");
	for (size_t i = 0; i < rule->prefix_count; i++) {
		azjit_prefix_format(&rule->prefixes[i], text);
		azjit_buf_printf(out, "%s\"%s\"", i ? ", " : " ", text);
	}
	return azjit_buf_str(out, " ]");
}
