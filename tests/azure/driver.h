// SPDX-License-Identifier: Apache-2.0
#ifndef AZJIT_TEST_AZURE_DRIVER_H
#define AZJIT_TEST_AZURE_DRIVER_H

#include <azjit/activity.h>
#include <azjit/jit.h>
#include <azjit/network.h>
#include <azjit/policy.h>
#include <azjit/start.h>
#include <azjit/vm.h>

#define MAX_CALLS ((size_t)1001)

struct driver {
	struct azjit_azure_options options;
	const char *arc_keys;
	const char *identity, *client_request_id, *correlation_id, *justification, *in_callback, *before;
	uint64_t deadline_ms, retries, timeout_ms, times, repeat, idle_ms, cancel_ms, free_ms, end_s,
	        send_chain;
	uint64_t background, login_ms; // are the calls that; when somebody's call comes between them
	uint64_t tell;                 // what status --azure tells
	uint64_t piecewise;
	size_t told;                  // entries in earlier pieces
	bool more;                    // the newest callback was a piece's
	const char *const *arguments; // the call's name and what follows it
	struct azjit_loop *loop;
	struct azjit_azure *azure;
	struct azjit_source *timer, *stopper;
	struct azjit_call *calls[MAX_CALLS];
	size_t due;
	uint64_t fail_at, allocations; // nomem.c
	bool counting;
	uint64_t began_ms;
	int status;
};
extern struct driver driver;

// driver.c
const char *lower(const char *text);
const char *addr_text(struct azjit_addr addr);
void print_answer(const struct azjit_answer *answer, size_t count);
// What every callback ends with; `index` is the call's.
void call_ended(size_t index);

// calls.c
struct azjit_call *start_call(const char *name, size_t index);

#endif
