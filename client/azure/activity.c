// SPDX-License-Identifier: Apache-2.0
#include <azjit/activity.h>

#include "parse.h"

#include <azjit/text.h>

#define LIST "/providers/Microsoft.Insights/eventtypes/management/values?api-version=2015-04-01&$filter="

// A localized value: {"value": …, "localizedValue": …}.
static const char *value_of(const json_t *event, const char *name)
{
	return js_string(js_path(event, name, "value"));
}

const char *parse_events(struct arena *arena, const json_t *items, const struct azjit_activity_event **ret)
{
	struct azjit_activity_event *list = arena_array(arena, js_count(items), sizeof(*list));

	for (size_t i = 0; list && i < js_count(items); i++) {
		const json_t *event = json_array_get(items, i), *http = js_member(event, "httpRequest");

		list[i] = (struct azjit_activity_event){
		        .event_data_id = js_text(event, "eventDataId"),
		        .correlation_id = js_text(event, "correlationId"),
		        .client_request_id = js_text(http, "clientRequestId"),
		        .operation = value_of(event, "operationName"),
		        .event_name = value_of(event, "eventName"),
		        .status = value_of(event, "status"),
		        .sub_status = value_of(event, "subStatus"),
		        .caller = js_text(event, "caller"),
		        .resource_id = js_text(event, "resourceId"),
		        .client_address = js_text(http, "clientIpAddress"),
		        .event_time = js_time(event, "eventTimestamp"),
		        .submission_time = js_time(event, "submissionTimestamp"),
		};
	}
	*ret = list;
	return list ? NULL : PARSE_NOMEM;
}

static void list_done(const struct call_result *call)
{
	azjit_activity_fn *fn = (azjit_activity_fn *)call->fn;
	const struct azjit_activity_event *events = NULL;
	bool ok = call->json && parse_ok(call, parse_events(call->arena, call->json, &events));

	fn(call->userdata, call->answer, ok ? events : NULL, ok ? js_count(call->json) : 0);
}

// Only five forms of filter are understood (azure.md §4); without $select, which cannot name `caller`.
static bool fill_path(struct azjit_buf *path, azjit_ticks from, azjit_ticks to, const char *correlation_id)
{
	char begin[AZJIT_TIME_CHARS], end[AZJIT_TIME_CHARS];
	_cleanup_buf_ struct azjit_buf filter = AZJIT_BUF(512);

	azjit_time_format(from, begin);
	azjit_time_format(to, end);
	azjit_buf_printf(&filter, "eventTimestamp ge '%s' and eventTimestamp le '%s' and ", begin, end);
	if (correlation_id)
		azjit_buf_printf(&filter, "correlationId eq '%s'", correlation_id);
	else
		azjit_buf_str(&filter, "resourceProvider eq 'Microsoft.Security'");
	return azjit_buf_str(path, LIST) && !filter.failed && url_escape(path, filter.data, "'");
}

struct azjit_call *azjit_activity_list(struct azjit_azure *azure, const char *subscription, azjit_ticks from,
                                       azjit_ticks to, const char *correlation_id,
                                       struct azjit_call_options options, azjit_activity_fn *fn,
                                       void *userdata)
{
	_cleanup_buf_ struct azjit_buf path = AZJIT_BUF(URL_MAX_BYTES), scope = AZJIT_BUF(256);
	struct call_spec spec = {.shape = CALL_LIST,
	                         .operation = OPERATION_ACTIVITY,
	                         .unique = "eventDataId",
	                         .options = options,
	                         .done = list_done,
	                         .fn = (void (*)(void))fn,
	                         .userdata = userdata};

	if (!*subscription || strchr(subscription, '/'))
		spec.refusal = "the Activity Log is asked by the bare id of a subscription";
	else if (correlation_id && !azjit_uuid_valid(correlation_id))
		spec.refusal = "the Activity Log is asked by a correlation id that is a UUID";
	else if (!azjit_buf_printf(&scope, "/subscriptions/%s", subscription) ||
	         !fill_path(&path, from, to, correlation_id))
		return NULL;
	spec.id = scope.data;
	spec.path = path.data;
	return call_new(azure, &spec);
}
