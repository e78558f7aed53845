// SPDX-License-Identifier: Apache-2.0
// azjit-relay: probes, dials and relays what the broker decided; outlives the broker.
//
// Threat model. Attackers: users of the jump host, who send descriptors through the broker and can do
// anything to them; targets, which send any bytes at any pace; a broker that was deceived about a
// target. What must hold, and where it does:
//   - no TCP socket reaches a caller: whoever holds one can disconnect it (AF_UNSPEC) and connect it
//     anywhere the guard lets the relay go. Sockets go to the flow's worker only, a process of ours.
//   - no caller can stop another's connection: descriptors are touched by their own flow's worker
//     (worker.c); the main process waits for nobody; limits for a user and for all (flow.c)
//   - nothing is dialled but other machines (target.c); nothing is read or written with the relay's
//     rights that the caller could not do (vet.c)
//   - a connection does not outlive its caller (control.c), and its end is known to the ledger (ended.c)
//   - only the relay's own user gives orders (listen.c, conn.c)
// It holds no secret and decides nothing. SIGTERM ends it and every connection at once, each with a
// sentence: a relay that waited for interactive sessions would never end, so installing a new version
// does not restart it.
#include "private.h"

#include <azjit/log.h>
#include <azjit/text.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sysexits.h>

#define STOP_MS 3000

static const char usage[] =
        "usage: azjit-relay [--socket PATH] [--flows-per-uid N] [--young N]\n"
        "  --socket PATH       where to listen, unless the service manager passes a socket\n"
        "                      (default " AZJIT_RELAY_SOCKET_PATH ")\n"
        "  --flows-per-uid N   connections of one user at once (default 256)\n"
        "  --young N           connections to one target at once that are still logging in (default 8)\n";

static bool number(const char *option, const char *text, uint64_t max, unsigned *ret)
{
	uint64_t value;

	if (azjit_parse_u64(text, 1, max, &value) != AZJIT_OK) {
		(void)fprintf(stderr, "azjit-relay: --%s takes a number from 1 to %llu\n", option,
		              (unsigned long long)max);
		return false;
	}
	*ret = (unsigned)value;
	return true;
}

static bool parse(int argc, char **argv, struct relay *relay)
{
	static const struct option options[] = {{"socket", required_argument, NULL, 's'},
	                                        {"flows-per-uid", required_argument, NULL, 'u'},
	                                        {"young", required_argument, NULL, 'y'},
	                                        {0}};
	bool good = true;
	int c;

	while (good && (c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 's':
			relay->path = optarg;
			break;
		case 'u':
			good = number("flows-per-uid", optarg, 65536, &relay->flows_per_uid);
			break;
		case 'y':
			good = number("young", optarg, 65536, &relay->young);
			break;
		default:
			good = false;
		}
	}
	if (!good || optind < argc)
		(void)fputs(usage, stderr);
	return good && optind == argc;
}

static void on_stopped(void *userdata)
{
	struct relay *relay = userdata;

	azjit_loop_exit(relay->loop, EXIT_SUCCESS);
}

static void on_signal(void *userdata, int signo)
{
	struct relay *relay = userdata;

	if (relay->stopping || !relay->flows ||
	    azjit_loop_timer(relay->loop, STOP_MS, on_stopped, relay, &relay->stop_timer) != AZJIT_OK)
		azjit_loop_exit(relay->loop, EXIT_SUCCESS);
	relay->stopping = true;
	relay_listen_end(relay);
	flow_end_all(relay, "the relay on the jump host was stopped");
}

static enum azjit_result settle(struct relay *relay)
{
	struct rlimit limit;

	if (prctl(PR_SET_DUMPABLE, 0) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR ||
	    getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return AZJIT_SYSTEM;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		return AZJIT_SYSTEM;
	relay->flows_max = limit.rlim_cur > 65536 ? 65536 / RELAY_FDS_OF_FLOW
	                                          : (unsigned)limit.rlim_cur / RELAY_FDS_OF_FLOW;
	return AZJIT_OK;
}

static int run(struct relay *relay)
{
	struct azjit_source *term = NULL, *interrupt = NULL;
	struct azjit_reason reason = {.text = "the relay cannot start: out of memory or descriptors"};
	int status = EX_OSERR;

	if (settle(relay) == AZJIT_OK && azjit_loop_new(&relay->loop) == AZJIT_OK &&
	    azjit_loop_signal(relay->loop, SIGTERM, on_signal, relay, &term) == AZJIT_OK &&
	    azjit_loop_signal(relay->loop, SIGINT, on_signal, relay, &interrupt) == AZJIT_OK &&
	    relay_listen(relay, &reason) == AZJIT_OK) {
		azjit_loop_notify_ready(relay->loop, "relaying");
		status = azjit_loop_run(relay->loop);
	} else {
		azjit_log(LOG_ERR, "%s", reason.text);
	}
	relay_listen_end(relay);
	relay->stopping = true;
	while (relay->flows)
		flow_free(relay->flows);
	conn_free_all(relay);
	held_free_all(relay);
	ended_free_all(relay);
	azjit_source_free(relay->stop_timer);
	azjit_source_free(term);
	azjit_source_free(interrupt);
	azjit_loop_free(relay->loop);
	return status;
}

int main(int argc, char **argv)
{
	struct relay relay = {.listen_fd = -1,
	                      .path = AZJIT_RELAY_SOCKET_PATH,
	                      .flows_per_uid = AZJIT_RELAY_FLOWS_PER_UID,
	                      .young = AZJIT_RELAY_YOUNG};

	relay.ended_tail = &relay.ended;
	if (!parse(argc, argv, &relay))
		return EX_USAGE;
	return run(&relay);
}
