// SPDX-License-Identifier: Apache-2.0
// Who types `azjit login` has asked for the code; it is asked for nowhere else (client/azure/device_code.c).
#include "../cmd/administer.h"
#include "login_cache.h"
#include "print.h"

#include <stdio.h>

#define TURN_MS 1000 // how long the loop may find nothing to do; the login has its own deadlines

struct login_run {
	struct direct *direct;
	bool done;
	enum azjit_result result;
};

// The service's own line, as it is.
static void on_ask(void *userdata, const char *message)
{
	(void)fprintf(stderr, "%s\n", message);
}

static bool tell(struct direct *direct, const struct azjit_login *login)
{
	const char *path = login_cache_path(direct->login);

	if (direct->options.json)
		return json_object_set_new(direct->answer, "identity",
		                           json_pack("{s:s, s:s, s:s, s:s, s:s}", "source", "login", "user",
		                                     login->who, "tenant", login->tenant, "cloud",
		                                     login->cloud, "kept_in", path)) == 0;
	print_note("logged in as %s (tenant %s, %s); kept in %s", *login->who ? login->who : "somebody",
	           login->tenant, login->cloud, path);
	return true;
}

static void on_done(void *userdata, enum azjit_result result, const char *reason,
                    const struct azjit_login *login)
{
	struct login_run *run = userdata;
	struct azjit_reason *sentence = &run->direct->reason;

	run->done = true;
	if (!login) {
		run->result = azjit_fail(sentence, result, "%s", reason);
		return;
	}
	run->result = login_cache_write(run->direct->login, login, sentence);
	if (run->result == AZJIT_OK && !tell(run->direct, login))
		run->result = azjit_fail(sentence, AZJIT_NOMEM, "out of memory");
}

static enum azjit_result await(struct direct *direct)
{
	const char *tenant = direct->options.tenant, *client_id = direct->options.client_id;
	struct login_run run = {.direct = direct};
	struct azjit_device *device = NULL;
	enum azjit_result result = azjit_device_start(
	        direct->azure,
	        &(struct azjit_device_options){.tenant = tenant ? tenant : AZJIT_LOGIN_TENANT,
	                                       .client_id = client_id ? client_id : AZJIT_LOGIN_CLIENT,
	                                       .ask = on_ask,
	                                       .done = on_done,
	                                       .userdata = &run},
	        &direct->reason, &device);

	while (result == AZJIT_OK && !run.done)
		if (azjit_loop_turn(direct->loop, TURN_MS) != AZJIT_OK)
			result = azjit_fail(&direct->reason, AZJIT_SYSTEM, "the event loop failed: %m");
	azjit_device_free(device);
	return result == AZJIT_OK ? run.result : result;
}

// The place is judged before a person is sent to a browser.
static enum azjit_result run_login(struct direct *direct)
{
	enum azjit_result result;

	if (direct->options.identity)
		return azjit_fail(&direct->reason, AZJIT_USAGE,
		                  "`azjit login` makes an identity, and takes no --identity");
	direct->options.identity = "login";
	result = login_cache_open(true, &direct->reason, &direct->login);
	if (result == AZJIT_OK)
		result = direct_connect(direct);
	return result == AZJIT_OK ? await(direct) : result;
}

static enum azjit_result run_logout(struct direct *direct)
{
	enum azjit_result result = login_cache_open(false, &direct->reason, &direct->login);

	if (result == AZJIT_OK)
		result = login_cache_remove(direct->login, &direct->reason);
	if (result == AZJIT_NOT_FOUND) {
		print_note("nobody was logged in here");
		return AZJIT_OK;
	}
	if (result == AZJIT_OK)
		print_note("%s is wiped and removed; azjit cannot revoke the login at Entra ID, where a copy "
		           "of it "
		           "would stay good until it ends or an administrator revokes your sessions",
		           login_cache_path(direct->login));
	return result;
}

const struct direct_command direct_login = {
        .cmd = &azjit_cmd_login, .wants = WANTS_LOGIN | WANTS_OFFLINE, .run = run_login};
const struct direct_command direct_logout = {
        .cmd = &azjit_cmd_logout, .wants = WANTS_OFFLINE, .run = run_logout};
