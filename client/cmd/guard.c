// SPDX-License-Identifier: Apache-2.0
// azjit guard: keeps the guard's table (conf/nftables/azjit-guard.nft) in the kernel and its set the
// one the broker states. Runs as root's unit with CAP_NET_ADMIN alone.
//
// Against: what the table's own file names, and besides a broker that was taken over and would use
// root's guard (guard_set.c), a user who flushes nothing but waits for someone else's `nft flush
// ruleset`, and a moment without table or set while we restart.
// What holds: a set that is malformed or gone leaves the previous one in the kernel, and says so;
// the table is replaced in one transaction that also fills it; a table that vanished is put back as
// soon as the kernel says so; nothing is removed at our end. No other table is named in any command.
// What the table refused is told to the broker for its ledger (guard_tell.c).
#include "commands.h"
#include "guard_nft.h"
#include "guard_set.h"
#include "guard_tell.h"

#include <azjit/cmd.h>
#include <azjit/file.h>
#include <azjit/log.h>
#include <azjit/time.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#define SET_FILE   "/run/azjit/guard.set"
#define STATE_FILE "/run/azjit-guard/state"
#define BOOK_FILE  "/run/azjit-guard/refused"
// How long a lost notice (a full netlink queue, a directory made anew) may go unseen.
#define CHECK_MS 5000

struct guard {
	const char *set_path, *state_path, *table_path;
	uid_t owner;                // of the set's file
	struct azjit_guard_set set; // what the kernel has
	bool have_set;              // a set was read since we started
	bool table;
	struct azjit_reason error; // of the last attempt; empty when it was well
	int inotify, watch, netlink, signals;
	struct azjit_guard_teller teller;
};

// The table's own file, and with it the set: one transaction, so never a table without its set.
static enum azjit_result replace_table(struct guard *guard, const struct azjit_guard_set *set,
                                       struct azjit_reason *reason)
{
	_cleanup_buf_ struct azjit_buf script = AZJIT_BUF(AZJIT_GUARD_SCRIPT_MAX_BYTES);
	enum azjit_result result = azjit_file_read_trusted(guard->table_path, 0, false, &script, reason);

	if (result != AZJIT_OK)
		return result;
	azjit_buf_str(&script, "\n");
	if (set)
		azjit_guard_set_script(set, &script);
	// What the old one counted goes with it.
	azjit_guard_teller_read(&guard->teller);
	result = azjit_guard_nft(&script, reason);
	if (result == AZJIT_OK)
		azjit_guard_teller_restart(&guard->teller);
	return result;
}

static enum azjit_result fill_table(const struct azjit_guard_set *set, struct azjit_reason *reason)
{
	_cleanup_buf_ struct azjit_buf script = AZJIT_BUF(AZJIT_GUARD_SCRIPT_MAX_BYTES);

	azjit_guard_set_script(set, &script);
	return azjit_guard_nft(&script, reason);
}

// The form is the broker's (client/broker/guard.h).
static void write_state(const struct guard *guard)
{
	_cleanup_buf_ struct azjit_buf text = AZJIT_BUF(4096);
	struct azjit_reason reason;

	azjit_buf_printf(&text, "generation=%" PRIu64 " count=%zu table=%s error=%s\n", guard->set.generation,
	                 guard->set.count, guard->table ? "ok" : "missing", guard->error.text);
	if (text.failed ||
	    azjit_file_replace(guard->state_path, text.data, text.len, 0644, &reason) != AZJIT_OK)
		azjit_log(LOG_ERR, "%s", text.failed ? "the guard's state is too long" : reason.text);
}

static void note_error(struct guard *guard, const struct azjit_reason *reason)
{
	if (!azjit_streq(guard->error.text, reason->text))
		azjit_log(LOG_ERR, "%s; the previous set stays", reason->text);
	guard->error = *reason;
}

// Reads the set and gives it to the kernel. The whole table is replaced the first time (an update may
// have brought new rules) and when it is missing.
static void apply(struct guard *guard)
{
	struct azjit_guard_set set = {0};
	struct azjit_reason reason = {0};
	enum azjit_result result = azjit_guard_set_read(guard->set_path, guard->owner, &set, &reason);

	if (result == AZJIT_OK) {
		bool replace = !guard->have_set || !guard->table;

		result = replace ? replace_table(guard, &set, &reason) : fill_table(&set, &reason);
	}
	if (result == AZJIT_OK) {
		azjit_guard_set_free(&guard->set);
		guard->set = set;
		guard->have_set = guard->table = true;
		guard->error.text[0] = '\0';
		return;
	}
	azjit_guard_set_free(&set);
	// Before the broker's first set there is nothing to report.
	if (result != AZJIT_NOT_FOUND || guard->have_set)
		note_error(guard, &reason);
}

// Puts the table back if it is not there, with the last good set; true if that had to be tried.
static bool ensure_table(struct guard *guard)
{
	struct azjit_reason reason = {0};

	guard->table = azjit_guard_table_present();
	if (guard->table)
		return false;
	if (guard->have_set)
		azjit_log(LOG_WARNING, "the guard's table was removed by someone else; it is put back");
	if (replace_table(guard, guard->have_set ? &guard->set : NULL, &reason) == AZJIT_OK)
		guard->table = true;
	else
		note_error(guard, &reason);
	return true;
}

static void refresh(struct guard *guard)
{
	apply(guard);
	ensure_table(guard);
	write_state(guard);
}

// Watches the directory, since the file is replaced by rename. It may not be there yet.
static void watch_directory(struct guard *guard)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(guard->set_path, '/');

	(void)snprintf(dir, sizeof(dir), "%.*s", (int)(slash - guard->set_path), guard->set_path);
	guard->watch =
	        inotify_add_watch(guard->inotify, dir,
	                          IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR);
}

// Takes all notices; true if one may concern the set.
static bool drain_inotify(struct guard *guard)
{
	char bytes[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool seen = false;
	ssize_t n;

	while ((n = read(guard->inotify, bytes, sizeof(bytes))) > 0) {
		for (char *p = bytes; p < bytes + n;) {
			const struct inotify_event *event = (const void *)p;

			if (event->mask & (IN_IGNORED | IN_MOVE_SELF | IN_Q_OVERFLOW))
				guard->watch = -1;
			p += sizeof(*event) + event->len;
			seen = true;
		}
	}
	return seen;
}

// True if something was removed from some table, or notices were lost.
static bool drain_netlink(struct guard *guard)
{
	char bytes[16384] __attribute__((aligned(NLMSG_ALIGNTO)));
	bool removed = false;
	ssize_t n;

	while ((n = recv(guard->netlink, bytes, sizeof(bytes), MSG_DONTWAIT)) != 0) {
		if (n < 0 && errno == ENOBUFS)
			removed = true;
		else if (n < 0)
			break;
		for (const struct nlmsghdr *h = (const void *)bytes; n > 0 && NLMSG_OK(h, (size_t)n);
		     h = NLMSG_NEXT(h, n)) {
			unsigned type = NFNL_MSG_TYPE(h->nlmsg_type);

			removed = removed || type == NFT_MSG_DELTABLE || type == NFT_MSG_DELCHAIN ||
			          type == NFT_MSG_DELRULE || type == NFT_MSG_DELSET;
		}
	}
	return removed;
}

static int open_netlink(void)
{
	_cleanup_close_ int fd =
	        socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);
	struct sockaddr_nl addr = {.nl_family = AF_NETLINK};
	int group = NFNLGRP_NFTABLES;

	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		return -1;
	return STEAL_FD(fd);
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool open_all(struct guard *guard)
{
	guard->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	guard->netlink = open_netlink();
	guard->signals = open_signals();
	guard->watch = -1;
	if (guard->inotify < 0 || guard->netlink < 0 || guard->signals < 0) {
		azjit_log(LOG_ERR, "the guard needs CAP_NET_ADMIN, inotify and signalfd: %s",
		          strerror(errno));
		return false;
	}
	return true;
}

// What is done every CHECK_MS, whatever else happens. Telling makes way for a new set.
static void check(struct guard *guard)
{
	if (ensure_table(guard))
		write_state(guard);
	azjit_guard_teller_read(&guard->teller);
	azjit_guard_teller_tell(&guard->teller, guard->inotify, false);
}

static int end(struct guard *guard)
{
	azjit_guard_teller_read(&guard->teller);
	azjit_guard_teller_tell(&guard->teller, -1, true);
	return azjit_result_exit(AZJIT_OK);
}

static int follow(struct guard *guard)
{
	enum { INOTIFY, NETLINK, SIGNALS };
	uint64_t check_ms = azjit_time_monotonic_ms() + CHECK_MS;

	if (!open_all(guard))
		return azjit_result_exit(AZJIT_SYSTEM);
	watch_directory(guard);
	azjit_guard_teller_load(&guard->teller);
	refresh(guard);
	(void)sd_notify(0, "READY=1");
	for (;;) {
		uint64_t now_ms = azjit_time_monotonic_ms();
		struct pollfd fds[] = {
		        [INOTIFY] = {.fd = guard->inotify, .events = POLLIN},
		        [NETLINK] = {.fd = guard->netlink, .events = POLLIN},
		        [SIGNALS] = {.fd = guard->signals, .events = POLLIN},
		};
		int ready = poll(fds, AZJIT_COUNT(fds), now_ms < check_ms ? (int)(check_ms - now_ms) : 0);
		bool changed = drain_inotify(guard);
		bool removed = drain_netlink(guard);
		bool unwatched = guard->watch < 0;

		if (ready > 0 && fds[SIGNALS].revents)
			return end(guard);
		if (unwatched)
			watch_directory(guard);
		if (changed || (unwatched && guard->watch >= 0))
			refresh(guard);
		else if (removed && ensure_table(guard))
			write_state(guard);
		if (azjit_time_monotonic_ms() >= check_ms) {
			check(guard);
			check_ms = azjit_time_monotonic_ms() + CHECK_MS;
		}
		// What our own transaction removed and added is no news.
		(void)drain_netlink(guard);
	}
}

// Once: the table, and the set if there is one.
static int load(struct guard *guard)
{
	azjit_guard_teller_load(&guard->teller);
	refresh(guard);
	return azjit_result_exit(guard->table && !guard->error.text[0] ? AZJIT_OK : AZJIT_SYSTEM);
}

static int show(const struct guard *guard)
{
	_cleanup_buf_ struct azjit_buf state = AZJIT_BUF(4096);
	struct azjit_reason reason;
	enum azjit_result result = azjit_file_read_trusted(guard->state_path, 0, false, &state, &reason);

	if (result == AZJIT_NOT_FOUND) {
		azjit_log(LOG_ERR, "the guard is not running: there is no %s", guard->state_path);
		return azjit_result_exit(result);
	}
	if (result == AZJIT_OK && fputs(state.data ? state.data : "", stdout) < 0)
		result = azjit_fail(&reason, AZJIT_SYSTEM, "cannot write: %s", strerror(errno));
	(void)fflush(stdout);
	// The kernel shows its rules to root only.
	if (result == AZJIT_OK && geteuid() == 0)
		result = azjit_guard_print_table(&reason);
	if (result != AZJIT_OK)
		azjit_log(LOG_ERR, "%s", reason.text);
	return azjit_result_exit(result);
}

static bool parse_options(int argc, char **argv, struct guard *guard)
{
	static const struct option options[] = {
	        CALLER_OPTIONS,
	        {"set", required_argument, NULL, 's'},
	        {"state", required_argument, NULL, 't'},
	        {"table", required_argument, NULL, 'n'},
	        {"refused", required_argument, NULL, 'r'},
	        {0},
	};
	int option;

	optind = 1;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 's')
			guard->set_path = optarg;
		else if (option == 't')
			guard->state_path = optarg;
		else if (option == 'n')
			guard->table_path = optarg;
		else if (option == 'r')
			guard->teller.path = optarg;
		else if (!caller_option(&guard->teller.caller, option, optarg))
			return false;
	}
	return optind == argc - 1 && guard->set_path[0] == '/' && guard->state_path[0] == '/' &&
	       guard->teller.path[0] == '/';
}

static int run(int argc, char **argv)
{
	struct guard guard = {
	        .set_path = SET_FILE,
	        .state_path = STATE_FILE,
	        .table_path = AZJIT_GUARD_TABLE_FILE,
	        .teller = {.path = BOOK_FILE},
	};
	const struct passwd *broker;
	const char *verb, *user;

	if (!parse_options(argc, argv, &guard)) {
		azjit_log(LOG_ERR,
		          "usage: azjit guard load|follow|show [--set FILE] [--state FILE] [--table FILE] "
		          "[--refused FILE] [--socket PATH] [--broker-user NAME]");
		return azjit_result_exit(AZJIT_USAGE);
	}
	verb = argv[optind];
	if (azjit_streq(verb, "show"))
		return show(&guard);
	user = guard.teller.caller.broker_user ? guard.teller.caller.broker_user : CALLER_USER;
	broker = getpwnam(user);
	if (!broker) {
		azjit_log(LOG_ERR, "there is no user %s; systemd-sysusers makes azjit's", user);
		return azjit_result_exit(AZJIT_CONFIG);
	}
	guard.owner = broker->pw_uid;
	if (azjit_streq(verb, "load"))
		return load(&guard);
	if (azjit_streq(verb, "follow"))
		return follow(&guard);
	azjit_log(LOG_ERR, "azjit guard has load, follow and show");
	return azjit_result_exit(AZJIT_USAGE);
}

const struct azjit_cmd azjit_cmd_guard = {
        .name = "guard",
        .usage = "load|follow|show",
        .summary = "keep opened ports from everyone azjit did not let through",
        .help = "load     puts the guard's nftables table into the kernel if it is not there, with the\n"
                "         broker's set\n"
                "follow   the same, and then keeps table and set as the broker states them, and tells\n"
                "         the broker what the table refused, which `azjit audit refusals` shows (the unit\n"
                "         azjit-guard.service runs this)\n"
                "show     what is in force; for root also who was refused what\n"
                "\n"
                "--set FILE     the broker's set (" SET_FILE ")\n"
                "--state FILE   what the kernel has, for the broker (" STATE_FILE ")\n"
                "--table FILE   the table (" AZJIT_GUARD_TABLE_FILE ")\n"
                "--refused FILE which refusals the broker was told of (" BOOK_FILE ")\n" CALLER_HELP,
        .run = run,
};
