// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include "enforce.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "http.h"
#include "util.h"

#define MAX_ARGS 32

extern char **environ;

struct run {
	struct run *next;
	json_t *change, *input;
	const char *id; // of group or firewall, in input
	pid_t pid;      // 0: waiting
};

struct enforcer {
	struct run *first, **tail;
};

static struct enforcer *enforcer_of(struct sim *sim)
{
	if (!sim->enforcer) {
		sim->enforcer = xcalloc(1, sizeof(*sim->enforcer));
		sim->enforcer->tail = &sim->enforcer->first;
	}
	return sim->enforcer;
}

static void stamp(struct sim *sim, json_t *change, const char *what)
{
	_cleanup_free_ char *now = time_iso(clock_now(&sim->clock), 6);
	json_t *enforce = json_object_get(change, "enforce");

	if (!json_is_object(enforce)) {
		enforce = json_object();
		jset(change, "enforce", enforce);
	}
	jsets(enforce, what, now);
}

static int input_fd(const json_t *input)
{
	_cleanup_free_ char *text = json_dumps(input, JSON_COMPACT);
	int fd = memfd_create("nsg", MFD_CLOEXEC);
	size_t len = strlen(text);

	if (fd < 0 || write(fd, text, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET))
		die(EX_OSERR, "enforce: %s", strerror(errno));
	return fd;
}

static void split(char *command, char *argv[MAX_ARGS + 1])
{
	size_t n = 0;

	for (char *p = command + strspn(command, " "); *p && n < MAX_ARGS; p += strspn(p, " ")) {
		argv[n++] = p;
		p += strcspn(p, " ");
		if (*p)
			*p++ = '\0';
	}
	argv[n] = NULL;
}

static void start(struct sim *sim, struct run *run)
{
	_cleanup_free_ char *command = xstrdup(sim->opt.enforce);
	char *argv[MAX_ARGS + 1];
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none;
	int fd = input_fd(run->input), error;

	split(command, argv);
	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fd, STDIN_FILENO);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	stamp(sim, run->change, "started");
	error = argv[0] ? posix_spawnp(&run->pid, argv[0], &actions, &attr, argv, environ) : ENOENT;
	if (error)
		die(EX_UNAVAILABLE, "--enforce %s: %s", sim->opt.enforce, strerror(error));
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	close(fd);
}

static bool is_busy(const struct enforcer *e, const char *id)
{
	for (const struct run *r = e->first; r; r = r->next)
		if (r->pid && str_ieq(r->id, id))
			return true;
	return false;
}

void enforce_start(struct sim *sim)
{
	for (struct run *r = enforcer_of(sim)->first; r; r = r->next)
		if (!r->pid && !is_busy(sim->enforcer, r->id))
			start(sim, r);
}

void enforce_queue(struct sim *sim, json_t *change, json_t *input_stolen)
{
	struct enforcer *e = enforcer_of(sim);
	struct run *run;

	if (!sim->opt.enforce) {
		json_decref(input_stolen);
		return;
	}
	run = xcalloc(1, sizeof(*run));
	run->change = json_incref(change);
	run->input = input_stolen;
	run->id = json_string_value(jpath(input_stolen, "nsg.id"));
	if (!run->id)
		run->id = json_string_value(jpath(input_stolen, "firewall.id"));
	*e->tail = run;
	e->tail = &run->next;
}

static void finish(struct sim *sim, struct run **p, int status)
{
	struct run *run = *p;
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);

	stamp(sim, run->change, "finished");
	jset(json_object_get(run->change, "enforce"), "exit", json_integer(code));
	if (code)
		fprintf(stderr, "azsim: --enforce for %s ended with %d\n", run->id, code);
	*p = run->next;
	if (sim->enforcer->tail == &run->next)
		sim->enforcer->tail = p;
	json_decref(run->change);
	json_decref(run->input);
	free(run);
}

void enforce_reap(struct sim *sim)
{
	struct run **p = &enforcer_of(sim)->first;
	int status;

	while (*p) {
		if ((*p)->pid && waitpid((*p)->pid, &status, WNOHANG) == (*p)->pid)
			finish(sim, p, status);
		else
			p = &(*p)->next;
	}
	enforce_start(sim);
	http_release_settled(sim);
}

bool enforce_idle(const struct sim *sim)
{
	return !sim->enforcer || !sim->enforcer->first;
}

void enforce_stop(struct sim *sim)
{
	struct run **p = &enforcer_of(sim)->first;
	int status;

	while (*p) {
		if ((*p)->pid)
			waitpid((*p)->pid, &status, 0);
		else
			status = 0;
		finish(sim, p, status);
	}
}
