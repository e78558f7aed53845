// SPDX-License-Identifier: Apache-2.0
#include "config_key.h"

#define AT(field)      offsetof(struct azjit_config, field), sizeof(((struct azjit_config *)0)->field)
#define AT_TEXT(field) offsetof(struct azjit_config, field), 0
#define IN_RULE(field) \
	offsetof(struct azjit_access_rule, field), sizeof(((struct azjit_access_rule *)0)->field)

static const struct azjit_key_choice levels[] = {{"err", 3},  {"warning", 4}, {"notice", 5},
                                                 {"info", 6}, {"debug", 7},   {NULL, 0}};
static const struct azjit_key_choice identities[] = {
        {"managed", AZJIT_IDENTITY_MANAGED},
        {"client-secret", AZJIT_IDENTITY_CLIENT_SECRET},
        {"client-certificate", AZJIT_IDENTITY_CLIENT_CERTIFICATE},
        {"workload", AZJIT_IDENTITY_WORKLOAD},
        {"arc", AZJIT_IDENTITY_ARC},
        {"app-service", AZJIT_IDENTITY_APP_SERVICE},
        {NULL, 0}};
static const struct azjit_key_choice inventories[] = {{"auto", AZJIT_INVENTORY_AUTO},
                                                      {"graph", AZJIT_INVENTORY_GRAPH},
                                                      {"lists", AZJIT_INVENTORY_LISTS},
                                                      {NULL, 0}};
static const struct azjit_key_choice conflicts[] = {{"refuse", false}, {"replace", true}, {NULL, 0}};
static const struct azjit_key_choice moments[] = {
        {"connect", AZJIT_AT_CONNECT}, {"login", AZJIT_AT_LOGIN}, {NULL, 0}};

#define HOUR 3600
#define DAY  86400

const struct azjit_config_group azjit_config_groups[] = {
        {NULL, NULL},
        {"identity", "As whom azjit speaks to Azure."},
        {"source", "Which address Azure is asked to let in."},
        {"wait", "How long a person waits."},
        {"grant", "How access is requested."},
        {"inventory", "What azjit knows of the virtual machines."},
        {"relay", "How connections are made."},
        {"paths", "Where things are. Change these only together with the units."},
};
const size_t azjit_config_group_count = AZJIT_COUNT(azjit_config_groups);

const struct azjit_config_key azjit_config_keys[] = {
        {NULL, "cloud", AZJIT_KEY_TEXT, AT_TEXT(cloud), "\"AzureCloud\"", 0, 0, NULL,
         "The Azure cloud: \"AzureCloud\", \"AzureUSGovernment\" or \"AzureChinaCloud\"; or, with "
         "metadata_url,\n"
         "another by the name that it gives itself."},
        {NULL, "metadata_url", AZJIT_KEY_HTTPS, AT_TEXT(metadata_url), NULL, 0, 0, NULL,
         "The Resource Manager that tells where a cloud other than those three is (/metadata/endpoints). It\n"
         "is asked at start, and again until it answers. What it names gets the identity's secret and "
         "tokens."},
        {NULL, "subscriptions", AZJIT_KEY_GUIDS, AT(subscriptions), "[ ]", 0, 1000, NULL,
         "The subscriptions whose virtual machines azjit may open; empty: all that the identity sees."},
        {NULL, "aliases", AZJIT_KEY_ALIASES, AT(aliases), "( )", 0, 1000, NULL,
         "Names of your own for virtual machines: ( { name = \"prod-web\"; vm = \"web01@rg-web\"; } ). vm "
         "is\n"
         "whatever azjit connect takes, but no other alias. A name that a virtual machine bears, too, is\n"
         "ambiguous. Rules name virtual machines, never aliases. For a machine of which Azure tells no "
         "address\n"
         "(connected from AWS), with its id or name as vm, address is where it is."},
        {NULL, "ca_file", AZJIT_KEY_PATH, AT_TEXT(ca_file), NULL, 0, 0, NULL,
         "Certificates (PEM) to trust for Azure's endpoints instead of the system's."},
        {NULL, "proxy", AZJIT_KEY_HTTP, AT_TEXT(proxy), NULL, 0, 0, NULL,
         "The proxy towards Azure. The environment (https_proxy) is never read."},
        {NULL, "resource_manager_url", AZJIT_KEY_HTTPS, AT_TEXT(resource_manager_url), NULL, 0, 0, NULL,
         "Azure Resource Manager, if it is not the cloud's own."},
        {NULL, "login_url", AZJIT_KEY_HTTPS, AT_TEXT(login_url), NULL, 0, 0, NULL,
         "Entra ID, if it is not the cloud's own."},
        {NULL, "imds_url", AZJIT_KEY_HTTP, AT_TEXT(imds_url), "\"http://169.254.169.254\"", 0, 0, NULL,
         "The instance metadata service that gives a managed identity its tokens."},
        {NULL, "kill_switch", AZJIT_KEY_PATH, AT_TEXT(kill_switch), "\"/etc/azjit/stop\"", 0, 0, NULL,
         "While this file exists nothing is requested."},
        {NULL, "break_glass_groups", AZJIT_KEY_GROUPS, AT(break_glass_groups), "[ ]", 0, 100, NULL,
         "Groups whose members may log in while Azure is out of reach although no rule names them; each\n"
         "such login is recorded. For a broker that is down itself, see break_glass= of pam_azjit(8)."},
        {NULL, "log_level", AZJIT_KEY_CHOICE, AT(log_level), "\"info\"", 0, 0, levels,
         "What goes to the journal."},

        {"identity", "kind", AZJIT_KEY_CHOICE, AT(identity), "\"managed\"", 0, 0, identities,
         "\"managed\": the managed identity of this virtual machine; without client_id, object_id and\n"
         "msi_res_id its system-assigned one. \"client-secret\": an application (tenant_id, client_id,\n"
         "secret_file). \"client-certificate\": an application (tenant_id, client_id, certificate_file; or\n"
         "key, where a token keeps both). \"workload\": an application that trusts another issuer's tokens\n"
         "(tenant_id, client_id, token_file). \"arc\": the managed identity of a machine outside Azure that\n"
         "Azure Arc manages. \"app-service\": the managed identity of a container in App Service, Container\n"
         "Apps and the like (endpoint, header_file; selected as for \"managed\")."},
        {"identity", "tenant_id", AZJIT_KEY_TENANT, AT_TEXT(tenant_id), NULL, 0, 0, NULL,
         "The directory of the application."},
        {"identity", "client_id", AZJIT_KEY_GUID, AT_TEXT(client_id), NULL, 0, 0, NULL,
         "The application, or the user-assigned identity by its client id."},
        {"identity", "object_id", AZJIT_KEY_GUID, AT_TEXT(object_id), NULL, 0, 0, NULL,
         "The user-assigned identity by its object id."},
        {"identity", "msi_res_id", AZJIT_KEY_TEXT, AT_TEXT(msi_res_id), NULL, 0, 0, NULL,
         "The user-assigned identity by its resource id."},
        {"identity", "secret_file", AZJIT_KEY_PATH, AT_TEXT(secret_file), NULL, 0, 0, NULL,
         "The file that holds the application's secret: one line, of root or azjit, unreadable to others."},
        {"identity", "certificate_file", AZJIT_KEY_PATH, AT_TEXT(certificate_file), NULL, 0, 0, NULL,
         "The application's certificate: PEM, with its chain and, without key_file and key, its private\n"
         "key; or PKCS#12. The key is RSA of 2048 bits or more. Like every file of a key or password it\n"
         "belongs to root or azjit and others cannot read it; all are read again for every token."},
        {"identity", "key_file", AZJIT_KEY_PATH, AT_TEXT(key_file), NULL, 0, 0, NULL,
         "The certificate's private key in PEM, if it is in a file of its own."},
        {"identity", "key", AZJIT_KEY_URI, AT_TEXT(key), NULL, 0, 0, NULL,
         "The certificate's private key where it cannot be copied: in a token or HSM, by RFC 7512\n"
         "(\"pkcs11:token=NAME;object=NAME\"; ?module-path=/PATH names the PKCS#11 module), or in a TPM\n"
         "(\"handle:0x81000001\"). Its PIN is in password_file, or in the file that pin-source names;\n"
         "pin-value is refused. Needs the package pkcs11-provider or tpm2-openssl. Without certificate_file\n"
         "the certificate is the one beside the key in the token."},
        {"identity", "password_file", AZJIT_KEY_PATH, AT_TEXT(password_file), NULL, 0, 0, NULL,
         "The password of the private key, or of the PKCS#12 file, or the PIN of `key`: one line."},
        {"identity", "token_file", AZJIT_KEY_PATH, AT_TEXT(token_file), NULL, 0, 0, NULL,
         "The file in which another issuer keeps a token for us: one line, unreadable to others, read again\n"
         "for every token. It may be a symbolic link; links and directories on the way belong to root or\n"
         "azjit, and nobody else may write them."},
        {"identity", "endpoint", AZJIT_KEY_ENDPOINT, AT_TEXT(endpoint), NULL, 0, 0, NULL,
         "\"app-service\": what the platform gives as IDENTITY_ENDPOINT. \"arc\": where the agent listens,\n"
         "without a path, if not at http://127.0.0.1:40342."},
        {"identity", "header_file", AZJIT_KEY_PATH, AT_TEXT(header_file), NULL, 0, 0, NULL,
         "The file that holds what the platform gives as IDENTITY_HEADER: one line, of root or azjit,\n"
         "unreadable to others."},
        {"identity", "send_chain", AZJIT_KEY_SWITCH, AT(send_chain), "false", 0, 0, NULL,
         "Send the certificate and its chain to Entra ID, for an application that trusts a subject name\n"
         "and issuer instead of one certificate."},

        {"source", "egress", AZJIT_KEY_ADDRESSES, AT(egress), "[ ]", 0, 16, NULL,
         "The addresses from which this host's connections reach a public address of a virtual machine.\n"
         "All of them: a NAT gateway or firewall with several picks any. Without them only private\n"
         "addresses can be opened for source \"self\"."},
        {"source", "fleet_source", AZJIT_KEY_PREFIX, AT_TEXT(fleet_source), NULL, 0, 0, NULL,
         "One prefix that several jump hosts share, requested instead of this host's own private address."},
        {"source", "private_translated", AZJIT_KEY_SWITCH, AT(private_translated), "false", 0, 0, NULL,
         "The path to private addresses translates (a firewall in between): egress is seen there, too."},
        {"source", "through_firewall", AZJIT_KEY_SWITCH, AT(through_firewall), "true", 0, 0, NULL,
         "Connect to a virtual machine behind an Azure Firewall by the firewall's address and the port that\n"
         "Azure gives with each request. false: this host reaches its private address without the firewall."},
        {"source", "map", AZJIT_KEY_MAP, AT(source_map), "( )", 0, 1000, NULL,
         "What Azure sees of people behind a known VPN or proxy, by the address they log in from:\n"
         "( { from = \"10.8.0.0/16\"; to = \"20.1.2.3\"; } ). The narrowest prefix that fits decides."},
        {"source", "max_prefix", AZJIT_KEY_NUMBER, AT(max_prefix), "32", 1, 32, NULL,
         "The widest source that is ever requested, in prefix bits: 32 is a single address."},
        {"source", "prefer_public", AZJIT_KEY_SWITCH, AT(prefer_public), "false", 0, 0, NULL,
         "Connect to the public address of a virtual machine that has a private one, too."},

        {"wait", "deadline", AZJIT_KEY_DURATION, AT(deadline_s), "\"2m\"", 1, 600, NULL,
         "How long a connection waits until its port is open; then it fails and says why."},

        {"grant", "margin", AZJIT_KEY_DURATION, AT(duration_margin_s), "\"1m\"", 1, HOUR, NULL,
         "A request stays this much below the policy's maximum, for clocks that differ."},
        {"grant", "on_conflict", AZJIT_KEY_CHOICE, AT(conflict_replace), "\"refuse\"", 0, 0, conflicts,
         "Where Azure gives a port to one source at a time: refuse the newcomer, or replace the holder."},

        {"inventory", "refresh", AZJIT_KEY_DURATION, AT(inventory_refresh_s), "\"10m\"", 10, DAY, NULL,
         "How often the lists of virtual machines and policies are read; a name that is not found reads\n"
         "them at once."},
        {"inventory", "source", AZJIT_KEY_CHOICE, AT(inventory_source), "\"auto\"", 0, 0, inventories,
         "Where virtual machines, interfaces, networks and public addresses are read: \"graph\", from Azure\n"
         "Resource Graph, which answers for all subscriptions at once and lags a little; \"lists\", from "
         "the\n"
         "lists of each subscription; \"auto\", from Resource Graph where there is one and it may be asked.\n"
         "Policies are always read directly, and so is a name that is not found."},

        {"relay", "max_young", AZJIT_KEY_NUMBER, AT(max_young), "8", 1, 1000, NULL,
         "Connections to one port that may be logging in at once; the rest queue. Below the first number\n"
         "of MaxStartups in the sshd_config of the virtual machines (10:30:100 unless set)."},

        {"paths", "socket", AZJIT_KEY_PATH, AT_TEXT(socket), "\"/run/azjit/azjit.sock\"", 0, 0, NULL,
         "Where callers reach the broker."},
        {"paths", "relay_socket", AZJIT_KEY_PATH, AT_TEXT(relay_socket), "\"/run/azjit-relay/relay.sock\"", 0,
         0, NULL, "Where the broker reaches the relay."},
        {"paths", "ledger", AZJIT_KEY_PATH, AT_TEXT(ledger), "\"/var/lib/azjit/ledger.db\"", 0, 0, NULL,
         "The ledger."},
        {"paths", "guard_set", AZJIT_KEY_PATH, AT_TEXT(guard_set), "\"/run/azjit/guard.set\"", 0, 0, NULL,
         "The addresses and ports that the guard is to keep, written by the broker."},
        {"paths", "guard_state", AZJIT_KEY_PATH, AT_TEXT(guard_state), "\"/run/azjit-guard/state\"", 0, 0,
         NULL, "What the guard has loaded, written by root's unit."},
};
const size_t azjit_config_key_count = AZJIT_COUNT(azjit_config_keys);

const struct azjit_config_key azjit_rule_keys[] = {
        {NULL, "name", AZJIT_KEY_TEXT, offsetof(struct azjit_access_rule, name), 0, NULL, 0, 0, NULL,
         "How refusals, the ledger and `azjit status` call the rule; each once."},
        {NULL, "users", AZJIT_KEY_USERS, IN_RULE(users), "[ ]", 0, 1000, NULL,
         "Whom the rule is for: exact user names."},
        {NULL, "groups", AZJIT_KEY_GROUPS, IN_RULE(groups), "[ ]", 0, 1000, NULL,
         "And members of these groups: exact names, never numbers."},
        {NULL, "services", AZJIT_KEY_WORDS, IN_RULE(services), "[ ]", 0, 100, NULL,
         "PAM services through which the rule lets people log in; empty: any."},
        {NULL, "targets", AZJIT_KEY_PATTERNS, IN_RULE(targets), NULL, 1, 1000, NULL,
         "Virtual machines: patterns (* and ?) over name, name@resource-group or whole resource id."},
        {NULL, "ports", AZJIT_KEY_PORTS, IN_RULE(ports), "[ 22 ]", 1, 100, NULL, "Ports."},
        {NULL, "source", AZJIT_KEY_SOURCE, 0, 0, "\"self\"", 0, 16, NULL,
         "\"self\": this host connects (the default); \"client\": the address the person logged in from;\n"
         "or a list of addresses and prefixes."},
        {NULL, "duration", AZJIT_KEY_DURATION, IN_RULE(duration_s), "\"1h\"", 5, DAY, NULL,
         "For how long access is requested."},
        {NULL, "max_duration", AZJIT_KEY_DURATION, IN_RULE(max_duration_s), NULL, 5, DAY, NULL,
         "The longest that may be asked for (azjit request --for) and that renewal reaches; 3h unless\n"
         "set, or duration if that is longer."},
        {NULL, "at", AZJIT_KEY_CHOICE, IN_RULE(at), "\"connect\"", 0, 0, moments,
         "When the port is requested: as somebody connects, or already at login."},
        {NULL, "wait", AZJIT_KEY_DURATION, IN_RULE(wait_s), "\"0s\"", 0, 10, NULL,
         "With at = \"login\": how long the login waits for it."},
        {NULL, "start", AZJIT_KEY_SWITCH, IN_RULE(start), "false", 0, 0, NULL,
         "Whether people may have a virtual machine started that does not run (--start of azjit). The\n"
         "identity needs Microsoft.Compute/virtualMachines/start/action for it."},
};
const size_t azjit_rule_key_count = AZJIT_COUNT(azjit_rule_keys);

const struct azjit_config_key *azjit_key_find(const struct azjit_config_key *keys, size_t count,
                                              const char *group, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		bool same_group = group ? keys[i].group && azjit_streq(keys[i].group, group) : !keys[i].group;

		if (same_group && azjit_streq(keys[i].name, name))
			return &keys[i];
	}
	return NULL;
}

void azjit_keys_clear(const struct azjit_config_key *keys, size_t count, void *base)
{
	for (size_t i = 0; i < count; i++)
		azjit_key_clear(&keys[i], base);
}

// The defaults go through the same reader as the file: one list, one element a key that has one.
enum azjit_result azjit_keys_default(const struct azjit_config_key *keys, size_t count, void *base)
{
	_cleanup_buf_ struct azjit_buf text = AZJIT_BUF(16384);
	enum azjit_result result = AZJIT_OK;
	const char *comma = "";
	config_t parsed;

	azjit_buf_str(&text, "v = (");
	for (size_t i = 0; i < count; i++) {
		if (!keys[i].def)
			continue;
		azjit_buf_printf(&text, "%s%s", comma, keys[i].def);
		comma = ", ";
	}
	if (!azjit_buf_str(&text, ");"))
		return AZJIT_NOMEM;
	config_init(&parsed);
	if (config_read_string(&parsed, text.data) == CONFIG_FALSE)
		result = AZJIT_CONFIG;
	for (size_t i = 0, at = 0; i < count && result == AZJIT_OK; i++) {
		struct azjit_key_at where = {"(default)", keys[i].name, &keys[i], NULL};

		if (!keys[i].def)
			continue;
		result = azjit_key_read(
		        &where, config_setting_get_elem(config_lookup(&parsed, "v"), (unsigned)at++), base);
	}
	config_destroy(&parsed);
	return result;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c == '-' ? '_' : c;
}

#define WORD_MAX 40

// Damerau-Levenshtein (optimal string alignment) over three rows; words longer than any key are far.
unsigned azjit_key_distance(const char *a, const char *b)
{
	unsigned rows[3][WORD_MAX + 1];
	size_t m = strlen(a), n = strlen(b);

	if (m > WORD_MAX || n > WORD_MAX)
		return WORD_MAX;
	for (size_t j = 0; j <= n; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= m; i++) {
		unsigned *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= n; j++) {
			bool same = lower(a[i - 1]) == lower(b[j - 1]);
			unsigned best = last[j - 1] + !same;

			if (last[j] + 1 < best)
				best = last[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
			    lower(a[i - 2]) == lower(b[j - 1]) && before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			now[j] = best;
		}
	}
	return rows[m % 3][n];
}
