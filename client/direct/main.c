// SPDX-License-Identifier: Apache-2.0
// azjit-direct: executed by azjit, with azjit's words.
#include "direct.h"

#include "../cmd/caller.h"
#include "../cmd/command.h"
#include "../cmd/report.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

static const struct direct_command *const commands[] = {
        &direct_policy_list,    &direct_policy_show,    &direct_policy_enable, &direct_policy_set,
        &direct_policy_disable, &direct_policy_restore, &direct_vm_list,       &direct_vm_show,
        &direct_monitor_check,  &direct_monitor_enable, &direct_doctor,        &direct_login,
        &direct_logout,         &direct_whoami,         &direct_policy_copy,
};

static const struct direct_command *find(int argc, char **argv, int *ret_words)
{
	const struct azjit_cmd *words[AZJIT_COUNT(commands)];
	const struct azjit_cmd *found;

	for (size_t i = 0; i < AZJIT_COUNT(commands); i++)
		words[i] = commands[i]->cmd;
	found = azjit_command_find(words, AZJIT_COUNT(commands), argc, argv, ret_words);
	for (size_t i = 0; i < AZJIT_COUNT(commands); i++)
		if (commands[i]->cmd == found)
			return commands[i];
	return NULL;
}

static bool print_json(struct direct *direct, enum azjit_result result)
{
	json_t *answer = direct->answer;

	return json_object_set_new(answer, "result", json_string(azjit_result_name(result))) == 0 &&
	       json_object_set_new(answer, "reason",
	                           json_string(result == AZJIT_OK ? "" : direct->reason.text)) == 0 &&
	       json_dumpf(answer, stdout, JSON_INDENT(2)) == 0 && putchar('\n') != EOF;
}

static int run(struct direct *direct, const struct direct_command *command, int argc, char **argv)
{
	enum azjit_result result =
	        direct_options_read(argc, argv, command, &direct->options, &direct->reason);

	if (result == AZJIT_CANCELED)
		return azjit_result_exit(AZJIT_OK);
	if (result == AZJIT_OK && !(command->wants & WANTS_OFFLINE))
		result = direct_connect(direct);
	if (result == AZJIT_OK)
		result = command->run(direct);
	if (direct->options.json && !print_json(direct, result))
		result = azjit_fail(&direct->reason, AZJIT_SYSTEM, "the answer could not be written");
	if (fflush(stdout) != 0 && result == AZJIT_OK)
		result = azjit_fail(&direct->reason, AZJIT_SYSTEM, "the answer could not be written: %m");
	return result == AZJIT_OK && direct->found ? REPORT_EXIT_FOUND : caller_exit(result, &direct->reason);
}

int main(int argc, char **argv)
{
	const struct rlimit no_core = {0, 0};
	struct direct direct = {.answer = NULL};
	const struct direct_command *command;
	int words = 0, status;

	(void)setrlimit(RLIMIT_CORE, &no_core); // it would hold the token
	// What libraries read behind our back (http.h), before they are woken.
	(void)unsetenv("SSLKEYLOGFILE");
	(void)unsetenv("OPENSSL_CONF");
	command = find(argc - 1, argv + 1, &words);
	if (!command)
		return caller_usage("azjit-direct is part of azjit: `azjit help` lists the commands");
	direct.answer = json_object();
	if (!direct.answer || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return azjit_result_exit(AZJIT_SYSTEM);
	status = run(&direct, command, argc - words, argv + words);
	direct_disconnect(&direct);
	direct_options_clear(&direct.options);
	json_decref(direct.answer);
	return status;
}
