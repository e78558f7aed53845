// SPDX-License-Identifier: Apache-2.0
// Part of broker_fake.h: the engine. It does what `shared->mode` says, 20 ms later.
#ifndef AZJIT_TESTS_BROKER_FAKE_ENGINE_H
#define AZJIT_TESTS_BROKER_FAKE_ENGINE_H

struct azjit_waiter {
	struct azjit_source *timer;
	struct azjit_target *target;
	struct azjit_sources sources;
	azjit_progress_fn *progress;
	azjit_need_done_fn *fn;
	void *userdata;
};

enum azjit_result azjit_engine_new(struct azjit_loop *loop, const struct azjit_config *config,
                                   struct azjit_azure *azure, struct azjit_inventory *inventory,
                                   struct azjit_ledger *ledger, const struct azjit_engine_ops *ops,
                                   void *userdata, struct azjit_reason *reason, struct azjit_engine **ret)
{
	(void)loop;
	(void)config;
	(void)azure;
	(void)inventory;
	(void)ledger;
	(void)ops;
	(void)userdata;
	(void)reason;
	*ret = NULL;
	return AZJIT_OK;
}

void azjit_engine_free(struct azjit_engine *engine)
{
	(void)engine;
}

void azjit_engine_probe_open(struct azjit_engine *engine, const char *probe_id)
{
	(void)engine;
	(void)probe_id;
}

void azjit_engine_probe_note(struct azjit_engine *engine, const char *probe_id, const char *errno_name)
{
	(void)engine;
	(void)probe_id;
	(void)errno_name;
}

void azjit_engine_probes_lost(struct azjit_engine *engine)
{
	(void)engine;
}

void azjit_engine_probes_again(struct azjit_engine *engine)
{
	(void)engine;
}

void azjit_engine_flow(struct azjit_engine *engine, const char *grant_id, bool begins)
{
	(void)engine;
	(void)grant_id;
	if (begins)
		shared->flows_begun++;
	else
		shared->flows_ended++;
}

void azjit_engine_grants(struct azjit_engine *engine, azjit_grant_fn *fn, void *userdata)
{
	struct azjit_sources sources = {.count = 0};
	struct azjit_grant_view view = {.id = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa",
	                                .state = AZJIT_GRANT_OPEN,
	                                .sources = &sources,
	                                .user = "alice",
	                                .rule = "web",
	                                .correlation_id = "",
	                                .evidence = "",
	                                .reason = ""};

	(void)engine;
	(void)fn(userdata, &view);
}

static void waiter_free(struct azjit_waiter *waiter)
{
	azjit_source_free(waiter->timer);
	azjit_target_free(waiter->target);
	free(waiter);
}

static void on_need_time(void *userdata)
{
	struct azjit_waiter *waiter = userdata;
	struct azjit_grant_view view = {.id = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa",
	                                .state = AZJIT_GRANT_OPEN,
	                                .target = waiter->target,
	                                .sources = &waiter->sources,
	                                .until = azjit_time_now(),
	                                .unproven = shared->unproven,
	                                .mapped_port = shared->mapped_port,
	                                .evidence = "handshake",
	                                .reason = ""};
	bool good = shared->mode == NEED_OK;

	waiter->progress(waiter->userdata, "waiting", "for the rule");
	waiter->fn(waiter->userdata, good ? AZJIT_OK : AZJIT_RULE_MISSING, good ? "" : "the rule never came",
	           &view);
	waiter_free(waiter);
}

struct azjit_waiter *azjit_engine_need(struct azjit_engine *engine, const struct azjit_need *need,
                                       azjit_progress_fn *progress, azjit_need_done_fn *fn, void *userdata)
{
	struct azjit_waiter *waiter = calloc(1, sizeof(*waiter));
	uint64_t delay_ms = shared->mode == NEED_NEVER ? 600000 : 20;

	(void)engine;
	if (!waiter) {
		azjit_target_free(need->target);
		return NULL;
	}
	shared->needs++;
	shared->probe_needs += need->probe;
	shared->start_needs += need->start;
	waiter->target = need->target;
	waiter->sources = need->sources;
	waiter->progress = progress;
	waiter->fn = fn;
	waiter->userdata = userdata;
	if (azjit_loop_timer(fake_loop, delay_ms, on_need_time, waiter, &waiter->timer) == AZJIT_OK)
		return waiter;
	waiter_free(waiter);
	return NULL;
}

struct azjit_waiter *azjit_waiter_cancel(struct azjit_waiter *waiter)
{
	if (!waiter)
		return NULL;
	shared->cancels++;
	waiter_free(waiter);
	return NULL;
}

enum azjit_result azjit_source_resolve(const struct azjit_config *config,
                                       const struct azjit_access_rule *rule, const char *wanted,
                                       const struct azjit_addr *client, const struct azjit_addr *destination,
                                       struct azjit_sources *ret, struct azjit_reason *reason)
{
	(void)config;
	(void)rule;
	(void)client;
	(void)destination;
	if (wanted && !azjit_streq(wanted, "self"))
		return azjit_fail(reason, AZJIT_DENIED, "the rule does not permit that source");
	*ret = (struct azjit_sources){.count = 1, .kind = AZJIT_SOURCE_SELF};
	return azjit_prefix_parse("10.20.0.4", &ret->items[0]);
}

#endif
