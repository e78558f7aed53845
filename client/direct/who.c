// SPDX-License-Identifier: Apache-2.0
// As whom, and where. Threat model: other users of this host, who see arguments and, of their own processes
// only, the environment; whoever planted a configuration, an `az` or a certificate where we would find it.
// Must hold: a secret from the environment is in no argument, log, reason or child; a configuration decides
// only if it is trusted (file.h); without --config nothing but the caller's own words and environment
// counts. This is the only file, with az.c, that reads the environment (azure.md §6.6), and both for the
// caller himself: this program is never run for somebody else.
#include "direct.h"

#include <azjit/text.h>

#define AZ_DEADLINE_MS 20000

static const char *environment(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static bool environment_has_identity(void)
{
	return environment("AZURE_CLIENT_ID") && environment("AZURE_TENANT_ID") &&
	       environment("AZURE_CLIENT_SECRET");
}

static void use_cli(struct azjit_azure_options *options)
{
	static unsigned deadline_ms = AZ_DEADLINE_MS;

	options->identity = AZJIT_IDENTITY_BROUGHT;
	options->bring = az_bring;
	options->bring_userdata = &deadline_ms;
}

static enum azjit_result use_environment(struct azjit_azure_options *options, struct azjit_reason *reason)
{
	static const char *const needed[] = {"AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET"};

	for (size_t i = 0; i < AZJIT_COUNT(needed); i++)
		if (!environment(needed[i]))
			return azjit_fail(reason, AZJIT_CONFIG,
			                  "--identity environment needs %s, which is not set", needed[i]);
	options->identity = AZJIT_IDENTITY_CLIENT_SECRET;
	options->client_id = environment("AZURE_CLIENT_ID");
	options->tenant_id = environment("AZURE_TENANT_ID");
	options->secret = environment("AZURE_CLIENT_SECRET");
	options->secret_file = NULL;
	options->object_id = options->msi_res_id = NULL;
	if (!options->login_url)
		options->login_url = environment("AZURE_AUTHORITY_HOST");
	return AZJIT_OK;
}

static enum azjit_result choose_identity(const struct direct *direct, struct azjit_azure_options *options,
                                         struct azjit_reason *reason)
{
	const char *kind = direct->options.identity;

	if (!kind && direct->config)
		return AZJIT_OK; // the configuration's own
	if (kind ? azjit_streq(kind, "environment") : environment_has_identity())
		return use_environment(options, reason);
	use_cli(options);
	return AZJIT_OK;
}

// What libraries read behind our back (http.h), and the secret: no child of ours gets it either.
static void forget_environment(void)
{
	char *secret = getenv("AZURE_CLIENT_SECRET");

	if (secret)
		explicit_bzero(secret, strlen(secret));
	(void)unsetenv("AZURE_CLIENT_SECRET");
	(void)unsetenv("SSLKEYLOGFILE");
	(void)unsetenv("OPENSSL_CONF");
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
	result = choose_identity(direct, options, &direct->reason);
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
	azjit_loop_free(direct->loop);
	azjit_config_free(direct->config);
	json_decref(direct->subscriptions);
}
