// SPDX-License-Identifier: Apache-2.0
#include "assertion.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>

#include "jwt.h"
#include "settings.h"

#define LONGEST_LIFE_S 600

struct assertion {
	const char *text;
	size_t signed_len;
	const char *signature; // base64url
	json_t *header, *claims;
};

static void assertion_clear(struct assertion *a)
{
	json_decref(a->header);
	json_decref(a->claims);
}

static bool refuse(struct refusal *ret, int number, const char *message)
{
	*ret = (struct refusal){number, message};
	return false;
}

static bool assertion_read(const char *jwt, struct assertion *ret)
{
	const char *dot1 = strchr(jwt, '.'), *dot2 = dot1 ? strchr(dot1 + 1, '.') : NULL;

	*ret = (struct assertion){.text = jwt};
	if (!dot2 || strchr(dot2 + 1, '.'))
		return false;
	ret->signed_len = (size_t)(dot2 - jwt);
	ret->signature = dot2 + 1;
	ret->header = jwt_part(jwt, (size_t)(dot1 - jwt));
	ret->claims = jwt_part(dot1 + 1, (size_t)(dot2 - dot1 - 1));
	return json_is_object(ret->header) && json_is_object(ret->claims);
}

// --- which certificate --------------------------------------------------------------------------------

static char *base64(const void *data, size_t bytes)
{
	char *out = xcalloc(bytes / 3 + 2, 4);

	EVP_EncodeBlock((unsigned char *)out, data, (int)bytes);
	return out;
}

static char *hex(const unsigned char *data, size_t bytes)
{
	static const char digits[] = "0123456789abcdef";
	char *out = xcalloc(bytes, 2 + 1);

	for (size_t i = 0; i < bytes; i++) {
		out[2 * i] = digits[data[i] >> 4];
		out[2 * i + 1] = digits[data[i] & 15];
	}
	return out;
}

// PS256 goes with x5t#S256 (unpadded base64url, or padded base64 as MSAL Go writes it), RS256 with x5t or kid.
static bool named(const struct certificate *c, const json_t *header)
{
	const char *x5t256 = jstr(header, "x5t#S256", ""), *x5t = jstr(header, "x5t", ""),
	           *kid = jstr(header, "kid", "");
	_cleanup_free_ char *url256 = base64url(c->sha256, sizeof(c->sha256)),
	                    *plain256 = base64(c->sha256, sizeof(c->sha256)),
	                    *url1 = base64url(c->sha1, sizeof(c->sha1)),
	                    *hex1 = hex(c->sha1, sizeof(c->sha1));

	if (!strcmp(jstr(header, "alg", ""), "PS256"))
		return !strcmp(x5t256, url256) || !strcmp(x5t256, plain256);
	if (*x5t)
		return !strcmp(x5t, url1);
	return !strcmp(kid, url1) || str_ieq(kid, hex1);
}

// x5c, where it is sent, begins with the certificate itself (RFC 7515 §4.1.6).
static bool chain_begins_with(const struct certificate *c, const json_t *header)
{
	const json_t *x5c = json_object_get(header, "x5c");
	unsigned char *der = NULL;
	int len = i2d_X509(c->x509, &der);
	_cleanup_free_ char *text = len > 0 ? base64(der, (size_t)len) : NULL;
	const char *first = json_string_value(json_array_get(x5c, 0));

	OPENSSL_free(der);
	return !x5c || (first && text && !strcmp(first, text));
}

// --- signature ----------------------------------------------------------------------------------------

// The salt of PS256 is as long as the digest (RFC 7518 §3.5); OpenSSL left alone takes any.
static bool demand_pss(EVP_PKEY_CTX *ctx)
{
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) == 1;
}

static bool signature_good(const struct assertion *a, EVP_PKEY *key)
{
	size_t len = 0;
	_cleanup_free_ unsigned char *sig = base64url_decode(a->signature, strlen(a->signature), &len);
	bool pss = !strcmp(jstr(a->header, "alg", ""), "PS256");
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx = NULL;
	bool good = sig && ctx && EVP_DigestVerifyInit(ctx, &pctx, EVP_sha256(), NULL, key) == 1 &&
	            (!pss || demand_pss(pctx)) &&
	            EVP_DigestVerify(ctx, sig, len, (const unsigned char *)a->text, a->signed_len) == 1;

	EVP_MD_CTX_free(ctx);
	return good;
}

// --- claims -------------------------------------------------------------------------------------------

static bool audience_good(struct request *req, const char *aud)
{
	_cleanup_free_ char *base = request_base(req);
	const char *const tenants[] = {req->sim->tenant, req->sim->tenant_name};

	for (size_t i = 0; i < ARRAY_SIZE(tenants); i++) {
		_cleanup_free_ char *endpoint = xasprintf("%s/%s/oauth2/v2.0/token", base, tenants[i]);

		if (str_ieq(aud, endpoint))
			return true;
	}
	return false;
}

static bool times_good(const struct sim *sim, const json_t *claims, struct refusal *ret)
{
	long long now = time_unix(clock_now(&sim->clock)), nbf = jint(claims, "nbf", 0),
	          exp = jint(claims, "exp", 0), skew = sw_int(sim, "assertion_skew_s");

	if (!nbf || !exp || exp + skew <= now || nbf - skew > now)
		return refuse(ret, 700024, "Client assertion is not within its valid time range.");
	if (exp - nbf > LONGEST_LIFE_S)
		return refuse(ret, 700024, "Client assertion is valid for more than 10 minutes.");
	return true;
}

static bool claims_good(struct request *req, const struct principal *p, const json_t *claims,
                        struct refusal *ret)
{
	const char *jti = jstr(claims, "jti", NULL);
	_cleanup_free_ char *used = xasprintf("%s %s", p->app_id, jti ? jti : "");

	if (!str_ieq(jstr(claims, "iss", ""), p->app_id) || !str_ieq(jstr(claims, "sub", ""), p->app_id))
		return refuse(
		        ret, 700021,
		        "Client assertion application identifier does not match 'client_id' parameter.");
	if (!audience_good(req, jstr(claims, "aud", "")))
		return refuse(ret, 700023, "Client assertion audience claim does not match Realm issuer.");
	if (!times_good(req->sim, claims, ret))
		return false;
	if (!jti || !*jti || json_object_get(req->sim->assertions, used))
		return refuse(ret, 700027,
		              "Client assertion has no 'jti', or one that was presented before.");
	jset(req->sim->assertions, used, json_true());
	return true;
}

static bool certificate_good(const struct sim *sim, const struct certificate *c, const struct assertion *a,
                             struct refusal *ret)
{
	time_t now = (time_t)time_unix(clock_now(&sim->clock));

	if (sw_is(sim, "assertion_chain", "required") && !json_object_get(a->header, "x5c"))
		return refuse(ret, 700027, "The client assertion has no 'x5c'.");
	if (!chain_begins_with(c, a->header))
		return refuse(ret, 700027, "The 'x5c' of the client assertion is of another certificate.");
	if (X509_cmp_time(X509_get0_notAfter(c->x509), &now) <= 0)
		return refuse(ret, 700027, "The key used to sign the client assertion is expired.");
	if (!signature_good(a, X509_get0_pubkey(c->x509)))
		return refuse(ret, 700027, "Client assertion failed signature validation.");
	return true;
}

// --- another directory's token ------------------------------------------------------------------------

static bool audience_has(const json_t *claims, const char *audience)
{
	const json_t *aud = json_object_get(claims, "aud");
	size_t i;
	json_t *v;

	json_array_foreach(aud, i, v) if (!strcmp(json_string_value(v) ? json_string_value(v) : "",
	                                          audience)) return true;
	return !strcmp(jstr(claims, "aud", ""), audience);
}

// Its time, not its length: who issued it decides how long it lives, and how often it is presented.
static bool in_time(const struct sim *sim, const json_t *claims)
{
	long long now = time_unix(clock_now(&sim->clock)), skew = sw_int(sim, "assertion_skew_s");

	return jint(claims, "exp", 0) + skew > now && jint(claims, "nbf", 0) - skew <= now;
}

static bool federated_good(const struct sim *sim, const struct principal *p, const struct assertion *a,
                           struct refusal *ret)
{
	const struct federation *f = p->trust.federations;

	while (f && strcmp(f->issuer, jstr(a->claims, "iss", "")))
		f = f->next;
	if (!f)
		return refuse(ret, 700211,
		              "No matching federated identity record found for presented assertion issuer.");
	if (strcmp(f->subject, jstr(a->claims, "sub", "")))
		return refuse(ret, 700213,
		              "No matching federated identity record found for presented assertion subject.");
	if (!audience_has(a->claims, f->audience))
		return refuse(
		        ret, 700212,
		        "No matching federated identity record found for presented assertion audience.");
	if (!signature_good(a, f->key))
		return refuse(ret, 50013, "Assertion failed signature validation.");
	if (!in_time(sim, a->claims))
		return refuse(ret, 700024, "Client assertion is not within its valid time range.");
	return true;
}

bool assertion_good(struct request *req, const struct principal *p, const char *jwt, struct refusal *ret)
{
	_cleanup_(assertion_clear) struct assertion a;
	bool read = assertion_read(jwt, &a);
	const char *alg = jstr(a.header, "alg", "");

	if (!read)
		return refuse(ret, 50027, "JWT token is invalid or malformed.");
	if (strcmp(alg, "PS256") && strcmp(alg, "RS256"))
		return refuse(ret, 5002738,
		              "The algorithm of the client assertion is not supported: RS256 and PS256 are.");
	if (p->trust.federations && !str_ieq(jstr(a.claims, "iss", ""), p->app_id) &&
	    !json_object_get(a.header, "x5t#S256") && !json_object_get(a.header, "x5t"))
		return federated_good(req->sim, p, &a, ret);
	for (const struct certificate *c = p->trust.certificates; c; c = c->next)
		if (named(c, a.header))
			return certificate_good(req->sim, c, &a, ret) && claims_good(req, p, a.claims, ret);
	return refuse(ret, 700027,
	              "The certificate with identifier used to sign the client assertion is not registered "
	              "on application.");
}
