// SPDX-License-Identifier: Apache-2.0
// The name service is ours here: entries that are long, numeric, missing or out of order.
#include <azjit/access.h>

#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

AZJIT_DEFINE_CLEANUP(struct azjit_config *, azjit_config_free);
#define _cleanup_config_ _cleanup_(azjit_config_freep)
#define _cleanup_person_ _cleanup_(azjit_person_clear)

// --- a name service ---

static const struct {
	const char *name;
	uid_t uid;
	gid_t gid;
} users[] = {{"alice", 1000, 100}, {"bob", 1001, 101}, {"1000", 1002, 102}, {"carol", 1003, 100}};

static const char *group_names[200]; // by gid; NULL: none
static size_t entry_bytes;           // what the service wants of a buffer
static int service_error;            // what it answers instead of looking
static int extra_groups;             // alice's supplementary groups, from gid 150 on

static int answer_user(size_t i, struct passwd *entry, size_t size, struct passwd **ret)
{
	*ret = NULL;
	if (service_error)
		return service_error;
	if (size < entry_bytes)
		return ERANGE;
	if (i == AZJIT_COUNT(users))
		return 0;
	*entry = (struct passwd){
	        .pw_name = (char *)users[i].name, .pw_uid = users[i].uid, .pw_gid = users[i].gid};
	*ret = entry;
	return 0;
}

int getpwnam_r(const char *name, struct passwd *entry, char *buf, size_t size, struct passwd **ret)
{
	size_t i = 0;

	while (i < AZJIT_COUNT(users) && !azjit_streq(users[i].name, name))
		i++;
	return answer_user(i, entry, size, ret);
}

int getpwuid_r(uid_t uid, struct passwd *entry, char *buf, size_t size, struct passwd **ret)
{
	size_t i = 0;

	while (i < AZJIT_COUNT(users) && users[i].uid != uid)
		i++;
	return answer_user(i, entry, size, ret);
}

int getgrgid_r(gid_t gid, struct group *entry, char *buf, size_t size, struct group **ret)
{
	*ret = NULL;
	if (size < entry_bytes)
		return ERANGE;
	if (gid >= AZJIT_COUNT(group_names) || !group_names[gid])
		return 0;
	*entry = (struct group){.gr_name = (char *)group_names[gid], .gr_gid = gid};
	*ret = entry;
	return 0;
}

int getgrouplist(const char *user, gid_t primary, gid_t *groups, int *count)
{
	int want = 1 + (azjit_streq(user, "alice") ? extra_groups : 0), room = *count;

	for (int i = 0; i < want && i < room; i++)
		groups[i] = i == 0 ? primary : (gid_t)(149 + (i - 1) % 40 + 1);
	*count = want;
	return want > room ? -1 : want;
}

static int reset(void **state)
{
	memset(group_names, 0, sizeof(group_names));
	group_names[100] = "staff";
	group_names[101] = "users";
	group_names[102] = "1000";
	group_names[150] = "web-admins";
	entry_bytes = 0;
	service_error = 0;
	extra_groups = 1;
	return 0;
}

// --- people ---

static void a_person_has_her_groups(void **state)
{
	_cleanup_person_ struct azjit_person person = {0};
	struct azjit_reason reason = {""};

	assert_int_equal(azjit_person_by_uid(1000, &person, &reason), AZJIT_OK);
	assert_string_equal(person.user, "alice");
	assert_true(azjit_person_in_group(&person, "staff"));
	assert_true(azjit_person_in_group(&person, "web-admins"));
	assert_false(azjit_person_in_group(&person, "users"));
	assert_false(azjit_person_in_group(&person, "Staff"));
	assert_false(azjit_person_in_group(&person, "sta"));
	assert_false(azjit_person_in_group(&person, "100"));
	assert_false(azjit_person_in_group(&person, ""));
}

static void a_name_of_digits_is_a_name(void **state)
{
	_cleanup_person_ struct azjit_person person = {0};
	struct azjit_reason reason = {""};

	assert_int_equal(azjit_person_by_name("1000", &person, &reason), AZJIT_OK);
	assert_int_equal(person.uid, 1002);
	assert_string_equal(person.user, "1000");
	azjit_person_clear(&person);
	assert_int_equal(azjit_person_by_name("1001", &person, &reason), AZJIT_NOT_FOUND);
}

static void an_unknown_person_is_not_named(void **state)
{
	_cleanup_person_ struct azjit_person person = {0};
	struct azjit_reason reason = {""};

	assert_int_equal(azjit_person_by_name("hunter2-typed-as-a-name", &person, &reason), AZJIT_NOT_FOUND);
	assert_string_equal(reason.text, "there is no such user");
	assert_int_equal(azjit_person_by_uid(4711, &person, &reason), AZJIT_NOT_FOUND);
	assert_int_equal(azjit_person_by_name("", &person, &reason), AZJIT_NOT_FOUND);
	assert_string_equal(person.user, "");
}

static void long_entries_and_many_groups_are_read(void **state)
{
	_cleanup_person_ struct azjit_person person = {0};
	struct azjit_reason reason = {""};

	entry_bytes = 500000;
	extra_groups = 3000;
	for (int i = 150; i < 190; i++)
		group_names[i] = "many";
	assert_int_equal(azjit_person_by_name("alice", &person, &reason), AZJIT_OK);
	assert_int_equal(person.groups.count, 3001);
	azjit_person_clear(&person);
	entry_bytes = 100000000;
	assert_int_equal(azjit_person_by_name("alice", &person, &reason), AZJIT_SYSTEM);
}

static void a_silent_name_service_is_no_absence(void **state)
{
	_cleanup_person_ struct azjit_person person = {0};
	struct azjit_reason reason = {""};

	service_error = EIO;
	assert_int_equal(azjit_person_by_name("alice", &person, &reason), AZJIT_SYSTEM);
	assert_int_equal(azjit_person_by_uid(1000, &person, &reason), AZJIT_SYSTEM);
	assert_null(strstr(reason.text, "alice"));
}

static void groups_without_a_name_are_left_out(void **state)
{
	_cleanup_person_ struct azjit_person person = {0};
	struct azjit_reason reason = {""};

	group_names[100] = NULL;
	assert_int_equal(azjit_person_by_name("alice", &person, &reason), AZJIT_OK);
	assert_int_equal(person.groups.count, 1);
	assert_string_equal(person.groups.items[0], "web-admins");
}

// --- rules ---

#define SUB             "/subscriptions/36c3b2ab-3f5f-4b2a-9c6f-06bfc8c0a0a1"
#define VM(group, name) SUB "/resourceGroups/" group "/providers/Microsoft.Compute/virtualMachines/" name

static const char rules[] =
        "rules = (\n"
        " { name = \"web\"; groups = [ \"web-admins\" ]; targets = [ \"web*\" ]; services = [ \"sshd\" ]; "
        "},\n"
        " { name = \"web-late\"; groups = [ \"web-admins\" ]; targets = [ \"web01\" ]; ports = [ 22, 8080 ]; "
        "},\n"
        " { name = \"db\"; users = [ \"bob\" ]; targets = [ \"db??@RG-data\" ]; ports = [ 5432, 22 ]; },\n"
        " { name = \"exact\"; users = [ \"1000\" ]; targets = [ \"" VM(
                "rg", "v*") "\" ]; services = [ \"xrdp\" ]; }\n"
                            ");";

static struct azjit_config *config_of(const char *text)
{
	struct azjit_config *config = NULL;
	struct azjit_reason reason = {""};

	if (azjit_config_parse(text, "t", &reason, &config) != AZJIT_OK)
		fail_msg("%s", reason.text);
	return config;
}

static void login_is_for_whom_a_rule_names(void **state)
{
	static const struct {
		const char *user, *service, *rule, *sentence;
	} table[] = {
	        {"alice", "sshd", "web", NULL},
	        {"alice", "xrdp", "web-late", NULL},
	        {"alice", NULL, "web-late", NULL},
	        {"bob", "anything", "db", NULL},
	        {"1000", "xrdp", "exact", NULL},
	        {"1000", "sshd", NULL,
	         "no access rule names you for the service sshd on this jump host; ask its "
	         "administrator"},
	        {"1000", NULL, NULL, "no access rule names you on this jump host; ask its administrator"},
	        {"carol", "sshd", NULL, "no access rule names you on this jump host; ask its administrator"},
	};
	_cleanup_config_ struct azjit_config *config = config_of(rules);

	for (size_t i = 0; i < AZJIT_COUNT(table); i++) {
		_cleanup_person_ struct azjit_person person = {0};
		const struct azjit_access_rule *rule = NULL;
		struct azjit_reason reason = {""};

		assert_int_equal(azjit_person_by_name(table[i].user, &person, &reason), AZJIT_OK);
		assert_int_equal(azjit_access_login(config, &person, table[i].service, &rule, &reason),
		                 table[i].rule ? AZJIT_OK : AZJIT_DENIED);
		if (table[i].rule)
			assert_string_equal(rule->name, table[i].rule);
		else
			assert_string_equal(reason.text, table[i].sentence);
	}
}

static void targets_are_for_whom_and_what_a_rule_names(void **state)
{
	static const struct {
		const char *user, *vm;
		uint16_t port;
		const char *rule, *sentence;
	} table[] = {
	        {"alice", VM("rg", "web01"), 22, "web", NULL},
	        {"alice", VM("RG", "WEB01"), 8080, "web-late", NULL},
	        {"alice", VM("rg", "db01"), 22, NULL,
	         "no rule allows alice to open port 22 of db01: rule 'web' allows web* only, and 1 more rule "
	         "allows "
	         "nothing of that name"},
	        {"alice", VM("rg", "web02"), 3389, NULL,
	         "no rule allows alice to open port 3389 of web02: rule 'web' allows port 22 only"},
	        {"alice", VM("rg", "myweb01"), 22, NULL,
	         "no rule allows alice to open port 22 of myweb01: rule 'web' allows web* only, and 1 more "
	         "rule "
	         "allows nothing of that name"},
	        {"bob", VM("rg-DATA", "DB01"), 5432, "db", NULL},
	        {"bob", VM("rg-data", "db01"), 80, NULL,
	         "no rule allows bob to open port 80 of db01: rule 'db' allows ports 5432, 22 only"},
	        {"bob", VM("rg-other", "db01"), 22, NULL,
	         "no rule allows bob to open port 22 of db01: rule 'db' allows db??@RG-data only"},
	        {"1000", VM("rg", "v1"), 22, "exact", NULL},
	        {"1000", VM("rg2", "v1"), 22, NULL, "rule 'exact' allows"},
	        {"carol", VM("rg", "web01"), 22, NULL,
	         "no access rule names you on this jump host; ask its administrator"},
	};
	_cleanup_config_ struct azjit_config *config = config_of(rules);

	for (size_t i = 0; i < AZJIT_COUNT(table); i++) {
		_cleanup_person_ struct azjit_person person = {0};
		const struct azjit_access_rule *rule = NULL;
		struct azjit_reason reason = {""};
		enum azjit_result result;

		assert_int_equal(azjit_person_by_name(table[i].user, &person, &reason), AZJIT_OK);
		result = azjit_access_target(config, &person, table[i].vm, table[i].port, &rule, &reason);
		if (result != (table[i].rule ? AZJIT_OK : AZJIT_DENIED))
			fail_msg("%s %s:%u: %s", table[i].user, table[i].vm, table[i].port, reason.text);
		if (table[i].rule)
			assert_string_equal(rule->name, table[i].rule);
		else if (!strstr(reason.text, table[i].sentence))
			fail_msg("got \"%s\", wanted \"%s\"", reason.text, table[i].sentence);
	}
}

static void nobody_is_nobody(void **state)
{
	_cleanup_config_ struct azjit_config *config = config_of(rules), *empty = config_of("");
	_cleanup_person_ struct azjit_person person = {0}, unset = {0};
	struct azjit_reason reason = {""};

	assert_int_equal(azjit_person_by_name("alice", &person, &reason), AZJIT_OK);
	assert_int_equal(azjit_access_login(empty, &person, "sshd", NULL, &reason), AZJIT_DENIED);
	assert_int_equal(azjit_access_target(empty, &person, VM("rg", "web01"), 22, NULL, &reason),
	                 AZJIT_DENIED);
	assert_int_equal(azjit_access_login(config, &unset, "sshd", NULL, &reason), AZJIT_DENIED);
	assert_int_equal(azjit_access_target(config, &unset, VM("rg", "web01"), 22, NULL, &reason),
	                 AZJIT_DENIED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup(a_person_has_her_groups, reset),
	        cmocka_unit_test_setup(a_name_of_digits_is_a_name, reset),
	        cmocka_unit_test_setup(an_unknown_person_is_not_named, reset),
	        cmocka_unit_test_setup(long_entries_and_many_groups_are_read, reset),
	        cmocka_unit_test_setup(a_silent_name_service_is_no_absence, reset),
	        cmocka_unit_test_setup(groups_without_a_name_are_left_out, reset),
	        cmocka_unit_test_setup(login_is_for_whom_a_rule_names, reset),
	        cmocka_unit_test_setup(targets_are_for_whom_and_what_a_rule_names, reset),
	        cmocka_unit_test_setup(nobody_is_nobody, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
