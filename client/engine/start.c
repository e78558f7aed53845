// SPDX-License-Identifier: Apache-2.0
// Machines that do not run, started for people whose rule permits it, before their port is asked for.
//
// Against: a machine that is started twice for one need, however many ask and whenever the broker is
// restarted; a start of which nobody knows who asked for it. So: one machine is asked about, and started, by
// one struct here, whom all who want it join; the entry that says for whom is durable before the POST leaves;
// and what the ledger tells of the last minute counts after a restart. What Azure says while it starts a
// machine is not documented, so "deallocated" after a start is no reason for another.
#include "machine.h"

#include <azjit/start.h>
#include <azjit/vm.h>
#include <stdio.h>

#define POLL_MS     2000
#define TRIES       3 // of a POST that surely never arrived
#define TRY_MS      2000
#define MOST_TRY_MS 15000
#define POST_MS     70000

// --- asking and starting ------------------------------------------------------------------------------

static void ask(struct machine *machine);

static void on_timer(void *userdata)
{
	struct machine *machine = userdata;

	machine->timer = azjit_source_free(machine->timer);
	ask(machine);
}

static void ask_later(struct machine *machine, uint64_t delay_ms)
{
	struct azjit_reason reason;

	if (machine->timer ||
	    azjit_loop_timer(machine->engine->loop, delay_ms, on_timer, machine, &machine->timer) == AZJIT_OK)
		return;
	(void)azjit_fail(&reason, AZJIT_SYSTEM, "cannot set a timer");
	machine_fail(machine, AZJIT_SYSTEM, &reason);
}

static void wait_on(struct machine *machine)
{
	char text[200];

	snprintf(text, sizeof(text), "%s is being started: a cold start takes a minute or two",
	         machine_name(machine));
	machine_progress(machine, text);
	ask_later(machine, POLL_MS);
}

// The start is over, and it was in vain; who asks within the minute reads the same.
static void failed_later(struct machine *machine, const struct azjit_operation *operation)
{
	const char *code = operation->code[0] ? operation->code : "it does not say why";

	machine_record_failure(machine, code, operation->message);
	machine_failed(machine, code, operation->message);
	machine->power = azjit_call_cancel(machine->power);
	machine->timer = azjit_source_free(machine->timer);
	machine_fail(machine, AZJIT_REQUEST_FAILED, &machine->failure);
}

// Without it (it is another right, or it is gone) the power state alone tells.
static void got_operation(void *userdata, const struct azjit_answer *answer,
                          const struct azjit_operation *operation)
{
	struct machine *machine = userdata;

	(void)answer;
	machine->watch = NULL;
	if (operation && operation->state == AZJIT_OPERATION_RUNNING)
		return;
	free(STEAL(machine->operation));
	if (operation && operation->state == AZJIT_OPERATION_FAILED)
		failed_later(machine, operation);
}

static void forbidden(const struct machine *machine, const struct azjit_answer *answer,
                      struct azjit_reason *reason)
{
	(void)azjit_fail(
	        reason, AZJIT_FORBIDDEN,
	        "%s does not run (Azure says %s), and this host's identity may not start it: it needs "
	        "the action " AZJIT_START_ACTION
	        " (azjit doctor --role requester --start prints a role that has it): %.400s",
	        machine_name(machine), machine->says, answer->message);
}

static void not_taken(struct machine *machine, const struct azjit_answer *answer)
{
	struct azjit_reason reason;
	enum azjit_result result = answer->result;
	int status = answer->http_status;

	machine->sent = 0;
	machine_record_answer(machine, "refused", answer);
	if (status == 403) {
		result = AZJIT_FORBIDDEN;
		forbidden(machine, answer, &reason);
	} else if (status >= 400 && status < 500 && status != 401 && status != 429) {
		result = AZJIT_REQUEST_REFUSED;
		(void)azjit_fail(&reason, result, "Azure refused to start %s (%d %s): %.600s",
		                 machine_name(machine), status, answer->code, answer->message);
	} else if (machine->tries++ < TRIES) {
		uint64_t delay = answer->retry_after_ms > TRY_MS ? (uint64_t)answer->retry_after_ms : TRY_MS;

		ask_later(machine, delay < MOST_TRY_MS ? delay : MOST_TRY_MS);
		return;
	} else {
		(void)azjit_fail(&reason, result, "Azure could not be asked to start %s: %.600s",
		                 machine_name(machine), answer->message);
	}
	machine_fail(machine, result, &reason);
}

static void got_start(void *userdata, const struct azjit_answer *answer, const char *operation)
{
	struct machine *machine = userdata;

	machine->post = NULL;
	if (answer->result != AZJIT_OK && !answer->maybe_done) {
		not_taken(machine, answer);
		return;
	}
	machine_record_answer(machine, answer->result == AZJIT_OK ? "accepted" : "unknown", answer);
	free(machine->operation);
	machine->operation = operation[0] ? strdup(operation) : NULL;
	wait_on(machine);
}

static void start(struct machine *machine)
{
	struct azjit_call_options options = {.deadline_ms = POST_MS};
	char id[AZJIT_UUID_CHARS];
	struct azjit_reason reason = {.text = "no name for the start can be made"};
	enum azjit_result result = azjit_uuid_random(id);

	if (engine_stopped(machine->engine, &reason))
		result = AZJIT_STOPPED;
	if (result == AZJIT_OK)
		result = machine_record_intent(machine, id, &reason);
	if (result != AZJIT_OK) {
		machine_fail(machine, result, &reason);
		return;
	}
	machine->sent = azjit_time_now();
	machine->ours = true;
	machine->failure.text[0] = '\0';
	free(STEAL(machine->operation));
	machine->post =
	        azjit_vm_start(machine->engine->azure, machine->vm_id, id, options, got_start, machine);
	if (machine->post) {
		machine_progress(machine, "asking Azure to start it");
		return;
	}
	(void)azjit_fail(&reason, AZJIT_NOMEM, "out of memory");
	machine_fail(machine, AZJIT_NOMEM, &reason);
}

static void does_not_run(struct machine *machine)
{
	bool stops = azjit_streq(machine->says, "stopping") || azjit_streq(machine->says, "deallocating");
	struct azjit_reason reason;

	if (stops) {
		(void)azjit_fail(&reason, AZJIT_NOT_RUNNING,
		                 "%s is being stopped (Azure says %s), and can be started only when that is "
		                 "done: try again in a minute",
		                 machine_name(machine), machine->says);
		machine_fail(machine, AZJIT_NOT_RUNNING, &reason);
	} else if (machine->failure.text[0] && machine_sent_lately(machine)) {
		(void)azjit_fail(&reason, AZJIT_REQUEST_FAILED, "%.800s; it is tried again %lld s from now",
		                 machine->failure.text,
		                 (long long)(MACHINE_AGAIN_S - machine_age_s(machine)));
		machine_fail(machine, AZJIT_REQUEST_FAILED, &reason);
	} else if (machine_sent_lately(machine) ||
	           (machine->ours && machine->sent && !machine->failure.text[0])) {
		wait_on(machine);
	} else {
		start(machine);
	}
}

static void runs(struct machine *machine)
{
	if (machine->sent)
		machine_record_running(machine);
	machine->sent = 0;
	machine->tries = 0;
	machine->watch = azjit_call_cancel(machine->watch);
	machine_go_on(machine);
}

static void got_power(void *userdata, const struct azjit_answer *answer, const char *power)
{
	struct machine *machine = userdata;
	char text[500];

	machine->power = NULL;
	if (answer->result == AZJIT_OK)
		(void)azjit_copy(machine->says, sizeof(machine->says), power);
	if (TAILQ_EMPTY(&machine->waiters))
		return;
	if (answer->result == AZJIT_OK && azjit_streq(power, "running")) {
		runs(machine);
	} else if (answer->result == AZJIT_OK && power_is_down(power)) {
		does_not_run(machine);
	} else if (machine->sent || azjit_streq(machine->says, "starting")) {
		wait_on(machine);
	} else {
		snprintf(text, sizeof(text), "whether %s runs is not known%s%.300s", machine_name(machine),
		         answer->message[0] ? ": " : "", answer->message);
		machine_progress(machine, text);
		machine_go_on(machine);
	}
}

static void ask(struct machine *machine)
{
	struct azjit_call_options options = {.deadline_ms = READ_DEADLINE_MS};
	struct azjit_azure *azure = machine->engine->azure;
	struct azjit_reason reason;

	if (TAILQ_EMPTY(&machine->waiters))
		return;
	if (machine->operation && !machine->watch)
		machine->watch =
		        azjit_operation_get(azure, machine->operation, options, got_operation, machine);
	machine->power = azjit_vm_power(azure, machine->vm_id, options, got_power, machine);
	if (machine->power)
		return;
	(void)azjit_fail(&reason, AZJIT_NOMEM, "out of memory");
	machine_fail(machine, AZJIT_NOMEM, &reason);
}

static void waiter_late(void *userdata)
{
	struct azjit_waiter *waiter = userdata;
	const struct machine *machine = waiter->machine;
	struct azjit_reason reason;
	enum azjit_result result;

	if (machine->sent && !machine->post)
		result = azjit_fail(
		        &reason, AZJIT_NOT_RUNNING,
		        "Azure took the start of %s %lld s ago, and it does not run yet%s%s%s: it "
		        "goes on starting, so try again",
		        machine_name(machine), (long long)machine_age_s(machine),
		        machine->says[0] ? " (Azure says " : "", machine->says, machine->says[0] ? ")" : "");
	else
		result = azjit_fail(&reason, AZJIT_UNREACHABLE,
		                    machine->post ? "Azure has not answered the start of %s in time"
		                                  : "Azure did not tell in time whether %s runs",
		                    machine_name(machine));
	waiter_ready(waiter, result, reason.text);
}

// --- from need.c --------------------------------------------------------------------------------------

static struct azjit_need *copy_need(const struct azjit_need *need)
{
	struct azjit_need *copy = malloc(sizeof(*copy));

	if (copy)
		*copy = *need;
	return copy;
}

void waiter_wants_machine(struct azjit_waiter *waiter, const struct azjit_need *need)
{
	struct machine *machine = machine_of(waiter->engine, need->target->vm_id);
	struct azjit_request_terms terms;
	struct azjit_reason reason = {.text = "out of memory"};
	enum azjit_result result;

	waiter->wanted = machine ? copy_need(need) : NULL;
	// Nothing is started for a request that would be refused afterwards.
	result = waiter->wanted ? azjit_request_check(waiter->engine->config, need->rule, need->target,
	                                              &need->sources, need->duration_s,
	                                              azjit_azure_now(waiter->engine->azure), &terms, &reason)
	                        : AZJIT_NOMEM;
	if (!waiter->wanted)
		azjit_target_free(need->target);
	if (result != AZJIT_OK) {
		waiter_ready(waiter, result, reason.text);
		return;
	}
	waiter->until_ms = azjit_time_monotonic_ms() + need->deadline_ms;
	if (azjit_loop_timer(waiter->engine->loop, need->deadline_ms, waiter_late, waiter, &waiter->timer) !=
	    AZJIT_OK) {
		waiter_ready(waiter, AZJIT_SYSTEM, "cannot set a timer");
		return;
	}
	waiter->machine = machine;
	TAILQ_INSERT_TAIL(&machine->waiters, waiter, link);
	// What is asked about the operation alone comes to nobody.
	if (machine->power || machine->post || machine->timer)
		return;
	machine->tries = 0;
	ask(machine);
}
