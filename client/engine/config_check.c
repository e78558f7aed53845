// SPDX-License-Identifier: Apache-2.0
// What only the running system can tell. Nothing here is needed to be safe: a name that nobody bears
// lets nobody in. It is needed so that the administrator learns of it before her users do.
#include "config_key.h"

#include <azjit/file.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>

#define BROKER_USER  "azjit"
#define NSS_MAX      (1024 * 1024)
#define SECRET_BYTES 4096
#define KEY_BYTES    (64 * 1024)
#define TOKEN_BYTES  (16 * 1024)
#define CA_BYTES     (4 * 1024 * 1024)

// A name service wants a buffer of a size that only it knows. 1: exists, 0: does not, -1: cannot tell.
static int name_exists(bool group, const char *name, uid_t *ret_uid)
{
	for (size_t size = 4096; size <= NSS_MAX; size *= 2) {
		_cleanup_free_ char *buf = malloc(size);
		struct passwd pw, *pw_found = NULL;
		struct group gr, *gr_found = NULL;
		int err;

		if (!buf)
			return -1;
		err = group ? getgrnam_r(name, &gr, buf, size, &gr_found)
		            : getpwnam_r(name, &pw, buf, size, &pw_found);
		if (err == ERANGE)
			continue;
		if (pw_found && ret_uid)
			*ret_uid = pw_found->pw_uid;
		return pw_found || gr_found ? 1 : err == 0 || err == ENOENT ? 0 : -1;
	}
	return -1;
}

static void check_names(const char *rule, const char *kind, const struct azjit_strings *names,
                        struct azjit_buf *warnings)
{
	for (size_t i = 0; i < names->count; i++)
		if (name_exists(azjit_streq(kind, "group"), names->items[i], NULL) == 0)
			azjit_buf_printf(warnings, "%s names the %s %s, which does not exist on this host\n",
			                 rule, kind, names->items[i]);
}

static void check_services(const char *rule, const struct azjit_strings *services, struct azjit_buf *warnings)
{
	static const char *const dirs[] = {"/etc/pam.d", "/usr/lib/pam.d"};
	char path[AZJIT_CONFIG_TEXT_MAX + 32];

	for (size_t i = 0; i < services->count; i++) {
		bool found = false;

		for (size_t d = 0; d < AZJIT_COUNT(dirs) && !found; d++) {
			(void)snprintf(path, sizeof(path), "%s/%s", dirs[d], services->items[i]);
			found = access(path, F_OK) == 0;
		}
		if (!found)
			azjit_buf_printf(warnings,
			                 "%s names the service %s, for which /etc/pam.d has no file\n", rule,
			                 services->items[i]);
	}
}

static bool all_wild(const char *pattern)
{
	return pattern[strspn(pattern, "*?")] == '\0';
}

static void check_rule(const struct azjit_access_rule *rule, struct azjit_buf *warnings)
{
	char name[96];

	(void)snprintf(name, sizeof(name), "rule \"%s\"", rule->name);
	check_names(name, "user", &rule->users, warnings);
	check_names(name, "group", &rule->groups, warnings);
	check_services(name, &rule->services, warnings);
	for (size_t i = 0; i < rule->targets.count; i++)
		if (all_wild(rule->targets.items[i]))
			azjit_buf_printf(warnings,
			                 "%s opens every virtual machine that the identity can see\n", name);
}

static bool is_name_of(const char *written, const char *name)
{
	size_t len = strcspn(written, "@");

	return strlen(name) == len && strncasecmp(written, name, len) == 0;
}

// Inventory tells when it is asked whether a VM of an alias's name is there; what the file itself calls a
// VM is known now.
static void check_alias(const struct azjit_config *config, const struct azjit_alias *alias,
                        struct azjit_buf *warnings)
{
	for (size_t i = 0; i < config->alias_count; i++)
		if (is_name_of(config->aliases[i].vm, alias->name))
			azjit_buf_printf(warnings,
			                 "the alias \"%s\" has the name of a virtual machine, %s: the name "
			                 "is ambiguous while there is one\n",
			                 alias->name, config->aliases[i].vm);
	for (size_t r = 0; r < config->rule_count; r++)
		for (size_t i = 0; i < config->rules[r].targets.count; i++)
			if (is_name_of(config->rules[r].targets.items[i], alias->name))
				azjit_buf_printf(warnings,
				                 "rule \"%s\" names the target %s, and there is an alias "
				                 "\"%s\": rules name virtual machines, never aliases\n",
				                 config->rules[r].name, config->rules[r].targets.items[i],
				                 alias->name);
}

struct named_file {
	const char *key, *path;
	bool secret, linked;
	size_t max_bytes;
};

// The broker reads these files under its own uid, so they may be its own.
static enum azjit_result check_file(const struct named_file *file, struct azjit_reason *reason)
{
	struct azjit_buf bytes = AZJIT_BUF(file->max_bytes);
	struct azjit_reason why = {""};
	enum azjit_result result;
	uid_t owner = geteuid();

	(void)name_exists(false, BROKER_USER, &owner);
	result = file->linked ? azjit_file_read_linked(file->path, owner, file->secret, &bytes, &why)
	                      : azjit_file_read_trusted(file->path, owner, file->secret, &bytes, &why);
	if (result == AZJIT_OK && bytes.len == 0)
		result = azjit_fail(&why, AZJIT_CONFIG, "%s is empty", file->path);
	azjit_buf_wipe(&bytes);
	return result == AZJIT_OK ? result
	                          : azjit_fail(reason, AZJIT_CONFIG, "%s: %.400s", file->key, why.text);
}

// 0640 root:azjit is the usual way: does the broker's group reach the file?
static void check_reach(const char *key, const char *path, struct azjit_buf *warnings)
{
	uid_t broker;
	struct stat st;

	if (geteuid() != 0 || name_exists(false, BROKER_USER, &broker) != 1 || stat(path, &st) != 0)
		return;
	if (st.st_uid != broker && !(st.st_mode & (S_IRGRP | S_IROTH)))
		azjit_buf_printf(warnings,
		                 "%s: %s cannot be read by the broker; chown root:" BROKER_USER
		                 " and chmod 0640\n",
		                 key, path);
}

static enum azjit_result check_files(const struct azjit_config *config, struct azjit_buf *warnings,
                                     struct azjit_reason *reason)
{
	const struct named_file files[] = {
	        {"ca_file", config->ca_file, false, false, CA_BYTES},
	        {"identity.secret_file", config->secret_file, true, false, SECRET_BYTES},
	        {"identity.certificate_file", config->certificate_file, !config->key_file && !config->key,
	         false, KEY_BYTES},
	        {"identity.key_file", config->key_file, true, false, KEY_BYTES},
	        {"identity.password_file", config->password_file, true, false, SECRET_BYTES},
	        {"identity.header_file", config->header_file, true, false, SECRET_BYTES},
	        {"identity.token_file", config->token_file, true, true, TOKEN_BYTES},
	};
	enum azjit_result result = AZJIT_OK;

	for (size_t i = 0; i < AZJIT_COUNT(files) && result == AZJIT_OK; i++) {
		if (!files[i].path)
			continue;
		result = check_file(&files[i], reason);
		check_reach(files[i].key, files[i].path, warnings);
	}
	return result;
}

enum azjit_result azjit_config_check(const struct azjit_config *config, struct azjit_buf *warnings,
                                     struct azjit_reason *reason)
{
	if (config->rule_count == 0)
		azjit_buf_str(warnings, "there are no rules: nobody may open anything\n");
	for (size_t i = 0; i < config->rule_count; i++)
		check_rule(&config->rules[i], warnings);
	for (size_t i = 0; i < config->alias_count; i++)
		check_alias(config, &config->aliases[i], warnings);
	check_names("break_glass_groups", "group", &config->break_glass_groups, warnings);
	if (access(config->kill_switch, F_OK) == 0)
		azjit_buf_printf(warnings, "the kill switch %s exists: nothing is requested\n",
		                 config->kill_switch);
	if (warnings->failed)
		return azjit_fail(reason, AZJIT_NOMEM, "there are more warnings than fit");
	return check_files(config, warnings, reason);
}
