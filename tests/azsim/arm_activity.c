// SPDX-License-Identifier: Apache-2.0
/*
 * Reading the Activity Log (azure.md §4): $filter in five forms, $select, paging. The az CLI adds
 * "eventChannels eq 'Admin, Operation'" to its filter and the service takes it, so it is taken here.
 */
#define _GNU_SOURCE 1
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "arm.h"
#include "route.h"
#include "settings.h"

struct filter {
	ticks from, to;
	const char *field; // member of an event, NULL: none
	char *value;
};

static const struct {
	const char *name, *member;
} fields[] = {
        {"resourceGroupName", "resourceGroupName"},
        {"resourceUri", "resourceId"},
        {"resourceId", "resourceId"},
        {"resourceProvider", "resourceProviderName.value"},
        {"correlationId", "correlationId"},
        {"eventChannels", NULL},
};

struct term {
	char *name, *operator, * value;
};

static void term_clear(struct term *t)
{
	free(t->name);
	free(t->operator);
	free(t->value);
	*t = (struct term){0};
}

static char *word(const char **p)
{
	size_t n;
	char *w;

	*p += strspn(*p, " ");
	n = strcspn(*p, " ");
	w = xstrndup(*p, n);
	*p += n;
	return w;
}

// name op 'value'; the quotes may be missing, as the az CLI leaves them around times.
static bool read_term(const char **p, struct term *ret)
{
	size_t n;
	bool quoted;

	ret->name = word(p);
	ret->operator= word(p);
	*p += strspn(*p, " ");
	quoted = **p == '\'';
	*p += quoted;
	n = strcspn(*p, quoted ? "'" : " ");
	ret->value = xstrndup(*p, n);
	*p += n;
	if (!quoted)
		return n > 0;
	if (**p != '\'')
		return false;
	(*p)++;
	return true;
}

static bool apply_term(struct filter *f, struct term *t)
{
	// A time without a zone is UTC, as the az CLI writes it.
	if (str_ieq(t->name, "eventTimestamp")) {
		_cleanup_free_ char *zoned = xasprintf("%sZ", t->value);

		ticks *into = str_ieq(t->operator, "ge")   ? &f->from
		              : str_ieq(t->operator, "le") ? &f->to
		                                           : NULL;

		return into && (time_parse(t->value, into) || time_parse(zoned, into));
	}
	if (!str_ieq(t->operator, "eq"))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if (!str_ieq(fields[i].name, t->name))
			continue;
		if (!fields[i].member)
			return true;
		if (f->field)
			return false;
		f->field = fields[i].member;
		f->value = xstrdup(t->value);
		return true;
	}
	return false;
}

static bool parse_filter(const char *text, struct filter *f)
{
	const char *p = text;
	bool good = true;

	while (good && *p) {
		_cleanup_(term_clear) struct term t = {0};

		good = read_term(&p, &t) && apply_term(f, &t);
		p += strspn(p, " ");
		if (good && *p) {
			_cleanup_free_ char *and = word(&p);

			good = str_ieq(and, "and") && p[strspn(p, " ")];
		}
	}
	return good && f->from && f->to;
}

static void refuse(struct request *req, const char *code, const char *message)
{
	if (sw_is(req->sim, "activity_error", "nested"))
		reply_error(req, 400, code, "%s", message);
	else
		reply_json(req, 400, jnew("{s:s s:s}", "code", code, "message", message));
}

static bool read_filter(struct request *req, struct filter *f)
{
	const char *text = query_get(req, "$filter");
	ticks oldest = clock_now(&req->sim->clock) - 90LL * 86400 * TICKS_PER_S;

	if (!text || !*text) {
		refuse(req, "BadRequest", "The $filter query parameter is required.");
		return false;
	}
	// An open end means until now, as the az CLI with only a start time relies on.
	f->to = INT64_MAX;
	if (!parse_filter(text, f)) {
		refuse(req, "BadRequest",
		       "The $filter query parameter is not in one of the supported forms.");
		return false;
	}
	if (f->from < oldest) {
		refuse(req, "BadRequest", "The start time cannot be more than 90 days in the past.");
		return false;
	}
	return true;
}

static bool passes(const struct sim *sim, const struct filter *f, const json_t *event)
{
	ticks at = jint(event, "_at", 0);

	if (jint(event, "_visible", 0) > clock_now(&sim->clock) || at < f->from || at > f->to)
		return false;
	return !f->field || str_ieq(json_string_value(jpath(event, f->field)), f->value);
}

static bool selected(const char *select, const char *member)
{
	size_t n = strlen(member);

	for (const char *p = select; *p; p += strcspn(p, ","), p += *p == ',') {
		p += strspn(p, " ");
		if (!strncasecmp(p, member, n) && (!p[n] || p[n] == ',' || p[n] == ' '))
			return true;
	}
	return false;
}

static json_t *projection_new(const json_t *event, const char *select)
{
	json_t *out = json_object(), *v;
	const char *k;

	json_object_foreach((json_t *)event, k, v) if (k[0] != '_' && (!select || selected(select, k)))
	        jset(out, k, json_incref(v));
	return out;
}

static void list(struct request *req)
{
	struct filter f = {0};
	json_t *items = json_array();

	if (!read_filter(req, &f)) {
		json_decref(items);
		free(f.value);
		return;
	}
	// The newest comes first.
	for (size_t i = json_array_size(req->sim->activity); i-- > 0;) {
		const json_t *event = json_array_get(req->sim->activity, i);

		if (passes(req->sim, &f, event))
			jpush(items, projection_new(event, query_get(req, "$select")));
	}
	free(f.value);
	arm_reply_list(req, items, jint(req->sim->scenario, "activity_page_size", 200));
}

static void categories(struct request *req)
{
	static const char *const names[] = {"Administrative", "Security",       "ServiceHealth",
	                                    "Alert",          "Recommendation", "Policy"};
	json_t *items = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		jpush(items, jnew("{s:s s:s}", "value", names[i], "localizedValue", names[i]));
	reply_json(req, 200, jnew("{s:o}", "value", items));
}

const struct route routes_activity[] = {
        {"GET", "/subscriptions/{sub}/providers/Microsoft.Insights/eventtypes/management/values",
         "ActivityLogs_List", "Microsoft.Insights/eventtypes/values/read", "2014-04-01", MANNERS_INSIGHTS, 0,
         list},
        {"GET", "/providers/Microsoft.Insights/eventcategories", "EventCategories_List", NULL, "2014-04-01",
         MANNERS_INSIGHTS, 0, categories},
        {0},
};
