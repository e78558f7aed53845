// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include "mutate.h"

#include <ctype.h>
#include <string.h>

#include "util.h"

struct dice {
	uint64_t state;
};

static uint64_t roll(struct dice *d, uint64_t sides)
{
	d->state = d->state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (d->state >> 33) % sides;
}

static bool wants(const struct request *req, const char *kind)
{
	const json_t *kinds = json_object_get(req->fault, "kinds");
	size_t i;
	json_t *v;

	if (!req->fault || strcmp(jstr(req->fault, "type", ""), "mutate"))
		return false;
	json_array_foreach(kinds, i,
	                   v) if (json_is_string(v) && !strcmp(json_string_value(v), kind)) return true;
	return !kinds;
}

static struct dice dice_for(const struct request *req, const char *kind)
{
	struct dice d = {.state = (uint64_t)jint(req->fault, "seed", 1) * 0x9e3779b97f4a7c15ULL ^
	                          hash64(kind) ^ hash64(req->path)};

	roll(&d, 2);
	return d;
}

typedef json_t *(*rewrite)(struct dice *d, const char *key, json_t *value_stolen);

static json_t *walk(struct dice *d, const char *key, json_t *v_stolen, rewrite fn)
{
	json_t *v = v_stolen;
	size_t i;

	if (json_is_object(v)) {
		json_t *copy = json_object(), *member;
		const char *k;

		json_object_foreach(v, k, member) jset(copy, k, walk(d, k, json_incref(member), fn));
		json_decref(v);
		v = copy;
	} else if (json_is_array(v)) {
		json_t *copy = json_array(), *member;

		json_array_foreach(v, i, member) jpush(copy, walk(d, key, json_incref(member), fn));
		json_decref(v);
		v = copy;
	}
	return fn(d, key, v);
}

static void recase(struct dice *d, char *s)
{
	for (; *s; s++)
		if (roll(d, 3) == 0)
			*s = (char)(isupper((unsigned char)*s) ? tolower((unsigned char)*s)
			                                       : toupper((unsigned char)*s));
}

static json_t *rewrite_casing(struct dice *d, const char *key, json_t *v)
{
	const char *s = json_string_value(v);

	if (!s || (strncmp(s, "/subscriptions/", 15) && strncmp(s, "Microsoft.", 10)) ||
	    !strcmp(key, "nextLink"))
		return v;
	_cleanup_free_ char *copy = xstrdup(s);

	recase(d, copy);
	json_decref(v);
	return json_string(copy);
}

static bool is_time(const char *s)
{
	ticks t;

	return s && strlen(s) > 19 && s[10] == 'T' && time_parse(s, &t);
}

// .NET writes no trailing zeros of a fraction, and no fraction when it is zero; nothing else is cut.
static json_t *rewrite_fraction(struct dice *d, const char *key, json_t *v)
{
	const char *s = json_string_value(v);
	ticks t;

	(void)d;
	(void)key;
	if (!is_time(s) || !time_parse(s, &t))
		return v;
	_cleanup_free_ char *text = time_iso(t, 7);
	size_t n = strlen(text) - 1;

	while (text[n - 1] == '0')
		n--;
	if (text[n - 1] == '.')
		n--;
	text[n] = 'Z';
	text[n + 1] = '\0';
	json_decref(v);
	return json_string(text);
}

// Maps are not extended: every key of theirs is data.
static bool is_map(const char *key)
{
	return !strcmp(key, "tags") || !strcmp(key, "claims") || !strcmp(key, "identity") ||
	       !strcmp(key, "parameters");
}

static json_t *rewrite_unknown(struct dice *d, const char *key, json_t *v)
{
	if (!json_is_object(v) || is_map(key))
		return v;
	switch (roll(d, 4)) {
	case 0:
		jset(v, "x-unknown", json_null());
		break;
	case 1:
		jset(v, "newMember", jnew("{s:[i,{s:s}]}", "values", 1, "id", "x"));
		break;
	case 2:
		jset(v, "", json_string("the empty name"));
		break;
	default:
		break;
	}
	return v;
}

static json_t *rewrite_order(struct dice *d, const char *key, json_t *v)
{
	size_t n = json_object_size(v), i = 0;
	const char *k;
	json_t *member, *shuffled;

	(void)key;
	if (n < 2)
		return v;
	const char **keys = xcalloc(n, sizeof(*keys));

	json_object_foreach(v, k, member) keys[i++] = k;
	for (i = n - 1; i > 0; i--) {
		size_t j = roll(d, i + 1);

		k = keys[i];
		keys[i] = keys[j];
		keys[j] = k;
	}
	shuffled = json_object();
	for (i = 0; i < n; i++)
		jset(shuffled, keys[i], json_incref(json_object_get(v, keys[i])));
	free(keys);
	json_decref(v);
	return shuffled;
}

void mutate_json(struct request *req)
{
	static const struct {
		const char *kind;
		rewrite fn;
	} steps[] = {
	        {"casing", rewrite_casing},
	        {"fractions", rewrite_fraction},
	        {"unknown", rewrite_unknown},
	        {"order", rewrite_order},
	};

	if (!req->reply.body)
		return;
	req->reply.pretty |= wants(req, "crlf");
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		struct dice d = dice_for(req, steps[i].kind);

		if (wants(req, steps[i].kind))
			req->reply.body = walk(&d, "", req->reply.body, steps[i].fn);
	}
}

static void replace_text(struct reply *r, struct buf *b)
{
	free(r->text);
	r->text = b->data;
	r->text_len = b->len;
}

void mutate_text(struct request *req)
{
	struct reply *r = &req->reply;
	struct dice d = dice_for(req, "headers");
	struct buf b = {0};

	if (wants(req, "casing"))
		for (size_t i = 0; i < r->header_count; i++)
			recase(&d, r->headers[i].name);
	r->chunked = wants(req, "chunked");
	if (!r->text_len || r->content_type)
		return;
	if (wants(req, "bom") && strncmp(r->text, "\xef\xbb\xbf", 3))
		buf_adds(&b, "\xef\xbb\xbf");
	for (size_t i = 0; i < r->text_len; i++) {
		if (wants(req, "crlf") && r->text[i] == '{' && !b.len)
			buf_adds(&b, "\r\n");
		buf_add(&b, &r->text[i], 1);
	}
	if (wants(req, "crlf"))
		buf_adds(&b, "\r\n\r\n");
	replace_text(r, &b);
}

bool mutate_pages(const struct request *req, uint64_t *ret_seed)
{
	if (!wants(req, "pages"))
		return false;
	*ret_seed = (uint64_t)jint(req->fault, "seed", 1);
	return true;
}
