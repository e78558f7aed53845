// SPDX-License-Identifier: Apache-2.0
// Starts and ends the broker of broker_fake.h, speaks to it, reads its ledger. Included once.
#ifndef AZJIT_TESTS_BROKER_STAGE_H
#define AZJIT_TESTS_BROKER_STAGE_H

#include "broker_fake.h"

#include <azjit/log.h>

static inline int stage_config(const struct stage *stage, char *text, size_t size)
{
	return snprintf(
	        text, size,
	        "kill_switch = \"%s\";\n"
	        "break_glass_groups = [ \"glass\" ];\n"
	        "subscriptions = [ \"22222222-2222-2222-2222-222222222222\", "
	        "\"33333333-3333-3333-3333-333333333333\" ];\n"
	        "paths = { socket = \"%s\"; relay_socket = \"%s\"; ledger = \"%s/ledger.db\"; "
	        "guard_set = \"%s/guard.set\"; guard_state = \"%s/state\"; };\n"
	        "rules = ( { name = \"web\"; users = [ \"alice\" ]; targets = [ \"web*\" ]; ports = [ 22 ]; "
	        "start = %s; },\n"
	        "{ name = \"desk\"; users = [ \"carol\" ]; targets = [ \"web*\" ]; ports = [ 22 ]; "
	        "at = \"login\"; wait = \"2s\"; },\n"
	        "{ name = \"ring\"; users = [ \"dave\" ]; services = [ \"sshd\" ]; targets = [ \"web*\" ]; "
	        "ports = [ 22 ]; at = \"login\"; } );\n",
	        stage->kill, stage->socket, stage->relay, stage->dir, stage->dir, stage->dir,
	        shared->may_start ? "true" : "false");
}

// The child's life. Its status tells: 0 is a clean end.
_Noreturn static inline void stage_broker(const struct stage *stage)
{
	struct azjit_reason reason = {""};
	struct azjit_config *config = NULL;
	struct broker *broker = NULL;
	char text[2048];
	int status;

	azjit_log_max(LOG_CRIT);
	(void)stage_config(stage, text, sizeof(text));
	if (azjit_config_parse(text, "test", &reason, &config) != AZJIT_OK ||
	    broker_start(config, &reason, &broker) != AZJIT_OK) {
		azjit_log(LOG_CRIT, "%s", reason.text);
		_exit(99);
	}
	status = broker_run(broker);
	broker_free(broker);
	exit(status); // so that a leak checker speaks
}

// Fails the test, and says how the broker ended.
static inline void stage_tell_end(const struct stage *stage)
{
	int status = 0;

	if (waitpid(stage->broker, &status, WNOHANG) != stage->broker)
		fail_msg("the broker lives, but it does not listen");
	if (WIFSIGNALED(status))
		fail_msg("the broker was killed by signal %d", WTERMSIG(status));
	fail_msg("the broker ended with status %d", WEXITSTATUS(status));
}

static inline int connect_to(const struct stage *stage)
{
	int fd = -1;

	for (int tries = 0; tries < 500 && fd < 0; tries++) {
		fd = azjit_wire_connect(stage->socket, shared->uid, ANSWER_MS);
		if (fd < 0)
			(void)usleep(10000); // until the broker listens; the loop is the condition
	}
	if (fd < 0)
		stage_tell_end(stage);
	return fd;
}

static inline void stage_start(struct stage *stage)
{
	stage->broker = fork();
	if (stage->broker == 0)
		stage_broker(stage);
	assert_true(stage->broker > 0);
	(void)close(connect_to(stage));
}

// SIGTERM; a broker that does not end cleanly fails the test.
static inline void stage_stop(struct stage *stage)
{
	int status = 0;

	assert_int_equal(kill(stage->broker, SIGTERM), 0);
	assert_int_equal(waitpid(stage->broker, &status, 0), stage->broker);
	stage->broker = 0;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static inline int stage_setup(void **state)
{
	struct stage *stage = calloc(1, sizeof(*stage));

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!stage || shared == MAP_FAILED)
		return -1;
	(void)snprintf(stage->dir, sizeof(stage->dir), "%s", "/tmp/azjit-broker.XXXXXX");
	if (!mkdtemp(stage->dir))
		return -1;
	(void)snprintf(stage->socket, sizeof(stage->socket), "%s/azjit.sock", stage->dir);
	(void)snprintf(stage->relay, sizeof(stage->relay), "%s/relay.sock", stage->dir);
	(void)snprintf(stage->kill, sizeof(stage->kill), "%s/stop", stage->dir);
	*state = stage;
	return 0;
}

static inline int stage_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int stage_teardown(void **state)
{
	struct stage *stage = *state;

	if (stage->broker > 0) {
		(void)kill(stage->broker, SIGKILL);
		(void)waitpid(stage->broker, NULL, 0);
	}
	(void)nftw(stage->dir, stage_remove, 8, FTW_DEPTH | FTW_PHYS);
	(void)munmap(STEAL(shared), sizeof(*shared));
	free(stage);
	return 0;
}

#define broker_test(fn) cmocka_unit_test_setup_teardown(fn, stage_setup, stage_teardown)

// --- talking ------------------------------------------------------------------------------------------

static char heard[AZJIT_WIRE_MAX_ROOT_BYTES];
static struct azjit_wire_in in;

// One conversation at a time.
static inline int say_fds(const struct stage *stage, const char *text, const int *fds, size_t fd_count)
{
	int fd = connect_to(stage);

	in = (struct azjit_wire_in){.bytes = heard, .size = sizeof(heard)};
	assert_int_equal(azjit_wire_send(fd, text, strlen(text), fds, fd_count, ANSWER_MS), 0);
	return fd;
}

static inline int say(const struct stage *stage, const char *text)
{
	return say_fds(stage, text, NULL, 0);
}

// The next message; false at the end of file.
static inline bool hear(int fd, struct azjit_wire_msg *ret)
{
	int got = azjit_wire_receive(fd, &in, azjit_time_monotonic_ms() + ANSWER_MS, ret);

	if (got < 0)
		fail_msg("no answer: %s", strerror(-got));
	return got > 0;
}

static inline void hear_done(int fd, struct azjit_wire_msg *ret)
{
	do
		assert_true(hear(fd, ret));
	while (!azjit_streq(ret->verb, "DONE"));
}

// Says one request and checks its result; the answer lives until the next conversation.
static inline struct azjit_wire_msg ask(const struct stage *stage, const char *text, const char *result)
{
	struct azjit_wire_msg msg;
	int fd = say(stage, text);

	hear_done(fd, &msg);
	assert_string_equal(azjit_wire_get(&msg, "result"), result);
	(void)close(fd);
	return msg;
}

// --- the ledger ---------------------------------------------------------------------------------------

struct wanted_entry {
	enum azjit_entry_kind kind;
	const char *event, *key, *value; // key NULL: any; value NULL: the field must be absent
	int count;
};

static inline bool count_wanted(void *userdata, const struct azjit_entry_read *read)
{
	struct wanted_entry *wanted = userdata;
	const char *value = wanted->key ? azjit_entry_get(read->entry, wanted->key) : NULL;

	if (read->entry->kind != wanted->kind || !azjit_streq(read->entry->event, wanted->event))
		return true;
	if (!wanted->key || (!wanted->value && !value) ||
	    (wanted->value && value && azjit_streq(value, wanted->value)))
		wanted->count++;
	return true;
}

// How many entries there are like this; the broker may be running.
static inline int entries(const struct stage *stage, enum azjit_entry_kind kind, const char *event,
                          const char *key, const char *value)
{
	struct wanted_entry wanted = {.kind = kind, .event = event, .key = key, .value = value};
	struct azjit_ledger *ledger = NULL;
	struct azjit_reason reason = {""};
	char path[96];

	(void)snprintf(path, sizeof(path), "%s/ledger.db", stage->dir);
	if (azjit_ledger_open(path, "jump", &reason, &ledger) != AZJIT_OK)
		fail_msg("%s", reason.text);
	assert_int_equal(azjit_ledger_read(ledger, 0, NULL, NULL, count_wanted, &wanted, &reason), AZJIT_OK);
	azjit_ledger_close(ledger);
	return wanted.count;
}

#endif
