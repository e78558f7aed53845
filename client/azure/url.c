// SPDX-License-Identifier: Apache-2.0
#include "url.h"

#include <azjit/result.h>
#include <azjit/text.h>
#include <ctype.h>
#include <stdio.h>

#define PATH_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/"

#include <strings.h>

// The part of `text` behind "scheme://", or NULL.
static const char *after_scheme(const char *text, const char *scheme)
{
	size_t len = strlen(scheme);

	if (strncasecmp(text, scheme, len) != 0 || strncmp(text + len, "://", 3) != 0)
		return NULL;
	return text + len + 3;
}

// Length of "host" or "[v6]" at the start of text; 0 if there is none.
static size_t host_length(const char *text)
{
	size_t len;

	if (*text == '[') {
		len = 1 + strspn(text + 1, "0123456789abcdefABCDEF:.");
		return text[len] == ']' ? len + 1 : 0;
	}
	return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-");
}

// Appends "host[:port]" in lower case without the scheme's own port; returns what follows in `text`.
static const char *add_authority(struct azjit_buf *buf, const char *text, const char *scheme)
{
	size_t len = host_length(text);
	char digits[8] = "";
	size_t count;
	uint16_t port;

	if (len == 0)
		return NULL;
	for (size_t i = 0; i < len; i++)
		azjit_buf_add(buf, &(char){(char)tolower((unsigned char)text[i])}, 1);
	text += len;
	if (*text != ':')
		return text;
	count = strspn(++text, "0123456789");
	if (count == 0 || count >= sizeof(digits))
		return NULL;
	memcpy(digits, text, count);
	if (azjit_parse_port(digits, &port) != AZJIT_OK)
		return NULL;
	if (port != (azjit_streq(scheme, "https") ? 443 : 80))
		azjit_buf_printf(buf, ":%u", port);
	return text + count;
}

// Normal form of the origin of an absolute URL, and what follows it.
static char *normal_origin(const char *text, const char *scheme, const char **ret_rest)
{
	_cleanup_buf_ struct azjit_buf buf = AZJIT_BUF(512);
	const char *rest = after_scheme(text, scheme);

	if (!rest || !azjit_buf_printf(&buf, "%s://", scheme))
		return NULL;
	rest = add_authority(&buf, rest, scheme);
	if (!rest || buf.failed)
		return NULL;
	*ret_rest = rest;
	return azjit_buf_steal(&buf);
}

enum azjit_result url_origin(const char *text, const char *scheme, char **ret)
{
	const char *rest = "";
	_cleanup_free_ char *origin = normal_origin(text, scheme, &rest);

	if (!origin || !(azjit_streq(rest, "") || azjit_streq(rest, "/")))
		return AZJIT_USAGE;
	*ret = STEAL(origin);
	return AZJIT_OK;
}

enum azjit_result url_endpoint(const char *text, char **ret)
{
	const char *rest = "";
	_cleanup_free_ char *origin = normal_origin(text, "http", &rest);
	_cleanup_buf_ struct azjit_buf buf = AZJIT_BUF(URL_MAX_BYTES);
	char *url;

	if (!origin || (*rest && *rest != '/') || rest[strspn(rest, PATH_CHARS)])
		return AZJIT_USAGE;
	azjit_buf_str(&buf, origin);
	azjit_buf_str(&buf, azjit_streq(rest, "/") ? "" : rest);
	url = azjit_buf_steal(&buf);
	if (!url)
		return AZJIT_NOMEM;
	*ret = url;
	return AZJIT_OK;
}

bool url_escape(struct azjit_buf *buf, const char *text, const char *keep)
{
	for (const char *c = text; *c; c++) {
		if (isalnum((unsigned char)*c) || strchr("-._~", *c) || strchr(keep, *c))
			azjit_buf_add(buf, c, 1);
		else
			azjit_buf_printf(buf, "%%%02X", (unsigned char)*c);
	}
	return !buf->failed;
}

enum azjit_result url_follow(const char *origin, const char *link, char **ret)
{
	const char *scheme = strncmp(origin, "http://", 7) == 0 ? "http" : "https";
	_cleanup_buf_ struct azjit_buf buf = AZJIT_BUF(URL_MAX_BYTES);
	const char *rest = "";
	_cleanup_free_ char *theirs = normal_origin(link, scheme, &rest);
	char *url;

	if (!theirs || !azjit_streq(theirs, origin) || (*rest != '/' && *rest != '?'))
		return AZJIT_PROTOCOL;
	azjit_buf_str(&buf, origin);
	if (*rest == '?')
		azjit_buf_str(&buf, "/");
	// Everything that RFC 3986 lets stand is kept, escapes included; a fragment is not sent.
	url_escape(&buf, rest, "%/?:@!$&'()*+,;=[]");
	if (buf.failed || strchr(rest, '#'))
		return AZJIT_PROTOCOL;
	url = azjit_buf_steal(&buf);
	if (!url)
		return AZJIT_NOMEM;
	*ret = url;
	return AZJIT_OK;
}

static bool id_sound(const char *id)
{
	if (strncasecmp(id, "/subscriptions/", strlen("/subscriptions/")) != 0)
		return false;
	for (const char *segment = id; *segment; segment += strcspn(segment, "/")) {
		size_t len = strcspn(++segment, "/");

		if (len == 0 || strspn(segment, ".") == len)
			return false;
	}
	return true;
}

enum azjit_result url_resource(const char *origin, const char *id, const char *suffix, char **ret)
{
	_cleanup_buf_ struct azjit_buf buf = AZJIT_BUF(URL_MAX_BYTES);
	char *url;

	if (!id || strlen(id) > URL_MAX_BYTES / 6 || !id_sound(id))
		return AZJIT_USAGE;
	azjit_buf_str(&buf, origin);
	url_escape(&buf, id, "/()");
	azjit_buf_str(&buf, suffix);
	url = azjit_buf_steal(&buf);
	if (!url)
		return AZJIT_NOMEM;
	*ret = url;
	return AZJIT_OK;
}
