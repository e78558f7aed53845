// SPDX-License-Identifier: Apache-2.0
#include "config_text.h"

static void defaults_are_the_documented_ones(void **state)
{
	_cleanup_config_ struct azjit_config *config = NULL;

	assert_int_equal(azjit_config_defaults(&config), AZJIT_OK);
	assert_string_equal(config->cloud, "AzureCloud");
	assert_string_equal(config->imds_url, "http://169.254.169.254");
	assert_string_equal(config->socket, "/run/azjit/azjit.sock");
	assert_string_equal(config->relay_socket, "/run/azjit-relay/relay.sock");
	assert_string_equal(config->ledger, "/var/lib/azjit/ledger.db");
	assert_string_equal(config->guard_set, "/run/azjit/guard.set");
	assert_string_equal(config->guard_state, "/run/azjit-guard/state");
	assert_string_equal(config->kill_switch, "/etc/azjit/stop");
	assert_int_equal(config->identity, AZJIT_IDENTITY_MANAGED);
	assert_int_equal(config->deadline_s, 120);
	assert_int_equal(config->inventory_refresh_s, 600);
	assert_int_equal(config->inventory_source, AZJIT_INVENTORY_AUTO);
	assert_int_equal(config->duration_margin_s, 60);
	assert_int_equal(config->max_young, 8);
	assert_int_equal(config->max_prefix, 32);
	assert_int_equal(config->log_level, 6);
	assert_false(config->conflict_replace || config->prefer_public || config->private_translated);
	assert_null(config->ca_file);
	assert_null(config->fleet_source);
	assert_int_equal(config->rule_count, 0);
	assert_int_equal(config->egress_count, 0);
}

static void wrong_types_and_ranges_get_a_sentence(void **state)
{
	refuses("\nwait = { deadline = 120; };",
	        "t:2: wait.deadline takes a duration in quotes from \"1s\" to \"10m\", units s, m, h, d, "
	        "not the number 120");
	refuses("wait = { deadline = \"11m\"; };", "not \"11m\"");
	refuses("wait = { deadline = \"0s\"; };", "not \"0s\"");
	refuses("wait = 3;", "t:1: wait is a group of keys: write wait = { KEY = VALUE; };");
	refuses("cloud = 1;", "cloud takes text in quotes, not the number 1");
	refuses("\ncloud = \"AzureCluod\";",
	        "t:2: cloud takes \"AzureCloud\", \"AzureUSGovernment\" or \"AzureChinaCloud\", not "
	        "\"AzureCluod\": another cloud needs metadata_url");
	refuses("metadata_url = \"http://management.stack.example\";", "takes \"https://HOST\"");
	refuses("metadata_url = \"https://management.stack.example/metadata\";", "without a path");
	refuses("subscriptions = \"36c3b2ab-3f5f-4b2a-9c6f-06bfc8c0a0a1\";", "takes a list of GUIDs");
	refuses("subscriptions = [ \"all\" ];", "cannot take \"all\": not a GUID");
	refuses("subscriptions = [ 1 ];", "not the number 1");
	refuses("ca_file = \"ca.pem\";", "takes an absolute path in quotes, not \"ca.pem\"");
	refuses("ca_file = \"\";", "is empty; leave the key out");
	refuses("ca_file = \"/a\\x1bb\";", "holds bytes that cannot be printed");
	refuses("resource_manager_url = \"http://management.azure.com\";", "takes \"https://HOST\"");
	refuses("resource_manager_url = \"https://management.azure.com/\";", "without a path");
	refuses("login_url = \"https://user@login.example\";", "takes \"https://HOST\"");
	refuses("proxy = \"http://user:secret@proxy:3128\";", "without user, password or path");
	refuses("proxy = \"http://proxy:99999\";", "takes \"http://HOST\"");
	refuses("source = { prefer_public = 1; };", "takes true or false, not the number 1");
	refuses("source = { prefer_public = \"yes\"; };", "takes true or false, not \"yes\"");
	refuses("source = { max_prefix = 33; };", "takes a number from 1 to 32, not the number 33");
	refuses("source = { max_prefix = 0; };", "not the number 0");
	refuses("source = { max_prefix = 24.0; };", "takes a number from 1 to 32, not the number 24");
	refuses("source = { egress = [ \"20.1.2.0/24\" ]; };", "takes single addresses");
	refuses("source = { egress = [ \"127.0.0.1\" ]; };", "cannot take 127.0.0.1");
	refuses("source = { egress = [ \"2001:db8::1\" ]; };", "IPv4 only");
	refuses("source = { egress = [ \"bastion.example\" ]; };", "not an address or prefix");
	refuses("source = { map = ( { from = \"10.0.0.0/8\"; } ); };", "takes exactly from and to");
	refuses("source = { map = ( { from = \"10.0.0.0/8\"; to = \"20.1.2.0/24\"; } ); };",
	        "single addresses");
}

#define CERTIFICATE                                                                                 \
	"identity = { kind = \"client-certificate\"; tenant_id = \"contoso.example\"; client_id = " \
	"\"36c3b2ab-3f5f-4b2a-9c6f-06bfc8c0a0a2\";"

static void each_kind_of_identity_has_its_keys(void **state)
{
	refuses("identity = { kind = \"client-secret\"; };", "needs tenant_id, client_id and secret_file");
	refuses("identity = { secret_file = \"/x\"; };", "did you mean kind = \"client-secret\"?");
	refuses("identity = { kind = \"client-certificate\"; tenant_id = \"contoso.example\"; };",
	        "t:1: identity of kind \"client-certificate\" needs tenant_id and client_id");
	refuses(CERTIFICATE " };", "of kind \"client-certificate\" needs certificate_file, or key");
	refuses(CERTIFICATE " key_file = \"/k\"; };", "needs certificate_file, or key");
	refuses(CERTIFICATE " certificate_file = \"/c\"; key_file = \"/k\"; key = \"handle:0x81000001\"; };",
	        "t:1: identity takes one of key_file and key");
	refuses(CERTIFICATE " key = \"/k\"; };", "t:1: identity.key begins with neither pkcs11: nor handle:");
	refuses(CERTIFICATE " key = \"pkcs11:token=t;object=k?pin-value=4711\"; };",
	        "t:1: identity.key holds its PIN (pin-value)");
	refuses("identity = { key = \"handle:0x81000001\"; };",
	        "takes no key; did you mean kind = \"client-certificate\"?");
	refuses("identity = { certificate_file = \"/x\"; };",
	        "of kind \"managed\" takes no certificate_file; did you mean kind = \"client-certificate\"?");
	refuses("identity = { kind = \"client-secret\"; key_file = \"/x\"; };",
	        "takes no key_file; did you mean kind = \"client-certificate\"?");
	refuses("identity = { kind = \"workload\"; client_id = "
	        "\"36c3b2ab-3f5f-4b2a-9c6f-06bfc8c0a0a1\"; };",
	        "of kind \"workload\" needs tenant_id, client_id and token_file");
	refuses("identity = { token_file = \"/x\"; };", "did you mean kind = \"workload\"?");
	refuses("identity = { endpoint = \"http://127.0.0.1:1\"; };", "did you mean kind = \"arc\"?");
	refuses("identity = { kind = \"arc\"; client_id = \"36c3b2ab-3f5f-4b2a-9c6f-06bfc8c0a0a1\"; };",
	        "of kind \"arc\" takes no client_id");
	refuses("identity = { kind = \"arc\"; endpoint = \"https://127.0.0.1\"; };", "takes \"http://HOST\"");
	refuses("identity = { kind = \"arc\"; endpoint = \"http://127.0.0.1/a?b\"; };",
	        "takes \"http://HOST\"");
	refuses("identity = { kind = \"arc\"; endpoint = \"http://127.0.0.1/a\"; };",
	        "of kind \"arc\" takes an endpoint without a path");
	refuses("identity = { kind = \"app-service\"; endpoint = \"http://127.0.0.1/a\"; };",
	        "of kind \"app-service\" needs endpoint and header_file");
	refuses("identity = { send_chain = true; };", "takes no send_chain; did you mean");
	refuses("identity = { secret_file = \"/x\"; certificate_file = \"/x\"; };",
	        "of kind \"managed\" takes no secret_file");
	refuses("identity = { kind = \"client-certificate\"; object_id = "
	        "\"36c3b2ab-3f5f-4b2a-9c6f-06bfc8c0a0a1\"; };",
	        "takes no object_id; did you mean kind = \"managed\"?");
	refuses("identity = { client_id = \"me\"; };", "takes a GUID in quotes, not \"me\"");
	refuses("identity = { client_id = \"36c3b2ab-3f5f-4b2a-9c6f-06bfc8c0a0a1\"; msi_res_id = \"/x\"; };",
	        "takes one of client_id, object_id and msi_res_id");
	refuses("identity = { kind = \"client-secret\"; tenant_id = \"a/b\"; };", "takes a GUID or a domain");
}

static void an_alias_names_one_vm(void **state)
{
	refuses("aliases = [ \"web01\" ];", "t:1: aliases takes a list ( { name = \"prod-web\"; vm =");
	refuses("aliases = ( { name = \"a\"; } );",
	        "takes exactly name, vm and, if need be, address in each entry");
	refuses("aliases = ( { name = \"a\"; vm = \"b\"; port = 22; } );",
	        "takes exactly name, vm and, if need be, address");
	refuses("aliases = ( { name = \"a\"; vm = \"b\"; address = \"fe80::1\"; } );", "IPv4");
	refuses("aliases = ( { name = 1; vm = \"b\"; } );", "aliases takes a list");
	refuses("aliases = ( { name = \"a\"; vm = \"\"; } );", "is empty");
	refuses("aliases = ( { name = \"a@b\"; vm = \"c\"; } );", "cannot take \"a@b\": an alias is made of");
	refuses("aliases = ( { name = \"tag:a\"; vm = \"c\"; } );", "cannot take \"tag:a\"");
	refuses("aliases = ( { name = \"-oProxyCommand\"; vm = \"c\"; } );", "begins with no '-'");
	refuses("aliases = ( { name = \"10.0.0.4\"; vm = \"c\"; } );", "an address is no alias");
	refuses("aliases = ( { name = \"a123456789012345678901234567890123456789012345678901234567890123\"\n"
	        "\"4\"; vm = \"c\"; } );",
	        "longer than 64 bytes");
	refuses("aliases = (\n{ name = \"a\"; vm = \"c\"; },\n{ name = \"A\"; vm = \"d\"; } );",
	        "t:3: aliases has \"A\" twice");
	refuses("aliases = ( { name = \"a\"; vm = \"A\"; } );", "has \"a\" for \"A\", which is an alias");
	refuses("aliases = (\n{ name = \"a\"; vm = \"B\"; },\n{ name = \"b\"; vm = \"a\"; } );",
	        "t:2: aliases has \"a\" for \"B\", which is an alias; write the virtual machine");
}

static void unknown_keys_get_the_nearest(void **state)
{
	refuses("\n\nkill_swich = \"/x\";", "t:3: there is no key kill_swich; did you mean kill_switch?");
	refuses("Cloud = \"AzureCloud\";", "did you mean cloud?");
	refuses("tenant_id = \"x\";", "there is no key tenant_id; did you mean identity.tenant_id?");
	refuses("wait = { deadlin = \"1m\"; };", "there is no key wait.deadlin; did you mean wait.deadline?");
	refuses("identiy = { };", "there is no key identiy; did you mean identity?");
	refuses("rule = ( );", "there is no key rule; did you mean rules?");
	refuses("paths = { guard-set = \"/x\"; };", "did you mean paths.guard_set?");
	refuses("paths = { zzzzzzzz = \"/x\"; };", "`azjit config show` lists all");
	refuses("wait = { deadline = \"1m\"; deadline = \"1m\"; };", "for the second time");
	refuses("wait = { };\nwait = { };", "t:2: this key stands here for the second time");
	refuses("rules = ( { " RULE " ports = [ 22 ]; ports = [ 23 ]; } );", "for the second time");
	refuses("rules = ( { " RULE " target = [ \"x\" ]; } );",
	        "rules[0].target is no key of a rule; did you mean targets?");
	refuses("rules = ( { " RULE " zzzzzzzzzz = 1; } );", "rules[0].zzzzzzzzzz is no key of a rule");
}

static void what_libconfig_swallows_is_refused(void **state)
{
	refuses("@include \"/etc/shadow\"\n", "t:1: @include is not allowed");
	refuses("wait = { };\n \t@include \"x\"\n", "t:2: @include is not allowed");
	refuses("/*\n@include \"x\"\n*/", "t:2: @include is not allowed");
	refuses("cloud = \"\n@include \\\"x\\\"\";", "t:2: @include is not allowed");
	refuses("cloud = @include \"x\"", "'@' means nothing here");
	refuses("source = { max_prefix = 4294967328; };", "this number is too large");
	refuses("source = { max_prefix = 0x100000020; };", "this number is too large");
	refuses("source = { max_prefix = 4294967328L; };", "this number is too large");
	refuses("ca_file = \"/a\\x00b\";", "a string cannot hold \\x00");
	refuses("ca_file = \"/a", "syntax error");
	refuses("wait = {", "syntax error");
	azjit_config_free(
	        parse("# @include \"x\"\ncloud = \"AzureCloud\"; // @include 99999999999999\n/* @ */"));
	azjit_config_free(parse("ca_file = \"/a@include\\\\x00\";"));
	azjit_config_free(parse("cloud = \"AzureCloud\";\r\n\r\nwait = { };\r\n"));
}

static void rules_are_judged_when_loaded(void **state)
{
	static const struct {
		const char *rule, *sentence;
	} bad[] = {
	        {"", "rules[0] has no name"},
	        {"name = \"r\"; targets = [ \"x\" ];", "rules[0] names nobody; write users or groups"},
	        {"name = \"r\"; users = [ ]; groups = [ ]; targets = [ \"x\" ];", "names nobody"},
	        {"name = \"r\"; users = [ \"a\" ];", "names no virtual machine"},
	        {"name = \"r\"; users = [ \"a\" ]; targets = [ ];",
	         "rules[0].targets is empty; it takes at least one"},
	        {"name = \"r\"; users = [ \"a\" ]; targets = [ \"\" ];", "is empty"},
	        {"name = \"r\"; users = [ \"*\" ]; targets = [ \"x\" ];", "people are not named by patterns"},
	        {"name = \"r\"; users = [ \"!bob\" ]; targets = [ \"x\" ];", "rules only allow"},
	        {"name = \"r\"; groups = [ \"!ops\", \"!dev\" ]; targets = [ \"x\" ];", "rules only allow"},
	        {"name = \"r\"; groups = [ \"-ops\" ]; targets = [ \"x\" ];", "rules only allow"},
	        {"name = \"r\"; groups = [ \"1000\" ]; targets = [ \"x\" ];",
	         "groups are named, not numbered"},
	        {"name = \"r\"; groups = [ 1000 ]; targets = [ \"x\" ];", "not the number 1000"},
	        {"name = \"r\"; groups = [ \" ops\" ]; targets = [ \"x\" ];", "there is a blank at an end"},
	        {"name = \"r\"; groups = [ \"%ops\" ]; targets = [ \"x\" ];", "write a group's bare name"},
	        {"name = \"r\"; users = [ \"@ops\" ]; targets = [ \"x\" ];", "write a group's bare name"},
	        {"name = \"r\"; users = [ \"a,b\" ]; targets = [ \"x\" ];", "write one name an item"},
	        {"name = \"r\"; users = \"alice\"; targets = [ \"x\" ];", "takes a list of user names"},
	        {"name = \"r\"; users = [ \"a\" ]; targets = \"x\";", "takes a list of patterns"},
	        {"name = \"r\"; users = [ \"a\" ]; targets = [ \"!x\" ];", "no negation"},
	        {"name = \"r\"; users = [ \"a\" ]; targets = [ \"web[0-9]\" ];", "knows * and ? only"},
	        {RULE "ports = [ 0 ];",
	         "takes a list of ports from 1 to 65535: [ 22, 3389 ], not the number 0"},
	        {RULE "ports = [ 65536 ];", "not the number 65536"},
	        {RULE "ports = [ -22 ];", "not the number -22"},
	        {RULE "ports = [ \"22\" ];", "not \"22\""},
	        {RULE "ports = 22;", "takes a list of ports"},
	        {RULE "ports = [ ];", "is empty; it takes at least one"},
	        {RULE "source = \"*\";", "takes \"self\", \"client\" or a list"},
	        {RULE "source = [ ];", "takes \"self\", \"client\" or a list"},
	        {RULE "source = [ \"*\" ];", "not an address or prefix"},
	        {RULE "source = [ \"20.1.2.0/24\" ];", "it is wider than source.max_prefix allows"},
	        {RULE "source = [ \"0.0.0.0/0\" ];", "rules[0].source cannot take 0.0.0.0/0 as a source"},
	        {RULE "source = [ \"2001:db8::/64\" ];", "IPv4 only"},
	        {RULE "source = [ \"169.254.169.254\" ];", "cannot take 169.254.169.254 as a source"},
	        {RULE "duration = \"2h\"; max_duration = \"1h\";", "has duration 2h above max_duration 1h"},
	        {RULE "duration = \"25h\";", "to \"1d\""},
	        {RULE "duration = 60;", "not the number 60"},
	        {RULE "at = \"logon\";", "takes \"connect\" or \"login\", not \"logon\""},
	        {RULE "wait = \"3s\";", "has wait, which means something with at = \"login\" only"},
	        {RULE "at = \"login\"; wait = \"11s\";", "from \"0s\" to \"10s\""},
	        {RULE "services = [ \"/etc/pam.d/sshd\" ];", "not the name of a PAM service"},
	};

	for (size_t i = 0; i < AZJIT_COUNT(bad); i++) {
		_cleanup_free_ char *text = NULL;

		assert_true(asprintf(&text, "rules = ( { %s } );", bad[i].rule) > 0);
		refuses(text, bad[i].sentence);
	}
	refuses("rules = { };", "is a list of rules");
	refuses("rules = ( 1 );", "is not a rule in braces");
	refuses("rules = ( { " RULE " }, { " RULE " } );", "has two rules of the name \"r\"");
	refuses("rules = (\n{ " RULE " },\n{ users = [ \"a\" ]; } );", "t:3: rules[1] has no name");
}

static void rules_have_defaults(void **state)
{
	_cleanup_config_ struct azjit_config *config =
	        parse("rules = ( { " RULE " }, { name = \"long\"; groups = [ \"Domain Admins\" ]; targets = "
	              "[ \"*\" ]; duration = \"5h\"; source = \"client\"; at = \"login\"; wait = \"5s\"; "
	              "ports = [ 22, "
	              "3389 ]; } );");
	const struct azjit_access_rule *rule = &config->rules[0], *other = &config->rules[1];

	assert_int_equal(config->rule_count, 2);
	assert_int_equal(rule->port_count, 1);
	assert_int_equal(rule->ports[0], 22);
	assert_int_equal(rule->source, AZJIT_SOURCE_SELF);
	assert_int_equal(rule->duration_s, 3600);
	assert_int_equal(rule->max_duration_s, 3 * 3600);
	assert_int_equal(rule->at, AZJIT_AT_CONNECT);
	assert_int_equal(rule->wait_s, 0);
	assert_int_equal(rule->services.count, 0);
	assert_int_equal(other->max_duration_s, 5 * 3600);
	assert_int_equal(other->source, AZJIT_SOURCE_CLIENT);
	assert_int_equal(other->at, AZJIT_AT_LOGIN);
	assert_int_equal(other->wait_s, 5);
	assert_int_equal(other->ports[1], 3389);
	assert_string_equal(other->groups.items[0], "Domain Admins");
}

#define FULL                                                                                                \
	"cloud = \"StackCloud\"; metadata_url = \"https://management.stack.example\"; ca_file = "           \
	"\"/etc/azjit/\\\"ca\\\\.pem\"; proxy = "                                                           \
	"\"http://proxy:3128\";\n"                                                                          \
	"subscriptions = ( \"36c3b2ab-3f5f-4b2a-9c6f-06bfc8c0a0a1\" ); log_level = \"debug\";\n"            \
	"aliases = ( { name = \"prod\"; vm = \"web01@rg \\\"x\"; }, { name = \"db\"; vm = \"tag:a=b\"; "    \
	"address = \"10.9.0.4\"; } "                                                                        \
	");\n"                                                                                              \
	"resource_manager_url = \"https://[::1]:8443\"; break_glass_groups = [ \"oncall\" ];\n"             \
	"identity = { kind = \"client-secret\"; tenant_id = \"contoso.example\"; secret_file = "            \
	"\"/etc/azjit/s\";\n"                                                                               \
	" client_id = \"36c3b2ab-3f5f-4b2a-9c6f-06bfc8c0a0a2\"; };\n"                                       \
	"source = { egress = [ \"20.1.2.3\", \"20.1.2.4\" ]; fleet_source = \"10.1.0.0/28\"; max_prefix = " \
	"24;\n"                                                                                             \
	" private_translated = true; prefer_public = true; through_firewall = false;\n"                     \
	" map = ( { from = \"10.8.0.0/16\"; to = \"20.1.2.3\"; }, { from = \"10.9.1.1\"; to = "             \
	"\"20.1.2.4\"; } ); };\n"                                                                           \
	"wait = { deadline = \"90s\"; }; grant = { margin = \"30s\"; on_conflict = \"replace\"; };\n"       \
	"inventory = { refresh = \"1h30m\"; source = \"lists\"; }; relay = { max_young = 3; }; paths = { "  \
	"socket = \"/tmp/s\"; "                                                                             \
	"};\n"                                                                                              \
	"rules = ( { name = \"ä b\"; users = [ \"alice\", \"1000\" ]; groups = [ \"g h\" ]; services = [ " \
	"\"sshd\" ];\n"                                                                                     \
	" targets = [ \"web*\", \"db?@rg\" ]; ports = [ 22, 3389 ]; source = [ \"20.1.2.0/24\", "           \
	"\"20.9.9.9\" ];\n"                                                                                 \
	" duration = \"20m\"; max_duration = \"2h\"; at = \"login\"; wait = \"10s\"; }, { " RULE " } );"

static void show_reads_back_to_the_same(void **state)
{
	static const char *const texts[] = {"", FULL};

	for (size_t i = 0; i < AZJIT_COUNT(texts); i++) {
		_cleanup_config_ struct azjit_config *first = parse(texts[i]);
		_cleanup_free_ char *once = shown(first, azjit_config_show),
		                    *json = shown(first, azjit_config_show_json);
		_cleanup_config_ struct azjit_config *second = parse(once);
		_cleanup_free_ char *twice = shown(second, azjit_config_show);
		_cleanup_free_ char *json_twice = shown(second, azjit_config_show_json);

		assert_string_equal(once, twice);
		assert_string_equal(json, json_twice);
	}
}

static void values_arrive_where_they_belong(void **state)
{
	_cleanup_config_ struct azjit_config *config = parse(FULL);
	_cleanup_free_ char *json = shown(config, azjit_config_show_json);
	struct azjit_azure_options options;

	assert_string_equal(config->ca_file, "/etc/azjit/\"ca\\.pem");
	assert_int_equal(config->identity, AZJIT_IDENTITY_CLIENT_SECRET);
	assert_int_equal(config->egress_count, 2);
	assert_int_equal(config->egress[1].bytes[3], 4);
	assert_int_equal(config->fleet_source->bits, 28);
	assert_int_equal(config->alias_count, 2);
	assert_string_equal(config->aliases[0].vm, "web01@rg \"x");
	assert_string_equal(config->aliases[1].name, "db");
	assert_int_equal(config->source_map_count, 2);
	assert_int_equal(config->source_map[1].from.bits, 32);
	assert_int_equal(config->source_map[0].to.bytes[0], 20);
	assert_true(config->private_translated && config->prefer_public && config->conflict_replace);
	assert_false(config->through_firewall);
	assert_int_equal(config->inventory_refresh_s, 5400);
	assert_int_equal(config->inventory_source, AZJIT_INVENTORY_LISTS);
	assert_int_equal(config->aliases[0].address.family, AZJIT_FAMILY_NONE);
	assert_int_equal(config->aliases[1].address.bytes[3], 4);
	assert_int_equal(config->log_level, 7);
	assert_int_equal(config->rules[0].prefix_count, 2);
	assert_int_equal(config->rules[0].prefixes[0].bits, 24);
	assert_int_equal(config->rules[0].source, AZJIT_SOURCE_LIST);
	assert_non_null(strstr(json, "\"ca_file\": \"/etc/azjit/\\\"ca\\\\.pem\""));
	assert_non_null(strstr(json, "\"map\": [ { \"from\": \"10.8.0.0/16\", \"to\": \"20.1.2.3\" }"));
	assert_non_null(strstr(json, "\"aliases\": [ { \"name\": \"prod\", \"vm\": \"web01@rg \\\"x\" }, {"));
	assert_non_null(strstr(json, "\"object_id\": null"));
	azjit_config_azure(config, &options);
	assert_ptr_equal(options.secret_file, config->secret_file);
	assert_string_equal(options.tenant_id, "contoso.example");
	assert_string_equal(options.cloud, "StackCloud");
	assert_string_equal(options.metadata_url, "https://management.stack.example");
	assert_null(options.object_id);
}

static void a_certificate_s_keys_arrive(void **state)
{
	_cleanup_config_ struct azjit_config *config = parse(
	        "identity = { kind = \"client-certificate\"; tenant_id = \"contoso.example\"; client_id = "
	        "\"36c3b2ab-3f5f-4b2a-9c6f-06bfc8c0a0a2\"; certificate_file = \"/c\"; key_file = "
	        "\"/k\"; password_file = \"/p\"; send_chain = true; };");
	struct azjit_azure_options options;

	azjit_config_azure(config, &options);
	assert_int_equal(options.identity, AZJIT_IDENTITY_CLIENT_CERTIFICATE);
	assert_string_equal(options.certificate_file, "/c");
	assert_string_equal(options.key_file, "/k");
	assert_string_equal(options.password_file, "/p");
	assert_true(options.send_chain);
	assert_null(options.key);
	azjit_config_free(STEAL(config));
	config = parse(CERTIFICATE " key = \"pkcs11:token=t;object=k?pin-source=/p\"; };");
	azjit_config_azure(config, &options);
	assert_string_equal(options.key, "pkcs11:token=t;object=k?pin-source=/p");
	assert_null(options.certificate_file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(defaults_are_the_documented_ones),
	        cmocka_unit_test(wrong_types_and_ranges_get_a_sentence),
	        cmocka_unit_test(each_kind_of_identity_has_its_keys),
	        cmocka_unit_test(an_alias_names_one_vm),
	        cmocka_unit_test(unknown_keys_get_the_nearest),
	        cmocka_unit_test(what_libconfig_swallows_is_refused),
	        cmocka_unit_test(rules_are_judged_when_loaded),
	        cmocka_unit_test(rules_have_defaults),
	        cmocka_unit_test(show_reads_back_to_the_same),
	        cmocka_unit_test(values_arrive_where_they_belong),
	        cmocka_unit_test(a_certificate_s_keys_arrive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
