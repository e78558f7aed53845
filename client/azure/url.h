// SPDX-License-Identifier: Apache-2.0
// URLs towards one origin. Against: a nextLink or Location that leads our token to another host, a
// resource id (which came from outside) that changes host, query or path. Only path and query of a link
// are ever used, always behind our own origin.
#ifndef AZJIT_AZURE_URL_H
#define AZJIT_AZURE_URL_H

#include <azjit/buf.h>

#define URL_MAX_BYTES ((size_t)16 * 1024)

// "https://Host[:port][/]" -> "https://host[:port]" in lower case, without the scheme's own port. User
// names, paths and anything else are refused. scheme: "https" or "http". AZJIT_USAGE or AZJIT_NOMEM.
enum azjit_result url_origin(const char *text, const char *scheme, char **ret);

// The same over http, where a path of unreserved characters may follow, which is kept.
enum azjit_result url_endpoint(const char *text, char **ret);

// Our own URL for a link that Azure gave: its path and query behind `origin`, bytes that no URL may
// hold escaped. AZJIT_PROTOCOL if the link is not absolute, not of that origin, or too long.
enum azjit_result url_follow(const char *origin, const char *link, char **ret);

// origin + id + suffix. `id` is an absolute resource id: it begins with /subscriptions/, has no empty
// and no dot segment; all but unreserved characters are escaped. `suffix` is ours and taken as it is.
// AZJIT_USAGE for a bad id, AZJIT_NOMEM.
enum azjit_result url_resource(const char *origin, const char *id, const char *suffix, char **ret);

// Appends text with everything but unreserved characters (RFC 3986 §2.3) and those of `keep` escaped.
bool url_escape(struct azjit_buf *buf, const char *text, const char *keep);

#endif
