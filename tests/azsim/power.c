// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include "power.h"

#include "operation.h"
#include "settings.h"

const char *power_shown(const struct sim *sim, const struct resource *vm)
{
	return vm->starts && sw_is(sim, "start_shows", "starting") ? "starting" : vm->power;
}

void power_set(struct resource *vm, const char *power)
{
	free(vm->power);
	free(vm->start_failure);
	vm->power = xstrdup(power);
	vm->start_failure = NULL;
	vm->starts = 0;
}

static void start_due(struct sim *sim, void *arg)
{
	struct resource *vm = arg;

	if (!vm->starts || vm->starts > clock_now(&sim->clock))
		return;
	if (vm->start_failure)
		vm->starts = 0;
	else
		power_set(vm, "running");
}

void power_start(struct request *req, struct resource *vm)
{
	struct sim *sim = req->sim;
	const char *failure = sw_text(sim, "start_failure");
	ticks due = clock_now(&sim->clock) + delay_of(sim, "start_ms");

	if (str_ieq(vm->power, "running")) {
		reply_empty(req, 200);
		return;
	}
	if (str_ieq(vm->power, "deallocating") || str_ieq(vm->power, "stopping")) {
		reply_error(req, 409, "OperationNotAllowed",
		            "The virtual machine '%s' is %s; it cannot be started now.", vm->name, vm->power);
		return;
	}
	if (sw_bool(sim, "start_never"))
		due = INT64_MAX;
	free(vm->start_failure);
	vm->start_failure = failure ? xstrdup(failure) : NULL;
	vm->starts = due;
	if (due != INT64_MAX)
		timers_add(&sim->timers, due, start_due, vm);
	reply_empty(req, 202);
	operation_of_compute(req, due, failure);
}
