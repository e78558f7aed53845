// SPDX-License-Identifier: Apache-2.0
// azjit.conf: one table of keys drives parsing, range checks, `azjit config show`, conf/azjit.conf and
// the manual page. The file is trusted (file.h: root's, not writable by others); @include is refused;
// an unknown, repeated or ill-typed key is an error that names file, line and key.
#ifndef AZJIT_CONFIG_H
#define AZJIT_CONFIG_H

#include <azjit/address.h>
#include <azjit/azure.h>
#include <azjit/buf.h>

#define AZJIT_CONFIG_PATH "/etc/azjit/azjit.conf"

struct azjit_strings {
	char **items;
	size_t count;
};

enum azjit_source_kind { AZJIT_SOURCE_SELF = 0, AZJIT_SOURCE_CLIENT, AZJIT_SOURCE_LIST };
enum azjit_inventory_source { AZJIT_INVENTORY_AUTO = 0, AZJIT_INVENTORY_GRAPH, AZJIT_INVENTORY_LISTS };
enum azjit_rule_at { AZJIT_AT_CONNECT = 0, AZJIT_AT_LOGIN };

// One entry of `rules`. A rule names people by users and groups (either may be empty, not both), and
// targets by patterns over VM name, "name@resource-group" or whole resource id (azjit_glob).
struct azjit_access_rule {
	char *name;
	struct azjit_strings users, groups, services; // services empty: any
	struct azjit_strings targets;
	uint16_t *ports;
	size_t port_count; // at least one
	enum azjit_source_kind source;
	struct azjit_prefix *prefixes; // for AZJIT_SOURCE_LIST
	size_t prefix_count;
	int64_t duration_s, max_duration_s;
	enum azjit_rule_at at;
	int64_t wait_s; // at login only: 0..10
	bool start;     // people may have a machine started that does not run
};

// A user's address behind a known VPN or proxy: inside -> what Azure sees.
struct azjit_source_map {
	struct azjit_prefix from;
	struct azjit_addr to;
};

// A name of root's own for a virtual machine.
struct azjit_alias {
	char *name; // letters, digits, '.', '_' and '-'; compared without case
	char *vm;   // whatever azjit_inventory_find takes, but another alias
	// Where a machine is of which Azure tells no address (vm.h), vm then being its id or name; family NONE:
	// not told.
	struct azjit_addr address;
};

struct azjit_config {
	// cloud and identity
	char *cloud, *metadata_url, *resource_manager_url, *login_url, *imds_url, *ca_file, *proxy;
	enum azjit_identity_kind identity;
	char *tenant_id, *client_id, *object_id, *msi_res_id, *secret_file;
	char *certificate_file, *key_file, *key, *password_file, *token_file, *endpoint, *header_file;
	bool send_chain;
	struct azjit_strings subscriptions; // empty: all that the identity sees
	struct azjit_alias *aliases;
	size_t alias_count;
	// sources
	struct azjit_addr *egress; // what a public address of a VM sees of this host
	size_t egress_count;
	struct azjit_prefix *fleet_source; // NULL: none
	bool private_translated;           // the path to private addresses translates: use egress there, too
	struct azjit_source_map *source_map;
	size_t source_map_count;
	int64_t max_prefix;    // the widest source asked for: 32 … 1
	bool through_firewall; // dial an Azure Firewall in front of a VM, not the VM's own address
	bool prefer_public;    // dial the public address of a VM that has both
	// behaviour
	int64_t deadline_s; // of one wait
	int64_t inventory_refresh_s;
	enum azjit_inventory_source inventory_source;
	int64_t duration_margin_s; // below the policy's maximum
	int64_t max_young;         // AZJIT_RELAY_YOUNG
	bool conflict_replace;     // on_conflict
	struct azjit_strings break_glass_groups;
	char *kill_switch; // path: if the file exists nothing is requested
	// places
	char *socket, *relay_socket, *ledger, *guard_set, *guard_state;
	int64_t log_level; // syslog level
	struct azjit_access_rule *rules;
	size_t rule_count;
};

// The embedded defaults alone (no rules).
enum azjit_result azjit_config_defaults(struct azjit_config **ret);
// AZJIT_CONFIG with file, line, key and mend; AZJIT_NOT_FOUND if there is no file.
enum azjit_result azjit_config_load(const char *path, struct azjit_reason *reason, struct azjit_config **ret);
// The same from memory (tests, fuzzing).
enum azjit_result azjit_config_parse(const char *text, const char *name, struct azjit_reason *reason,
                                     struct azjit_config **ret);
void azjit_config_free(struct azjit_config *config);
// Further checks that need the running system (groups exist, files readable by the broker); warnings
// are sentences, one per line, in `warnings`.
enum azjit_result azjit_config_check(const struct azjit_config *config, struct azjit_buf *warnings,
                                     struct azjit_reason *reason);
// Every key with its value in force, as a file that azjit_config_parse reads back to the same values.
bool azjit_config_show(const struct azjit_config *config, struct azjit_buf *out);
// The same as one JSON object (text built without a JSON library's types crossing).
bool azjit_config_show_json(const struct azjit_config *config, struct azjit_buf *out);
// Every key with default, unit and description, as conf/azjit.conf (a test holds file and table equal).
bool azjit_config_sample(struct azjit_buf *out);
// Fills the options of azure.h; strings borrowed from the configuration.
void azjit_config_azure(const struct azjit_config *config, struct azjit_azure_options *ret);

#endif
