// SPDX-License-Identifier: Apache-2.0
#include <azjit/azure.h>

#include "call.h"
#include "cloud.h"

#include <stdio.h>

#define SUBSCRIPTIONS_PATH "/subscriptions?api-version=2020-01-01"

// --- options ------------------------------------------------------------------------------------------

// The strings of the options, one after the other.
static const size_t strings[] = {
        offsetof(struct azjit_azure_options, cloud),
        offsetof(struct azjit_azure_options, metadata_url),
        offsetof(struct azjit_azure_options, resource_manager_url),
        offsetof(struct azjit_azure_options, login_url),
        offsetof(struct azjit_azure_options, imds_url),
        offsetof(struct azjit_azure_options, ca_file),
        offsetof(struct azjit_azure_options, proxy),
        offsetof(struct azjit_azure_options, tenant_id),
        offsetof(struct azjit_azure_options, client_id),
        offsetof(struct azjit_azure_options, object_id),
        offsetof(struct azjit_azure_options, msi_res_id),
        offsetof(struct azjit_azure_options, secret_file),
        offsetof(struct azjit_azure_options, secret),
        offsetof(struct azjit_azure_options, password),
        offsetof(struct azjit_azure_options, certificate_file),
        offsetof(struct azjit_azure_options, key_file),
        offsetof(struct azjit_azure_options, key),
        offsetof(struct azjit_azure_options, password_file),
        offsetof(struct azjit_azure_options, token_file),
        offsetof(struct azjit_azure_options, endpoint),
        offsetof(struct azjit_azure_options, header_file),
};

static char **string_at(struct azjit_azure_options *options, size_t offset)
{
	return (char **)(void *)((char *)options + offset);
}

// Empty strings count as not set, so that a configuration file may show every key.
static bool copy_options(const struct azjit_azure_options *from, struct azjit_azure_options *to)
{
	struct azjit_azure_options source = *from;

	*to = source;
	for (size_t i = 0; i < AZJIT_COUNT(strings); i++)
		*string_at(to, strings[i]) = NULL;
	for (size_t i = 0; i < AZJIT_COUNT(strings); i++) {
		const char *text = *string_at(&source, strings[i]);

		if (text && *text && !(*string_at(to, strings[i]) = strdup(text)))
			return false;
	}
	return true;
}

static enum azjit_result set_origin(const char *key, const char *override, const char *builtin,
                                    const char *scheme, struct azjit_reason *reason, char **ret)
{
	enum azjit_result result = url_origin(override ? override : builtin, scheme, ret);

	if (result == AZJIT_USAGE)
		return azjit_fail(reason, AZJIT_CONFIG, "%s must be %s://HOST[:PORT] without a path", key,
		                  scheme);
	return result;
}

// The same into the field of an endpoint; without either it stays "".
static enum azjit_result set_endpoint(const char *key, const char *override, const char *builtin,
                                      struct azjit_reason *reason, char ret_origin[CLOUD_ORIGIN_CHARS])
{
	_cleanup_free_ char *origin = NULL;
	enum azjit_result result = AZJIT_OK;

	if (override || builtin)
		result = set_origin(key, override, builtin, "https", reason, &origin);
	if (origin && !azjit_copy(ret_origin, CLOUD_ORIGIN_CHARS, origin))
		return azjit_fail(reason, AZJIT_CONFIG, "%s is too long", key);
	return result;
}

// `cloud` is NULL if its metadata is to be asked.
static enum azjit_result set_origins(struct azjit_azure *azure, const struct cloud *cloud,
                                     struct azjit_reason *reason)
{
	const struct azjit_azure_options *options = &azure->options;
	struct cloud_endpoints *fixed = &azure->fixed;
	enum azjit_result result;

	result = set_endpoint("resource_manager_url", options->resource_manager_url,
	                      cloud ? cloud->resource_manager : NULL, reason, fixed->resource_manager);
	if (result == AZJIT_OK)
		result = set_endpoint("login_url", options->login_url, cloud ? cloud->login : NULL, reason,
		                      fixed->login);
	if (result == AZJIT_OK)
		result = set_origin("imds_url", options->imds_url, "http://169.254.169.254", "http", reason,
		                    &azure->imds);
	if (result == AZJIT_OK && !cloud)
		result = set_origin("metadata_url", options->metadata_url, NULL, "https", reason,
		                    &azure->metadata);
	if (result == AZJIT_OK && cloud) {
		(void)azjit_copy(fixed->audience, sizeof(fixed->audience), cloud->audience);
		azure->at = *fixed;
	}
	if (result == AZJIT_OK)
		result = url_endpoint(options->endpoint ? options->endpoint : "http://127.0.0.1:40342",
		                      &azure->endpoint);
	if (result == AZJIT_USAGE)
		return azjit_fail(reason, AZJIT_CONFIG, "endpoint must be http://HOST[:PORT][/PATH]");
	return result;
}

static bool proxy_sound(const char *proxy)
{
	return !proxy || strncmp(proxy, "http://", 7) == 0 || strncmp(proxy, "https://", 8) == 0;
}

static enum azjit_result check_transport(const struct azjit_azure_options *options,
                                         struct azjit_reason *reason)
{
	if (!proxy_sound(options->proxy))
		return azjit_fail(reason, AZJIT_CONFIG,
		                  "proxy must be http://HOST:PORT or https://HOST:PORT");
	if (options->ca_file && access(options->ca_file, R_OK) < 0)
		return azjit_fail(reason, AZJIT_CONFIG, "ca_file %s cannot be read: %m", options->ca_file);
	return AZJIT_OK;
}

// --- the connection -----------------------------------------------------------------------------------

static enum azjit_result start_endpoints(struct azjit_azure *azure)
{
	azure->endpoints =
	        endpoints_new(&(struct endpoints_options){.loop = azure->loop,
	                                                  .http = azure->http,
	                                                  .cloud = azure->options.cloud ?: "AzureCloud",
	                                                  .metadata_origin = azure->metadata,
	                                                  .fixed = &azure->fixed,
	                                                  .into = &azure->at});
	return azure->endpoints ? AZJIT_OK : AZJIT_NOMEM;
}

static enum azjit_result fill(struct azjit_azure *azure, struct azjit_reason *reason)
{
	const struct cloud *cloud = azure->options.metadata_url ? NULL : cloud_find(azure->options.cloud);
	enum azjit_result result;

	if (!cloud && !azure->options.metadata_url)
		return azjit_fail(reason, AZJIT_CONFIG,
		                  "cloud '%s' is none of AzureCloud, AzureUSGovernment, AzureChinaCloud, and "
		                  "no metadata_url tells where it is",
		                  azure->options.cloud);
	result = set_origins(azure, cloud, reason);
	if (result == AZJIT_OK)
		result = check_transport(&azure->options, reason);
	if (result == AZJIT_OK)
		result = http_new(azure->loop, azure->options.ca_file, azure->options.proxy, &azure->http);
	if (result == AZJIT_OK)
		result = identity_new(&(struct identity_options){.loop = azure->loop,
		                                                 .http = azure->http,
		                                                 .audience = azure->at.audience,
		                                                 .login_origin = azure->at.login,
		                                                 .imds_origin = azure->imds,
		                                                 .endpoint = azure->endpoint,
		                                                 .azure = azure},
		                      &azure->options, reason, &azure->identity);
	if (result == AZJIT_OK && !cloud)
		result = start_endpoints(azure);
	if (result == AZJIT_NOMEM)
		return azjit_fail(reason, result, "out of memory");
	return result;
}

enum azjit_result azjit_azure_new(struct azjit_loop *loop, const struct azjit_azure_options *options,
                                  struct azjit_reason *reason, struct azjit_azure **ret)
{
	struct azjit_azure *azure = calloc(1, sizeof(*azure));
	enum azjit_result result;

	if (!azure)
		return azjit_fail(reason, AZJIT_NOMEM, "out of memory");
	azure->loop = loop;
	azure->queries = bucket_new(bucket_queries, azjit_time_monotonic_ms());
	if (copy_options(options, &azure->options))
		result = fill(azure, reason);
	else
		result = azjit_fail(reason, AZJIT_NOMEM, "out of memory");
	if (result != AZJIT_OK) {
		azjit_azure_free(azure);
		return result;
	}
	*ret = azure;
	return AZJIT_OK;
}

static void wipe(struct azjit_azure_options *options, size_t offset)
{
	char *text = *string_at(options, offset);

	if (text)
		explicit_bzero(text, strlen(text));
}

void azjit_azure_free(struct azjit_azure *azure)
{
	if (!azure)
		return;
	while (azure->calls)
		azjit_call_cancel(azure->calls);
	endpoints_free(azure->endpoints);
	identity_free(azure->identity);
	http_free(azure->http);
	wipe(&azure->options, offsetof(struct azjit_azure_options, secret));
	wipe(&azure->options, offsetof(struct azjit_azure_options, password));
	for (size_t i = 0; i < AZJIT_COUNT(strings); i++)
		free(*string_at(&azure->options, strings[i]));
	buckets_free(&azure->buckets);
	free(azure->imds);
	free(azure->metadata);
	free(azure->endpoint);
	free(azure);
}

azjit_ticks azjit_azure_now(const struct azjit_azure *azure)
{
	return azjit_time_now() + azure->offset;
}

azjit_ticks azure_set_clock(struct azjit_azure *azure, azjit_ticks date, azjit_ticks took)
{
	azjit_ticks latest = date + AZJIT_TICKS_PER_S - (azjit_time_now() - took);
	azjit_ticks earliest = date - azjit_time_now(), before = azure->offset;

	if (azure->offset < earliest)
		azure->offset = earliest;
	else if (azure->offset > latest)
		azure->offset = latest;
	return azure->offset > before ? azure->offset - before : before - azure->offset;
}

void azjit_azure_counts(const struct azjit_azure *azure, struct azjit_azure_counts *ret)
{
	*ret = azure->counts;
	ret->token_age_s = identity_age_s(azure->identity);
}

bool azjit_azure_operation(const struct azjit_azure *azure, size_t index, struct azjit_azure_operation *ret)
{
	const struct latency *latency = &azure->latencies[index < OPERATION_COUNT_ ? index : 0];

	if (index >= OPERATION_COUNT_)
		return false;
	*ret = (struct azjit_azure_operation){.name = operation_name((enum operation)index),
	                                      .count = latency->count,
	                                      .median_ms = latency_percentile(latency, 50),
	                                      .p95_ms = latency_percentile(latency, 95)};
	return true;
}

// --- calls without a noun -----------------------------------------------------------------------------

static void ready_done(const struct call_result *call)
{
	azjit_azure_ready_fn *fn = (azjit_azure_ready_fn *)call->fn;

	fn(call->userdata, call->answer->result, call->answer->message);
}

struct azjit_call *azjit_azure_ready(struct azjit_azure *azure, azjit_azure_ready_fn *fn, void *userdata)
{
	return call_new(azure, &(struct call_spec){.shape = CALL_READY,
	                                           .done = ready_done,
	                                           .fn = (void (*)(void))fn,
	                                           .userdata = userdata});
}

static bool read_subscriptions(const struct call_result *call, const struct azjit_subscription **ret)
{
	struct azjit_subscription *list = arena_array(call->arena, js_count(call->json), sizeof(*list));

	for (size_t i = 0; list && i < js_count(call->json); i++) {
		const json_t *item = json_array_get(call->json, i);

		list[i] = (struct azjit_subscription){.id = js_text(item, "subscriptionId"),
		                                      .name = js_text(item, "displayName"),
		                                      .state = js_text(item, "state")};
	}
	*ret = list;
	return list;
}

static void subscriptions_done(const struct call_result *call)
{
	azjit_subscriptions_fn *fn = (azjit_subscriptions_fn *)call->fn;
	const struct azjit_subscription *list = NULL;

	if (call->json && !read_subscriptions(call, &list))
		call_misread(call->answer, call->arena, AZJIT_NOMEM, "");
	fn(call->userdata, call->answer, list, list ? js_count(call->json) : 0);
}

struct azjit_call *azjit_subscriptions_list(struct azjit_azure *azure, struct azjit_call_options options,
                                            azjit_subscriptions_fn *fn, void *userdata)
{
	return call_new(azure, &(struct call_spec){.shape = CALL_LIST,
	                                           .operation = OPERATION_SUBSCRIPTIONS,
	                                           .path = SUBSCRIPTIONS_PATH,
	                                           .unique = "subscriptionId",
	                                           .options = options,
	                                           .done = subscriptions_done,
	                                           .fn = (void (*)(void))fn,
	                                           .userdata = userdata});
}
