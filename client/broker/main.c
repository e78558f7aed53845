// SPDX-License-Identifier: Apache-2.0
// azjitd: options, and the order of the start.
#include "broker.h"
#include "process.h"

#include <azjit/log.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sysexits.h>

#define LARGE_BYTES (128 * 1024)

static const char help[] =
        "usage: azjitd [--check] [--config FILE] [--user NAME] [--version] [--help]\n"
        "\n"
        "The broker of azjit: decides who may open which port of which VM, asks Azure, keeps the ledger.\n"
        "\n"
        "  --check        judge the configuration as at start, the identity's files with it, and end\n"
        "  --config FILE  the configuration (" AZJIT_CONFIG_PATH ")\n"
        "  --user NAME    started as root: become NAME before anything is opened\n"
        "  --version      print the version\n";

struct options {
	const char *config, *user;
	bool check;
};

// EX_OK: start; -1: done; else the exit status.
static int parse(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
	        {"check", no_argument, NULL, 'k'},      {"config", required_argument, NULL, 'c'},
	        {"user", required_argument, NULL, 'u'}, {"version", no_argument, NULL, 'v'},
	        {"help", no_argument, NULL, 'h'},       {NULL, 0, NULL, 0}};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'k':
			options->check = true;
			break;
		case 'c':
			options->config = optarg;
			break;
		case 'u':
			options->user = optarg;
			break;
		case 'v':
			return puts("azjitd " AZJIT_VERSION) < 0 ? EX_IOERR : -1;
		case 'h':
			return fputs(help, stdout) < 0 ? EX_IOERR : -1;
		default:
			return EX_USAGE;
		}
	}
	if (optind == argc)
		return EX_OK;
	(void)fprintf(stderr, "azjitd: takes no arguments but options; see azjitd --help\n");
	return EX_USAGE;
}

static enum azjit_result prepare(const struct options *options, struct azjit_config **ret,
                                 struct azjit_reason *reason)
{
	enum azjit_result result = process_clear_environment();

	if (result != AZJIT_OK)
		return azjit_fail(reason, result, "no memory for the environment");
	// Large blocks go back to the system when they are freed: else two inventories' worth stays with us.
	(void)mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
	// A peer that leaves is an answer of write(2), not a signal: curl and OpenSSL write, too.
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return azjit_fail(reason, AZJIT_SYSTEM, "SIGPIPE cannot be ignored");
	result = process_become(options->user, reason);
	if (result == AZJIT_OK)
		result = process_harden(reason);
	if (result == AZJIT_OK)
		result = azjit_config_load(options->config, reason, ret);
	return result;
}

// What the start finds wrong before it opens anything.
static enum azjit_result check(struct azjit_config *config, struct azjit_reason *reason)
{
	struct azjit_azure_options options;
	struct azjit_azure *azure = NULL;
	struct azjit_loop *loop = NULL;
	enum azjit_result result = azjit_loop_new(&loop);

	azjit_config_azure(config, &options);
	if (result == AZJIT_OK)
		result = azjit_azure_new(loop, &options, reason, &azure);
	azjit_azure_free(azure);
	azjit_loop_free(loop);
	azjit_config_free(config);
	return result;
}

int main(int argc, char **argv)
{
	struct options options = {.config = AZJIT_CONFIG_PATH};
	struct azjit_config *config = NULL;
	struct broker *broker = NULL;
	struct azjit_reason reason = {""};
	enum azjit_result result;
	int status = parse(argc, argv, &options);

	if (status != EX_OK)
		return status < 0 ? EX_OK : status;
	result = prepare(&options, &config, &reason);
	if (result == AZJIT_OK && options.check) {
		result = check(config, &reason);
		if (result == AZJIT_OK)
			return EX_OK;
	} else if (result == AZJIT_OK && config) {
		azjit_log_max((int)config->log_level);
		result = broker_start(config, &reason, &broker);
	}
	if (!broker) {
		azjit_log(LOG_ERR, "%s", reason.text);
		return azjit_result_exit(result);
	}
	status = broker_run(broker);
	broker_free(broker);
	return status;
}
