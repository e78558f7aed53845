// SPDX-License-Identifier: Apache-2.0
// Lists as long as a large company's: what reads them ends in time. The calls are answered from here.
#include "../../client/direct/ask.h"
#include "../../client/direct/ask_kept.h"
#include "../../client/direct/monitor_ports.h"

#include <azjit/loop.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/time.h>

#include <cmocka.h>

#define VMS       20000
#define OF_POLICY 500
#define LIMIT_S   12 // of the processor's time: one read of all rows for each of them takes more

// SIGVTALRM ends the program after so many seconds.
static void limit(time_t seconds)
{
	const struct itimerval timer = {.it_value.tv_sec = seconds};

	assert_int_equal(setitimer(ITIMER_VIRTUAL, &timer, NULL), 0);
}

static json_t *id_of(const char *type, const char *prefix, int i)
{
	char text[256];

	(void)snprintf(
	        text, sizeof(text),
	        "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/lab/providers/%s/%s%06d",
	        type, prefix, i);
	return json_string(text);
}

static json_t *name_of(int i)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "vm%06d", i);
	return json_string(text);
}

static const char ip_id[] = "Microsoft.Network/publicIPAddresses";
static const char vm_id[] = "Microsoft.Compute/virtualMachines",
                  VM_ID[] = "microsoft.compute/VIRTUALMACHINES";

enum azjit_result ask_nics(struct direct *direct, json_t **ret)
{
	*ret = json_array();
	for (int i = 0; i < VMS; i++)
		json_array_append_new(*ret, json_pack("{s:o, s:s, s:[{s:s, s:s, s:o, s:[]}]}", "vm_id",
		                                      id_of(vm_id, "vm", i), "nsg", "", "ipconfigs",
		                                      "address", "10.0.0.4", "subnet", "/SUBNET", "public_ip",
		                                      id_of(ip_id, "IP", i), "asgs"));
	return AZJIT_OK;
}

enum azjit_result ask_subnets(struct direct *direct, json_t **ret)
{
	*ret = json_pack("[{s:s, s:s}]", "id", "/subnet", "nsg", "/nsg");
	return AZJIT_OK;
}

enum azjit_result ask_nsg(struct direct *direct, const char *id, struct keep *keep,
                          const struct azjit_nsg **ret)
{
	static const char *const any[] = {"*"};
	static const struct azjit_port_range all = {0, UINT16_MAX};
	static const struct azjit_rule deny = {.name = "deny",
	                                       .description = "",
	                                       .priority = 4096,
	                                       .inbound = true,
	                                       .succeeded = true,
	                                       .source = {any, 1, NULL, 0, &all, 1},
	                                       .destination = {any, 1, NULL, 0, &all, 1}};
	static const struct azjit_nsg nsg = {"/nsg", true, &deny, 1};

	*ret = &nsg;
	return AZJIT_OK;
}

azjit_ticks azjit_azure_now(const struct azjit_azure *azure)
{
	return 0;
}

enum azjit_result ask_group_policies(struct direct *direct, const char *scope, json_t *policies)
{
	return AZJIT_OK;
}

static json_t *policy_of(int first)
{
	json_t *vms = json_array();

	for (int i = first; i < first + OF_POLICY; i++)
		json_array_append_new(vms, json_pack("{s:o, s:[{s:i, s:s, s:s, s:s}]}", "id",
		                                     id_of(VM_ID, "VM", i), "ports", "number", 22, "protocol",
		                                     "TCP", "allowedSourceAddressPrefix", "10.0.0.0/8",
		                                     "maxRequestAccessDuration", "PT3H"));
	return json_pack("{s:s, s:{s:o}}", "id", "/policy", "properties", "virtualMachines", vms);
}

// The last of each thousand is in a policy and exists no more.
static struct survey survey_of_many(void);

enum azjit_result ask_vms(struct direct *direct, const char *group, json_t **ret)
{
	_cleanup_(survey_clear) struct survey survey = survey_of_many();

	*ret = json_incref(survey.vms);
	return AZJIT_OK;
}

enum azjit_result ask_policies(struct direct *direct, const char *group, json_t **ret)
{
	_cleanup_(survey_clear) struct survey survey = survey_of_many();

	*ret = json_incref(survey.policies);
	return AZJIT_OK;
}

enum azjit_result ask_public_ips(struct direct *direct, json_t **ret)
{
	*ret = json_array();
	for (int i = 0; i < VMS; i++)
		json_array_append_new(*ret, json_pack("{s:o, s:s}", "id", id_of(ip_id, "ip", i), "address",
		                                      i == 7 ? "20.0.0.7" : "20.0.0.1"));
	return AZJIT_OK;
}

static struct survey survey_of_many(void)
{
	struct survey survey = {.vms = json_array(), .policies = json_array()};

	for (int i = 0; i < VMS; i++)
		if (i % 1000 != 999)
			json_array_append_new(survey.vms, json_pack("{s:o, s:o}", "id", id_of(vm_id, "vm", i),
			                                            "name", name_of(i)));
	for (int i = 0; i < VMS; i += OF_POLICY)
		json_array_append_new(survey.policies, policy_of(i));
	return survey;
}

static void ports_of_many_machines(void **state)
{
	struct direct direct = {.answer = NULL};
	_cleanup_(survey_clear) struct survey survey = survey_of_many();
	_cleanup_(keep_clear) struct keep keep = {.blocks = NULL};
	struct monitor_ports ports;

	(void)state;
	limit(LIMIT_S);
	assert_int_equal(monitor_ports_read(&direct, &survey, &keep, &ports), AZJIT_OK);
	limit(0);
	assert_int_equal(ports.count, VMS - VMS / 1000);
	for (size_t i = 0; i < ports.count; i++)
		assert_int_equal(ports.list[i].exposure.exposed, AZJIT_EXPOSED_SHUT);
}

static void one_of_many_is_picked(void **state)
{
	char there[] = "vm000007", gone[] = "VM000999";
	char *words[] = {there, gone};
	struct direct direct = {.options = {.words = words, .word_count = 2}};
	_cleanup_(survey_clear) struct survey survey = survey_of_many();
	json_auto_t *picked = NULL;

	(void)state;
	limit(LIMIT_S);
	assert_int_equal(survey_pick(&direct, &survey, true, &picked), AZJIT_OK);
	limit(0);
	assert_int_equal(json_array_size(picked), 2);
	assert_string_equal(json_text(json_array_get(picked, 1), "name"), gone);
}

static void many_are_listed(void **state)
{
	json_auto_t *answer = json_object();
	struct azjit_config config = {.prefer_public = true};
	struct direct direct = {.options = {.json = true}, .answer = answer, .config = &config};
	const json_t *vms;

	(void)state;
	limit(LIMIT_S);
	assert_int_equal(direct_vm_list.run(&direct), AZJIT_OK);
	limit(0);
	vms = json_object_get(answer, "vms");
	assert_int_equal(json_array_size(vms), VMS - VMS / 1000);
	for (size_t i = 0; i < json_array_size(vms); i++)
		assert_string_equal(json_text(json_array_get(vms, i), "state"), "Configured");
	assert_string_equal(json_text(json_array_get(vms, 7), "address"), "20.0.0.7");
	assert_string_equal(json_text(json_array_get(vms, 8), "address"), "20.0.0.1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(ports_of_many_machines),
	        cmocka_unit_test(one_of_many_is_picked),
	        cmocka_unit_test(many_are_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
