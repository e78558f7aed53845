// SPDX-License-Identifier: Apache-2.0
// Threat model. Attackers: whoever sits on the path to Azure; whoever can answer at a host name that we
// ask; whoever set the environment or planted files in the home directory of the caller (`azjit
// --direct`). Must hold: the token goes to a server whose certificate is valid for the name that we
// asked, and nowhere else; no answer makes us send anything elsewhere, use more than bounded memory or
// wait longer than asked. It holds because http_policy() below is the only place where a handle gets
// its options, it starts from defaults that are then each overridden, and one option that cannot be
// set makes the exchange fail before it starts.
#include "http_policy.h"

#define CONNECT_TIMEOUT_MS      10000L
#define IMDS_CONNECT_TIMEOUT_MS 3000L

static bool set_schemes(CURL *easy, bool plain)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	return SET(CURLOPT_PROTOCOLS_STR, plain ? "http" : "https") &&
	       SET(CURLOPT_REDIR_PROTOCOLS_STR, "https");
#else
	return SET(CURLOPT_PROTOCOLS, plain ? (long)CURLPROTO_HTTP : (long)CURLPROTO_HTTPS) &&
	       SET(CURLOPT_REDIR_PROTOCOLS, (long)CURLPROTO_HTTPS);
#endif
}

static bool set_quick_exit(CURL *easy)
{
#if LIBCURL_VERSION_NUM >= 0x075700
	// Else a timeout or cancel would block the loop until a hung name look-up returns.
	return SET(CURLOPT_QUICK_EXIT, 1L);
#else
	return true;
#endif
}

static bool set_trust(CURL *easy, const char *ca_file)
{
	if (ca_file && !(SET(CURLOPT_CAINFO, ca_file) && SET(CURLOPT_CAPATH, NULL)))
		return false;
	return SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) && SET(CURLOPT_SSL_VERIFYPEER, 1L) &&
	       SET(CURLOPT_SSL_VERIFYHOST, 2L) &&
	       SET(CURLOPT_PROXY_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
	       SET(CURLOPT_PROXY_SSL_VERIFYPEER, 1L) && SET(CURLOPT_PROXY_SSL_VERIFYHOST, 2L);
}

// Nothing from the environment or a home directory: an empty string is "none", NULL would be "look".
static bool set_independence(CURL *easy, const char *proxy)
{
	return SET(CURLOPT_PROXY, proxy ? proxy : "") && SET(CURLOPT_NOPROXY, "") &&
	       SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L) && SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) &&
	       SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L) && SET(CURLOPT_FOLLOWLOCATION, 0L) &&
	       SET(CURLOPT_UNRESTRICTED_AUTH, 0L) && SET(CURLOPT_HTTPAUTH, (long)CURLAUTH_NONE) &&
	       SET(CURLOPT_COOKIEFILE, NULL) && SET(CURLOPT_NOSIGNAL, 1L);
}

static bool set_limits(CURL *easy, bool plain, unsigned timeout_ms)
{
	return SET(CURLOPT_TIMEOUT_MS, (long)timeout_ms) &&
	       SET(CURLOPT_CONNECTTIMEOUT_MS, plain ? IMDS_CONNECT_TIMEOUT_MS : CONNECT_TIMEOUT_MS) &&
	       SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)HTTP_BODY_MAX_BYTES) &&
	       SET(CURLOPT_MAXREDIRS, 0L) && SET(CURLOPT_TCP_KEEPALIVE, 1L) && set_quick_exit(easy);
}

bool http_policy(CURL *easy, const struct http_request *request, const char *ca_file, const char *proxy)
{
	bool plain = request->kind == HTTP_PLAIN_DIRECT;

	return set_schemes(easy, plain) && set_trust(easy, ca_file) &&
	       set_independence(easy, plain ? NULL : proxy) && set_limits(easy, plain, request->timeout_ms) &&
	       SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
	       SET(CURLOPT_FRESH_CONNECT, request->kind == HTTP_TLS_ONCE ? 1L : 0L) &&
	       SET(CURLOPT_USERAGENT, "azjit/" AZJIT_VERSION) && SET(CURLOPT_ACCEPT_ENCODING, "gzip") &&
	       SET(CURLOPT_URL, request->url);
}
