// SPDX-License-Identifier: Apache-2.0
// From JSON to the structs of the nouns: pure, so that tests and fuzzers reach them without a network.
//
// Every parser borrows strings from the JSON and takes the rest from the arena. It returns NULL on
// success, else a clause that says what is wrong ("a policy without …") or PARSE_NOMEM. Members that it
// does not know are passed over; members that it knows are taken in singular and plural form.
#ifndef AZJIT_AZURE_PARSE_H
#define AZJIT_AZURE_PARSE_H

#include "call.h"

#include <azjit/activity.h>
#include <azjit/firewall.h>
#include <azjit/graph.h>
#include <azjit/jit.h>
#include <azjit/network.h>
#include <azjit/policy.h>
#include <azjit/start.h>
#include <azjit/vm.h>

extern const char PARSE_NOMEM[];

const char *parse_policies(struct arena *arena, const json_t *items, const struct azjit_jit_policy **ret);
// `policy` is not a list but one object of GET.
const char *parse_policy(struct arena *arena, const json_t *policy, const struct azjit_jit_policy **ret);
// One entry of requests[], or the body of a 202: flattened over its VMs and ports.
const char *parse_requests(struct arena *arena, const json_t *entries, const struct azjit_jit_request **ret,
                           size_t *ret_count);
const char *parse_vms(struct arena *arena, const json_t *items, const struct azjit_vm **ret);
// "" if the view does not tell.
const char *parse_power(struct arena *arena, const json_t *instance_view, const char **ret);
// How a long-running operation goes (azure.md §5.2).
const char *parse_operation(const json_t *object, struct azjit_operation *ret);
const char *parse_nics(struct arena *arena, const json_t *items, const struct azjit_nic **ret);
// From virtual networks.
const char *parse_subnets(struct arena *arena, const json_t *items, const struct azjit_subnet **ret,
                          size_t *ret_count);
const char *parse_public_ips(struct arena *arena, const json_t *items, const struct azjit_public_ip **ret);
const char *parse_firewalls(struct arena *arena, const json_t *items, const struct azjit_firewall **ret);
// From one page of rows; `*ret_elements` owns what the page borrows.
const char *parse_graph(struct arena *arena, enum azjit_graph_kind kind, const json_t *answer,
                        struct azjit_graph_page *ret, json_t **ret_elements);
const char *parse_nsg(struct arena *arena, const json_t *nsg, const struct azjit_nsg **ret);
const char *parse_events(struct arena *arena, const json_t *items, const struct azjit_activity_event **ret);
const char *parse_assignments(struct arena *arena, const json_t *items,
                              const struct azjit_policy_assignment **ret);
// Those of the JIT recommendation, without the others.
const char *parse_assessments(struct arena *arena, const json_t *items, const struct azjit_assessment **ret,
                              size_t *ret_count);
const char *parse_pricing(const json_t *object, struct azjit_pricing *ret);
enum azjit_protocol parse_protocol(const char *text);

// Turns what a parser said into the answer of a call; true if it was NULL.
bool parse_ok(const struct call_result *call, const char *what);

// The body of an initiate call. AZJIT_USAGE for text that is no UTF-8, AZJIT_NOMEM.
enum azjit_result initiate_body(const struct azjit_jit_initiate *request, struct azjit_buf *ret);
// The body of a PUT: the assignment as it was read, one parameter set. AZJIT_USAGE for what is no
// assignment and for text that is no UTF-8, AZJIT_NOMEM.
enum azjit_result assignment_body(const char *json, const char *parameter, const char *value,
                                  struct azjit_buf *ret);

#endif
