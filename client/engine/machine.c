// SPDX-License-Identifier: Apache-2.0
#include "machine.h"

#include <stdio.h>

const char *machine_name(const struct machine *machine)
{
	return azjit_id_name(machine->vm_id);
}

int64_t machine_age_s(const struct machine *machine)
{
	return (azjit_time_now() - machine->sent) / AZJIT_TICKS_PER_S;
}

// Also for a clock that was set right meanwhile; one that was set back by more says nothing of age.
static bool lately(azjit_ticks when)
{
	azjit_ticks age = azjit_time_now() - when, most = (azjit_ticks)MACHINE_AGAIN_S * AZJIT_TICKS_PER_S;

	return age > -most && age < most;
}

bool machine_sent_lately(const struct machine *machine)
{
	return machine->sent && lately(machine->sent);
}

bool machine_busy(const struct machine *machine)
{
	return machine->power || machine->post || machine->watch || machine->timer;
}

static void machine_free(struct machine *machine)
{
	LIST_REMOVE(machine, link);
	azjit_call_cancel(machine->power);
	azjit_call_cancel(machine->post);
	azjit_call_cancel(machine->watch);
	azjit_source_free(machine->timer);
	free(machine->operation);
	free(machine->vm_id);
	free(machine);
}

struct machine *machine_of(struct azjit_engine *engine, const char *vm_id)
{
	struct machine *machine;

	LIST_FOREACH(machine, &engine->machines, link)
	if (azjit_ieq(machine->vm_id, vm_id))
		return machine;
	machine = calloc(1, sizeof(*machine));
	if (!machine)
		return NULL;
	machine->engine = engine;
	machine->vm_id = strdup(vm_id);
	TAILQ_INIT(&machine->waiters);
	LIST_INSERT_HEAD(&engine->machines, machine, link);
	if (machine->vm_id)
		return machine;
	machine_free(machine);
	return NULL;
}

void machine_failed(struct machine *machine, const char *code, const char *message)
{
	(void)azjit_fail(&machine->failure, AZJIT_REQUEST_FAILED,
	                 "Azure took the start of %s and failed it later (%s)%s%.600s", machine_name(machine),
	                 code, message[0] ? ": " : "", message);
}

// --- who waits ----------------------------------------------------------------------------------------

void machine_progress(const struct machine *machine, const char *text)
{
	struct azjit_waiter *waiter, *next;

	for (waiter = TAILQ_FIRST(&machine->waiters); waiter; waiter = next) {
		next = TAILQ_NEXT(waiter, link);
		if (waiter->progress)
			waiter->progress(waiter->userdata, "starting", text);
	}
}

void machine_fail(struct machine *machine, enum azjit_result result, const struct azjit_reason *reason)
{
	struct azjit_waiter *waiter;

	while ((waiter = TAILQ_FIRST(&machine->waiters)))
		waiter_ready(waiter, result, reason->text);
}

void waiter_leaves_machine(struct azjit_waiter *waiter)
{
	if (waiter->machine)
		TAILQ_REMOVE(&waiter->machine->waiters, waiter, link);
	waiter->machine = NULL;
}

void machine_go_on(struct machine *machine)
{
	struct azjit_waiter *waiter;

	while ((waiter = TAILQ_FIRST(&machine->waiters))) {
		uint64_t now = azjit_time_monotonic_ms();
		struct azjit_need *wanted = STEAL(waiter->wanted);

		waiter_leaves_machine(waiter);
		waiter->timer = azjit_source_free(waiter->timer);
		waiter_serve(waiter, wanted, waiter->until_ms > now ? waiter->until_ms - now : 0);
		free(wanted);
	}
}

// --- entries ------------------------------------------------------------------------------------------

static enum azjit_result record(const struct machine *machine, struct azjit_entry *entry,
                                struct azjit_reason *reason)
{
	struct azjit_reason own;
	enum azjit_result result;

	entry->kind = AZJIT_ENTRY_POWER;
	entry->session = machine->session;
	azjit_entry_put(entry, "vm", machine->vm_id);
	result =
	        azjit_ledger_append(machine->engine->ledger, azjit_time_now(), entry, reason ? reason : &own);
	if (result != AZJIT_OK)
		engine_log(machine->engine, LOG_ERR, "%s", (reason ? reason : &own)->text);
	return result;
}

enum azjit_result machine_record_intent(struct machine *machine, const char *client_request_id,
                                        struct azjit_reason *reason)
{
	const struct azjit_need *need = TAILQ_FIRST(&machine->waiters)->wanted;
	struct azjit_entry entry = {.event = "starting"};

	(void)azjit_copy(machine->session, sizeof(machine->session), need->session);
	azjit_entry_put(&entry, "user", need->user);
	azjit_entry_put(&entry, "rule", need->rule->name);
	azjit_entry_put(&entry, "power", machine->says);
	azjit_entry_put(&entry, "client_request_id", client_request_id);
	azjit_entry_put(&entry, "justification", need->reason[0] ? need->reason : NULL);
	return record(machine, &entry, reason);
}

void machine_record_answer(const struct machine *machine, const char *event,
                           const struct azjit_answer *answer)
{
	struct azjit_entry entry = {.event = event};
	char status[12];

	snprintf(status, sizeof(status), "%d", answer->http_status);
	azjit_entry_put(&entry, "http_status", status);
	azjit_entry_put(&entry, "code", answer->code[0] ? answer->code : NULL);
	azjit_entry_put(&entry, "answer_correlation_id",
	                answer->correlation_id[0] ? answer->correlation_id : NULL);
	azjit_entry_put(&entry, "reason", answer->message[0] ? answer->message : NULL);
	(void)record(machine, &entry, NULL);
}

void machine_record_failure(const struct machine *machine, const char *code, const char *message)
{
	struct azjit_entry entry = {.event = "failed"};

	azjit_entry_put(&entry, "code", code);
	azjit_entry_put(&entry, "reason", message[0] ? message : NULL);
	(void)record(machine, &entry, NULL);
}

void machine_record_running(const struct machine *machine)
{
	struct azjit_entry entry = {.event = "running"};
	char elapsed[24];

	snprintf(elapsed, sizeof(elapsed), "%lld",
	         (long long)((azjit_time_now() - machine->sent) / AZJIT_TICKS_PER_MS));
	azjit_entry_put(&entry, "elapsed_ms", elapsed);
	(void)record(machine, &entry, NULL);
}

// --- the whole ----------------------------------------------------------------------------------------

// What nobody waits for is kept while its last start is young.
void machines_tick(struct azjit_engine *engine)
{
	struct machine *machine, *next;

	for (machine = LIST_FIRST(&engine->machines); machine; machine = next) {
		next = LIST_NEXT(machine, link);
		if (TAILQ_EMPTY(&machine->waiters) && !machine_busy(machine) && !machine_sent_lately(machine))
			machine_free(machine);
	}
}

void machines_free(struct azjit_engine *engine)
{
	struct azjit_waiter *waiter;
	struct machine *machine;

	while ((machine = LIST_FIRST(&engine->machines))) {
		while ((waiter = TAILQ_FIRST(&machine->waiters))) {
			waiter_leaves_machine(waiter);
			waiter_free(waiter);
		}
		machine_free(machine);
	}
}

bool machine_again(struct azjit_engine *engine, const struct azjit_entry_read *read)
{
	const char *vm_id = azjit_entry_get(read->entry, "vm"), *event = read->entry->event,
	           *code = azjit_entry_get(read->entry, "code"),
	           *why = azjit_entry_get(read->entry, "reason");
	struct machine *machine;

	if (!vm_id || !lately(read->when))
		return true;
	machine = machine_of(engine, vm_id);
	if (!machine)
		return false;
	if (azjit_streq(event, "starting")) {
		machine->sent = read->when;
		machine->failure.text[0] = '\0'; // of an earlier one
		(void)azjit_copy(machine->session, sizeof(machine->session),
		                 read->entry->session ? read->entry->session : "");
	} else if (azjit_streq(event, "refused") || azjit_streq(event, "running")) {
		machine->sent = 0;
	} else if (azjit_streq(event, "failed")) {
		machine_failed(machine, code ? code : "", why ? why : "");
	}
	return true;
}
