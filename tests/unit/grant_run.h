// SPDX-License-Identifier: Apache-2.0
// The engine under test, on the small Azure of grant_fake.h: started, asked and watched. Included once.
#ifndef TESTS_UNIT_GRANT_RUN_H
#define TESTS_UNIT_GRANT_RUN_H

#include "grant_fake.h"

// --- the engine under test ----------------------------------------------------------------------------
static void no_probe(void *userdata, const char *id, const struct azjit_addr *addr, uint16_t port, bool slow)
{
	(void)userdata, (void)id, (void)addr, (void)slow;
	the->probed_port = port;
	if (!the->probe)
		fail_msg("a rule's evidence needs no probe");
	the->probes++;
}

static void no_stop(void *userdata, const char *id)
{
	(void)userdata, (void)id;
	the->probe_stops++;
}

static bool guarded(void *userdata, const struct azjit_addr *addr, uint16_t port)
{
	(void)userdata, (void)addr, (void)port;
	return true;
}

static void guard_again(void *userdata)
{
	(void)userdata;
	the->guard_calls++;
}

static bool killed(void *userdata, struct azjit_reason *reason)
{
	(void)userdata;
	if (the->killed)
		(void)azjit_fail(reason, AZJIT_STOPPED, "stopped by the test");
	return the->killed;
}

static void quiet(void *userdata, int level, const char *text)
{
	(void)userdata;
	if (getenv("TEST_VERBOSE"))
		fprintf(stderr, "<%d> %s\n", level, text);
}

static void engine_start(struct fake *fake)
{
	const struct azjit_engine_ops ops = {no_probe, no_stop, guarded, quiet, guard_again, killed};
	struct azjit_reason reason = {.text = ""};

	if (azjit_ledger_open(fake->path, "jump", &reason, &fake->ledger) != AZJIT_OK)
		fail_msg("%s", reason.text);
	assert_int_equal(azjit_engine_new(fake->loop, fake->config, NULL, NULL, fake->ledger, &ops, fake,
	                                  &reason, &fake->engine),
	                 AZJIT_OK);
}

__attribute__((unused)) static void restart(struct fake *fake)
{
	azjit_engine_free(fake->engine);
	azjit_ledger_close(fake->ledger);
	engine_start(fake);
}

static int fake_setup(void **state)
{
	static uint16_t ports[] = {22};
	struct fake *fake = calloc(1, sizeof(*fake));

	assert_non_null(fake);
	*state = the = fake;
	snprintf(fake->dir, sizeof(fake->dir), "/tmp/azjit-grant.XXXXXX");
	assert_non_null(mkdtemp(fake->dir));
	snprintf(fake->path, sizeof(fake->path), "%s/ledger.db", fake->dir);
	assert_int_equal(azjit_loop_new(&fake->loop), AZJIT_OK);
	assert_int_equal(azjit_config_defaults(&fake->config), AZJIT_OK);
	fake->config->deadline_s = 4;
	fake->rule = (struct azjit_access_rule){.name = (char *)"test",
	                                        .ports = ports,
	                                        .port_count = 1,
	                                        .source = AZJIT_SOURCE_CLIENT,
	                                        .duration_s = 600,
	                                        .max_duration_s = 3600};
	engine_start(fake);
	return 0;
}

static int fake_teardown(void **state)
{
	struct fake *fake = *state;
	char file[128];

	azjit_engine_free(fake->engine);
	azjit_ledger_close(fake->ledger);
	azjit_config_free(fake->config);
	azjit_loop_free(fake->loop);
	for (size_t i = 0; i < 4; i++) {
		static const char *const ends[] = {"", "-wal", "-shm", "-journal"};

		snprintf(file, sizeof(file), "%s%s", fake->path, ends[i]);
		(void)unlink(file);
	}
	(void)rmdir(fake->dir);
	free(fake);
	return 0;
}

static void need_done(void *userdata, enum azjit_result result, const char *reason,
                      const struct azjit_grant_view *view)
{
	struct answer *answer = userdata;

	answer->done = true;
	answer->result = result;
	snprintf(answer->reason, sizeof(answer->reason), "%s", reason);
	snprintf(answer->grant, sizeof(answer->grant), "%s", view ? view->id : "");
	if (getenv("TEST_VERBOSE"))
		fprintf(stderr, "%s: %s\n", azjit_result_name(result), reason);
}

static void need(struct fake *fake, const char *user, const char *source, struct answer *answer)
{
	struct azjit_need wanted = {.target = fake_target(),
	                            .rule = &fake->rule,
	                            .probe = fake->probe,
	                            .start = fake->start,
	                            .deadline_ms = fake->deadline_ms ? fake->deadline_ms : 30000,
	                            .sources = {.count = 1, .kind = AZJIT_SOURCE_CLIENT}};

	*answer = (struct answer){.done = false};
	assert_int_equal(azjit_prefix_parse(source, &wanted.sources.items[0]), AZJIT_OK);
	azjit_copy(wanted.user, sizeof(wanted.user), user);
	assert_non_null(azjit_engine_need(fake->engine, &wanted, NULL, need_done, answer));
}

static bool grant_is(void *userdata, const struct azjit_grant_view *view)
{
	struct fake *fake = userdata;
	char source[AZJIT_PREFIX_CHARS];

	azjit_prefix_format(&view->sources->items[0], source);
	if (!azjit_streq(source, fake->want_open))
		return true;
	fake->good = view->state == AZJIT_GRANT_OPEN;
	fake->give_up_ms = view->state; // for grant_state
	return false;
}

static enum azjit_grant_state grant_state(struct fake *fake, const char *source)
{
	fake->want_open = source;
	fake->give_up_ms = AZJIT_GRANT_FAILED;
	azjit_engine_grants(fake->engine, grant_is, fake);
	return (enum azjit_grant_state)fake->give_up_ms;
}

// Open by the engine's word and by the rules of the fake, and nothing of it on its way any more.
static bool really_open(struct fake *fake, const char *source)
{
	bool ruled = false;

	if (grant_state(fake, source) != AZJIT_GRANT_OPEN)
		return false;
	fake_settle();
	for (size_t i = 0; i < fake->entry_count; i++)
		for (size_t j = 0; j < fake->entries[i].count; j++)
			ruled |= fake->entries[i].ruled && !fake->entries[i].revoked &&
			         azjit_streq(fake->entries[i].texts[j], source);
	return ruled;
}

struct wish {
	struct fake *fake;
	const struct answer *a, *b;
	const char *source;
};

static bool run_wish(struct wish *wish, uint64_t ms)
{
	uint64_t now = azjit_time_monotonic_ms(), give_up = now + ms, since = now;
	bool good = false;

	for (; now < give_up; now = azjit_time_monotonic_ms()) {
		good = wish->source ? really_open(wish->fake, wish->source)
		                    : wish->a->done && (!wish->b || wish->b->done);
		if (!good)
			since = now;
		// An access counts as kept when it stood for longer than any rule of the fake takes to come.
		if (good && now - since >= (wish->source ? 8 * DELAY_MS : 0))
			return true;
		assert_int_equal(azjit_loop_turn(wish->fake->loop, 20), AZJIT_OK);
	}
	return false;
}

static bool run_until(struct fake *fake, const struct answer *a, const struct answer *b)
{
	return run_wish(&(struct wish){.fake = fake, .a = a, .b = b}, 32000);
}

__attribute__((unused)) static bool run_until_open(struct fake *fake, const char *source, uint64_t ms)
{
	return run_wish(&(struct wish){.fake = fake, .source = source}, ms);
}

struct counting {
	enum azjit_entry_kind kind;
	const char *event;
	unsigned count;
};

static bool count_one(void *userdata, const struct azjit_entry_read *read)
{
	struct counting *counting = userdata;

	counting->count +=
	        read->entry->kind == counting->kind && azjit_streq(read->entry->event, counting->event);
	return true;
}

static unsigned count_entries(struct fake *fake, enum azjit_entry_kind kind, const char *event)
{
	struct counting counting = {kind, event, 0};

	assert_int_equal(azjit_ledger_read(fake->ledger, 1, NULL, NULL, count_one, &counting, NULL),
	                 AZJIT_OK);
	return counting.count;
}

#endif
