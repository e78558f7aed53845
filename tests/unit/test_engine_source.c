// SPDX-License-Identifier: Apache-2.0
// Sources and the check of a request against its policy. What the kernel answers for our own address is
// ours here (getsockname), so that the table is the same on every machine.
#include <azjit/request_check.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>

#include <cmocka.h>

AZJIT_DEFINE_CLEANUP(struct azjit_config *, azjit_config_free);
#define _cleanup_config_ _cleanup_(azjit_config_freep)

static const char *local_address; // NULL: no route

int connect(int fd, const struct sockaddr *address, socklen_t len)
{
	if (local_address)
		return 0;
	errno = ENETUNREACH;
	return -1;
}

int getsockname(int fd, struct sockaddr *address, socklen_t *len)
{
	struct sockaddr_in *in = (struct sockaddr_in *)address;

	*in = (struct sockaddr_in){.sin_family = AF_INET};
	assert_int_equal(inet_pton(AF_INET, local_address, &in->sin_addr), 1);
	*len = sizeof(*in);
	return 0;
}

static struct azjit_config *config_of(const char *text)
{
	struct azjit_config *config = NULL;
	struct azjit_reason reason = {""};

	if (azjit_config_parse(text, "t", &reason, &config) != AZJIT_OK)
		fail_msg("%s", reason.text);
	return config;
}

static struct azjit_addr addr(const char *text)
{
	struct azjit_addr ret = {0};

	if (*text)
		assert_int_equal(azjit_addr_parse(text, &ret), AZJIT_OK);
	return ret;
}

static void join(const struct azjit_sources *sources, char *ret_text, size_t size)
{
	size_t len = 0;

	*ret_text = '\0';
	for (size_t i = 0; i < sources->count; i++) {
		char one[AZJIT_PREFIX_CHARS];

		azjit_prefix_format(&sources->items[i], one);
		len += (size_t)snprintf(ret_text + len, size - len, "%s%s", i ? " " : "", one);
	}
}

#define RULES                                                                                      \
	"rules = ( { name = \"self\"; users = [ \"a\" ]; targets = [ \"x\" ]; },"                  \
	" { name = \"client\"; users = [ \"a\" ]; targets = [ \"x\" ]; source = \"client\"; },"    \
	" { name = \"list\"; users = [ \"a\" ]; targets = [ \"x\" ]; source = [ \"20.1.2.0/28\", " \
	"\"20.9.9.9\" ]; } );"
#define BARE   "source = { max_prefix = 28; };" RULES
#define EGRESS "source = { max_prefix = 28; egress = [ \"20.5.5.5\", \"20.5.5.6\" ]; };" RULES
#define TRANSLATED \
	"source = { max_prefix = 28; egress = [ \"20.5.5.5\" ]; private_translated = true; };" RULES
#define FLEET "source = { max_prefix = 28; fleet_source = \"10.1.0.0/28\"; };" RULES
#define MAPPED                                                                                             \
	"source = { max_prefix = 28; map = ( { from = \"10.0.0.0/8\"; to = \"20.7.7.7\"; },"               \
	" { from = \"10.8.0.0/16\"; to = \"20.8.8.8\"; }, { from = \"10.8.0.0/15\"; to = \"20.9.9.9\"; } " \
	"); };" RULES

struct situation {
	const char *config;
	int rule; // 0 self, 1 client, 2 list
	const char *wanted, *client, *destination, *local;
	enum azjit_result result;
	const char *expected; // sources, or part of the sentence
};

static const struct situation situations[] = {
        // self: our own private address, or what a public address sees
        {BARE, 0, NULL, "", "10.0.0.4", "10.0.0.7", AZJIT_OK, "10.0.0.7"},
        {BARE, 0, "self", "", "172.31.0.4", "172.31.0.7", AZJIT_OK, "172.31.0.7"},
        {BARE, 0, NULL, "", "20.3.3.3", "10.0.0.7", AZJIT_CONFIG, "set source.egress in azjit.conf"},
        {BARE, 0, NULL, "", "10.0.0.4", NULL, AZJIT_SYSTEM, "no route to 10.0.0.4"},
        {BARE, 0, NULL, "", "10.0.0.4", "10.0.0.4", AZJIT_DENIED, "is this host itself"},
        {BARE, 0, NULL, "", "10.0.0.4", "127.0.0.1", AZJIT_DENIED, "is this host itself"},
        {BARE, 0, NULL, "", "", "10.0.0.7", AZJIT_NOT_FOUND, "has no IPv4 address"},
        {BARE, 0, NULL, "", "2001:db8::4", "10.0.0.7", AZJIT_NOT_FOUND, "has no IPv4 address"},
        {EGRESS, 0, NULL, "", "20.3.3.3", "10.0.0.7", AZJIT_OK, "20.5.5.5 20.5.5.6"},
        {EGRESS, 0, NULL, "", "10.0.0.4", "10.0.0.7", AZJIT_OK, "10.0.0.7"},
        {TRANSLATED, 0, NULL, "", "10.0.0.4", "10.0.0.7", AZJIT_OK, "20.5.5.5"},
        {FLEET, 0, NULL, "", "10.0.0.4", "10.1.0.9", AZJIT_OK, "10.1.0.0/28"},
        {FLEET, 0, NULL, "", "10.0.0.4", "10.1.0.99", AZJIT_CONFIG,
         "10.1.0.99 is outside source.fleet_source"},
        // what a rule of "self" does not allow
        {BARE, 0, "client", "20.6.6.6", "10.0.0.4", "10.0.0.7", AZJIT_DENIED,
         "rule 'self' allows the source self only"},
        {BARE, 0, "20.6.6.6", "20.6.6.6", "10.0.0.4", "10.0.0.7", AZJIT_DENIED,
         "allows the source self only"},
        {BARE, 0, "*", "", "10.0.0.4", "10.0.0.7", AZJIT_DENIED, "* is never requested"},
        {BARE, 0, "bastion", "", "10.0.0.4", "10.0.0.7", AZJIT_USAGE, "bastion is no source"},
        {BARE, 0, "", "", "10.0.0.4", "10.0.0.7", AZJIT_USAGE, "is no source"},
        {BARE, 0, "\x1b[2J", "", "10.0.0.4", "10.0.0.7", AZJIT_USAGE, "\\x1b[2J is no source"},
        // client: where the person logged in from, as Azure will see it
        {BARE, 1, NULL, "20.6.6.6", "20.3.3.3", NULL, AZJIT_OK, "20.6.6.6"},
        {BARE, 1, "client", "20.6.6.6", "20.3.3.3", NULL, AZJIT_OK, "20.6.6.6"},
        {BARE, 1, NULL, "::ffff:20.6.6.6", "20.3.3.3", NULL, AZJIT_OK, "20.6.6.6"},
        {BARE, 1, NULL, "", "20.3.3.3", NULL, AZJIT_USAGE, "is not known"},
        {BARE, 1, NULL, "2001:db8::9", "20.3.3.3", NULL, AZJIT_DENIED, "you logged in from 2001:db8::9, and"},
        {BARE, 1, NULL, "127.0.0.1", "20.3.3.3", NULL, AZJIT_DENIED, "which no virtual machine can see"},
        {BARE, 1, NULL, "10.8.1.1", "20.3.3.3", NULL, AZJIT_DENIED, "source.map in azjit.conf"},
        {BARE, 1, NULL, "10.8.1.1", "10.0.0.4", NULL, AZJIT_OK, "10.8.1.1"},
        {BARE, 1, "self", "20.6.6.6", "20.3.3.3", "10.0.0.7", AZJIT_DENIED, "allows the source client only"},
        {BARE, 1, "20.6.6.7", "20.6.6.6", "20.3.3.3", NULL, AZJIT_DENIED, "allows the source client only"},
        {MAPPED, 1, NULL, "10.8.1.1", "20.3.3.3", NULL, AZJIT_OK, "20.8.8.8"},
        {MAPPED, 1, NULL, "10.9.1.1", "20.3.3.3", NULL, AZJIT_OK, "20.9.9.9"},
        {MAPPED, 1, NULL, "10.1.1.1", "20.3.3.3", NULL, AZJIT_OK, "20.7.7.7"},
        {MAPPED, 1, NULL, "11.1.1.1", "20.3.3.3", NULL, AZJIT_OK, "11.1.1.1"},
        // a list: itself, or what it covers
        {BARE, 2, NULL, "", "20.3.3.3", NULL, AZJIT_OK, "20.1.2.0/28 20.9.9.9"},
        {BARE, 2, "20.1.2.5", "", "20.3.3.3", NULL, AZJIT_OK, "20.1.2.5"},
        {BARE, 2, "20.1.2.0/29", "", "20.3.3.3", NULL, AZJIT_OK, "20.1.2.0/29"},
        {BARE, 2, "20.1.2.16", "", "20.3.3.3", NULL, AZJIT_DENIED, "does not allow the source 20.1.2.16"},
        {BARE, 2, "20.1.2.0/27", "", "20.3.3.3", NULL, AZJIT_DENIED, "does not allow the source 20.1.2.0/27"},
        {BARE, 2, "0.0.0.0/0", "", "20.3.3.3", NULL, AZJIT_DENIED, "does not allow the source 0.0.0.0/0"},
        {BARE, 2, "2001:db8::1", "", "20.3.3.3", NULL, AZJIT_DENIED, "does not allow the source 2001:db8::1"},
        {BARE, 2, "self", "", "20.3.3.3", "10.0.0.7", AZJIT_DENIED, "allows its own list of sources only"},
};

static void sources_are_what_the_target_sees(void **state)
{
	for (size_t i = 0; i < AZJIT_COUNT(situations); i++) {
		const struct situation *s = &situations[i];
		_cleanup_config_ struct azjit_config *config = config_of(s->config);
		struct azjit_addr client = addr(s->client), destination = addr(s->destination);
		struct azjit_sources sources = {.count = 99};
		struct azjit_reason reason = {""};
		enum azjit_result result;
		char text[256];

		local_address = s->local;
		result = azjit_source_resolve(config, &config->rules[s->rule], s->wanted, &client,
		                              &destination, &sources, &reason);
		if (result == AZJIT_OK)
			join(&sources, text, sizeof(text));
		else
			assert_int_equal(sources.count, 99);
		if (result != s->result || (result == AZJIT_OK ? !azjit_streq(text, s->expected)
		                                               : !strstr(reason.text, s->expected)))
			fail_msg("line %zu: %s \"%s\", wanted \"%s\"", i, azjit_result_name(result),
			         result == AZJIT_OK ? text : reason.text, s->expected);
		if (result == AZJIT_OK)
			assert_int_equal(sources.kind, config->rules[s->rule].source);
	}
}

// max_prefix also holds for what a configuration parsed earlier let through.
static void nothing_wider_than_max_prefix(void **state)
{
	_cleanup_config_ struct azjit_config *config = config_of(BARE);
	struct azjit_addr none = {0}, destination = addr("20.3.3.3");
	struct azjit_sources sources = {.count = 0};
	struct azjit_reason reason = {""};

	config->max_prefix = 32;
	assert_int_equal(
	        azjit_source_resolve(config, &config->rules[2], NULL, &none, &destination, &sources, &reason),
	        AZJIT_DENIED);
	assert_string_equal(reason.text,
	                    "20.1.2.0/28 cannot be a source: it is wider than source.max_prefix allows");
}

// --- the check against the policy ---

static char *allowed_any[] = {(char *)"*"};
static char *allowed_some[] = {(char *)"20.0.0.0/8", (char *)"10.0.0.7", (char *)"nonsense"};

static struct azjit_target target_of(char **allowed, size_t count)
{
	return (struct azjit_target){
	        .vm_id = (char *)"/x",
	        .vm_name = (char *)"web01",
	        .port = 22,
	        .policy = {.name = (char *)"default",
	                   .protocol = AZJIT_PROTOCOL_TCP,
	                   .prefixes = {allowed, count},
	                   .max_duration_s = 3 * 3600},
	};
}

static struct azjit_sources source_of(const char *text)
{
	struct azjit_sources sources = {.count = 1};

	assert_int_equal(azjit_prefix_parse(text, &sources.items[0]), AZJIT_OK);
	return sources;
}

static enum azjit_result check(struct azjit_target *target, const char *source, int64_t wanted_s,
                               azjit_ticks now, struct azjit_request_terms *ret, struct azjit_reason *reason)
{
	_cleanup_config_ struct azjit_config *config = config_of(BARE);
	struct azjit_sources sources = source_of(source);

	return azjit_request_check(config, &config->rules[0], target, &sources, wanted_s, now, ret, reason);
}

static void a_request_is_judged_by_its_policy(void **state)
{
	static char long_name[] = "a-virtual-machine-with-a-name-of-fifty-characters";
	struct azjit_target any = target_of(allowed_any, 1), some = target_of(allowed_some, 3);
	struct azjit_target none = target_of(NULL, 0), udp = any, denied = any, long_named = any, brief = any;
	struct azjit_request_terms terms;
	struct azjit_reason reason = {""};
	const struct {
		struct azjit_target *target;
		const char *source;
		int64_t wanted_s;
		enum azjit_result result;
		const char *sentence;
	} table[] = {
	        {&any, "1.2.3.4", 0, AZJIT_OK, ""},
	        {&any, "2001:db8::1", 0, AZJIT_USAGE, "IPv4 sources only, not 2001:db8::1"},
	        {&any, "0.0.0.0/0", 0, AZJIT_DENIED, "never requested"},
	        {&some, "20.1.2.3", 0, AZJIT_OK, ""},
	        {&some, "20.0.0.0/8", 0, AZJIT_OK, ""},
	        {&some, "10.0.0.7", 0, AZJIT_OK, ""},
	        {&some, "10.0.0.8", 0, AZJIT_REQUEST_REFUSED,
	         "policy 'default' does not allow the source 10.0.0.8 for port 22 of web01 (it allows "
	         "20.0.0.0/8 and more); "
	         "add 10.0.0.8 to the port's allowed sources there"},
	        {&some, "16.0.0.0/4", 0, AZJIT_REQUEST_REFUSED, "does not allow the source 16.0.0.0/4"},
	        {&some, "20.0.0.0/7", 0, AZJIT_REQUEST_REFUSED, "does not allow the source 20.0.0.0/7"},
	        {&none, "10.0.0.8", 0, AZJIT_REQUEST_REFUSED, "it allows none"},
	        {&udp, "1.2.3.4", 0, AZJIT_NOT_MANAGED, "for UDP only"},
	        {&denied, "1.2.3.4", 0, AZJIT_STOPPED, "web01 carries the tag azjit=deny"},
	        {&long_named, "1.2.3.4", 0, AZJIT_OK, ""},
	        {&any, "1.2.3.4", 4 * 3600, AZJIT_DENIED,
	         "rule 'self' allows 3h at most, not 4h; ask --for 3h"},
	        {&any, "1.2.3.4", 3 * 3600, AZJIT_REQUEST_REFUSED,
	         "policy 'default' allows 2h59m at most for port 22 of web01, not 3h; ask --for 2h59m"},
	        {&any, "1.2.3.4", 1, AZJIT_USAGE, "2 seconds or more"},
	        {&brief, "1.2.3.4", 0, AZJIT_REQUEST_REFUSED, "make the margin smaller"},
	};

	udp.policy.protocol = AZJIT_PROTOCOL_UDP;
	denied.stopped_by_tag = true;
	brief.policy.max_duration_s = 61;
	long_named.vm_name = long_name;
	assert_int_equal(strlen(long_name) + strlen("default"), 56);
	for (size_t i = 0; i < AZJIT_COUNT(table); i++) {
		enum azjit_result result = check(table[i].target, table[i].source, table[i].wanted_s,
		                                 INT64_C(16686854905921811), &terms, &reason);

		if (result != table[i].result ||
		    (result != AZJIT_OK && !strstr(reason.text, table[i].sentence)))
			fail_msg("line %zu: %s \"%s\"", i, azjit_result_name(result), reason.text);
	}
	long_named.policy.name = (char *)"default8";
	assert_int_equal(check(&long_named, "1.2.3.4", 0, 0, &terms, &reason), AZJIT_REQUEST_REFUSED);
	assert_non_null(strstr(reason.text, "57 characters together, and Azure takes 56"));
	assert_non_null(strstr(reason.text, "1 shorter"));
}

static void of_several_policies_the_one_that_permits(void **state)
{
	struct azjit_target_policy others[2] = {
	        {.name = (char *)"some", .prefixes = {allowed_some, 3}, .max_duration_s = 2 * 3600},
	        {.name = (char *)"any", .prefixes = {allowed_any, 1}, .max_duration_s = 600}};
	struct azjit_target target = target_of(NULL, 0);
	struct azjit_request_terms terms;
	struct azjit_reason reason = {""};

	target.others = others;
	target.other_count = 2;
	assert_int_equal(check(&target, "20.1.2.3", 0, 0, &terms, &reason), AZJIT_OK);
	assert_string_equal(target.policy.name, "some");
	assert_string_equal(others[0].name, "default");
	assert_int_equal(terms.duration_s, 3600);
	// What stands in place may no longer fit the next request: a source, then a time that only one allows.
	assert_int_equal(check(&target, "1.2.3.4", 0, 0, &terms, &reason), AZJIT_OK);
	assert_string_equal(target.policy.name, "any");
	assert_int_equal(terms.duration_s, 540);
	assert_true(terms.clamped);
	assert_int_equal(check(&target, "20.1.2.3", 900, 0, &terms, &reason), AZJIT_OK);
	assert_string_equal(target.policy.name, "some");
	// None: told of the one in place, which stays.
	assert_int_equal(check(&target, "1.2.3.4", 900, 0, &terms, &reason), AZJIT_REQUEST_REFUSED);
	assert_non_null(strstr(reason.text, "policy 'some' does not allow the source 1.2.3.4"));
	assert_string_equal(target.policy.name, "some");
	assert_int_equal(check(&target, "20.1.2.3", 4 * 3600, 0, &terms, &reason), AZJIT_DENIED);
}

static void the_end_leaves_room_for_the_nonce(void **state)
{
	static const azjit_ticks starts[] = {INT64_C(16686854900000000), INT64_C(16686854900000001),
	                                     INT64_C(16686854905921811), INT64_C(16686854909999999)};
	struct azjit_target target = target_of(allowed_any, 1);
	struct azjit_request_terms terms;
	struct azjit_reason reason = {""};

	for (size_t i = 0; i < AZJIT_COUNT(starts); i++) {
		assert_int_equal(check(&target, "1.2.3.4", 1800, starts[i], &terms, &reason), AZJIT_OK);
		assert_int_equal(terms.end % AZJIT_TICKS_PER_S, 0);
		assert_true(terms.end + 9999999 <= starts[i] + 1800 * AZJIT_TICKS_PER_S);
		assert_true(terms.end + 2 * AZJIT_TICKS_PER_S > starts[i] + 1800 * AZJIT_TICKS_PER_S);
		assert_false(terms.clamped);
		assert_int_equal(terms.duration_s, 1800);
	}
	target.policy.max_duration_s = 1800; // the rule's own hour is shortened
	assert_int_equal(check(&target, "1.2.3.4", 0, starts[2], &terms, &reason), AZJIT_OK);
	assert_true(terms.clamped);
	assert_int_equal(terms.duration_s, 1740);
	assert_true(terms.end + 9999999 <= starts[2] + 1740 * AZJIT_TICKS_PER_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(sources_are_what_the_target_sees),
	        cmocka_unit_test(nothing_wider_than_max_prefix),
	        cmocka_unit_test(a_request_is_judged_by_its_policy),
	        cmocka_unit_test(of_several_policies_the_one_that_permits),
	        cmocka_unit_test(the_end_leaves_room_for_the_nonce),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
