// SPDX-License-Identifier: Apache-2.0
// Reconciliation's verdicts as a table of situations. Nothing may be concluded from what an event does
// not say.
#include "ledger_fixture.h"

#include "../../client/ledger/judge.h"

#define OWN      "0c4e1f6a-1111-4222-8333-444455556666"
#define OTHER    "deadbeef-1111-4222-8333-444455556666"
#define CLIENT   "11111111-aaaa-8bbb-8ccc-000000000001"
#define CORR     "22222222-aaaa-4bbb-8ccc-000000000002"
#define ANSWER   "33333333-aaaa-4bbb-8ccc-000000000003"
#define INITIATE "Microsoft.Security/locations/jitNetworkAccessPolicies/initiate/action"
#define GROUP    "/subscriptions/s/resourceGroups/rg/providers/"
#define POLICY   GROUP "Microsoft.Security/locations/eu/jitNetworkAccessPolicies/default"
#define VM       GROUP "Microsoft.Compute/virtualMachines/web01"
#define VM2      GROUP "Microsoft.Compute/virtualMachines/db01"
#define NSG      GROUP "Microsoft.Network/networkSecurityGroups/nsg"
#define PROVIDER "Windows Azure Security Resource Provider"

static const azjit_ticks second = AZJIT_TICKS_PER_S, hour = 3600 * AZJIT_TICKS_PER_S;

// An event as a situation writes it; NULL and "" are absent.
struct ev {
	const char *id, *correlation, *client, *operation, *name, *status, *caller, *resource;
};

#define START  "BeginRequest", "Started"
#define DONE   "EndRequest", "Accepted"
#define FAILED "EndRequest", "Failed"
#define PLAIN  NULL, NULL

static const struct situation {
	const char *name;
	enum azjit_answered answered;
	int age_minutes; // of the intent; 120 unless it matters
	struct ev events[5];
	const char *verdicts; // in order, e.g. "matched other"
	const char *own;      // NULL: OWN; "" not known
	const char *vm;       // of the intent; NULL: VM
} situations[] = {
        {"started and ended, both ids",
         AZJIT_ANSWERED_ACCEPTED,
         120,
         {{"1", CORR, CLIENT, INITIATE, START, OWN, POLICY},
          {"2", CORR, CLIENT, INITIATE, DONE, OWN, POLICY}},
         "matched",
         PLAIN},
        {"started only",
         AZJIT_ANSWERED_ACCEPTED,
         120,
         {{"1", CORR, CLIENT, INITIATE, START, OWN, POLICY}},
         "matched",
         PLAIN},
        {"no client request id in the event",
         AZJIT_ANSWERED_ACCEPTED,
         120,
         {{"1", CORR, NULL, INITIATE, DONE, OWN, POLICY}},
         "matched",
         PLAIN},
        {"correlation id replaced by the service, known from the answer",
         AZJIT_ANSWERED_ACCEPTED,
         120,
         {{"1", ANSWER, NULL, INITIATE, DONE, OWN, POLICY}},
         "matched",
         PLAIN},
        {"correlation id replaced, client request id kept",
         AZJIT_ANSWERED_NOT,
         120,
         {{"1", OTHER, CLIENT, INITIATE, DONE, OWN, POLICY}},
         "matched",
         PLAIN},
        {"correlation id absent, client request id kept",
         AZJIT_ANSWERED_NOT,
         120,
         {{"1", "", CLIENT, INITIATE, START, OWN, POLICY}, {"2", "", CLIENT, INITIATE, DONE, OWN, POLICY}},
         "matched",
         PLAIN},
        {"client request id replaced, correlation id kept",
         AZJIT_ANSWERED_ACCEPTED,
         120,
         {{"1", CORR, OTHER, INITIATE, DONE, OWN, POLICY}},
         "matched",
         PLAIN},
        {"other case of everything",
         AZJIT_ANSWERED_ACCEPTED,
         120,
         {{"1", "22222222-AAAA-4BBB-8CCC-000000000002", "11111111-AAAA-8BBB-8CCC-000000000001",
           "MICROSOFT.SECURITY/LOCATIONS/JITNETWORKACCESSPOLICIES/INITIATE/ACTION", "endrequest", "accepted",
           "0C4E1F6A-1111-4222-8333-444455556666", POLICY}},
         "matched",
         PLAIN},
        {"four events: the VM's initiate and the NSG write by the resource provider",
         AZJIT_ANSWERED_ACCEPTED,
         120,
         {{"1", CORR, CLIENT, INITIATE, START, OWN, POLICY},
          {"2", CORR, CLIENT, INITIATE, DONE, OWN, POLICY},
          {"3", CORR, NULL, INITIATE, DONE, OWN, VM},
          {"4", CORR, NULL, "Microsoft.Network/networkSecurityGroups/write", DONE, PROVIDER, NSG}},
         "matched",
         PLAIN},
        {"the VM's initiate by Azure on our behalf",
         AZJIT_ANSWERED_ACCEPTED,
         120,
         {{"1", CORR, CLIENT, INITIATE, DONE, OWN, POLICY}, {"2", CORR, NULL, INITIATE, DONE, OTHER, VM}},
         "matched",
         PLAIN},
        {"pages repeated: the same event ids",
         AZJIT_ANSWERED_ACCEPTED,
         120,
         {{"1", CORR, CLIENT, INITIATE, DONE, OWN, POLICY}, {"1", CORR, CLIENT, INITIATE, DONE, OWN, POLICY}},
         "matched",
         PLAIN},
        {"the event names no caller",
         AZJIT_ANSWERED_ACCEPTED,
         120,
         {{"1", CORR, CLIENT, INITIATE, DONE, NULL, POLICY}},
         "matched",
         PLAIN},
        {"our own identity is not known",
         AZJIT_ANSWERED_ACCEPTED,
         120,
         {{"1", CORR, CLIENT, INITIATE, DONE, OTHER, POLICY}},
         "matched",
         "",
         NULL},
        {"our identity has two ids",
         AZJIT_ANSWERED_ACCEPTED,
         120,
         {{"1", CORR, CLIENT, INITIATE, DONE, OWN, POLICY}},
         "matched",
         OTHER ", " OWN,
         NULL},
        {"recorded as refused, logged as failed",
         AZJIT_ANSWERED_REFUSED,
         120,
         {{"1", CORR, CLIENT, INITIATE, FAILED, OWN, POLICY}},
         "matched",
         PLAIN},
        {"an intent that names its VM by name",
         AZJIT_ANSWERED_ACCEPTED,
         120,
         {{"1", CORR, CLIENT, INITIATE, DONE, OWN, VM}},
         "matched",
         NULL,
         "WEB01"},
        // --- not there
        {"no event, young", AZJIT_ANSWERED_ACCEPTED, 19, {{0}}, "pending", PLAIN},
        {"no event, no answer, young", AZJIT_ANSWERED_NOT, 19, {{0}}, "pending", PLAIN},
        {"no event, old", AZJIT_ANSWERED_ACCEPTED, 21, {{0}}, "missing", PLAIN},
        {"no event, no answer", AZJIT_ANSWERED_NOT, 120, {{0}}, "unknown", PLAIN},
        {"no event, refused", AZJIT_ANSWERED_REFUSED, 120, {{0}}, "unknown", PLAIN},
        {"no event, never sent", AZJIT_ANSWERED_UNSENT, 120, {{0}}, "", PLAIN},
        {"no event, at the beginning of the window", AZJIT_ANSWERED_ACCEPTED, 299, {{0}}, "unknown", PLAIN},
        {"only the NSG write",
         AZJIT_ANSWERED_ACCEPTED,
         120,
         {{"4", CORR, CLIENT, "Microsoft.Network/networkSecurityGroups/write", DONE, PROVIDER, NSG}},
         "missing",
         PLAIN},
        {"an event with our ids that names no operation",
         AZJIT_ANSWERED_ACCEPTED,
         120,
         {{"1", CORR, CLIENT, NULL, DONE, OWN, POLICY}},
         "unknown",
         PLAIN},
        // --- contradictions
        {"another caller under our ids",
         AZJIT_ANSWERED_ACCEPTED,
         120,
         {{"1", CORR, CLIENT, INITIATE, DONE, OTHER, POLICY}},
         "contradicted",
         PLAIN},
        {"another caller takes our correlation id beside us",
         AZJIT_ANSWERED_ACCEPTED,
         120,
         {{"1", CORR, CLIENT, INITIATE, DONE, OWN, POLICY}, {"2", CORR, NULL, INITIATE, DONE, OTHER, POLICY}},
         "matched other",
         PLAIN},
        {"another VM",
         AZJIT_ANSWERED_ACCEPTED,
         120,
         {{"1", CORR, CLIENT, INITIATE, DONE, OWN, POLICY}, {"2", CORR, CLIENT, INITIATE, DONE, OWN, VM2}},
         "contradicted",
         PLAIN},
        {"accepted, logged as failed",
         AZJIT_ANSWERED_ACCEPTED,
         120,
         {{"1", CORR, CLIENT, INITIATE, START, OWN, POLICY},
          {"2", CORR, CLIENT, INITIATE, FAILED, OWN, POLICY}},
         "contradicted",
         PLAIN},
        {"accepted after a first attempt that failed, under the same ids",
         AZJIT_ANSWERED_ACCEPTED,
         120,
         {{"1", CORR, CLIENT, INITIATE, FAILED, OWN, POLICY},
          {"2", CORR, CLIENT, INITIATE, DONE, OWN, POLICY}},
         "matched",
         PLAIN},
        {"refused, logged as accepted",
         AZJIT_ANSWERED_REFUSED,
         120,
         {{"1", CORR, CLIENT, INITIATE, DONE, OWN, POLICY}},
         "contradicted",
         PLAIN},
        {"never sent, and logged",
         AZJIT_ANSWERED_UNSENT,
         120,
         {{"1", CORR, CLIENT, INITIATE, DONE, OWN, POLICY}},
         "contradicted",
         PLAIN},
        {"sent twice under one client request id",
         AZJIT_ANSWERED_ACCEPTED,
         120,
         {{"1", CORR, CLIENT, INITIATE, DONE, OWN, POLICY},
          {"2", OTHER, CLIENT, INITIATE, DONE, OWN, POLICY}},
         "contradicted",
         PLAIN},
        {"sent again under our correlation id with another client request id",
         AZJIT_ANSWERED_ACCEPTED,
         120,
         {{"1", CORR, CLIENT, INITIATE, DONE, OWN, POLICY}, {"2", CORR, OTHER, INITIATE, DONE, OWN, POLICY}},
         "contradicted",
         PLAIN},
        // --- no intent
        {"a repeated event without any id",
         AZJIT_ANSWERED_UNSENT,
         120,
         {{"1", NULL, NULL, INITIATE, DONE, OWN, POLICY}, {"1", NULL, NULL, INITIATE, DONE, OWN, POLICY}},
         "foreign",
         PLAIN},
        {"our identity, ids of nobody",
         AZJIT_ANSWERED_UNSENT,
         120,
         {{"1", OTHER, OTHER, INITIATE, DONE, OWN, POLICY}},
         "foreign",
         PLAIN},
        {"another identity",
         AZJIT_ANSWERED_UNSENT,
         120,
         {{"1", OTHER, OTHER, INITIATE, START, OTHER, POLICY},
          {"2", OTHER, OTHER, INITIATE, DONE, OTHER, POLICY}},
         "other",
         PLAIN},
        {"no caller, ids of nobody",
         AZJIT_ANSWERED_UNSENT,
         120,
         {{"1", OTHER, OTHER, INITIATE, DONE, NULL, POLICY}},
         "unknown",
         PLAIN},
        {"own identity not known, ids of nobody",
         AZJIT_ANSWERED_UNSENT,
         120,
         {{"1", OTHER, OTHER, INITIATE, DONE, OWN, POLICY}},
         "unknown",
         "",
         NULL},
        {"own identity learned from our request, another of the same caller",
         AZJIT_ANSWERED_ACCEPTED,
         120,
         {{"1", CORR, CLIENT, INITIATE, DONE, OWN, POLICY}, {"2", OTHER, OTHER, INITIATE, DONE, OWN, POLICY}},
         "matched foreign",
         "",
         NULL},
        {"own identity learned from our request, another of another caller",
         AZJIT_ANSWERED_ACCEPTED,
         120,
         {{"1", CORR, CLIENT, INITIATE, DONE, OWN, POLICY},
          {"2", OTHER, OTHER, INITIATE, DONE, OTHER, POLICY}},
         "matched other",
         "",
         NULL},
        {"nothing is learned from a correlation id alone",
         AZJIT_ANSWERED_ACCEPTED,
         120,
         {{"1", CORR, NULL, INITIATE, DONE, OWN, POLICY}, {"2", OTHER, OTHER, INITIATE, DONE, OWN, POLICY}},
         "matched unknown",
         "",
         NULL},
        {"a policy was written",
         AZJIT_ANSWERED_UNSENT,
         120,
         {{"1", OTHER, OTHER, "Microsoft.Security/locations/jitNetworkAccessPolicies/write", DONE, OTHER,
           POLICY}},
         "",
         PLAIN},
        {"two requests of ours without any id",
         AZJIT_ANSWERED_UNSENT,
         120,
         {{"1", NULL, NULL, INITIATE, DONE, OWN, POLICY}, {"2", NULL, NULL, INITIATE, DONE, OWN, POLICY}},
         "foreign foreign",
         PLAIN},
};

struct said {
	char words[128];
	char text[512];
	bool witnessed;
};

static void hear(void *userdata, const struct azjit_judged *judged)
{
	struct said *said = userdata;
	size_t len = strlen(said->words);

	(void)snprintf(said->words + len, sizeof(said->words) - len, "%s%s", len ? " " : "",
	               azjit_reconcile_name(judged->row.verdict));
	(void)snprintf(said->text, sizeof(said->text), "%s", judged->row.text);
	said->witnessed |= judged->witnessed;
	assert_true(*judged->row.text);
}

static size_t fill(const struct situation *situation, azjit_ticks when, bool reversed,
                   struct azjit_activity_event events[5])
{
	size_t count = 0;

	while (count < 5 && situation->events[count].id)
		count++;
	for (size_t i = 0; i < count; i++) {
		const struct ev *ev = &situation->events[reversed ? count - 1 - i : i];

		events[i] = (struct azjit_activity_event){
		        .event_data_id = ev->id,
		        .correlation_id = ev->correlation ? ev->correlation : "",
		        .client_request_id = ev->client ? ev->client : "",
		        .operation = ev->operation ? ev->operation : "",
		        .event_name = ev->name,
		        .status = ev->status,
		        .sub_status = "",
		        .caller = ev->caller ? ev->caller : "",
		        .resource_id = ev->resource,
		        .client_address = "",
		        .event_time = when + second,
		};
	}
	return count;
}

static struct said judge(const struct situation *situation, bool reversed)
{
	azjit_ticks now = T0 + 5 * hour, when = now - situation->age_minutes * 60 * second;
	struct azjit_activity_event events[5];
	struct azjit_asked asked = {.seq = 7,
	                            .when = when,
	                            .grant = "g-1",
	                            .session = "",
	                            .vm = situation->vm ? situation->vm : VM,
	                            .client_request_id = CLIENT,
	                            .correlation_id = CORR,
	                            .answer_correlation_id =
	                                    situation->answered == AZJIT_ANSWERED_ACCEPTED ? ANSWER : "",
	                            .anchor_seq = "6",
	                            .answered = situation->answered};
	struct azjit_judge_input input = {.from = T0,
	                                  .to = now,
	                                  .now = now,
	                                  .own_caller = situation->own ? situation->own : OWN,
	                                  .former_caller = "",
	                                  .asked = &asked,
	                                  .asked_count = 1,
	                                  .events = events};
	struct said said = {.words = ""};

	input.event_count = fill(situation, when, reversed, events);
	assert_int_equal(azjit_judge(&input, hear, &said), AZJIT_OK);
	return said;
}

static void each_situation_has_its_verdict(void **state)
{
	(void)state;
	for (size_t i = 0; i < AZJIT_COUNT(situations); i++)
		for (int reversed = 0; reversed < 2; reversed++) {
			struct said said = judge(&situations[i], reversed);

			if (!azjit_streq(said.words, situations[i].verdicts))
				fail_msg("%s%s: '%s', expected '%s'", situations[i].name,
				         reversed ? " (events in reverse)" : "", said.words,
				         situations[i].verdicts);
		}
}

static const struct situation *situation_of(const char *name)
{
	for (size_t i = 0; i < AZJIT_COUNT(situations); i++)
		if (azjit_streq(situations[i].name, name))
			return &situations[i];
	fail_msg("no situation '%s'", name);
	return NULL;
}

static void a_witness_needs_our_client_request_id(void **state)
{
	static const struct {
		const char *name;
		bool witnessed;
	} all[] = {{"started and ended, both ids", true},
	           {"correlation id replaced, client request id kept", true},
	           {"no client request id in the event", false},
	           {"client request id replaced, correlation id kept", false},
	           {"another caller under our ids", false},
	           {"no event, old", false}};

	(void)state;
	for (size_t i = 0; i < AZJIT_COUNT(all); i++)
		if (judge(situation_of(all[i].name), false).witnessed != all[i].witnessed)
			fail_msg("%s", all[i].name);
}

static void sentences_say_what_was_not_compared(void **state)
{
	static const struct {
		const char *name, *part;
	} all[] = {{"our own identity is not known", "was taken for our identity"},
	           {"nothing is learned from a correlation id alone", "not known"},
	           {"the event names no caller", "names no caller"},
	           {"another caller under our ids", OTHER},
	           {"another VM", "web01"},
	           {"another VM", "db01"},
	           {"no event, young", "20 minutes late"},
	           {"started and ended, both ids", "client request id and correlation id"},
	           {"no client request id in the event", "by its correlation id"}};

	(void)state;
	for (size_t i = 0; i < AZJIT_COUNT(all); i++) {
		struct said said = judge(situation_of(all[i].name), false);

		if (!strstr(said.text, all[i].part))
			fail_msg("%s: '%s' lacks '%s'", all[i].name, said.text, all[i].part);
	}
}

// An event in the window whose intent stands just before it is explained, and the intent is not judged.
static void an_intent_before_the_window_explains(void **state)
{
	struct situation situation = *situation_of("started and ended, both ids");
	struct said said;

	(void)state;
	situation.age_minutes = 301;
	said = judge(&situation, false);
	assert_string_equal(said.words, "");
}

// Many requests at once: every one finds its own events.
static void a_thousand_requests_find_their_events(void **state)
{
	enum { MANY = 1000 };
	static char ids[MANY][3][AZJIT_UUID_CHARS];
	static struct azjit_asked asked[MANY];
	static struct azjit_activity_event events[2 * MANY];
	struct azjit_judge_input input = {.from = T0,
	                                  .to = T0 + 5 * hour,
	                                  .now = T0 + 5 * hour,
	                                  .own_caller = OWN,
	                                  .former_caller = "",
	                                  .asked = asked,
	                                  .asked_count = MANY,
	                                  .events = events,
	                                  .event_count = 2 * (MANY - 1)};
	struct said said = {.words = ""};

	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		for (int j = 0; j < 3; j++)
			assert_int_equal(azjit_uuid_random(ids[i][j]), AZJIT_OK);
		asked[i] = (struct azjit_asked){i + 1,     T0 + hour, "", "", VM,
		                                ids[i][0], ids[i][1], "", "", AZJIT_ANSWERED_ACCEPTED};
		for (size_t j = 0; j < 2; j++) // the last one's events are left out by event_count
			events[2 * i + j] = (struct azjit_activity_event){
			        .event_data_id = j ? "" : ids[i][2],
			        .correlation_id = i % 3 ? ids[i][1] : "",
			        .client_request_id = i % 3 != 1 ? ids[i][0] : "",
			        .operation = INITIATE,
			        .event_name = j ? "EndRequest" : "BeginRequest",
			        .status = j ? "Accepted" : "Started",
			        .sub_status = "",
			        .caller = OWN,
			        .resource_id = POLICY,
			        .client_address = "",
			        .event_time = T0 + hour};
	}
	assert_int_equal(azjit_judge(&input, hear, &said), AZJIT_OK);
	assert_int_equal(strncmp(said.words, "matched matched ", 16), 0);
	assert_non_null(strstr(said.text, "holds no event")); // the last intent's, and nothing after it
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_situation_has_its_verdict),
	        cmocka_unit_test(a_witness_needs_our_client_request_id),
	        cmocka_unit_test(sentences_say_what_was_not_compared),
	        cmocka_unit_test(an_intent_before_the_window_explains),
	        cmocka_unit_test(a_thousand_requests_find_their_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
