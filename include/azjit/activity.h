// SPDX-License-Identifier: Apache-2.0
// The Activity Log of a subscription (azure.md §4): late by minutes, kept 90 days.
#ifndef AZJIT_ACTIVITY_H
#define AZJIT_ACTIVITY_H

#include <azjit/azure.h>

struct azjit_activity_event {
	const char *event_data_id, *correlation_id;
	const char *client_request_id; // httpRequest.clientRequestId, "" if the event has none
	const char *operation;         // operationName.value
	const char *event_name;        // BeginRequest, EndRequest
	const char *status, *sub_status;
	const char *caller, *resource_id;
	const char *client_address;              // httpRequest.clientIpAddress
	azjit_ticks event_time, submission_time; // 0 if unreadable
};

typedef void azjit_activity_fn(void *userdata, const struct azjit_answer *answer,
                               const struct azjit_activity_event *events, size_t count);

// Events of Microsoft.Security between two times (eventTimestamp); correlation_id NULL: all of that
// provider, else exactly those of the correlation. All pages, each eventDataId once.
struct azjit_call *azjit_activity_list(struct azjit_azure *azure, const char *subscription, azjit_ticks from,
                                       azjit_ticks to, const char *correlation_id,
                                       struct azjit_call_options options, azjit_activity_fn *fn,
                                       void *userdata);

#endif
