// SPDX-License-Identifier: Apache-2.0
// Policies read and changed as JSON: what is not known survives, what Azure would refuse is found.
#include "../../client/direct/policy.h"
#include "../../client/direct/vm_state.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "json_quoted.h"

#define VMS "/subscriptions/s/resourceGroups/lab/providers/Microsoft.Compute/virtualMachines/"
#define POLICY                                                                           \
	"/subscriptions/s/resourceGroups/lab/providers/Microsoft.Security/locations/we/" \
	"jitNetworkAccessPolicies/default"

// What a policy may hold that no document tells: at every level, and in an order of its own.
static const char full[] =
        "{'zeta': {'a': [1, null]}, 'kind': 'Basic', 'id': '" POLICY "', 'name': 'default', 'type': 't',"
        " 'location': 'we', 'properties': {'appendMode': false, 'virtualMachines': ["
        "{'publicIpAddress': '20.1.2.3', 'id': '/SUBSCRIPTIONS/s/resourcegroups/LAB/providers/"
        "Microsoft.Compute/virtualMachines/Web01', 'new': 1, 'ports': ["
        "{'number': '22', 'protocol': 'tcp', 'allowedSourceAddressPrefix': '*', 'later': true,"
        " 'maxRequestAccessDuration': 'PT3H'},"
        "{'number': 3389, 'protocol': '*', 'allowedSourceAddressPrefixes': ['203.0.113.0/24', '10.0.0.0/8'],"
        " 'maxRequestAccessDuration': 'PT60M'}]},"
        "{'id': '" VMS "db01', 'ports': [{'number': 22, 'protocol': 'TCP', 'allowedSourceAddressPrefix':"
        " '10.0.0.0/8', 'maxRequestAccessDuration': 'P1D'}]}],"
        " 'requests': [{'x': 1}], 'provisioningState': 'Succeeded', 'unheard': {'of': 'it'}}, 'alpha': "
        "'last'}";

static void text_is(const json_t *json, const char *wanted)
{
	json_auto_t *other = read_json(wanted);
	_cleanup_free_ char *got = json_dumps(json, JSON_COMPACT), *want = json_dumps(other, JSON_COMPACT);

	assert_string_equal(got, want);
}

static struct port_wish wish(uint16_t port, const char *protocol, const char *source, int64_t max_s)
{
	struct port_wish made = {.protocol = protocol, .max_s = max_s};

	if (port)
		made.ports[made.port_count++] = port;
	if (source)
		made.sources = json_pack("[s]", source);
	return made;
}

// --- the body -----------------------------------------------------------------------------------------

static void the_body_is_all_but_what_azure_writes(void **state)
{
	json_auto_t *policy = read_json(full), *body = policy_body(policy), *again = policy_body(policy);
	static const char *const left[] = {"zeta", "kind", "properties", "alpha"};
	size_t count = 0;
	const char *key;
	json_t *value;

	json_object_foreach(body, key, value)
	{
		assert_true(count < AZJIT_COUNT(left));
		assert_string_equal(key, left[count++]); // in this order
	}
	assert_int_equal(count, AZJIT_COUNT(left));
	assert_null(json_object_get(json_object_get(body, "properties"), "requests"));
	assert_null(json_object_get(json_object_get(body, "properties"), "provisioningState"));
	assert_true(json_is_false(json_object_get(json_object_get(body, "properties"), "appendMode")));
	assert_non_null(json_object_get(json_object_get(body, "properties"), "unheard"));
	assert_true(json_equal(policy_vms(body), policy_vms(policy)));
	// The policy itself is untouched.
	assert_non_null(json_object_get(policy, "id"));
	assert_true(json_equal(body, again));
}

static void adding_leaves_the_rest(void **state)
{
	json_auto_t *policy = read_json(full), *before = json_deep_copy(policy);
	struct port_wish ports = wish(22, NULL, NULL, 0);

	assert_true(policy_add(policy, VMS "new01", &ports));
	assert_int_equal(json_array_size(policy_vms(policy)), 3);
	assert_true(json_equal(json_array_get(policy_vms(policy), 0), json_array_get(policy_vms(before), 0)));
	assert_true(json_equal(json_array_get(policy_vms(policy), 1), json_array_get(policy_vms(before), 1)));
	text_is(policy_entry(policy, VMS "new01"),
	        "{'id': '" VMS "new01', 'ports': [{'number': 22, 'protocol': '*', "
	        "'allowedSourceAddressPrefix': '*', 'maxRequestAccessDuration': 'PT3H'}]}");
	assert_true(policy_remove(policy, VMS "NEW01"));
	assert_true(json_equal(policy, before));
}

static void an_id_in_another_case_is_the_same_vm(void **state)
{
	json_auto_t *policy = read_json(full);
	const json_t *entry = policy_entry(policy, VMS "web01");

	assert_non_null(entry);
	assert_int_equal(json_integer_value(json_object_get(entry, "new")), 1);
	assert_true(policy_remove(policy, VMS "WEB01"));
	assert_null(policy_entry(policy, VMS "web01"));
	assert_int_equal(json_array_size(policy_vms(policy)), 1);
	assert_null(policy_entry(policy, VMS "web"));
}

static void setting_changes_what_is_said(void **state)
{
	json_auto_t *policy = read_json(full);
	json_t *entry = policy_entry(policy, VMS "web01");
	struct port_wish longer = wish(0, NULL, NULL, 5400), narrow = wish(0, NULL, "192.0.2.1", 0),
	                 both = {.sources = json_pack("[ss]", "192.0.2.1", "10.0.0.0/8")};

	assert_true(policy_set(entry, &longer));
	text_is(json_object_get(entry, "ports"),
	        "[{'number': '22', 'protocol': 'tcp', 'allowedSourceAddressPrefix': '*', 'later': true,"
	        " 'maxRequestAccessDuration': 'PT1H30M'},"
	        "{'number': 3389, 'protocol': '*', 'allowedSourceAddressPrefixes': ['203.0.113.0/24',"
	        " '10.0.0.0/8'], 'maxRequestAccessDuration': 'PT1H30M'}]");
	// From plural to singular, and back: never both.
	assert_true(policy_set(entry, &narrow));
	text_is(json_array_get(json_object_get(entry, "ports"), 1),
	        "{'number': 3389, 'protocol': '*', 'maxRequestAccessDuration': 'PT1H30M',"
	        " 'allowedSourceAddressPrefix': '192.0.2.1'}");
	assert_true(policy_set(entry, &both));
	text_is(json_array_get(json_object_get(entry, "ports"), 0),
	        "{'number': '22', 'protocol': 'tcp', 'later': true, 'maxRequestAccessDuration': 'PT1H30M',"
	        " 'allowedSourceAddressPrefixes': ['192.0.2.1', '10.0.0.0/8']}");
	assert_string_equal(json_text(entry, "publicIpAddress"), "20.1.2.3");
	json_decref(narrow.sources);
	json_decref(both.sources);
}

static void setting_ports_keeps_those_and_no_others(void **state)
{
	json_auto_t *policy = read_json(full);
	json_t *entry = policy_entry(policy, VMS "web01");
	struct port_wish ports = wish(22, NULL, NULL, 0);

	ports.ports[ports.port_count++] = 5986;
	ports.max_s = 86400;
	assert_true(policy_set(entry, &ports));
	text_is(json_object_get(entry, "ports"),
	        "[{'number': '22', 'protocol': 'tcp', 'allowedSourceAddressPrefix': '*', 'later': true,"
	        " 'maxRequestAccessDuration': 'P1D'},"
	        "{'number': 5986, 'protocol': '*', 'allowedSourceAddressPrefix': '*',"
	        " 'maxRequestAccessDuration': 'P1D'}]");
}

// --- differences --------------------------------------------------------------------------------------

static void copying_gives_the_ports_as_they_are(void **state)
{
	json_auto_t *policy = read_json(full), *fresh = policy_new(POLICY);
	const json_t *ports = json_object_get(policy_entry(policy, VMS "web01"), "ports");

	assert_true(policy_copy(policy, VMS "DB01", ports));
	assert_true(json_equal(json_object_get(policy_entry(policy, VMS "db01"), "ports"), ports));
	assert_true(json_is_true(json_object_get(json_array_get(ports, 0), "later")));
	assert_int_equal(json_array_size(policy_vms(policy)), 2);
	assert_true(policy_copy(fresh, VMS "new01", ports));
	assert_int_equal(json_array_size(policy_vms(fresh)), 1);
	assert_true(policy_set(policy_entry(fresh, VMS "new01"), &(struct port_wish){.max_s = 300}));
	assert_false(json_equal(json_object_get(policy_entry(fresh, VMS "new01"), "ports"), ports));
	assert_true(json_equal(json_object_get(policy_entry(policy, VMS "db01"), "ports"), ports));
}

static void the_same_in_another_form_is_no_change(void **state)
{
	json_auto_t *one = read_json(full), *other = read_json(full), *changes = NULL;
	json_t *entry = policy_entry(other, VMS "web01"), *ports = json_object_get(entry, "ports");

	json_object_set_new(entry, "id", json_string(VMS "WEB01"));
	json_object_set_new(json_array_get(ports, 0), "number", json_integer(22));
	json_object_set_new(json_array_get(ports, 0), "protocol", json_string("TCP"));
	json_object_del(json_array_get(ports, 0), "allowedSourceAddressPrefix");
	json_object_set_new(json_array_get(ports, 0), "allowedSourceAddressPrefixes", json_pack("[s]", "*"));
	json_object_set_new(json_array_get(ports, 1), "allowedSourceAddressPrefixes",
	                    json_pack("[ss]", "10.0.0.0/8", "203.0.113.0/24"));
	json_object_set_new(json_array_get(ports, 1), "maxRequestAccessDuration", json_string("PT1H"));
	json_array_append(ports, json_array_get(ports, 0)); // and in another order
	json_array_remove(ports, 0);
	changes = policy_changes(one, other);
	assert_int_equal(json_array_size(changes), 0);
}

static void differences_are_ports(void **state)
{
	json_auto_t *before = read_json(full), *after = read_json(full), *changes = NULL, *all = NULL;
	struct port_wish shorter = wish(0, NULL, NULL, 3600);

	assert_true(policy_set(policy_entry(after, VMS "db01"), &shorter));
	changes = policy_changes(before, after);
	text_is(changes, "[{'vm': 'db01', 'vm_id': '" VMS "db01', 'port': 22, 'protocol': 'tcp',"
	                 " 'sources': ['10.0.0.0/8'], 'max_s': 86400, 'change': 'remove'},"
	                 "{'vm': 'db01', 'vm_id': '" VMS "db01', 'port': 22, 'protocol': 'tcp',"
	                 " 'sources': ['10.0.0.0/8'], 'max_s': 3600, 'change': 'add'}]");
	all = policy_changes(NULL, after);
	assert_int_equal(json_array_size(all), 3);
	// A port that is there twice, once.
	json_array_append(json_object_get(policy_entry(after, VMS "db01"), "ports"),
	                  json_array_get(json_object_get(policy_entry(after, VMS "db01"), "ports"), 0));
	json_decref(changes);
	changes = policy_changes(before, after);
	assert_int_equal(json_array_size(changes), 3);
}

static void what_is_undone(void **state)
{
	json_auto_t *before = read_json(full), *after = read_json(full), *more = NULL;
	json_auto_t *ours = NULL, *since = NULL, *back = NULL;
	struct port_wish shorter = wish(0, NULL, NULL, 3600), ports = wish(22, NULL, NULL, 0);

	assert_true(policy_set(policy_entry(after, VMS "db01"), &shorter));
	ours = policy_changes(before, after);
	more = json_deep_copy(after);
	assert_true(policy_add(more, VMS "new01", &ports) && policy_remove(more, VMS "web01"));
	since = policy_changes(more, after); // somebody else's, beside ours
	assert_int_equal(json_array_size(since), 3);
	assert_false(policy_undone(ours, since));
	back = policy_changes(before, after);
	assert_true(policy_undone(ours, back));
	assert_false(policy_undone(ours, NULL));
}

// --- checks -------------------------------------------------------------------------------------------

static void what_azure_would_refuse(void **state)
{
	static const struct {
		const char *ports, *says; // NULL: good
	} rows[] = {
	        {"{'number': 22, 'protocol': 'TCP', 'allowedSourceAddressPrefix': '10.0.0.0/8',"
	         " 'maxRequestAccessDuration': 'PT5M'}",
	         NULL},
	        {"{'number': 22, 'protocol': 'TCP', 'allowedSourceAddressPrefix': '*',"
	         " 'maxRequestAccessDuration': 'P1D'}, {'number': '22', 'protocol': 'UDP',"
	         " 'allowedSourceAddressPrefix': '192.0.2.1', 'maxRequestAccessDuration': 'PT24H'}",
	         NULL},
	        {"", "no port"},
	        {"{'number': 22, 'protocol': 'TCP', 'allowedSourceAddressPrefix': '*',"
	         " 'maxRequestAccessDuration': 'PT3H'}, {'number': '22', 'protocol': '*',"
	         " 'allowedSourceAddressPrefix': '*', 'maxRequestAccessDuration': 'PT3H'}",
	         "port 22 twice"},
	        {"{'number': 22, 'protocol': 'TCP', 'allowedSourceAddressPrefix': '2001:db8::/32',"
	         " 'maxRequestAccessDuration': 'PT3H'}",
	         "IPv6"},
	        {"{'number': 22, 'protocol': 'TCP', 'allowedSourceAddressPrefixes': ['10.0.0.0/8', 'home'],"
	         " 'maxRequestAccessDuration': 'PT3H'}",
	         "'home' is no IPv4"},
	        {"{'number': 22, 'protocol': 'TCP', 'maxRequestAccessDuration': 'PT3H'}", "no source"},
	        {"{'number': 22, 'protocol': 'TCP', 'allowedSourceAddressPrefix': '*',"
	         " 'maxRequestAccessDuration': 'PT4M59S'}",
	         "five minutes"},
	        {"{'number': 22, 'protocol': 'TCP', 'allowedSourceAddressPrefix': '*',"
	         " 'maxRequestAccessDuration': 'P1DT1S'}",
	         "one day"},
	        {"{'number': 22, 'protocol': 'TCP', 'allowedSourceAddressPrefix': '*'}", "five minutes"},
	        {"{'number': 65536, 'protocol': 'TCP', 'allowedSourceAddressPrefix': '*',"
	         " 'maxRequestAccessDuration': 'PT3H'}",
	         "not 1 to 65535"},
	        {"{'number': 22, 'protocol': '', 'allowedSourceAddressPrefix': '*',"
	         " 'maxRequestAccessDuration': 'PT3H'}",
	         "protocol ''"},
	};

	for (size_t i = 0; i < AZJIT_COUNT(rows); i++) {
		_cleanup_free_ char *text = NULL;
		json_auto_t *entry = NULL;
		struct azjit_reason reason = {""};

		assert_true(asprintf(&text, "{'id': '" VMS "web01', 'ports': [%s]}", rows[i].ports) > 0);
		entry = read_json(text);
		assert_int_equal(policy_check("default", entry, &reason),
		                 rows[i].says ? AZJIT_USAGE : AZJIT_OK);
		if (rows[i].says && !strstr(reason.text, rows[i].says))
			fail_msg("row %zu: %s", i, reason.text);
	}
}

static void names_have_56_characters_together(void **state)
{
	json_auto_t *entry =
	        read_json("{'id': '" VMS "a234567890123456789012345678901234567890123456789', 'ports': ["
	                  "{'number': 22, 'protocol': 'TCP', 'allowedSourceAddressPrefix': '*',"
	                  " 'maxRequestAccessDuration': 'PT3H'}]}"); // 49
	struct azjit_reason reason = {""};

	assert_int_equal(policy_check("default", entry, &reason), AZJIT_OK);
	assert_int_equal(policy_check("default8", entry, &reason), AZJIT_USAGE);
	assert_non_null(strstr(reason.text, "57 characters"));
}

// --- the state of a VM --------------------------------------------------------------------------------

static const char world[] =
        "{'policies': [{'id': '" POLICY "', 'properties': {'virtualMachines': [{'id': '" VMS
        "WEB01', 'publicIpAddress': '20.9.9.9', 'ports': [{'number': 22}, {'number': 3389}]}, {'id': '" VMS
        "db01', 'ports': [{'number': 22}]}], 'requests': ["
        "{'startTimeUtc': '2026-01-01T00:00:00Z', 'requestor': 'early', 'virtualMachines': [{'id': '" VMS
        "db01', 'ports': [{'number': 22, 'status': 'Revoked'}]}]},"
        "{'startTimeUtc': '2026-01-09T00:00:00Z', 'requestor': 'ann', 'virtualMachines': [{'id': '" VMS
        "db01', 'ports': [{'number': 22, 'status': 'Revoked'}]}]},"
        "{'startTimeUtc': '2026-01-10T01:00:00Z', 'requestor': '', 'justification': 'bob: disk',"
        " 'virtualMachines': [{'id': '" VMS "db01', 'ports': [{'number': 22, 'status': 'Initiated'}]},"
        "{'id': '" VMS "web01', 'ports': [{'number': 22, 'status': 'Initiated', 'mappedPort': 1234}]}]},"
        "{'startTimeUtc': '2026-01-10T02:00:00Z', 'requestor': 'eve', 'virtualMachines': [{'id': '" VMS
        "db01', 'ports': [{'number': 22, 'status': 'Failed'}]}]}]}}],"
        "'nics': [{'vm_id': '" VMS "web01', 'nsg': '', 'primary': true, 'ipconfigs': [{'address': '10.0.0.4',"
        " 'public_ip': 'p', 'subnet': 'open', 'primary': true}]},"
        "{'vm_id': '" VMS "DB01', 'nsg': '', 'primary': true, 'ipconfigs': [{'address': '10.0.0.5',"
        " 'public_ip': 'P', 'subnet': 'open', 'primary': true}]},"
        "{'vm_id': '" VMS "nic', 'nsg': 'g', 'primary': true, 'ipconfigs': [{'address': '10.0.0.6',"
        " 'public_ip': '', 'subnet': 'open', 'primary': true}]},"
        "{'vm_id': '" VMS "sub', 'nsg': '', 'primary': true, 'ipconfigs': [{'address': '10.0.0.7',"
        " 'public_ip': '', 'subnet': 'SHUT', 'primary': true}]},"
        "{'vm_id': '" VMS "far', 'nsg': '', 'primary': true, 'ipconfigs': [{'address': '10.0.0.8',"
        " 'public_ip': '', 'subnet': 'elsewhere', 'primary': true}]},"
        "{'vm_id': '" VMS "bare', 'nsg': '', 'primary': false, 'ipconfigs': [{'address': '',"
        " 'public_ip': 'p', 'subnet': 'open', 'primary': true}]}],"
        "'subnets': [{'id': 'open', 'nsg': ''}, {'id': 'shut', 'nsg': 'g'}],"
        "'public_ips': [{'id': 'p', 'address': '20.0.0.4'}]}";

static void what_is_none_of_azures(const struct vm_surroundings *around)
{
	json_auto_t *vm = json_pack("{s:s, s:s}", "id",
	                            "/subscriptions/x/resourceGroups/rg/providers/Microsoft.Security/"
	                            "securityConnectors/aws/ec2/i-0a1b",
	                            "name", "i-0a1b"),
	            *old = json_pack("{s:s, s:s}", "id",
	                             "/subscriptions/x/resourceGroups/rg/providers/"
	                             "Microsoft.ClassicCompute/virtualMachines/old01",
	                             "name", "old01"),
	            *got = vm_state(vm, around), *classic = vm_state(old, around);

	assert_true(json_is_true(json_object_get(got, "experimental")));
	assert_non_null(strstr(json_text(got, "why"), "experimental: no virtual machine of Azure"));
	assert_null(json_object_get(classic, "experimental"));
	assert_string_equal(json_text(classic, "state"), "Unsupported");
	assert_non_null(strstr(json_text(classic, "why"), "a classic virtual machine"));
}

static void states_of_vms(void **state)
{
	static const struct {
		const char *name, *state, *address;
		int requests;
		const char *who;
	} rows[] = {
	        {"web01", "Configured", "20.9.9.9:1234", 1, "bob: disk"},
	        {"db01", "Configured", "10.0.0.5", 2, "bob: disk"},
	        {"nic", "Not configured", "10.0.0.6", 0, ""},
	        {"sub", "Not configured", "10.0.0.7", 0, ""},
	        {"far", "Not configured", "10.0.0.8", 0, ""}, // its subnet could not be read
	        {"bare", "Unsupported", "20.0.0.4", 0, ""},
	};
	json_auto_t *all = read_json(world);
	struct vm_surroundings around = {
	        .policies = json_object_get(all, "policies"),
	        .nics = json_object_get(all, "nics"),
	        .subnets = json_object_get(all, "subnets"),
	        .public_ips = json_object_get(all, "public_ips"),
	};

	assert_int_equal(azjit_time_parse("2026-01-12T00:00:00Z", &around.now), AZJIT_OK);
	for (size_t i = 0; i < AZJIT_COUNT(rows); i++) {
		_cleanup_free_ char *id = NULL;
		json_auto_t *vm = NULL, *got = NULL;

		assert_true(asprintf(&id, VMS "%s", rows[i].name) > 0);
		vm = json_pack("{s:s, s:s}", "id", id, "name", rows[i].name);
		got = vm_state(vm, &around);
		assert_string_equal(json_text(got, "state"), rows[i].state);
		assert_string_equal(json_text(got, "address"), rows[i].address);
		assert_int_equal(json_integer_value(json_object_get(got, "requests")), rows[i].requests);
		assert_string_equal(json_text(got, "last_requestor"), rows[i].who);
		assert_int_equal(!*json_text(got, "why"), !azjit_streq(rows[i].state, "Unsupported"));
	}
	what_is_none_of_azures(&around);
	around.prefer_public = true;
	{
		json_auto_t *vm = json_pack("{s:s, s:s}", "id", VMS "db01", "name", "db01"),
		            *got = vm_state(vm, &around);

		assert_string_equal(json_text(got, "address"), "20.0.0.4");
		assert_string_equal(json_text(got, "last_access"), "2026-01-10T01:00:00.0000000Z");
		text_is(json_object_get(got, "ports"), "[22]");
	}
}

// --- memory that runs out -----------------------------------------------------------------------------

static unsigned left; // allocations of jansson before the one that fails; 0: none fails

static void *failing_malloc(size_t size)
{
	return left > 0 && --left == 0 ? NULL : malloc(size);
}

// Everything above in one go; false if memory ran out somewhere.
static bool change_all_of_it(const json_t *policy, const json_t *world_of_vms)
{
	struct port_wish ports = wish(5986, "TCP", NULL, 3600);
	json_auto_t *copy = json_deep_copy(policy), *body = NULL, *changes = NULL, *vm = NULL, *row = NULL;
	const struct vm_surroundings around = {.policies = json_object_get(world_of_vms, "policies"),
	                                       .nics = json_object_get(world_of_vms, "nics"),
	                                       .subnets = json_object_get(world_of_vms, "subnets"),
	                                       .public_ips = json_object_get(world_of_vms, "public_ips")};
	struct azjit_reason reason;

	if (!copy || !policy_add(copy, VMS "new01", &ports) ||
	    !policy_set(policy_entry(copy, VMS "web01"), &ports) ||
	    !policy_copy(copy, VMS "new02", json_object_get(policy_entry(copy, VMS "db01"), "ports")))
		return false;
	(void)policy_check("default", policy_entry(copy, VMS "web01"), &reason);
	body = policy_body(copy);
	changes = policy_changes(policy, copy);
	vm = json_pack("{s:s}", "id", VMS "web01");
	row = vm ? vm_state(vm, &around) : NULL;
	return body && changes && row;
}

static void memory_runs_out(void **state)
{
	json_auto_t *policy = read_json(full), *all = read_json(world);
	unsigned n = 0;
	bool done = false;

	json_set_alloc_funcs(failing_malloc, free);
	while (!done && n < 10000) {
		left = ++n;
		done = change_all_of_it(policy, all) && left > 0;
	}
	left = 0;
	json_set_alloc_funcs(malloc, free);
	assert_true(done && n > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_body_is_all_but_what_azure_writes),
	        cmocka_unit_test(adding_leaves_the_rest),
	        cmocka_unit_test(an_id_in_another_case_is_the_same_vm),
	        cmocka_unit_test(setting_changes_what_is_said),
	        cmocka_unit_test(setting_ports_keeps_those_and_no_others),
	        cmocka_unit_test(copying_gives_the_ports_as_they_are),
	        cmocka_unit_test(the_same_in_another_form_is_no_change),
	        cmocka_unit_test(differences_are_ports),
	        cmocka_unit_test(what_is_undone),
	        cmocka_unit_test(what_azure_would_refuse),
	        cmocka_unit_test(names_have_56_characters_together),
	        cmocka_unit_test(states_of_vms),
	        cmocka_unit_test(memory_runs_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
