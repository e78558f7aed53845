// SPDX-License-Identifier: Apache-2.0
// JIT network access policies: list, get, initiate, put, delete. Facts: azure.md §1; Microsoft.Security
// 2020-01-01/jitNetworkAccessPolicies.json. Status strings are free text (§0.3).
#ifndef AZJIT_JIT_H
#define AZJIT_JIT_H

#include <azjit/address.h>
#include <azjit/azure.h>

enum azjit_protocol { AZJIT_PROTOCOL_ANY = 0, AZJIT_PROTOCOL_TCP, AZJIT_PROTOCOL_UDP };

struct azjit_jit_port {
	uint16_t number;
	enum azjit_protocol protocol;
	const char *const
	        *prefixes; // as Azure wrote them: "*", an address, a CIDR (singular and plural merged)
	size_t prefix_count;
	int64_t max_duration_s;
};

struct azjit_jit_vm {
	const char *id;
	const char *public_address; // of the Azure Firewall in front, "" if none
	const struct azjit_jit_port *ports;
	size_t port_count;
};

// One port of one VM of one entry of requests[], flattened.
struct azjit_jit_request {
	const char *vm_id;
	uint16_t port;
	const char *const *prefixes;
	size_t prefix_count;
	azjit_ticks end;                    // endTimeUtc
	azjit_ticks start;                  // startTimeUtc, 0 if unreadable
	const char *status, *status_reason; // "" if absent
	const char *requestor, *justification;
	uint16_t mapped_port; // 0 if none
};

struct azjit_jit_policy {
	const char *id, *name, *location;
	const char *provisioning_state;
	const struct azjit_jit_vm *vms;
	size_t vm_count;
	const struct azjit_jit_request *requests;
	size_t request_count;
};

typedef void azjit_jit_policies_fn(void *userdata, const struct azjit_answer *answer,
                                   const struct azjit_jit_policy *policies, size_t count);

// scope: "/subscriptions/ID" or "/subscriptions/ID/resourceGroups/NAME". A subscription's list can
// miss policies that the group's list has (§1.1): absence there is not absence.
struct azjit_call *azjit_jit_list(struct azjit_azure *azure, const char *scope,
                                  struct azjit_call_options options, azjit_jit_policies_fn *fn,
                                  void *userdata);
// count is 1 on success.
struct azjit_call *azjit_jit_get(struct azjit_azure *azure, const char *policy_id,
                                 struct azjit_call_options options, azjit_jit_policies_fn *fn,
                                 void *userdata);

// --- policies as Azure wrote them ---
// For who changes them: a PUT replaces everything, so what is not known here must survive it, too (§1.2).

// `json`: the text of one policy, or of an array of all; NULL unless answer->result is AZJIT_OK.
typedef void azjit_jit_text_fn(void *userdata, const struct azjit_answer *answer, const char *json);
struct azjit_call *azjit_jit_list_text(struct azjit_azure *azure, const char *scope,
                                       struct azjit_call_options options, azjit_jit_text_fn *fn,
                                       void *userdata);
struct azjit_call *azjit_jit_get_text(struct azjit_azure *azure, const char *policy_id,
                                      struct azjit_call_options options, azjit_jit_text_fn *fn,
                                      void *userdata);
// Not sent again once it may have been done: there is no ETag, and Azure may have done what it did not answer
// (answer->maybe_done). Then read the policy. `json` of the answer may be NULL in any case.
struct azjit_call *azjit_jit_put(struct azjit_azure *azure, const char *policy_id, const char *json,
                                 struct azjit_call_options options, azjit_jit_text_fn *fn, void *userdata);
// AZJIT_OK also where there was no such policy. Likewise sent once.
struct azjit_call *azjit_jit_delete(struct azjit_azure *azure, const char *policy_id,
                                    struct azjit_call_options options, azjit_jit_text_fn *fn, void *userdata);

struct azjit_jit_initiate {
	const char *policy_id, *vm_id;
	uint16_t port;
	const struct azjit_prefix *sources; // one: singular member; several: the plural
	size_t source_count;
	bool separate; // several: an entry of the port for each, in place of the plural
	azjit_ticks end;
	const char *justification;     // NULL: none
	const char *client_request_id; // x-ms-client-request-id
	const char *correlation_id;    // x-ms-correlation-request-id
};

// `echoes`: the entries of the 202's body for this VM and port; several when they were asked separately.
typedef void azjit_jit_initiate_fn(void *userdata, const struct azjit_answer *answer,
                                   const struct azjit_jit_request *echoes, size_t echo_count);
struct azjit_call *azjit_jit_initiate(struct azjit_azure *azure, const struct azjit_jit_initiate *request,
                                      struct azjit_call_options options, azjit_jit_initiate_fn *fn,
                                      void *userdata);

// What a request's status means for who waits (§1.3): open enums, so what is unknown is PENDING.
enum azjit_request_state {
	AZJIT_STATE_PENDING = 0,
	AZJIT_STATE_INITIATED,
	AZJIT_STATE_FAILED,
	AZJIT_STATE_REVOKED,
};
enum azjit_request_state azjit_request_state(const char *status, const char *status_reason);

#endif
