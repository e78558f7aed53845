// SPDX-License-Identifier: Apache-2.0
#include "identity.h"

#include <azjit/text.h>

#define MAX_LIFETIME_S 172800 // a longer life is not believed

const char *token_read(const json_t *root, azjit_ticks now, struct token_life *ret)
{
	const char *token = js_text(root, "access_token"), *type = js_text(root, "token_type");
	struct token_life life = {0};
	int64_t ends_s;

	// A header line is made of it: nothing but visible ASCII.
	if (!*token ||
	    strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=") !=
	            strlen(token))
		return NULL;
	if (*type && !azjit_ieq(type, "Bearer"))
		return NULL;
	if (!js_integer(js_member(root, "expires_in"), 1, MAX_LIFETIME_S, &life.lifetime_s)) {
		if (!js_integer(js_member(root, "expires_on"), 1, INT64_MAX / AZJIT_TICKS_PER_S, &ends_s))
			return NULL;
		life.lifetime_s = ends_s - now / AZJIT_TICKS_PER_S;
	}
	if (life.lifetime_s < 1 || life.lifetime_s > MAX_LIFETIME_S)
		return NULL;
	if (!js_integer(js_member(root, "refresh_in"), 1, life.lifetime_s, &life.refresh_in_s))
		life.refresh_in_s = 0;
	*ret = life;
	return token;
}

uint64_t token_renewal_ms(const struct token_life *life)
{
	uint64_t lifetime_ms = (uint64_t)life->lifetime_s * 1000;

	if (life->refresh_in_s > 0)
		return (uint64_t)life->refresh_in_s * 1000;
	if (lifetime_ms >= 7200000 || lifetime_ms < 600000)
		return lifetime_ms / 2;
	return lifetime_ms - 300000;
}
