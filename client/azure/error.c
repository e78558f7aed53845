// SPDX-License-Identifier: Apache-2.0
#include "error.h"

#include "json.h"

#include <azjit/text.h>
#include <stdio.h>

#include <strings.h>

// The first text among members of an object, whatever their case was in some old service.
static const char *any_text(const json_t *object, const char *const names[3])
{
	for (size_t i = 0; i < 3; i++)
		if (*js_text(object, names[i]))
			return js_text(object, names[i]);
	return "";
}

static void read_object(const json_t *root, const char **code, const char **message)
{
	static const char *const codes[] = {"code", "Code", "error"};
	static const char *const messages[] = {"message", "Message", "error_description"};
	const json_t *error = js_member(root, "error");
	const json_t *flat = json_is_object(error) ? error : root;
	const json_t *details = js_member(flat, "details");

	*code = any_text(flat, codes);
	*message = any_text(flat, messages);
	for (size_t i = 0; i < js_count(details) && !**message; i++) {
		if (!**code)
			*code = any_text(json_array_get(details, i), codes);
		*message = any_text(json_array_get(details, i), messages);
	}
}

// Copies the words of <title>, if there are some; proxies put their whole sense there.
static void html_title(const char *body, char *title, size_t size)
{
	const char *from = strcasestr(body, "<title>");
	const char *to = from ? strcasestr(from, "</title>") : NULL;
	char raw[160];

	*title = '\0';
	if (!to)
		return;
	from += strlen("<title>");
	if ((size_t)(to - from) >= sizeof(raw))
		return;
	memcpy(raw, from, (size_t)(to - from));
	raw[to - from] = '\0';
	azjit_printable(raw, title, size);
}

static void own_sentence(const char *who, int http_status, const char *body, size_t len, char *message,
                         size_t size)
{
	size_t blank = strspn(body, " \t\r\n");
	char title[256];

	if (len == 0 || body[blank] == '\0') {
		(void)snprintf(message, size, "%s answered %d without a word", who, http_status);
	} else if (body[blank] == '<') {
		html_title(body, title, sizeof(title));
		(void)snprintf(message, size, "%s answered %d with a page of HTML%s%s%s", who, http_status,
		               *title ? " ('" : "", title, *title ? "')" : "");
	} else {
		(void)snprintf(message, size, "%s answered %d with something that is no JSON error", who,
		               http_status);
	}
}

void error_read(const char *who, int http_status, const char *body, size_t len, struct error_text *ret)
{
	const char *why = NULL, *code = "", *message = "";
	json_auto_t *root = len ? js_read(body, len, &why) : NULL;

	if (json_is_object(root))
		read_object(root, &code, &message);
	azjit_printable(code, ret->code, sizeof(ret->code));
	if (*message)
		azjit_printable(message, ret->message, sizeof(ret->message));
	else if (*code)
		(void)snprintf(ret->message, sizeof(ret->message), "%s answered %d, %s", who, http_status,
		               ret->code);
	else
		own_sentence(who, http_status, body, len, ret->message, sizeof(ret->message));
}

enum azjit_result error_result(int http_status, bool write)
{
	switch (http_status) {
	case 401:
		return AZJIT_IDENTITY;
	case 403:
		return AZJIT_FORBIDDEN;
	case 408:
		return AZJIT_UNREACHABLE;
	case 429:
		return AZJIT_THROTTLED;
	case 404:
		return write ? AZJIT_REQUEST_REFUSED : AZJIT_NOT_FOUND;
	default:
		break;
	}
	if (http_status >= 500)
		return AZJIT_UNREACHABLE;
	if (http_status >= 400 && write)
		return AZJIT_REQUEST_REFUSED;
	return AZJIT_PROTOCOL;
}
