// SPDX-License-Identifier: Apache-2.0
// Reading single values; lists are in config_list.c.
#include "config_value.h"

#include <stdarg.h>
#include <stdio.h>

enum azjit_result azjit_key_fail(const struct azjit_key_at *at, const config_setting_t *setting,
                                 const char *fmt, ...)
{
	char text[400];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return azjit_fail(at->reason, AZJIT_CONFIG, "%s:%u: %s %s", at->file,
	                  setting ? (unsigned)config_setting_source_line(setting) : 0, at->path, text);
}

void azjit_key_wrote(const config_setting_t *setting, char *ret_text, size_t size)
{
	char text[64];

	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		(void)snprintf(ret_text, size, "the number %lld", config_setting_get_int64(setting));
		break;
	case CONFIG_TYPE_FLOAT:
		(void)snprintf(ret_text, size, "the number %g", config_setting_get_float(setting));
		break;
	case CONFIG_TYPE_BOOL:
		(void)snprintf(ret_text, size, "%s", config_setting_get_bool(setting) ? "true" : "false");
		break;
	case CONFIG_TYPE_STRING:
		azjit_printable(config_setting_get_string(setting), text, sizeof(text));
		(void)snprintf(ret_text, size, "\"%s\"", text);
		break;
	case CONFIG_TYPE_GROUP:
		(void)snprintf(ret_text, size, "a group { }");
		break;
	default:
		(void)snprintf(ret_text, size, "%s",
		               config_setting_length(setting) ? "this list" : "an empty list");
		break;
	}
}

enum azjit_result azjit_key_refuse(const struct azjit_key_at *at, const config_setting_t *setting)
{
	char takes[256], wrote[96];

	azjit_key_takes(at->key, takes, sizeof(takes));
	azjit_key_wrote(setting, wrote, sizeof(wrote));
	return azjit_key_fail(at, setting, "takes %s, not %s", takes, wrote);
}

enum azjit_result azjit_key_text(const struct azjit_key_at *at, const config_setting_t *setting,
                                 const char **ret_text)
{
	char clean[AZJIT_CONFIG_TEXT_MAX + 1];
	const char *text = config_setting_get_string(setting);

	if (!text)
		return azjit_key_refuse(at, setting);
	if (!*text)
		return azjit_key_fail(at, setting, "is empty; leave the key out to leave it unset");
	if (strlen(text) > AZJIT_CONFIG_TEXT_MAX)
		return azjit_key_fail(at, setting, "is longer than %d bytes", AZJIT_CONFIG_TEXT_MAX);
	azjit_printable(text, clean, sizeof(clean));
	if (!azjit_streq(clean, text))
		return azjit_key_fail(at, setting, "holds bytes that cannot be printed: \"%.100s\"", clean);
	*ret_text = text;
	return AZJIT_OK;
}

// Strings: stored as a copy.

static bool host_ok(const char *host)
{
	const char *rest =
	        host + strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-");
	uint16_t port;

	if (*host == '[') {
		rest = host + 1 + strspn(host + 1, "0123456789abcdefABCDEF:.");
		if (*rest++ != ']')
			return false;
	}
	if (rest == host)
		return false;
	return *rest == '\0' || (*rest == ':' && azjit_parse_port(rest + 1, &port) == AZJIT_OK);
}

static bool url_ok(const char *text, const char *scheme)
{
	size_t len = strlen(scheme);

	return strncmp(text, scheme, len) == 0 && host_ok(text + len);
}

static bool endpoint_ok(const char *text)
{
	size_t host = strncmp(text, "http://", 7) == 0 ? strcspn(text + 7, "/") : 0;
	_cleanup_free_ char *origin = strndup(text, 7 + host);
	const char *path = host ? text + 7 + host : "";

	return host && origin && url_ok(origin, "http://") &&
	       path[strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/")] ==
	               '\0';
}

static bool tenant_ok(const char *text)
{
	return text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-")] == '\0';
}

static bool string_ok(enum azjit_key_type type, const char *text)
{
	switch (type) {
	case AZJIT_KEY_PATH:
		return text[0] == '/';
	case AZJIT_KEY_HTTPS:
		return url_ok(text, "https://");
	case AZJIT_KEY_ENDPOINT:
		return endpoint_ok(text);
	case AZJIT_KEY_HTTP:
		return url_ok(text, "http://");
	case AZJIT_KEY_TENANT:
		return tenant_ok(text);
	case AZJIT_KEY_GUID:
		return azjit_uuid_valid(text);
	default:
		return true;
	}
}

enum azjit_result azjit_read_string(const struct azjit_key_at *at, const config_setting_t *setting,
                                    void *field)
{
	const char *text;
	enum azjit_result result = azjit_key_text(at, setting, &text);

	if (result != AZJIT_OK)
		return result;
	if (!string_ok(at->key->type, text))
		return azjit_key_refuse(at, setting);
	*(char **)field = strdup(text);
	return *(char **)field ? AZJIT_OK : AZJIT_NOMEM;
}

enum azjit_result azjit_read_key_uri(const struct azjit_key_at *at, const config_setting_t *setting,
                                     void *field)
{
	struct azjit_reason clause = {""};
	const char *text;
	enum azjit_result result = azjit_key_text(at, setting, &text);

	if (result != AZJIT_OK)
		return result;
	if (azjit_key_uri_check(text, &clause) != AZJIT_OK)
		return azjit_key_fail(at, setting, "%s", clause.text);
	*(char **)field = strdup(text);
	return *(char **)field ? AZJIT_OK : AZJIT_NOMEM;
}

// Numbers, switches, durations, choices.

static void store(void *field, size_t size, int64_t value)
{
	if (size == sizeof(int64_t))
		*(int64_t *)field = value;
	else if (size == sizeof(int))
		*(int *)field = (int)value;
	else
		*(bool *)field = value != 0;
}

static int64_t fetch(const void *field, size_t size)
{
	if (size == sizeof(int64_t))
		return *(const int64_t *)field;
	if (size == sizeof(int))
		return *(const int *)field;
	return *(const bool *)field;
}

enum azjit_result azjit_read_number(const struct azjit_key_at *at, const config_setting_t *setting,
                                    void *field)
{
	int type = config_setting_type(setting);
	int64_t value = config_setting_get_int64(setting);

	if ((type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64) || value < at->key->min ||
	    value > at->key->max)
		return azjit_key_refuse(at, setting);
	store(field, at->key->size, value);
	return AZJIT_OK;
}

enum azjit_result azjit_read_switch(const struct azjit_key_at *at, const config_setting_t *setting,
                                    void *field)
{
	if (config_setting_type(setting) != CONFIG_TYPE_BOOL)
		return azjit_key_refuse(at, setting);
	*(bool *)field = config_setting_get_bool(setting) != 0;
	return AZJIT_OK;
}

enum azjit_result azjit_read_duration(const struct azjit_key_at *at, const config_setting_t *setting,
                                      void *field)
{
	const char *text = config_setting_get_string(setting);
	int64_t seconds = 0;
	bool ok;

	if (!text)
		return azjit_key_refuse(at, setting);
	ok = azjit_duration_parse(text, &seconds) == AZJIT_OK ||
	     (at->key->min == 0 && azjit_streq(text, "0s"));
	if (!ok || seconds < at->key->min || seconds > at->key->max)
		return azjit_key_refuse(at, setting);
	*(int64_t *)field = seconds;
	return AZJIT_OK;
}

enum azjit_result azjit_read_choice(const struct azjit_key_at *at, const config_setting_t *setting,
                                    void *field)
{
	const char *text = config_setting_get_string(setting);

	for (const struct azjit_key_choice *c = at->key->choices; text && c->word; c++) {
		if (!azjit_streq(text, c->word))
			continue;
		if (at->key->size == 0)
			return azjit_read_string(at, setting, field);
		store(field, at->key->size, c->value);
		return AZJIT_OK;
	}
	return azjit_key_refuse(at, setting);
}

// Writing.

bool azjit_write_quoted(const char *text, struct azjit_buf *out)
{
	bool ok = azjit_buf_str(out, "\"");

	for (const char *p = text; ok && *p; p++) {
		if (*p == '"' || *p == '\\')
			ok = azjit_buf_str(out, "\\");
		ok = ok && azjit_buf_add(out, p, 1);
	}
	return ok && azjit_buf_str(out, "\"");
}

bool azjit_write_string(const struct azjit_config_key *key, const void *field, bool json,
                        struct azjit_buf *out)
{
	return azjit_write_quoted(*(char *const *)field, out);
}

bool azjit_write_number(const struct azjit_config_key *key, const void *field, bool json,
                        struct azjit_buf *out)
{
	return azjit_buf_printf(out, "%lld", (long long)fetch(field, key->size));
}

bool azjit_write_switch(const struct azjit_config_key *key, const void *field, bool json,
                        struct azjit_buf *out)
{
	return azjit_buf_str(out, *(const bool *)field ? "true" : "false");
}

bool azjit_write_duration(const struct azjit_config_key *key, const void *field, bool json,
                          struct azjit_buf *out)
{
	char text[32] = "0s";

	if (*(const int64_t *)field > 0)
		azjit_duration_format(*(const int64_t *)field, text, sizeof(text));
	return azjit_write_quoted(text, out);
}

bool azjit_write_choice(const struct azjit_config_key *key, const void *field, bool json,
                        struct azjit_buf *out)
{
	if (key->size == 0)
		return azjit_write_string(key, field, json, out);
	for (const struct azjit_key_choice *c = key->choices; c->word; c++)
		if (c->value == fetch(field, key->size))
			return azjit_write_quoted(c->word, out);
	return azjit_buf_str(out, "\"\"");
}
