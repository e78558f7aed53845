// SPDX-License-Identifier: Apache-2.0
// Part of grant_fake.h: whether the machine runs, and its start.
#ifndef TESTS_UNIT_GRANT_FAKE_POWER_H
#define TESTS_UNIT_GRANT_FAKE_POWER_H

static void answer_power(struct azjit_call *call)
{
	azjit_power_fn *fn = (azjit_power_fn *)call->fn;
	struct azjit_answer answer = {.result = the->power ? AZJIT_OK : AZJIT_FORBIDDEN,
	                              .http_status = the->power ? 200 : 403,
	                              .code = "",
	                              .message = "",
	                              .correlation_id = ""};

	if (the->start_due_ms && azjit_time_monotonic_ms() >= the->start_due_ms) {
		the->start_due_ms = 0;
		the->power = the->start_fails ? the->power : "running";
	}
	fn(call->userdata, &answer,
	   the->start_due_ms && the->start_shown ? "starting"
	   : the->power                          ? the->power
	                                         : "");
}

static void answer_start(struct azjit_call *call)
{
	azjit_vm_start_fn *fn = (azjit_vm_start_fn *)call->fn;
	int status = the->start_status ? the->start_status : 202;
	struct azjit_answer answer = {.result = status == 202 ? AZJIT_OK : AZJIT_UNREACHABLE,
	                              .http_status = status,
	                              .code = status == 409 ? "AllocationFailed" : "",
	                              .message = status == 202 ? "" : "refused by the test",
	                              .correlation_id = "",
	                              .retry_after_ms = -1,
	                              .maybe_done = status >= 500};

	if (status == 202 || status >= 500)
		the->start_due_ms = azjit_time_monotonic_ms() + the->start_ms;
	fn(call->userdata, &answer, status == 202 ? "https://management.example/operation" : "");
}

struct azjit_call *azjit_vm_start(struct azjit_azure *azure, const char *vm_id, const char *client_request_id,
                                  struct azjit_call_options options, azjit_vm_start_fn *fn, void *userdata)
{
	(void)azure;
	(void)options;
	assert_string_equal(vm_id, VM);
	assert_true(azjit_uuid_valid(client_request_id));
	the->starts++;
	the->intents_at_start = count_entries(the, AZJIT_ENTRY_POWER, "starting");
	return call_new(answer_start, (void *)fn, userdata);
}

static void answer_operation(struct azjit_call *call)
{
	azjit_operation_fn *fn = (azjit_operation_fn *)call->fn;
	bool over = !the->start_due_ms || azjit_time_monotonic_ms() >= the->start_due_ms;
	struct azjit_operation operation = {
	        .state = !over              ? AZJIT_OPERATION_RUNNING
	                 : the->start_fails ? AZJIT_OPERATION_FAILED
	                                    : AZJIT_OPERATION_SUCCEEDED,
	        .code = over && the->start_fails ? the->start_fails : "",
	        .message = over && the->start_fails ? "no room" : "",
	};
	struct azjit_answer answer = {.result = the->operation_unread ? AZJIT_FORBIDDEN : AZJIT_OK,
	                              .code = "",
	                              .message = "",
	                              .correlation_id = ""};

	fn(call->userdata, &answer, the->operation_unread ? NULL : &operation);
}

struct azjit_call *azjit_operation_get(struct azjit_azure *azure, const char *link,
                                       struct azjit_call_options options, azjit_operation_fn *fn,
                                       void *userdata)
{
	struct azjit_call *call = call_new(answer_operation, (void *)fn, userdata);

	(void)azure;
	(void)options;
	assert_string_equal(link, "https://management.example/operation");
	if (the->operation_hangs)
		assert_int_equal(azjit_source_timer(call->timer, 60000), AZJIT_OK);
	return call;
}

struct azjit_call *azjit_vm_power(struct azjit_azure *azure, const char *vm_id,
                                  struct azjit_call_options options, azjit_power_fn *fn, void *userdata)
{
	(void)azure;
	(void)options;
	assert_string_equal(vm_id, VM);
	the->power_calls++;
	return call_new(answer_power, (void *)fn, userdata);
}

#endif
