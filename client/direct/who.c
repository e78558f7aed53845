// SPDX-License-Identifier: Apache-2.0
// As whom, and where. Threat model: other users of this host, who see arguments and, of their own processes
// only, the environment; whoever planted a configuration, an `az` or a certificate where we would find it.
// Must hold: a secret from the environment is in no argument, log, reason or child; a configuration decides
// only if it is trusted (file.h); without --config nothing but the caller's own words and environment
// counts. This is the only file, with az.c and state.c, that reads the environment (azure.md §6.6), and all for
// the caller himself: this program is never run for somebody else.
#include "direct.h"
#include "login_cache.h"

#include <azjit/text.h>

#define AZ_DEADLINE_MS 20000

static const char *environment(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

// What proves an application, in the order in which it counts (azure.md §6.6).
static enum azjit_identity_kind environment_proof(void)
{
	return environment("AZURE_CLIENT_SECRET")             ? AZJIT_IDENTITY_CLIENT_SECRET
	       : environment("AZURE_CLIENT_CERTIFICATE_PATH") ? AZJIT_IDENTITY_CLIENT_CERTIFICATE
	       : environment("AZURE_FEDERATED_TOKEN_FILE")    ? AZJIT_IDENTITY_WORKLOAD
	                                                      : AZJIT_IDENTITY_NONE;
}

static bool environment_has_identity(void)
{
	return environment("AZURE_CLIENT_ID") && environment("AZURE_TENANT_ID") &&
	       environment_proof() != AZJIT_IDENTITY_NONE;
}

// Nothing of a configuration's identity is left.
static void forget_identity(struct azjit_azure_options *options, const char *tenant)
{
	options->tenant_id = tenant;
	options->client_id = options->object_id = options->msi_res_id = NULL;
	options->secret_file = options->certificate_file = options->key_file = options->key = NULL;
	options->password_file = options->token_file = options->header_file = NULL;
	options->send_chain = false;
}

static enum azjit_result use_cli(struct direct *direct, struct azjit_azure_options *options)
{
	const struct azjit_strings *subscriptions = &direct->options.subscriptions;

	forget_identity(options, NULL);
	direct->az = (struct az_wish){.deadline_ms = AZ_DEADLINE_MS,
	                              .tenant = direct->options.tenant,
	                              .subscription = subscriptions->count ? subscriptions->items[0] : NULL};
	options->identity = AZJIT_IDENTITY_BROUGHT;
	options->bring = az_bring;
	options->bring_userdata = &direct->az;
	return AZJIT_OK;
}

static bool environment_true(const char *name)
{
	const char *value = environment(name);

	return value && (azjit_ieq(value, "true") || azjit_streq(value, "1"));
}

static enum azjit_result use_environment(struct direct *direct, struct azjit_azure_options *options)
{
	static const char *const needed[] = {"AZURE_CLIENT_ID", "AZURE_TENANT_ID"};

	for (size_t i = 0; i < AZJIT_COUNT(needed); i++)
		if (!environment(needed[i]))
			return azjit_fail(&direct->reason, AZJIT_CONFIG,
			                  "--identity environment needs %s, which is not set", needed[i]);
	if (environment_proof() == AZJIT_IDENTITY_NONE)
		return azjit_fail(
		        &direct->reason, AZJIT_CONFIG,
		        "--identity environment needs AZURE_CLIENT_SECRET, "
		        "AZURE_CLIENT_CERTIFICATE_PATH or AZURE_FEDERATED_TOKEN_FILE, and none is set");
	forget_identity(options, environment("AZURE_TENANT_ID"));
	if (direct->options.tenant)
		options->tenant_id = direct->options.tenant;
	options->identity = environment_proof();
	options->client_id = environment("AZURE_CLIENT_ID");
	options->secret = environment("AZURE_CLIENT_SECRET");
	options->certificate_file = environment("AZURE_CLIENT_CERTIFICATE_PATH");
	options->password = environment("AZURE_CLIENT_CERTIFICATE_PASSWORD");
	options->send_chain = environment_true("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN");
	options->token_file = environment("AZURE_FEDERATED_TOKEN_FILE");
	if (!options->login_url)
		options->login_url = environment("AZURE_AUTHORITY_HOST");
	return AZJIT_OK;
}

// The login that is kept. Where nobody says which cloud, it is the login's.
static enum azjit_result open_login(struct direct *direct, struct azjit_azure_options *options)
{
	_cleanup_(azjit_login_clear) struct azjit_login login = {.tenant = NULL};
	enum azjit_result result = login_cache_open(false, &direct->reason, &direct->login);

	if (result == AZJIT_OK)
		result = login_cache_read(direct->login, &login, &direct->reason);
	if (result == AZJIT_OK && !direct->options.cloud && !direct->config &&
	    azjit_cloud_builtin(login.cloud)) {
		direct->cloud = STEAL(login.cloud);
		options->cloud = direct->cloud;
	}
	return result;
}

static enum azjit_result use_login(struct direct *direct, struct azjit_azure_options *options)
{
	enum azjit_result result = direct->login ? AZJIT_OK : open_login(direct, options);

	if (result != AZJIT_OK)
		return result;
	forget_identity(options, direct->options.tenant);
	options->identity = AZJIT_IDENTITY_LOGIN;
	options->login = login_cache_store(direct->login);
	return AZJIT_OK;
}

static enum azjit_result use_config(struct direct *direct, struct azjit_azure_options *options)
{
	if (!direct->config)
		return azjit_fail(&direct->reason, AZJIT_USAGE, "--identity config needs --config FILE");
	if (direct->options.tenant)
		return azjit_fail(
		        &direct->reason, AZJIT_USAGE,
		        "--tenant: the tenant of a configuration's identity is in the configuration");
	return AZJIT_OK;
}

static const struct {
	const char *source;
	enum azjit_result (*use)(struct direct *direct, struct azjit_azure_options *options);
} sources[] = {
        {"config", use_config}, {"environment", use_environment}, {"login", use_login}, {"cli", use_cli}};

static enum azjit_result use(struct direct *direct, const char *source, struct azjit_azure_options *options)
{
	for (size_t i = 0; i < AZJIT_COUNT(sources); i++)
		if (azjit_streq(sources[i].source, source)) {
			direct->source = sources[i].source;
			return sources[i].use(direct, options);
		}
	return azjit_fail(&direct->reason, AZJIT_USAGE,
	                  "'%s' is no kind of identity: write environment, login, cli or config", source);
}

static enum azjit_result choose_identity(struct direct *direct, struct azjit_azure_options *options)
{
	const char *kind = direct->options.identity;
	enum azjit_result result;

	if (kind) {
		result = use(direct, kind, options);
		return result == AZJIT_NOT_FOUND ? AZJIT_IDENTITY : result;
	}
	if (direct->config || environment_has_identity())
		return use(direct, direct->config ? "config" : "environment", options);
	// A login that cannot be trusted is told, not passed over.
	result = use(direct, "login", options);
	return result == AZJIT_NOT_FOUND ? use(direct, "cli", options) : result;
}

static void forget_variable(const char *name)
{
	char *secret = getenv(name);

	if (secret)
		explicit_bzero(secret, strlen(secret));
	(void)unsetenv(name);
}

// No child of ours gets the secrets either.
static void forget_environment(void)
{
	forget_variable("AZURE_CLIENT_SECRET");
	forget_variable("AZURE_CLIENT_CERTIFICATE_PASSWORD");
}

static bool add_subscriptions(struct direct *direct)
{
	const struct azjit_strings *list = &direct->options.subscriptions;

	if (list->count == 0 && direct->config)
		list = &direct->config->subscriptions;
	direct->subscriptions = json_array();
	for (size_t i = 0; direct->subscriptions && i < list->count; i++)
		if (json_array_append_new(direct->subscriptions, json_string(list->items[i])) != 0)
			return false;
	return direct->subscriptions != NULL;
}

static enum azjit_result open_azure(struct direct *direct, struct azjit_azure_options *options)
{
	enum azjit_result result;

	if (direct->options.cloud)
		options->cloud = direct->options.cloud;
	if (direct->options.ca_file)
		options->ca_file = direct->options.ca_file;
	result = choose_identity(direct, options);
	if (result == AZJIT_OK && azjit_loop_new(&direct->loop) != AZJIT_OK)
		result = azjit_fail(&direct->reason, AZJIT_SYSTEM, "no event loop can be made: %m");
	if (result == AZJIT_OK)
		result = azjit_azure_new(direct->loop, options, &direct->reason, &direct->azure);
	forget_environment();
	return result;
}

enum azjit_result direct_connect(struct direct *direct)
{
	struct azjit_azure_options options = {0};
	enum azjit_result result = AZJIT_OK;

	if (direct->options.config)
		result = azjit_config_load(direct->options.config, &direct->reason, &direct->config);
	// A configuration that is not there is no VM that is not there.
	if (result == AZJIT_NOT_FOUND)
		result = AZJIT_CONFIG;
	if (result == AZJIT_OK && !add_subscriptions(direct))
		result = azjit_fail(&direct->reason, AZJIT_NOMEM, "out of memory");
	if (result != AZJIT_OK)
		return result;
	if (direct->config)
		azjit_config_azure(direct->config, &options);
	return open_azure(direct, &options);
}

void direct_disconnect(struct direct *direct)
{
	azjit_azure_free(direct->azure);
	login_cache_free(direct->login);
	free(direct->cloud);
	azjit_loop_free(direct->loop);
	azjit_config_free(direct->config);
	json_decref(direct->subscriptions);
}
