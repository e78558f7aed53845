// SPDX-License-Identifier: Apache-2.0
// Threat model: who reads what we print must not learn the token from it, and who gives us a token must not
// steer us by it. Must hold: only the claims named here leave, cut to their fields; the signature is not
// looked at, so nothing is decided by them.
#include "claims.h"

#include "call.h"

#include <azjit/text.h>

#define PAYLOAD_MAX_BYTES 16384

static int sextet(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

// base64url without padding (RFC 7515 §2); false for what is none or does not fit.
static bool decode(const char *text, size_t len, char ret[PAYLOAD_MAX_BYTES], size_t *ret_len)
{
	unsigned bits = 0, held = 0;

	*ret_len = 0;
	if (len / 4 * 3 + 3 > PAYLOAD_MAX_BYTES)
		return false;
	for (size_t i = 0; i < len; i++) {
		int value = sextet(text[i]);

		if (value < 0)
			return false;
		bits = (bits << 6 | (unsigned)value) & 0xffff;
		held += 6;
		if (held >= 8) {
			held -= 8;
			ret[(*ret_len)++] = (char)(bits >> held & 0xff);
		}
	}
	return true;
}

static void take(char *field, size_t size, const json_t *claims, const char *name)
{
	azjit_printable(js_text(claims, name), field, size);
}

bool claims_read(const char *token, struct azjit_claims *ret)
{
	const char *start = strchr(token, '.'), *end = start ? strchr(start + 1, '.') : NULL, *why;
	char payload[PAYLOAD_MAX_BYTES];
	size_t len;
	json_auto_t *claims = NULL;
	int64_t expires_s;

	if (!end || !decode(start + 1, (size_t)(end - start - 1), payload, &len))
		return false;
	claims = js_read(payload, len, &why);
	explicit_bzero(payload, sizeof(payload));
	if (!json_is_object(claims))
		return false;
	*ret = (struct azjit_claims){.tenant = ""};
	take(ret->tenant, sizeof(ret->tenant), claims, "tid");
	take(ret->object, sizeof(ret->object), claims, "oid");
	take(ret->application, sizeof(ret->application), claims, "appid");
	take(ret->user, sizeof(ret->user), claims, "upn");
	take(ret->resource, sizeof(ret->resource), claims, "xms_mirid");
	if (js_integer(js_member(claims, "exp"), 1, INT64_MAX / AZJIT_TICKS_PER_S, &expires_s))
		ret->expires = expires_s * AZJIT_TICKS_PER_S;
	return true;
}

enum azjit_result azjit_azure_claims(const struct azjit_azure *azure, struct azjit_claims *ret)
{
	const char *token = identity_token(azure->identity, NULL);

	if (!token)
		return AZJIT_IDENTITY;
	return claims_read(token, ret) ? AZJIT_OK : AZJIT_PROTOCOL;
}
