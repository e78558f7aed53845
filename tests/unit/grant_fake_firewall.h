// SPDX-License-Identifier: Apache-2.0
// Part of grant_fake.h: the Azure Firewall 20.60.0.9, read when its port does not come.
#ifndef TESTS_UNIT_GRANT_FAKE_FIREWALL_H
#define TESTS_UNIT_GRANT_FAKE_FIREWALL_H

#define FIREWALL    SUB "Microsoft.Network/azureFirewalls/hub-fw"
#define FIREWALL_IP SUB "Microsoft.Network/publicIPAddresses/fw-ip"

static struct azjit_rule any_source_rule(void)
{
	static const char *const any[] = {"*"};
	static const struct azjit_port_range ssh = {22, 22};

	return (struct azjit_rule){
	        .name = "allow-firewall",
	        .description = "",
	        .priority = 95,
	        .allow = true,
	        .inbound = true,
	        .succeeded = true,
	        .source = {.texts = any, .text_count = 1},
	        .destination = {.texts = any, .text_count = 1, .ports = &ssh, .port_count = 1},
	};
}

static void answer_firewalls(struct azjit_call *call)
{
	azjit_firewalls_fn *fn = (azjit_firewalls_fn *)call->fn;
	static const char *const ips[] = {FIREWALL_IP};
	const struct azjit_firewall firewall = {.id = FIREWALL,
	                                        .policy_id = the->managed ? "/fw-policy" : "",
	                                        .public_ip_ids = ips,
	                                        .public_ip_count = 1,
	                                        .subnet_id = ""};
	struct azjit_answer answer = {.result = the->firewalls_unread ? AZJIT_FORBIDDEN : AZJIT_OK,
	                              .code = "",
	                              .message = "no",
	                              .correlation_id = ""};

	fn(call->userdata, &answer, &firewall, the->firewalls_unread ? 0 : 1);
}

struct azjit_call *azjit_firewall_list(struct azjit_azure *azure, const char *scope,
                                       struct azjit_call_options options, azjit_firewalls_fn *fn,
                                       void *userdata)
{
	(void)azure;
	(void)options;
	assert_string_equal(scope, "/subscriptions/22222222-2222-2222-2222-222222222222");
	the->firewall_calls++;
	return call_new(answer_firewalls, (void *)fn, userdata);
}

static void answer_ips(struct azjit_call *call)
{
	azjit_public_ips_fn *fn = (azjit_public_ips_fn *)call->fn;
	struct azjit_public_ip ip = {.id = FIREWALL_IP, .dns_name = ""};
	struct azjit_answer answer = {.result = AZJIT_OK, .code = "", .message = "", .correlation_id = ""};

	assert_int_equal(azjit_addr_parse("20.60.0.9", &ip.addr), AZJIT_OK);
	fn(call->userdata, &answer, &ip, 1);
}

struct azjit_call *azjit_public_ip_list(struct azjit_azure *azure, const char *scope,
                                        struct azjit_call_options options, azjit_public_ips_fn *fn,
                                        void *userdata)
{
	(void)azure;
	(void)scope;
	(void)options;
	return call_new(answer_ips, (void *)fn, userdata);
}

#endif
