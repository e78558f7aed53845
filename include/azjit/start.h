// SPDX-License-Identifier: Apache-2.0
// Starting a virtual machine, and how that goes on after Azure took it. Facts: Microsoft.Compute 2024-03-01,
// VirtualMachines_Start (200 or 202, no body); azure.md §5.2.
#ifndef AZJIT_START_H
#define AZJIT_START_H

#include <azjit/azure.h>

// The right that is needed, and that conf/roles/requester.json does not give.
#define AZJIT_START_ACTION "Microsoft.Compute/virtualMachines/start/action"

// AZJIT_OK: Azure took it, or the machine runs. `operation` is the link to ask how it goes, "" if the answer
// named none: then only the machine's power state tells. Sent once and never again: where
// answer->maybe_done, read the power state.
typedef void azjit_vm_start_fn(void *userdata, const struct azjit_answer *answer, const char *operation);
struct azjit_call *azjit_vm_start(struct azjit_azure *azure, const char *vm_id, const char *client_request_id,
                                  struct azjit_call_options options, azjit_vm_start_fn *fn, void *userdata);

enum azjit_operation_state {
	AZJIT_OPERATION_RUNNING = 0, // also whatever status is not known (§5.2)
	AZJIT_OPERATION_SUCCEEDED,
	AZJIT_OPERATION_FAILED, // or canceled
};
struct azjit_operation {
	enum azjit_operation_state state;
	const char *code, *message; // of the failure, "" where it does not tell
};
typedef void azjit_operation_fn(void *userdata, const struct azjit_answer *answer,
                                const struct azjit_operation *operation); // NULL unless AZJIT_OK
// `link` as azjit_vm_start gave it. One that leads to another host than Resource Manager's is not followed:
// AZJIT_USAGE.
struct azjit_call *azjit_operation_get(struct azjit_azure *azure, const char *link,
                                       struct azjit_call_options options, azjit_operation_fn *fn,
                                       void *userdata);

#endif
