// SPDX-License-Identifier: Apache-2.0
// Threat model: a PIN that stands in the configuration is read by everybody who may read that file, and by
// `azjit config show`; it is refused, so that nobody keeps one there. A command as pin-source would be run as
// the broker: only a file is taken. A module is code that we load: its path comes from root's configuration
// alone, and holds nothing that could be another line of the provider's own.
#include "key_uri.h"

#include <stdio.h>

#define OBJECT_MAX_BYTES ((size_t)1024)
#define HANDLE_PREFIX    "handle:0x81"
#define HANDLE_DIGITS    6

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static const struct key_scheme schemes[] = {
        {"pkcs11:", "pkcs11", "pkcs11-provider", "the token"},
        {"handle:", "tpm2", "tpm2-openssl", "the TPM"},
};

static bool starts(const char *text, size_t len, const char *with)
{
	return len >= strlen(with) && strncmp(text, with, strlen(with)) == 0;
}

static int hex_value(char c)
{
	const char *digits = "0123456789abcdef0123456789ABCDEF", *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) % 16 : -1;
}

// An absolute path that was percent-encoded, or NULL if it is none or holds anything unusual.
static char *decode_path(const char *text, size_t len)
{
	char *path = malloc(len + 1), *out = path;

	for (size_t i = 0; path && i < len; i++) {
		int high = text[i] == '%' && i + 2 < len ? hex_value(text[i + 1]) : -1;
		int low = high >= 0 ? hex_value(text[i + 2]) : -1;
		bool encoded = low >= 0 && high + low > 0; // "%00" stays, and is refused below

		*out++ = encoded ? (char)(high * 16 + low) : text[i];
		i += encoded ? 2 : 0;
	}
	if (path)
		*out = '\0';
	if (path && (*path != '/' || path[strspn(path, LETTERS "/._+-@")]))
		free(STEAL(path));
	return path;
}

// --- pkcs11: RFC 7512 ---------------------------------------------------------------------------------

// Moves the path of the attribute into its field; false if it is no path.
static bool take_path(const char *value, size_t len, char **field)
{
	if (starts(value, len, "file:")) {
		value += 5;
		len -= 5;
		if (starts(value, len, "///")) {
			value += 2;
			len -= 2;
		}
	}
	free(*field);
	*field = decode_path(value, len);
	return *field;
}

static enum azjit_result pin_written(struct azjit_reason *reason)
{
	return azjit_fail(reason, AZJIT_CONFIG,
	                  "holds its PIN (pin-value), which whoever may read the configuration reads: "
	                  "put it into a file of its own and name that in password_file");
}

// The provider takes a PIN, or a file of one, behind any of ";?&": only what RFC 7512 has before the '?' passes.
static bool names_object(const char *attribute, size_t len)
{
	static const char *const names[] = {"token=",
	                                    "manufacturer=",
	                                    "serial=",
	                                    "model=",
	                                    "library-manufacturer=",
	                                    "library-version=",
	                                    "library-description=",
	                                    "object=",
	                                    "id=",
	                                    "slot-manufacturer=",
	                                    "slot-description=",
	                                    "slot-id="};

	for (size_t i = 0; i < AZJIT_COUNT(names); i++)
		if (starts(attribute, len, names[i]))
			return !memchr(attribute, '&', len);
	return false;
}

static enum azjit_result take_query(const char *attribute, size_t len, struct key_uri *uri,
                                    struct azjit_reason *reason)
{
	if (starts(attribute, len, "pin-value="))
		return pin_written(reason);
	if (starts(attribute, len, "pin-source="))
		return take_path(attribute + 11, len - 11, &uri->pin_file)
		               ? AZJIT_OK
		               : azjit_fail(reason, AZJIT_CONFIG,
		                            "takes a file as pin-source: pin-source=file:/PATH");
	if (starts(attribute, len, "module-path="))
		return take_path(attribute + 12, len - 12, &uri->module)
		               ? AZJIT_OK
		               : azjit_fail(reason, AZJIT_CONFIG,
		                            "takes an absolute path of plain characters as module-path");
	return azjit_fail(reason, AZJIT_CONFIG,
	                  "takes module-path and pin-source behind its '?', and nothing else");
}

static enum azjit_result take_attribute(const char *attribute, size_t len, struct azjit_buf *object,
                                        struct azjit_reason *reason)
{
	if (len == strlen("type=private") && starts(attribute, len, "type=private"))
		return AZJIT_OK;
	if (starts(attribute, len, "pin-"))
		return pin_written(reason);
	if (starts(attribute, len, "type="))
		return azjit_fail(reason, AZJIT_CONFIG,
		                  "names an object that is no private key: leave type= out");
	if (!names_object(attribute, len))
		return azjit_fail(reason, AZJIT_CONFIG, "must be like pkcs11:token=NAME;object=NAME");
	if (object->len > strlen("pkcs11:"))
		azjit_buf_str(object, ";");
	azjit_buf_add(object, attribute, len);
	return AZJIT_OK;
}

static enum azjit_result parse_pkcs11(const char *text, struct key_uri *uri, struct azjit_reason *reason)
{
	_cleanup_buf_ struct azjit_buf object = AZJIT_BUF(OBJECT_MAX_BYTES);
	const char *at = text + strlen("pkcs11:"), *query = strchr(at, '?');
	const char *end = query ? query : at + strlen(at);
	enum azjit_result result = AZJIT_OK;

	azjit_buf_str(&object, "pkcs11:");
	while (result == AZJIT_OK && at < end) {
		size_t len = strcspn(at, ";?");

		result = take_attribute(at, len, &object, reason);
		at += len + (at[len] == ';');
	}
	while (result == AZJIT_OK && query && *query) {
		size_t len = strcspn(++query, "&");

		result = take_query(query, len, uri, reason);
		query += len;
	}
	if (result != AZJIT_OK)
		return result;
	if (!strstr(object.data, ":token=") && !strstr(object.data, ";token=") &&
	    !strstr(object.data, ":serial=") && !strstr(object.data, ";serial="))
		return azjit_fail(
		        reason, AZJIT_CONFIG,
		        "must name its token, as its PIN would else be given to each that is there: "
		        "pkcs11:token=NAME;object=NAME");
	uri->object = azjit_buf_steal(&object);
	return uri->object ? AZJIT_OK : azjit_fail(reason, AZJIT_NOMEM, "out of memory");
}

// --- handle: ------------------------------------------------------------------------------------------

static enum azjit_result parse_handle(const char *text, struct key_uri *uri, struct azjit_reason *reason)
{
	size_t len = strlen(HANDLE_PREFIX);

	if (strncmp(text, HANDLE_PREFIX, len) != 0 ||
	    strspn(text + len, "0123456789abcdefABCDEF") != HANDLE_DIGITS || text[len + HANDLE_DIGITS])
		return azjit_fail(reason, AZJIT_CONFIG,
		                  "must be a persistent handle of a TPM, " HANDLE_PREFIX
		                  " and six hexadecimal digits");
	uri->object = strdup(text);
	return uri->object ? AZJIT_OK : azjit_fail(reason, AZJIT_NOMEM, "out of memory");
}

// --- the whole ----------------------------------------------------------------------------------------

void key_uri_clear(struct key_uri *uri)
{
	free(STEAL(uri->object));
	free(STEAL(uri->module));
	free(STEAL(uri->pin_file));
}

enum azjit_result key_uri_parse(const char *text, struct azjit_reason *reason, struct key_uri *ret)
{
	struct key_uri uri = {0};
	enum azjit_result result;

	for (size_t i = 0; i < AZJIT_COUNT(schemes); i++)
		if (strncmp(text, schemes[i].prefix, strlen(schemes[i].prefix)) == 0)
			uri.scheme = &schemes[i];
	if (!uri.scheme)
		return azjit_fail(
		        reason, AZJIT_CONFIG,
		        "begins with neither pkcs11: nor handle: (a file's name goes into key_file)");
	result = uri.scheme == &schemes[0] ? parse_pkcs11(text, &uri, reason)
	                                   : parse_handle(text, &uri, reason);
	if (result == AZJIT_OK)
		*ret = uri;
	else
		key_uri_clear(&uri);
	return result;
}

enum azjit_result azjit_key_uri_check(const char *uri, struct azjit_reason *reason)
{
	struct key_uri parsed = {0};
	enum azjit_result result = key_uri_parse(uri, reason, &parsed);

	key_uri_clear(&parsed);
	return result;
}
