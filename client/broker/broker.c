// SPDX-License-Identifier: Apache-2.0
#include "broker.h"

#include "conn.h"
#include "connect.h"
#include "flows.h"
#include "guard.h"
#include "knock.h"
#include "listen.h"
#include "passes.h"
#include "reconcile.h"
#include "record.h"
#include "relay_link.h"

#include <azjit/log.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#define FAULT_WINDOW_MS 10000
#define FAULTS_MOST     20

// --- what the engine asks of us -----------------------------------------------------------------------

static void probe_start(void *userdata, const char *probe_id, const struct azjit_addr *addr, uint16_t port,
                        bool slow)
{
	struct broker *broker = userdata;

	if (broker->relay)
		relay_link_probe(broker->relay, probe_id, addr, port, slow);
}

static void probe_stop(void *userdata, const char *probe_id)
{
	struct broker *broker = userdata;

	if (broker->relay)
		relay_link_probe_stop(broker->relay, probe_id);
}

static bool guarded(void *userdata, const struct azjit_addr *addr, uint16_t port)
{
	const struct broker *broker = userdata;

	return broker->guard && guard_covers(broker->guard, addr, port);
}

static void log_line(void *userdata, int level, const char *text)
{
	(void)userdata;
	azjit_log(level, "%s", text);
}

static void guard_again(void *userdata)
{
	struct broker *broker = userdata;

	if (broker->guard)
		guard_update(broker->guard);
}

static bool stopped(void *userdata, struct azjit_reason *reason)
{
	return broker_killed(userdata, reason);
}

static const struct azjit_engine_ops engine_ops = {.stopped = stopped,
                                                   .probe_start = probe_start,
                                                   .probe_stop = probe_stop,
                                                   .guarded = guarded,
                                                   .log = log_line,
                                                   .guard = guard_again};

static void on_inventory(void *userdata, enum azjit_result result, const char *reason)
{
	struct broker *broker = userdata;

	if (result != AZJIT_OK && result != broker->inventory_result)
		azjit_log(LOG_WARNING, "the inventory cannot be read: %s", reason);
	else if (result == AZJIT_OK && broker->inventory_result != AZJIT_OK)
		azjit_log(LOG_INFO, "the inventory is read");
	broker->inventory_result = result;
	guard_update(broker->guard);
	// What a refresh took and gave back lies scattered; the next one is far away.
	(void)malloc_trim(0);
}

static void on_session_end(void *userdata, const struct azjit_session *session, const char *how)
{
	(void)userdata;
	azjit_log(azjit_streq(how, "lost") ? LOG_WARNING : LOG_DEBUG, "session %s of %s: %s", session->id,
	          session->user, how);
}

bool broker_killed(const struct broker *broker, struct azjit_reason *reason)
{
	const char *path = broker->config->kill_switch;
	struct stat st;

	if (!path || (lstat(path, &st) < 0 && (errno == ENOENT || errno == ENOTDIR)))
		return false;
	// There, or not to be examined: stop.
	(void)azjit_fail(reason, AZJIT_STOPPED, "the kill switch is on: nothing is opened while %s exists",
	                 path);
	return true;
}

// --- life ---------------------------------------------------------------------------------------------

static void on_stop(void *userdata, int signo)
{
	struct broker *broker = userdata;

	azjit_log(LOG_INFO, "stopping (%s)", strsignal(signo));
	conns_stop(broker->conns,
	           "the broker was stopped while you waited; what was asked of Azure goes on: try again");
	(void)record_start(broker, "stopped", NULL, NULL);
	azjit_loop_exit(broker->loop, EXIT_SUCCESS);
}

static void on_hup(void *userdata, int signo)
{
	(void)userdata;
	(void)signo;
	azjit_log(LOG_NOTICE,
	          "the configuration is read at the start only: restart azjitd to have it read again");
}

static enum azjit_result signals(struct broker *broker)
{
	enum azjit_result result =
	        azjit_loop_signal(broker->loop, SIGTERM, on_stop, broker, &broker->on_term);

	if (result == AZJIT_OK)
		result = azjit_loop_signal(broker->loop, SIGINT, on_stop, broker, &broker->on_int);
	if (result == AZJIT_OK)
		result = azjit_loop_signal(broker->loop, SIGHUP, on_hup, broker, &broker->on_hup);
	return result;
}

// What must not fail for want of anything but memory.
static enum azjit_result parts(struct broker *broker)
{
	enum azjit_result result = guard_new(broker, &broker->guard);

	if (result == AZJIT_OK)
		result = reconcile_new(broker, &broker->reconcile);
	if (result == AZJIT_OK)
		result = signals(broker);
	broker->conns = conns_new(broker);
	broker->connects = connects_new(broker);
	return broker->conns && broker->connects ? result : AZJIT_NOMEM;
}

static enum azjit_result azure(struct broker *broker, struct azjit_reason *reason)
{
	struct azjit_azure_options options = {0};
	enum azjit_result result;

	azjit_config_azure(broker->config, &options);
	result = azjit_azure_new(broker->loop, &options, reason, &broker->azure);
	if (result != AZJIT_OK)
		return result;
	result = azjit_inventory_new(broker->loop, broker->azure, broker->config, &broker->inventory);
	if (result != AZJIT_OK)
		return azjit_fail(reason, result, "no inventory can be made: %m");
	azjit_inventory_watch(broker->inventory, on_inventory, broker);
	return AZJIT_OK;
}

static enum azjit_result record_recovered(struct broker *broker, struct azjit_reason *reason)
{
	size_t sessions = azjit_sessions_count(broker->sessions), flows = flows_count(broker->flows);
	char text[96];

	if (sessions + flows == 0)
		return AZJIT_OK;
	(void)snprintf(text, sizeof(text), "%zu sessions and %zu connections live on", sessions, flows);
	return record_start(broker, "recovered", text, reason);
}

// From the ledger, in this order: grants, the sessions and connections that use them.
static enum azjit_result recover(struct broker *broker, struct azjit_reason *reason)
{
	enum azjit_result result =
	        azjit_engine_new(broker->loop, broker->config, broker->azure, broker->inventory,
	                         broker->ledger, &engine_ops, broker, reason, &broker->engine);

	if (result == AZJIT_OK)
		result = azjit_sessions_new(broker->loop, broker->ledger, on_session_end, broker, reason,
		                            &broker->sessions);
	if (result == AZJIT_OK)
		result = flows_new(broker, reason, &broker->flows);
	if (result == AZJIT_OK)
		result = record_recovered(broker, reason);
	if (result != AZJIT_OK)
		return result;
	result = relay_link_new(broker, &broker->relay);
	if (result != AZJIT_OK)
		(void)azjit_fail(reason, result, "the loop takes no connection to the relay");
	return result;
}

static enum azjit_result start(struct broker *broker, struct azjit_reason *reason)
{
	enum azjit_result result = azjit_loop_new(&broker->loop);

	if (result == AZJIT_OK)
		result = parts(broker);
	if (result != AZJIT_OK)
		return azjit_fail(reason, result, "the event loop cannot be set up: %m");
	result = azjit_ledger_open(broker->config->ledger, broker->host, reason, &broker->ledger);
	if (result == AZJIT_OK)
		result = record_start(broker, "started", NULL, reason);
	if (result == AZJIT_OK)
		result = azure(broker, reason);
	if (result == AZJIT_OK)
		result = recover(broker, reason);
	if (result == AZJIT_OK) {
		broker->passes = passes_new(broker);
		result = listener_new(broker, broker->config->socket, reason, &broker->listener);
	}
	return result;
}

enum azjit_result broker_start(struct azjit_config *config, struct azjit_reason *reason, struct broker **ret)
{
	struct broker *broker = calloc(1, sizeof(*broker));
	enum azjit_result result;

	if (!broker) {
		azjit_config_free(config);
		return azjit_fail(reason, AZJIT_NOMEM, "no memory for the broker");
	}
	broker->config = config;
	broker->since = azjit_time_now();
	broker->inventory_result = AZJIT_OK;
	if (gethostname(broker->host, sizeof(broker->host) - 1) < 0)
		(void)azjit_copy(broker->host, sizeof(broker->host), "unknown");
	result = start(broker, reason);
	if (result != AZJIT_OK) {
		broker_free(broker);
		return result;
	}
	*ret = broker;
	return AZJIT_OK;
}

// A turn of the loop that fails for want of memory loses nothing: the kernel tells its events again. One
// that fails again and again is another matter.
int broker_run(struct broker *broker)
{
	uint64_t since_ms = 0;
	int status, faults = 0;

	azjit_loop_notify_ready(broker->loop, "deciding who may open which port");
	while ((status = azjit_loop_run(broker->loop)) != EXIT_SUCCESS) {
		uint64_t now_ms = azjit_time_monotonic_ms();

		if (now_ms - since_ms > FAULT_WINDOW_MS) {
			since_ms = now_ms;
			faults = 0;
		}
		if (++faults > FAULTS_MOST)
			break;
		azjit_log(LOG_ERR, "a turn of the event loop failed: %m");
	}
	return status;
}

void broker_free(struct broker *broker)
{
	if (!broker)
		return;
	listener_free(broker->listener);
	conns_free(broker->conns); // gives up their lookups, waiters and runs
	knocks_free(broker);
	connects_free(broker->connects);
	reconcile_free(broker->reconcile);
	relay_link_free(STEAL(broker->relay));
	passes_free(broker->passes);
	flows_free(broker->flows);
	azjit_sessions_free(broker->sessions);
	azjit_engine_free(broker->engine);
	azjit_inventory_free(broker->inventory);
	guard_free(broker->guard);
	azjit_azure_free(broker->azure);
	tallies_free(&broker->tallies);
	azjit_ledger_close(broker->ledger);
	azjit_source_free(broker->on_term);
	azjit_source_free(broker->on_int);
	azjit_source_free(broker->on_hup);
	azjit_loop_free(broker->loop);
	azjit_config_free(broker->config);
	free(broker);
}
