// SPDX-License-Identifier: Apache-2.0
/*
 * Resource Graph (azure.md §5.5, §12.7; resourcegraph 2022-10-01). It understands the queries of a client
 * that takes stock, and refuses every other one, so that nobody leans on a language that is not here:
 *
 *   Resources | where type =~ 'TYPE' | project COLUMN, NAME = PATH.TO.VALUE, …
 *
 * with `where` and `project` in any order and number. Rows are those that the caller may read [K]. With the
 * column id they come in pages; without it a longer result is cut and says so (the document's examples).
 */
#define _GNU_SOURCE 1
#include "arm_graph.h"

#include <ctype.h>
#include <string.h>

#include "arm.h"
#include "mutate.h"
#include "principal.h"
#include "route.h"
#include "settings.h"
#include "store.h"

#define MAX_ROWS    1000
#define MAX_COLUMNS 20
#define QUERIES     15
#define WINDOW_S    5
#define LATE_MS     300

struct column {
	char name[128], path[128];
};

struct query {
	char type[128]; // "": every one
	struct column columns[MAX_COLUMNS];
	size_t column_count; // 0: the whole row
};

// --- errors: code and words seen in many reports of users, https://github.com/Azure/azure-powershell/issues/13762

static void refuse(struct request *req, int status, const char *code, const char *detail, const char *text)
{
	_cleanup_free_ char *now = time_iso(clock_now(&req->sim->clock), 7);
	_cleanup_free_ char *message = xasprintf(
	        "Please provide below info when asking for support: timestamp = %s, correlationId = %s.", now,
	        req->correlation);

	reply_json(req, status,
	           jnew("{s:{s:s s:s s:[{s:s s:s}]}}", "error", "code", code, "message", message, "details",
	                "code", detail, "message", text));
}

static void refuse_query(struct request *req, const char *why)
{
	refuse(req, 400, "BadRequest", "InvalidQuery", why);
}

// --- the query ----------------------------------------------------------------------------------------

static const char *skip(const char *p)
{
	return p + strspn(p, " \t\r\n");
}

// A name, or names with dots between; the rest of the text, or NULL.
static const char *take_path(const char *p, char *ret, size_t size)
{
	size_t n = 0;

	p = skip(p);
	while (isalnum((unsigned char)p[n]) || p[n] == '_' || p[n] == '.')
		n++;
	if (!n || n >= size || !isalpha((unsigned char)*p))
		return NULL;
	memcpy(ret, p, n);
	ret[n] = '\0';
	return skip(p + n);
}

static const char *take_word(const char *p, const char *word)
{
	char have[256];
	const char *rest = take_path(p, have, sizeof(have));

	return rest && !strcmp(have, word) ? rest : NULL;
}

static const char *take_where(const char *p, struct query *q)
{
	const char *end;

	p = take_word(p, "type");
	if (!p || strncmp(p, "=~", 2))
		return NULL;
	p = skip(p + 2);
	end = *p == '\'' ? strchr(p + 1, '\'') : NULL;
	if (!end || (size_t)(end - p) > sizeof(q->type))
		return NULL;
	memcpy(q->type, p + 1, (size_t)(end - p) - 1);
	q->type[end - p - 1] = '\0';
	return skip(end + 1);
}

static const char *take_project(const char *p, struct query *q)
{
	q->column_count = 0;
	do {
		struct column *c = &q->columns[q->column_count];

		if (q->column_count++ == MAX_COLUMNS)
			return NULL;
		p = take_path(p + (q->column_count > 1), c->path, sizeof(c->path));
		if (!p)
			return NULL;
		memcpy(c->name, c->path, sizeof(c->name));
		for (char *dot = c->name; (dot = strchr(dot, '.'));)
			*dot = '_';
		if (*p == '=' && strchr(c->path, '.'))
			return NULL;
		if (*p == '=')
			p = take_path(p + 1, c->path, sizeof(c->path));
	} while (p && *p == ',');
	return p;
}

static bool read_query(const char *text, struct query *ret)
{
	char word[64];
	const char *p = take_path(text ? text : "", word, sizeof(word));

	*ret = (struct query){.type = ""};
	if (!p || !str_ieq(word, "Resources"))
		return false;
	while (p && *p == '|') {
		p = take_path(p + 1, word, sizeof(word));
		if (p && !strcmp(word, "where"))
			p = take_where(p, ret);
		else if (p && !strcmp(word, "project"))
			p = take_project(p, ret);
		else
			p = NULL;
	}
	return p && !*p;
}

// --- rows ---------------------------------------------------------------------------------------------

// The types of which it tells. Just-in-time policies are in no table (azure.md §12.7).
static bool known_type(const char *type)
{
	static const char *const types[] = {TYPE_VM, TYPE_NIC, TYPE_NSG, TYPE_VNET, TYPE_PIP};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (str_ieq(type, types[i]))
			return true;
	return false;
}

void graph_remember(struct sim *sim)
{
	json_decref(sim->graph);
	sim->graph = json_array();
	for (const struct resource *r = sim->resources; r; r = r->next)
		if (known_type(r->type))
			jpush(sim->graph,
			      jnew("{s:s s:s s:s s:s s:o}", "id", r->id, "type", r->type, "sub",
			           r->subscription, "rg", r->rg, "body", json_deep_copy(r->body)));
}

void graph_forget(struct sim *sim)
{
	json_decref(sim->graph);
	sim->graph = NULL;
}

struct row {
	const char *id, *type, *sub, *rg;
	const json_t *body;
};

static bool in_scope(const struct request *req, const char *sub)
{
	const json_t *subs = json_object_get(req->json, "subscriptions");
	size_t i;
	json_t *v;

	json_array_foreach(subs, i, v) if (str_ieq(json_string_value(v), sub)) return true;
	return !subs;
}

static bool wanted(const struct request *req, const struct query *q, const struct row *row)
{
	_cleanup_free_ char *action = NULL;

	if ((*q->type && !str_ieq(q->type, row->type)) || !known_type(row->type) || !in_scope(req, row->sub))
		return false;
	action = xasprintf("%s/read", row->type);
	return principal_may(req->caller, action, row->id);
}

static void add_row(struct row **rows, size_t *count, struct row row)
{
	if (!(*count & (*count - 1)))
		*rows = xrealloc(*rows, (*count ? *count * 2 : 1) * sizeof(**rows));
	(*rows)[(*count)++] = row;
}

static struct row *find_rows(struct request *req, const struct query *q, size_t *ret_count)
{
	struct sim *sim = req->sim;
	struct row *rows = NULL;
	size_t i;
	json_t *old;

	*ret_count = 0;
	if (sim->graph) {
		json_array_foreach(sim->graph, i, old)
		{
			struct row row = {jstr(old, "id", ""), jstr(old, "type", ""), jstr(old, "sub", ""),
			                  jstr(old, "rg", ""), json_object_get(old, "body")};

			if (wanted(req, q, &row))
				add_row(&rows, ret_count, row);
		}
		return rows;
	}
	for (const struct resource *r = sim->resources; r; r = r->next) {
		struct row row = {r->id, r->type, r->subscription, r->rg, r->body};

		if (wanted(req, q, &row))
			add_row(&rows, ret_count, row);
	}
	return rows;
}

static json_t *value_new(const struct row *row, const char *path)
{
	json_t *v;

	if (!strcmp(path, "type")) {
		_cleanup_free_ char *lower = str_lower(row->type);

		return json_string(lower);
	}
	if (!strcmp(path, "resourceGroup")) {
		_cleanup_free_ char *lower = str_lower(row->rg);

		return json_string(lower);
	}
	if (!strcmp(path, "subscriptionId"))
		return json_string(row->sub);
	v = jpath(row->body, path);
	return v ? json_deep_copy(v) : json_null();
}

static json_t *row_new(const struct query *q, const struct row *row)
{
	static const struct query whole = {.columns = {{"id", "id"},
	                                               {"name", "name"},
	                                               {"type", "type"},
	                                               {"location", "location"},
	                                               {"resourceGroup", "resourceGroup"},
	                                               {"subscriptionId", "subscriptionId"},
	                                               {"tags", "tags"},
	                                               {"properties", "properties"}},
	                                   .column_count = 8};
	json_t *out = json_object();

	if (!q->column_count)
		q = &whole;
	for (size_t i = 0; i < q->column_count; i++)
		jset(out, q->columns[i].name, value_new(row, q->columns[i].path));
	return out;
}

// --- pages --------------------------------------------------------------------------------------------

// What a token of ours carries; nobody else reads it.
struct place {
	long long start, size;
	long long odd; // 1: pages are short, late and repeated
};

static bool read_token(const char *token, struct place *ret)
{
	size_t bytes;
	_cleanup_free_ unsigned char *plain = base64url_decode(token, strlen(token), &bytes);
	_cleanup_free_ char *text = plain ? xstrndup((const char *)plain, bytes) : xstrdup("");
	long long *const into[] = {&ret->start, &ret->size, &ret->odd};
	const char *p = text;

	for (size_t i = 0; i < ARRAY_SIZE(into); i++) {
		size_t n = strcspn(p, ".");
		_cleanup_free_ char *number = xstrndup(p, n);

		if (!parse_number(number, 0, 10000000, into[i]))
			return false;
		p += n + (p[n] == '.');
	}
	return !*p;
}

// False: the request is answered.
static bool place_of(struct request *req, struct place *ret)
{
	const json_t *options = json_object_get(req->json, "options");
	const char *token = jstr(options, "$skipToken", NULL), *format = jstr(options, "resultFormat", NULL);
	uint64_t seed;

	*ret = (struct place){.start = jint(options, "$skip", 0), .size = jint(options, "$top", MAX_ROWS)};
	if (ret->size < 1 || ret->size > MAX_ROWS || ret->start < 0 ||
	    (format && strcmp(format, "objectArray")) || (token && !read_token(token, ret))) {
		refuse(req, 400, "BadRequest", "InvalidOptions", "The query options are not valid.");
		return false;
	}
	if (!token && mutate_pages(req, &seed))
		*ret = (struct place){.size = 1 + (long long)(seed % 2), .odd = 1};
	return true;
}

static json_t *page_new(const struct query *q, const struct row *rows, size_t count, const struct place *at)
{
	size_t start = (size_t)at->start, end = start + (size_t)at->size;
	json_t *page = json_array();

	if (at->odd && start && start <= count)
		jpush(page, row_new(q, &rows[start - 1]));
	for (size_t i = start; i < end && i < count; i++)
		jpush(page, row_new(q, &rows[i]));
	return page;
}

static bool has_id(const struct query *q)
{
	for (size_t i = 0; i < q->column_count; i++)
		if (!strcmp(q->columns[i].name, "id"))
			return true;
	return !q->column_count;
}

static void answer(struct request *req, const struct query *q, const struct place *at)
{
	size_t count, end = (size_t)(at->start + at->size);
	_cleanup_free_ struct row *rows = find_rows(req, q, &count);
	json_t *page = page_new(q, rows, count, at), *body;
	bool more = end < count;

	body = jnew("{s:I s:I s:s s:o s:[]}", "totalRecords", (json_int_t)count, "count",
	            (json_int_t)json_array_size(page), "resultTruncated",
	            more && !has_id(q) ? "true" : "false", "data", page, "facets");
	if (more && has_id(q)) {
		_cleanup_free_ char *plain = xasprintf("%zu.%lld.%lld", end, at->size, at->odd);
		_cleanup_free_ char *token = base64url(plain, strlen(plain));

		jsets(body, "$skipToken", token);
	}
	if (at->odd && at->start)
		req->reply.delay_ms = LATE_MS;
	reply_json(req, 200, body);
}

// --- quota --------------------------------------------------------------------------------------------

// So many queries in a window that begins with the first of them (the guidance for throttled requests of
// Resource Graph [D]). False: answered with 429.
static bool take_quota(struct request *req)
{
	_cleanup_free_ char *key = xasprintf("graph %s", req->caller->object_id);
	const json_t *set = json_object_get(req->sim->scenario, "throttle");
	long long full = jint(set, "queries", QUERIES), left;
	ticks now = clock_now(&req->sim->clock), window = WINDOW_S * TICKS_PER_S;
	json_t *bucket = json_object_get(req->sim->buckets, key);

	if (!bucket || now - jint(bucket, "at", 0) >= window) {
		bucket = jnew("{s:I s:I}", "at", (json_int_t)now, "left", (json_int_t)full);
		jset(req->sim->buckets, key, bucket);
	}
	left = jint(bucket, "left", 0);
	if (left > 0)
		jset(bucket, "left", json_integer(left - 1));
	reply_headerf(req, "x-ms-user-quota-remaining", "%lld", left > 0 ? left - 1 : 0);
	reply_headerf(req, "x-ms-user-quota-resets-after", "00:00:%02lld",
	              (jint(bucket, "at", 0) + window - now + TICKS_PER_S - 1) / TICKS_PER_S);
	if (left > 0)
		return true;
	refuse(req, 429, "RateLimiting", "RateLimiting",
	       "Client application has been throttled and should not continue to make requests until an "
	       "amount of time has elapsed.");
	return false;
}

static void query(struct request *req)
{
	struct query q;
	struct place at;

	if (sw_is(req->sim, "graph", "absent")) {
		reply_error(req, 404, "InvalidResourceNamespace",
		            "The resource namespace 'Microsoft.ResourceGraph' is invalid.");
	} else if (sw_is(req->sim, "graph", "forbidden")) {
		refuse(req, 403, "AccessDenied", "AccessDenied", "Access denied.");
	} else if (take_quota(req)) {
		if (json_object_get(req->json, "managementGroups") || json_object_get(req->json, "facets") ||
		    !read_query(jstr(req->json, "query", NULL), &q))
			refuse_query(req, "Query is invalid. Please refer to the documentation for the Azure "
			                  "Resource Graph service and fix the error before retrying.");
		else if (place_of(req, &at))
			answer(req, &q, &at);
	}
}

const struct route routes_graph[] = {
        {"POST", "/providers/Microsoft.ResourceGraph/resources", "Resources", NULL, "2021-03-01",
         MANNERS_OTHER, ROUTE_NO_LOG | ROUTE_OWN_QUOTA, query},
        {0},
};
