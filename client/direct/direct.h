// SPDX-License-Identifier: Apache-2.0
// azjit-direct: the commands that speak to Azure under the caller's own identity. One command, one answer,
// then the end: every call is waited for.
#ifndef AZJIT_DIRECT_DIRECT_H
#define AZJIT_DIRECT_DIRECT_H

#include "policy.h"

#include <azjit/azure.h>
#include <azjit/cmd.h>
#include <azjit/config.h>

#define DIRECT_SOURCES_MAX 32

struct direct_options {
	const char *config, *identity, *cloud, *ca_file; // as written; NULL where not
	const char *group, *policy, *backup, *role;
	const char *tenant, *client_id;
	struct azjit_strings subscriptions; // items borrowed from argv
	struct port_wish wish;
	bool dry_run, json, sarif, all_subscriptions;
	char **words; // the operands
	size_t word_count;
};

// For az_bring: what of az's logins is asked for; NULL where nobody said.
struct az_wish {
	unsigned deadline_ms;
	const char *tenant, *subscription;
};

struct login_cache;

struct direct {
	struct direct_options options;
	struct azjit_config *config;
	const char *source;        // of the identity: "config", "environment", "login" or "cli"
	char *cloud;               // of the login
	struct login_cache *login; // NULL unless that is used
	struct az_wish az;
	struct azjit_loop *loop;
	struct azjit_azure *azure;
	json_t *subscriptions; // whose VMs and policies are looked at: bare ids
	json_t *answer;        // what --json prints, but for result and reason
	bool found;            // a check has found something to look into
	struct azjit_reason reason;
};

// Which options a command takes, besides those that all take.
enum direct_wants {
	WANTS_GROUP = 1, // --resource-group
	WANTS_DRY_RUN = 2,
	WANTS_POLICY = 4, // --policy
	WANTS_PORTS = 8,  // --ports, --protocol, --source, --max
	WANTS_WORD = 16,  // exactly one operand
	WANTS_WORDS = 32, // at least one
	WANTS_BACKUP = 64,
	WANTS_WRITE = WANTS_DRY_RUN | WANTS_BACKUP,
	WANTS_CHECK = 128,       // --all-subscriptions, --sarif
	WANTS_ROLE = 256,        // --role
	WANTS_MAYBE_WORD = 512,  // one operand or none
	WANTS_OFFLINE = 1 << 20, // makes the connection itself, or none
	WANTS_LOGIN = 1 << 21,   // --client-id
	WANTS_HOST = 1024,       // is about this host: root's --config is the host's own where there is one
};

struct direct_command {
	const struct azjit_cmd *cmd;
	unsigned wants;
	enum azjit_result (*run)(struct direct *direct); // the sentence, if it fails, is in direct->reason
};

extern const struct direct_command direct_policy_list, direct_policy_show, direct_policy_enable,
        direct_policy_set, direct_policy_disable, direct_policy_restore, direct_vm_list, direct_vm_show,
        direct_monitor_check, direct_monitor_enable, direct_doctor, direct_login, direct_logout,
        direct_whoami;

// options.c: AZJIT_CANCELED if --help was answered; AZJIT_USAGE with a sentence.
enum azjit_result direct_options_read(int argc, char **argv, const struct direct_command *command,
                                      struct direct_options *ret, struct azjit_reason *reason);
void direct_options_clear(struct direct_options *options);

// who.c: takes the environment's words about the identity, and makes the connection. Forgets them there. For who
// has set direct->login, a login need not be kept there yet.
enum azjit_result direct_connect(struct direct *direct);
void direct_disconnect(struct direct *direct);

// az.c: asks the Azure CLI (azjit_bring_fn). userdata: const struct az_wish *.
enum azjit_result az_bring(void *userdata, const char *audience, struct azjit_buf *ret_answer,
                           struct azjit_reason *reason);

#endif
