// SPDX-License-Identifier: Apache-2.0
// The table of types: how each is read, written, cleared and described.
#include "config_value.h"

#include <stdio.h>

enum shape { SHAPE_PLAIN = 0, SHAPE_POINTER, SHAPE_STRINGS, SHAPE_LIST, SHAPE_ALIASES, SHAPE_SOURCE };

struct key_type {
	azjit_key_reader *read;
	azjit_key_writer *write;
	enum shape shape;
	const char *takes; // NULL: made from range or choices
};

static const struct key_type types[AZJIT_KEY_TYPES_] = {
        [AZJIT_KEY_TEXT] = {azjit_read_string, azjit_write_string, SHAPE_POINTER, "text in quotes"},
        [AZJIT_KEY_PATH] = {azjit_read_string, azjit_write_string, SHAPE_POINTER,
                            "an absolute path in quotes"},
        [AZJIT_KEY_HTTPS] = {azjit_read_string, azjit_write_string, SHAPE_POINTER,
                             "\"https://HOST\" or \"https://HOST:PORT\" without a path"},
        [AZJIT_KEY_HTTP] = {azjit_read_string, azjit_write_string, SHAPE_POINTER,
                            "\"http://HOST\" or \"http://HOST:PORT\" without user, password or path"},
        [AZJIT_KEY_ENDPOINT] = {azjit_read_string, azjit_write_string, SHAPE_POINTER,
                                "\"http://HOST\", with :PORT and /PATH where it has them"},
        [AZJIT_KEY_URI] = {azjit_read_key_uri, azjit_write_string, SHAPE_POINTER,
                           "a name like \"pkcs11:token=NAME;object=NAME\" or \"handle:0x81000001\""},
        [AZJIT_KEY_TENANT] = {azjit_read_string, azjit_write_string, SHAPE_POINTER,
                              "a GUID or a domain in quotes"},
        [AZJIT_KEY_GUID] = {azjit_read_string, azjit_write_string, SHAPE_POINTER, "a GUID in quotes"},
        [AZJIT_KEY_NUMBER] = {azjit_read_number, azjit_write_number, SHAPE_PLAIN, NULL},
        [AZJIT_KEY_SWITCH] = {azjit_read_switch, azjit_write_switch, SHAPE_PLAIN, "true or false"},
        [AZJIT_KEY_DURATION] = {azjit_read_duration, azjit_write_duration, SHAPE_PLAIN, NULL},
        [AZJIT_KEY_CHOICE] = {azjit_read_choice, azjit_write_choice, SHAPE_PLAIN, NULL},
        [AZJIT_KEY_GUIDS] = {azjit_read_strings, azjit_write_strings, SHAPE_STRINGS,
                             "a list of GUIDs: [ \"GUID\", \"GUID\" ]"},
        [AZJIT_KEY_USERS] = {azjit_read_strings, azjit_write_strings, SHAPE_STRINGS,
                             "a list of user names: [ \"alice\", \"bob\" ]"},
        [AZJIT_KEY_GROUPS] = {azjit_read_strings, azjit_write_strings, SHAPE_STRINGS,
                              "a list of group names: [ \"admins\", \"ops\" ]"},
        [AZJIT_KEY_WORDS] = {azjit_read_strings, azjit_write_strings, SHAPE_STRINGS,
                             "a list of PAM services: [ \"sshd\" ]"},
        [AZJIT_KEY_PATTERNS] = {azjit_read_strings, azjit_write_strings, SHAPE_STRINGS,
                                "a list of patterns: [ \"web*\", \"db01@rg-data\" ]"},
        [AZJIT_KEY_PORTS] = {azjit_read_ports, azjit_write_ports, SHAPE_LIST,
                             "a list of ports from 1 to 65535: [ 22, 3389 ]"},
        [AZJIT_KEY_ADDRESSES] = {azjit_read_addresses, azjit_write_addresses, SHAPE_LIST,
                                 "a list of IPv4 addresses: [ \"20.1.2.3\" ]"},
        [AZJIT_KEY_PREFIX] = {azjit_read_prefix, azjit_write_prefix, SHAPE_POINTER,
                              "an IPv4 address or prefix in quotes"},
        [AZJIT_KEY_MAP] = {azjit_read_map, azjit_write_map, SHAPE_LIST,
                           "a list ( { from = \"10.8.0.0/16\"; to = \"20.1.2.3\"; } )"},
        [AZJIT_KEY_ALIASES] = {azjit_read_aliases, azjit_write_aliases, SHAPE_ALIASES,
                               "a list ( { name = \"prod-web\"; vm = \"web01@rg-web\"; } )"},
        [AZJIT_KEY_SOURCE] = {azjit_read_source, azjit_write_source, SHAPE_SOURCE,
                              "\"self\", \"client\" or a list of addresses and prefixes: [ \"20.1.2.3\" ]"},
};

static void takes_choice(const struct azjit_config_key *key, char *ret_text, size_t size)
{
	size_t len = 0;

	for (const struct azjit_key_choice *c = key->choices; c->word && len < size; c++) {
		const char *part = c == key->choices ? "" : c[1].word ? ", " : " or ";

		len += (size_t)snprintf(ret_text + len, size - len, "%s\"%s\"", part, c->word);
	}
}

void azjit_key_takes(const struct azjit_config_key *key, char *ret_text, size_t size)
{
	char from[32] = "0s", to[32];

	if (types[key->type].takes) {
		(void)snprintf(ret_text, size, "%s", types[key->type].takes);
	} else if (key->type == AZJIT_KEY_NUMBER) {
		(void)snprintf(ret_text, size, "a number from %lld to %lld", (long long)key->min,
		               (long long)key->max);
	} else if (key->type == AZJIT_KEY_DURATION) {
		if (key->min > 0)
			azjit_duration_format(key->min, from, sizeof(from));
		azjit_duration_format(key->max, to, sizeof(to));
		(void)snprintf(ret_text, size, "a duration in quotes from \"%s\" to \"%s\", units s, m, h, d",
		               from, to);
	} else {
		takes_choice(key, ret_text, size);
	}
}

// A choice of size 0 is kept as text.
static enum shape shape_of(const struct azjit_config_key *key)
{
	if (key->type == AZJIT_KEY_CHOICE && key->size == 0)
		return SHAPE_POINTER;
	return types[key->type].shape;
}

bool azjit_key_is_set(const struct azjit_config_key *key, const void *base)
{
	return shape_of(key) != SHAPE_POINTER || *(void *const *)((const char *)base + key->offset);
}

static void clear_strings(struct azjit_strings *strings)
{
	for (size_t i = 0; strings->items && i < strings->count; i++)
		free(strings->items[i]);
	free(strings->items);
	*strings = (struct azjit_strings){NULL, 0};
}

static void clear_aliases(struct azjit_config_list *list)
{
	for (size_t i = 0; list->items && i < list->count; i++) {
		free(((struct azjit_alias *)list->items)[i].name);
		free(((struct azjit_alias *)list->items)[i].vm);
	}
	free(list->items);
	*list = (struct azjit_config_list){NULL, 0};
}

void azjit_key_clear(const struct azjit_config_key *key, void *base)
{
	void *field = (char *)base + key->offset;
	struct azjit_access_rule *rule = field;

	switch (shape_of(key)) {
	case SHAPE_PLAIN:
		break;
	case SHAPE_POINTER:
		free(*(void **)field);
		*(void **)field = NULL;
		break;
	case SHAPE_STRINGS:
		clear_strings(field);
		break;
	case SHAPE_LIST:
		free(((struct azjit_config_list *)field)->items);
		*(struct azjit_config_list *)field = (struct azjit_config_list){NULL, 0};
		break;
	case SHAPE_ALIASES:
		clear_aliases(field);
		break;
	case SHAPE_SOURCE:
		free(rule->prefixes);
		rule->prefixes = NULL;
		rule->prefix_count = 0;
		break;
	}
}

enum azjit_result azjit_key_read(const struct azjit_key_at *at, const config_setting_t *setting, void *base)
{
	azjit_key_clear(at->key, base);
	return types[at->key->type].read(at, setting, (char *)base + at->key->offset);
}

bool azjit_key_write(const struct azjit_config_key *key, const void *base, bool json, struct azjit_buf *out)
{
	return types[key->type].write(key, (const char *)base + key->offset, json, out);
}
