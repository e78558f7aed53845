// SPDX-License-Identifier: Apache-2.0
// A grant behind an Azure Firewall: which port is probed and when, what the groups' word is worth, and what is
// said where no port comes.
#include "../../client/engine/grants.h"
#include "grant_run.h"

#define CLIENT "203.0.113.7"

static void behind(struct fake *fake)
{
	fake->through_firewall = fake->firewall = true;
	fake->mapped_port = 50022;
	fake->power = "running";
}

static bool view_of(void *userdata, const struct azjit_grant_view *view)
{
	*(struct azjit_grant_view *)userdata = *view;
	return false;
}

static struct azjit_grant_view newest(struct fake *fake)
{
	struct azjit_grant_view view = {.id = NULL};

	azjit_engine_grants(fake->engine, view_of, &view);
	return view;
}

static void run_until_probed(struct fake *fake)
{
	uint64_t give_up = azjit_time_monotonic_ms() + 5000;

	while (fake->probes == 0 && azjit_time_monotonic_ms() < give_up)
		assert_int_equal(azjit_loop_turn(fake->loop, 20), AZJIT_OK);
	assert_true(fake->probes > 0);
}

static void the_firewall_s_port_is_probed_once_it_is_known(void **state)
{
	struct fake *fake = *state;
	struct answer a;

	for (int at_once = 0; at_once < 2; at_once++) {
		behind(fake);
		fake->probe = true;
		fake->map_at_once = at_once;
		fake->mapped_port = (uint16_t)(50022 + at_once);
		fake->probes = fake->guard_calls = 0;
		need(fake, "alice", at_once ? "203.0.113.8" : CLIENT, &a);
		run_until_probed(fake);
		assert_int_equal(fake->probed_port, fake->mapped_port);
		assert_int_equal(fake->guard_calls, 1); // before anything is sent there
		assert_int_equal(newest(fake).mapped_port, fake->mapped_port);
		azjit_engine_probe_open(fake->engine, newest(fake).id);
		assert_true(run_until(fake, &a, NULL));
		assert_int_equal(a.result, AZJIT_OK);
		assert_false(newest(fake).unproven);
	}
	assert_int_equal(count_entries(fake, AZJIT_ENTRY_GRANT, "mapped"), 2);
	assert_int_equal(fake->firewall_calls, 0);
}

static void without_a_port_nothing_is_probed_and_that_is_the_reason(void **state)
{
	struct fake *fake = *state;
	struct answer a;

	behind(fake);
	fake->probe = true;
	fake->mapped_port = 0;
	need(fake, "alice", CLIENT, &a);
	assert_true(run_until(fake, &a, NULL));
	assert_int_equal(fake->probes, 0);
	assert_int_equal(a.result, AZJIT_RULE_MISSING);
	assert_string_equal(a.reason,
	                    "Azure never said which port of the Azure Firewall 20.60.0.9 leads to port "
	                    "22 of web01 (it says Initiated (UserRequested) of the request)");
	assert_int_equal(fake->firewall_calls, 1);
}

static void what_cannot_be_seen_of_the_firewall_is_said_there(void **state)
{
	struct fake *fake = *state;
	struct answer a;

	behind(fake);
	fake->probe = fake->firewalls_unread = true;
	fake->mapped_port = 0;
	need(fake, "alice", CLIENT, &a);
	assert_true(run_until(fake, &a, NULL));
	assert_int_equal(a.result, AZJIT_RULE_MISSING);
	assert_non_null(strstr(a.reason, "could not be seen: the identity needs "
	                                 "Microsoft.Network/azureFirewalls/read"));
}

static void a_firewall_policy_is_told_long_before_the_deadline(void **state)
{
	static const char *const failures[] = {NULL, "InvalidFirewallResource"};
	struct fake *fake = *state;
	struct answer a;

	fake->config->deadline_s = 20;
	for (size_t i = 0; i < AZJIT_COUNT(failures); i++) {
		uint64_t begin = azjit_time_monotonic_ms();

		behind(fake);
		fake->probe = fake->managed = true;
		fake->mapped_port = 0;
		fake->fail_later = failures[i];
		need(fake, "alice", CLIENT, &a);
		assert_true(run_until(fake, &a, NULL));
		assert_true(azjit_time_monotonic_ms() - begin < 6000);
		assert_int_equal(a.result, AZJIT_UNSUPPORTED);
		assert_non_null(strstr(a.reason,
		                       "web01 is behind the Azure Firewall 20.60.0.9, whose rules are in "
		                       "a firewall policy"));
	}
	fake->managed = false;
	need(fake, "alice", CLIENT, &a);
	assert_true(run_until(fake, &a, NULL));
	assert_int_equal(a.result, AZJIT_REQUEST_FAILED);
	assert_non_null(strstr(a.reason, "InvalidFirewallResource"));
}

static void a_rule_for_the_client_alone_is_no_proof(void **state)
{
	struct fake *fake = *state;
	struct answer a, b;

	behind(fake);
	fake->probe = true;
	fake->config->deadline_s = 2;
	need(fake, "alice", CLIENT, &a);
	assert_true(run_until(fake, &a, NULL));
	assert_int_equal(fake->probed_port, 50022);
	assert_int_equal(a.result, AZJIT_DEADLINE);
	assert_non_null(strstr(a.reason,
	                       "20.60.0.9:50022, the Azure Firewall's port for port 22 of web01, does not "
	                       "answer, though "));
	assert_non_null(strstr(a.reason, "if the firewall sends from its own address"));
	// The rule is there for any source: then it is the machine that does not answer.
	fake->any_source = true;
	need(fake, "alice", "203.0.113.8", &b);
	assert_true(run_until(fake, &b, NULL));
	assert_int_equal(b.result, AZJIT_PORT_CLOSED);
}

static void who_does_not_connect_is_told_that_it_is_not_proven(void **state)
{
	struct fake *fake = *state;
	struct answer a, b;

	behind(fake);
	need(fake, "alice", CLIENT, &a);
	assert_true(run_until(fake, &a, NULL));
	assert_int_equal(a.result, AZJIT_OK);
	assert_non_null(strstr(a.reason, "not proven: rule 'MicrosoftDefenderForCloud-JITRule-1-"));
	assert_non_null(strstr(a.reason, "20.60.0.9:50022"));
	assert_true(newest(fake).unproven);
	// Who connects waits for the handshake.
	fake->probe = true;
	need(fake, "bob", CLIENT, &b);
	run_until_probed(fake);
	assert_false(b.done);
	azjit_engine_probe_open(fake->engine, newest(fake).id);
	assert_true(run_until(fake, &b, NULL));
	assert_int_equal(b.result, AZJIT_OK);
	assert_string_equal(b.reason, "handshake");
	assert_false(newest(fake).unproven);
	assert_int_equal(fake->initiates, 1);
}

static void a_rule_for_everybody_is_the_rule_s_word(void **state)
{
	struct fake *fake = *state;
	struct answer a;

	behind(fake);
	fake->any_source = true;
	need(fake, "alice", CLIENT, &a);
	assert_true(run_until(fake, &a, NULL));
	assert_int_equal(a.result, AZJIT_OK);
	assert_null(strstr(a.reason, "not proven"));
	assert_false(newest(fake).unproven);
	assert_int_equal(newest(fake).mapped_port, 50022);
}

static void a_denied_client_is_never_open(void **state)
{
	struct fake *fake = *state;
	struct answer a;

	behind(fake);
	fake->shadow = true;
	fake->config->deadline_s = 2;
	need(fake, "alice", CLIENT, &a);
	assert_true(run_until(fake, &a, NULL));
	assert_int_equal(a.result, AZJIT_RULE_SHADOWED);
}

// The older request's port goes on leading there until its end; the newer one's only once its rule came.
static void a_newer_request_s_port_is_taken_when_it_is_open(void **state)
{
	struct azjit_jit_request entry = {.status = "Initiating", .status_reason = "", .mapped_port = 50099};
	struct fake *fake = *state;
	struct azjit_grant *grant;
	struct answer a;

	behind(fake);
	need(fake, "alice", CLIENT, &a);
	assert_true(run_until(fake, &a, NULL));
	assert_non_null(grant = grant_find(fake->engine, a.grant));
	grant_mapped(grant, &entry);
	assert_int_equal(newest(fake).mapped_port, 50022);
	assert_int_equal(newest(fake).older_port, 0);
	entry.status = "Initiated";
	grant_mapped(grant, &entry);
	assert_int_equal(newest(fake).mapped_port, 50099);
	assert_int_equal(newest(fake).older_port, 50022); // it is open yet, and guarded
	assert_int_equal(fake->guard_calls, 2);
}

static void the_port_outlives_a_restart(void **state)
{
	struct fake *fake = *state;
	struct answer a;

	behind(fake);
	need(fake, "alice", CLIENT, &a);
	assert_true(run_until(fake, &a, NULL));
	fake->mapped_port = 0; // Azure does not tell it again
	fake->guard_calls = 0;
	restart(fake);
	assert_true(run_until_open(fake, CLIENT, 10000));
	assert_int_equal(newest(fake).mapped_port, 50022);
	assert_true(fake->guard_calls > 0);
}

int main(void)
{
#define WITH_FAKE(test) cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)
	const struct CMUnitTest tests[] = {
	        WITH_FAKE(the_firewall_s_port_is_probed_once_it_is_known),
	        WITH_FAKE(without_a_port_nothing_is_probed_and_that_is_the_reason),
	        WITH_FAKE(what_cannot_be_seen_of_the_firewall_is_said_there),
	        WITH_FAKE(a_firewall_policy_is_told_long_before_the_deadline),
	        WITH_FAKE(a_rule_for_the_client_alone_is_no_proof),
	        WITH_FAKE(who_does_not_connect_is_told_that_it_is_not_proven),
	        WITH_FAKE(a_rule_for_everybody_is_the_rule_s_word),
	        WITH_FAKE(a_denied_client_is_never_open),
	        WITH_FAKE(a_newer_request_s_port_is_taken_when_it_is_open),
	        WITH_FAKE(the_port_outlives_a_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
