// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include <string.h>

#include "arm.h"
#include "mutate.h"
#include "settings.h"

#define LATE_MS 300

// What a $skiptoken of ours carries.
struct place {
	long long start, size;
	long long odd; // 1: pages are short, late and repeated
};

static bool read_token(const char *token, struct place *ret)
{
	long long *const into[] = {&ret->start, &ret->size, &ret->odd};

	for (size_t i = 0; i < ARRAY_SIZE(into); i++) {
		size_t n = strcspn(token, ".");
		_cleanup_free_ char *number = xstrndup(token, n);

		if (!parse_number(number, 0, 1000000, into[i]))
			return false;
		token += n + (token[n] == '.');
	}
	return !*token;
}

static char *next_link(const struct request *req, struct place next)
{
	_cleanup_free_ char *base = request_base(req);
	struct buf url = {0};
	const char *k;
	json_t *v;

	buf_adds(&url, base);
	buf_add(&url, req->target, strcspn(req->target, "?"));
	buf_adds(&url, "?");
	json_object_foreach(req->query, k, v)
	{
		_cleanup_free_ char *value = percent_encode(json_string_value(v));

		if (str_ieq(k, "$skiptoken"))
			continue;
		buf_adds(&url, k);
		buf_adds(&url, "=");
		buf_adds(&url, value);
		buf_adds(&url, "&");
	}
	_cleanup_free_ char *token = xasprintf("$skiptoken=%lld.%lld.%lld", next.start, next.size, next.odd);

	buf_adds(&url, token);
	return url.data;
}

static bool place_of(struct request *req, long long page_size, struct place *ret)
{
	const char *token = query_get(req, "$skiptoken");
	uint64_t seed;

	*ret = (struct place){.size = page_size};
	if (token)
		return read_token(token, ret);
	if (mutate_pages(req, &seed))
		*ret = (struct place){.size = 1 + (long long)(seed % 2), .odd = 1};
	return true;
}

struct items {
	struct request *req;
	size_t total;
	arm_item_fn *item_new;
	const void *list;
};

static void push_item(json_t *page, const struct items *items, size_t i)
{
	json_t *item = items->item_new(items->req, items->list, i);

	if (item)
		jpush(page, item);
}

static json_t *slice_new(const struct items *items, const struct place *at, size_t *ret_end)
{
	size_t total = items->total, start = (size_t)at->start;
	size_t end = at->size ? start + (size_t)at->size : total;
	json_t *page = json_array();

	if (at->odd && start && start <= total)
		push_item(page, items, start - 1);
	for (size_t i = start; i < end && i < total; i++)
		push_item(page, items, i);
	*ret_end = end;
	return page;
}

static json_t *item_of_array(struct request *req, const void *list, size_t i)
{
	(void)req;
	return json_incref(json_array_get(list, i));
}

void arm_reply_list(struct request *req, json_t *items_stolen, long long page_size)
{
	json_auto_t *items = items_stolen;

	arm_reply_items(req, json_array_size(items), item_of_array, items, page_size);
}

void arm_reply_items(struct request *req, size_t total, arm_item_fn *item_new, const void *list,
                     long long page_size)
{
	const struct items items = {req, total, item_new, list};
	bool first = !query_get(req, "$skiptoken");
	struct place at;
	size_t end;
	json_t *body;

	if (!place_of(req, page_size, &at)) {
		reply_error(req, 400, "InvalidSkipToken", "The provided $skiptoken is not valid.");
		return;
	}
	if (first && (at.odd || sw_bool(req->sim, "empty_pages"))) {
		body = jnew("{s:[]}", "value");
		end = 0;
	} else {
		body = jnew("{s:o}", "value", slice_new(&items, &at, &end));
	}
	if (at.odd && !first)
		req->reply.delay_ms = LATE_MS;
	if (end < total) {
		_cleanup_free_ char *link = next_link(req, (struct place){(long long)end, at.size, at.odd});

		jsets(body, "nextLink", link);
	}
	reply_json(req, 200, body);
}
