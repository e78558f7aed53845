// SPDX-License-Identifier: Apache-2.0
// An answer of Resource Manager, Entra ID or IMDS, read by everyone who reads answers.
#include "../../client/azure/cloud.h"
#include "../../client/azure/error.h"
#include "../../client/azure/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_rows(struct arena *arena, const json_t *root)
{
	for (int kind = 0; kind < AZJIT_GRAPH_KINDS_; kind++) {
		json_auto_t *elements = NULL;

		(void)parse_graph(arena, (enum azjit_graph_kind)kind, root, &(struct azjit_graph_page){0},
		                  &elements);
	}
}

static void read_all(struct arena *arena, const json_t *root, const json_t *items)
{
	const struct azjit_flow flow = {.source = {AZJIT_IPV4, {10, 20, 0, 4}}, .port = 22};
	const struct azjit_nsg *nsg = NULL;
	struct azjit_verdict_why why;
	const char *text;
	size_t count;

	(void)parse_policies(arena, items, &(const struct azjit_jit_policy *){NULL});
	(void)parse_policy(arena, root, &(const struct azjit_jit_policy *){NULL});
	(void)parse_requests(arena, items, &(const struct azjit_jit_request *){NULL}, &count);
	(void)parse_vms(arena, items, &(const struct azjit_vm *){NULL});
	(void)parse_power(arena, root, &text);
	(void)parse_nics(arena, items, &(const struct azjit_nic *){NULL});
	(void)parse_subnets(arena, items, &(const struct azjit_subnet *){NULL}, &count);
	(void)parse_public_ips(arena, items, &(const struct azjit_public_ip *){NULL});
	(void)parse_firewalls(arena, items, &(const struct azjit_firewall *){NULL});
	(void)parse_events(arena, items, &(const struct azjit_activity_event *){NULL});
	(void)parse_assignments(arena, items, &(const struct azjit_policy_assignment *){NULL});
	(void)parse_assessments(arena, items, &(const struct azjit_assessment *){NULL}, &count);
	(void)parse_pricing(root, &(struct azjit_pricing){0});
	(void)parse_operation(root, &(struct azjit_operation){0});
	(void)token_read(root, 0, &(struct token_life){0});
	if (!parse_nsg(arena, root, &nsg) && nsg)
		(void)azjit_nsg_verdict(nsg, nsg, &flow, &why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *body = strndup((const char *)data, size);
	const char *why;
	json_auto_t *root = js_read((const char *)data, size, &why);
	json_auto_t *items = js_unique(js_member(root, "value"), "id", &why);
	_cleanup_arena_ struct arena arena = {0};

	error_read("X", 500, body, strlen(body), &(struct error_text){0});
	(void)cloud_read((const char *)data, size, "AzureCloud", "https://arm.example",
	                 &(struct cloud_endpoints){0}, NULL);
	read_all(&arena, root, items);
	read_rows(&arena, root);
	return 0;
}
