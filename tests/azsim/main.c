// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <unistd.h>

#include "enforce.h"
#include "http.h"
#include "jwt.h"
#include "options.h"
#include "record.h"
#include "scenario.h"
#include "util.h"

static int signals(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGCHLD);
	signal(SIGPIPE, SIG_IGN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		die(EX_OSERR, "signalfd: %s", strerror(errno));
	return fd;
}

static void on_signal(struct sim *sim, int fd)
{
	struct signalfd_siginfo info;

	while (read(fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			enforce_reap(sim);
		else
			sim->stop = true;
	}
}

static char *bound(const struct sim *sim, enum service service)
{
	const char *given = sim->opt.listen[service], *colon = given ? strrchr(given, ':') : NULL;

	return colon ? xasprintf("%.*s:%d", (int)(colon - given), given, sim->ports[service]) : NULL;
}

static void tell_ready(const struct sim *sim)
{
	_cleanup_free_ char *arm = bound(sim, SERVICE_ARM), *login = bound(sim, SERVICE_LOGIN),
	                    *imds = bound(sim, SERVICE_IMDS), *control = bound(sim, SERVICE_CONTROL);
	json_auto_t *line =
	        jnew("{s:s s:s s:s s:s?}", "arm", arm, "login", login, "imds", imds, "control", control);
	_cleanup_free_ char *text = json_dumps(line, JSON_COMPACT);

	if (sim->opt.ready_fd < 0)
		return;
	if (dprintf(sim->opt.ready_fd, "%s\n", text) < 0)
		die(EX_IOERR, "--ready-fd: %s", strerror(errno));
	close(sim->opt.ready_fd);
}

static void raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int main(int argc, char **argv)
{
	static struct sim sim;
	struct tls tls;
	int signal_fd;

	options_parse(&sim.opt, argc, argv);
	raise_limits();
	signal_fd = signals();
	sim.resources_tail = &sim.resources;
	sim.requests_tail = &sim.requests;
	scenario_read(&sim, sim.opt.scenario);
	tls_load(&sim.opt, &tls);
	sim.key = key_new();
	record_open(&sim);
	scenario_build(&sim);
	http_start(&sim, &tls);
	tell_ready(&sim);
	http_loop(&sim, signal_fd, on_signal);
	http_stop(&sim);
	enforce_stop(&sim);
	tls_clear(&tls);
	if (sim.record)
		fclose(sim.record);
	return EX_OK;
}
