// SPDX-License-Identifier: Apache-2.0
// The verdict on flows: tests/unit/data/azure/verdicts.txt is the table and says how it is read. A group
// of it is turned into the JSON that Azure answers, parsed as an answer is parsed, and judged.
#include "azure_group.h"

#include <azjit/text.h>

#define JUMP  "10.20.0.4"
#define OTHER "203.0.113.7"

// --- the tests ----------------------------------------------------------------------------------------

struct row {
	int number;
	const char *what, *flow, *subnet, *nic, *verdict, *rule, *text;
};

static struct row read_row(int number, char *line)
{
	struct row row = {.number = number};

	row.what = column(&line);
	row.flow = column(&line);
	row.subnet = column(&line);
	row.nic = column(&line);
	row.verdict = column(&line);
	row.rule = column(&line);
	row.text = column(&line);
	assert_non_null(row.flow);
	assert_non_null(row.verdict);
	return row;
}

static void read_flow(char *text, const char **asg, struct azjit_flow *flow)
{
	*flow = (struct azjit_flow){.port = 22, .protocol = AZJIT_PROTOCOL_TCP, .destination_asg_ids = asg};
	assert_int_equal(azjit_addr_parse(piece(&text, " "), &flow->source), AZJIT_OK);
	assert_int_equal(azjit_addr_parse(WEB, &flow->destination), AZJIT_OK);
	while (*text) {
		char *word = piece(&text, " ");

		if (strncmp(word, "asg=", 4) == 0) {
			*asg = word + 4;
			flow->destination_asg_count = 1;
		} else if (strncmp(word, "destination=", 12) == 0) {
			assert_int_equal(azjit_addr_parse(word + 12, &flow->destination), AZJIT_OK);
		} else if (azjit_streq(word, "translated")) {
			flow->translated = true;
		} else {
			assert_int_equal(strncmp(word, "protocol=", 9), 0);
			flow->protocol = parse_protocol(word + 9);
		}
	}
}

static void judge(const struct row *row)
{
	static const char *const names[] = {"unknown", "deny", "allow"};
	_cleanup_arena_ struct arena arena = {0};
	json_auto_t *subnet_json = NULL, *nic_json = NULL;
	const struct azjit_nsg *subnet = group(&arena, "/x/subnet-nsg", row->subnet, &subnet_json);
	const struct azjit_nsg *nic = group(&arena, "/x/nic-nsg", row->nic, &nic_json);
	_cleanup_free_ char *text = strdup(row->flow);
	const char *asg = NULL;
	struct azjit_flow flow;
	struct azjit_verdict_why why;
	enum azjit_verdict verdict;

	read_flow(text, &asg, &flow);
	verdict = azjit_nsg_verdict(nic, subnet, &flow, &why);
	if (verdict != why.verdict || !azjit_streq(names[verdict], row->verdict) ||
	    (row->rule && !azjit_streq(row->rule, why.rule)) || (row->text && !strstr(why.text, row->text)))
		fail_msg("line %d, %s: verdict %s (wanted %s), rule '%s', sentence \"%s\"", row->number,
		         row->what, names[verdict], row->verdict, why.rule, why.text);
}

// Calls `fn` for each row of the table; returns how many there are.
static int each_row(void (*fn)(const struct row *row))
{
	size_t len;
	_cleanup_free_ char *text = data_text("verdicts.txt", &len);
	char *rest = text;
	int number = 0, count = 0;

	while (*rest) {
		char *line = rest;
		struct row row;

		number++;
		rest += strcspn(rest, "\n");
		if (*rest)
			*rest++ = '\0';
		if (*line == '\0' || *line == '#')
			continue;
		row = read_row(number, line);
		fn(&row);
		count++;
	}
	return count;
}

static void every_row(void **state)
{
	assert_true(each_row(judge) >= 100);
}

// A group more on the path never turns a denial or a doubt into an allowance.
static void judge_with_a_level_more(const struct row *row)
{
	struct row more = *row;

	if (row->subnet || !row->nic)
		return;
	more.rule = more.text = NULL;
	more.subnet = "100 allow * * * *";
	judge(&more);
	more.subnet = "100 deny * * * *";
	more.verdict = "deny";
	judge(&more);
}

static void a_level_more_never_opens(void **state)
{
	(void)each_row(judge_with_a_level_more);
}

static void jit_names_of_both_generations(void **state)
{
	static const struct {
		const char *name;
		bool jit;
	} names[] = {
	        {"SecurityCenter-JITRule_1170687618_62799A5740DE464DB71C4F619369BBAD", true},
	        {"SecurityCenter-JITRule-1170687618-8C18BF8921F041989344B4F1E3A0C370", true},
	        {"MicrosoftDefenderForCloud-JITRule_-1151891693_545C5DBC675443D3BF179EFD1EF8254D", true},
	        {"MicrosoftDefenderForCloud-JITRule--1151891693-545C5DBC675443D3BF179EFD1EF8254D", true},
	        {"microsoftdefenderforcloud-jitrule-7-545c5dbc675443d3bf179efd1ef8254d", true},
	        {"MicrosoftDefenderForCloud-JITRule", false},
	        {"MicrosoftDefenderForCloud-JITRule-by-hand", false},
	        {"MicrosoftDefenderForCloud-JITRule-1-545C5DBC675443D3BF179EFD1EF8254", false},
	        {"MicrosoftDefenderForCloud-JITRule_1-545C5DBC675443D3BF179EFD1EF8254D", false},
	        {"my-SecurityCenter-JITRule-1-8C18BF8921F041989344B4F1E3A0C370", false},
	        {"allow-ssh", false},
	};
	const struct azjit_flow flow = {.source = {AZJIT_IPV4, {10, 20, 0, 4}},
	                                .destination = {AZJIT_IPV4, {10, 20, 1, 4}},
	                                .port = 22,
	                                .protocol = AZJIT_PROTOCOL_TCP};

	for (size_t i = 0; i < AZJIT_COUNT(names); i++) {
		_cleanup_arena_ struct arena arena = {0};
		json_auto_t *keep = NULL;
		const struct azjit_rule *rule;
		struct azjit_verdict_why why;
		char shorthand[256];
		const struct azjit_nsg *nsg;

		(void)snprintf(shorthand, sizeof(shorthand), "100 allow * * * 22 name=%s", names[i].name);
		nsg = group(&arena, "/x/n", shorthand, &keep);
		(void)azjit_nsg_verdict(nsg, NULL, &flow, &why);
		if (why.jit != names[i].jit || azjit_nsg_has_jit_allow(nsg, &flow, &rule) != names[i].jit)
			fail_msg("%s", names[i].name);
	}
}

static void shadowed_or_missing(void **state)
{
	static const struct {
		const char *group;
		bool there;
	} cases[] = {
	        {"90 deny * * * 22; 100 allow * " JUMP " " WEB " 22 OURS; SHUT", true},
	        {"100 allow * " JUMP " " WEB " 22 OURS; SHUT", true},
	        {"100 allow * " JUMP " " WEB " 22 OLD", true},
	        {"100 allow * " JUMP " " WEB " 22 pending OURS", true},
	        {"SHUT", false},
	        {"100 allow * " OTHER " " WEB " 22 OURS", false},
	        {"100 allow * " JUMP " " WEB " 3389 OURS", false},
	        {"100 allow * " JUMP " " WEB " 22 name=by-hand", false},
	        {"100 deny * " JUMP " " WEB " 22 OURS", false},
	};
	const struct azjit_flow flow = {.source = {AZJIT_IPV4, {10, 20, 0, 4}},
	                                .destination = {AZJIT_IPV4, {10, 20, 1, 4}},
	                                .port = 22,
	                                .protocol = AZJIT_PROTOCOL_TCP};

	for (size_t i = 0; i < AZJIT_COUNT(cases); i++) {
		_cleanup_arena_ struct arena arena = {0};
		json_auto_t *keep = NULL;
		const struct azjit_rule *rule = NULL;
		const struct azjit_nsg *nsg = group(&arena, "/x/n", cases[i].group, &keep);

		if (azjit_nsg_has_jit_allow(nsg, &flow, &rule) != cases[i].there ||
		    (rule != NULL) != cases[i].there)
			fail_msg("%s", cases[i].group);
	}
	assert_false(azjit_nsg_has_jit_allow(NULL, &flow, &(const struct azjit_rule *){NULL}));
}

static void long_and_hostile_names_stay_in_their_fields(void **state)
{
	_cleanup_arena_ struct arena arena = {0};
	json_auto_t *keep = group_json("/x/nsg\n\x1b[31m", "100 deny * * * 22");
	const struct azjit_flow flow = {.source = {AZJIT_IPV4, {10, 20, 0, 4}}, .port = 22};
	struct azjit_verdict_why why;
	const struct azjit_nsg *nsg;
	char name[400];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	json_object_set_new(
	        json_array_get(json_object_get(json_object_get(keep, "properties"), "securityRules"), 0),
	        "name", json_string(name));
	assert_null(parse_nsg(&arena, keep, &nsg));
	assert_int_equal(azjit_nsg_verdict(nsg, NULL, &flow, &why), AZJIT_VERDICT_DENY);
	assert_true(strlen(why.rule) < sizeof(why.rule) && strlen(why.text) < sizeof(why.text));
	for (const char *c = why.text; *c; c++)
		assert_true(*c >= 0x20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_row),
	        cmocka_unit_test(a_level_more_never_opens),
	        cmocka_unit_test(jit_names_of_both_generations),
	        cmocka_unit_test(shadowed_or_missing),
	        cmocka_unit_test(long_and_hostile_names_stay_in_their_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
