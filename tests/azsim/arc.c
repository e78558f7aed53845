// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include "arc.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "settings.h"

#define BASIC "Basic "

// A key is good once.
static void forget_key(struct sim *sim)
{
	if (sim->arc_path)
		(void)unlink(sim->arc_path);
	free(sim->arc_path);
	free(sim->arc_key);
	sim->arc_path = sim->arc_key = NULL;
}

static void write_key(struct sim *sim, const char *directory)
{
	_cleanup_free_ char *name = guid_next(sim), *first = guid_next(sim), *second = guid_next(sim);
	int fd;

	forget_key(sim);
	sim->arc_path = xasprintf("%s/%s.key", directory, name);
	sim->arc_key = xasprintf("%s%s", first, second);
	(void)unlink(sim->arc_path); // of an earlier run with the same seed
	fd = open(sim->arc_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (fd < 0 || write(fd, sim->arc_key, strlen(sim->arc_key)) < 0)
		die(EX_CANTCREAT, "%s: %s", sim->arc_path, strerror(errno));
	(void)close(fd);
}

static void challenge(struct request *req, const char *directory)
{
	struct sim *sim = req->sim;
	const char *realm = sw_text(sim, "arc_realm");

	write_key(sim, directory);
	_cleanup_free_ char *header = xasprintf(BASIC "realm=%s", realm ? realm : sim->arc_path);

	reply_header(req, "Www-Authenticate", header);
	reply_json(req, 401,
	           jnew("{s:s s:s}", "error", "unauthorized_client", "error_description",
	                "Missing Basic Authorization header"));
}

bool arc_proved(struct request *req)
{
	struct sim *sim = req->sim;
	const char *directory = sw_text(sim, "arc_keys"), *shown = request_header(req, "Authorization");
	size_t cut = strlen(BASIC);

	if (!directory || (!shown && !sw_bool(sim, "arc_challenge")))
		return true;
	if (!shown) {
		challenge(req, directory);
		return false;
	}
	if (!sim->arc_key || sw_bool(sim, "arc_refuse") || strncmp(shown, BASIC, cut) ||
	    strcmp(shown + cut, sim->arc_key)) {
		forget_key(sim);
		reply_json(req, 401,
		           jnew("{s:s s:s}", "error", "unauthorized_client", "error_description",
		                "Invalid Basic Authorization header"));
		return false;
	}
	forget_key(sim);
	return true;
}
