// SPDX-License-Identifier: Apache-2.0
// A program that loads the module through libpam, as sshd does, and notes what the module did to it.
#ifndef TESTS_MODULE_HOST_H
#define TESTS_MODULE_HOST_H

#include "fake.h"

#include <security/pam_appl.h>
#include <stdint.h>

// "required", "sufficient", "[default=ignore]" …, the module's arguments, and the lines that follow it.
struct stack {
	const char *control, *arguments, *follower;
};

struct host {
	pam_handle_t *pamh;
	char said[1024]; // all texts of the conversation, each ended by LF
	unsigned say_count, prompt_count;
	struct pam_conv conv;
};

// What syslog was given since host_start: lines "LEVEL text" ended by LF.
extern char host_logged[16384];
extern unsigned host_log_count;

// The account that runs the test and its group: they exist, and the fake broker runs as that account.
const char *host_user(void);
const char *host_group(void);

// Writes DIR/pam.d-like service "test" whose lines name the module under test and the broker's socket.
// broker_user= is host_user unless the arguments say otherwise.
void host_stack(const struct fake *fake, const struct stack *stack);
// pam_start_confdir on it. with_conv false: a conversation whose function is NULL.
void host_start(struct host *ret, const struct fake *fake, const char *user, bool with_conv);
void host_end(struct host *host);

// A broker, a stack whose other line is pam_permit, and a host that has loaded both.
struct scene {
	struct fake fake;
	struct host host;
};
void scene_begin(struct scene *ret, const struct plan *plan, const char *control, const char *arguments);
void scene_end(struct scene *scene);
void set_item(struct scene *scene, int item, const char *value);
// True if the text of fake_asked has this line.
bool asked(const char *text, const char *line);

// Descriptors, signal handlers and mask, umask, directory, environment, errno and timers of this process.
struct snapshot {
	uint64_t hash;
	unsigned fd_count;
	char fds[256];
};
void host_snapshot(struct snapshot *ret);

uint64_t host_now_ms(void);

#endif
