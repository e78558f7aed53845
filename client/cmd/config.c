// SPDX-License-Identifier: Apache-2.0
// azjit config check, azjit config show: what the configuration file says, before the broker reads it.
#include "config.h"

#include "config_broker.h"

#include <azjit/config.h>
#include <getopt.h>
#include <stdio.h>
#include <sysexits.h>

#define OUTPUT_BYTES (8 * 1024 * 1024)

struct config_options {
	const char *file;
	bool json, help;
};

static bool read_options(int argc, char **argv, struct config_options *ret)
{
	static const struct option known[] = {
	        {"file", required_argument, NULL, 'f'},
	        {"json", no_argument, NULL, 'j'},
	        {"help", no_argument, NULL, 'h'},
	        {NULL, 0, NULL, 0},
	};
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "f:j", known, NULL)) != -1) {
		if (c == 'f')
			ret->file = optarg;
		else if (c == 'j')
			ret->json = true;
		else if (c == 'h')
			ret->help = true;
		else
			return false;
	}
	if (optind < argc)
		fprintf(stderr, "azjit: config %s takes no \"%s\"\n", argv[0], argv[optind]);
	return optind == argc;
}

// Sentences are printable UTF-8 (result.h): two characters are all that JSON asks to escape.
static void json_text(const char *text, struct azjit_buf *out)
{
	azjit_buf_str(out, "\"");
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			azjit_buf_str(out, "\\");
		azjit_buf_add(out, text, 1);
	}
	azjit_buf_str(out, "\"");
}

// A configuration file that is not there is no host that is not there.
static int exit_status(enum azjit_result result)
{
	return result == AZJIT_NOT_FOUND ? EX_NOINPUT : azjit_result_exit(result);
}

// True, or the exit status has been decided and *ret_status holds it.
static bool begin(int argc, char **argv, const struct azjit_cmd *cmd, struct config_options *options,
                  struct azjit_config **ret, int *ret_status)
{
	struct azjit_reason reason = {""};
	enum azjit_result result;

	if (!read_options(argc, argv, options)) {
		fprintf(stderr, "usage: azjit %s %s\n", cmd->name, cmd->usage);
		*ret_status = azjit_result_exit(AZJIT_USAGE);
		return false;
	}
	if (options->help) {
		printf("usage: azjit %s %s\n\n%s", cmd->name, cmd->usage, cmd->help);
		*ret_status = azjit_result_exit(AZJIT_OK);
		return false;
	}
	result = azjit_config_load(options->file, &reason, ret);
	if (result == AZJIT_OK)
		return true;
	if (options->json) {
		_cleanup_buf_ struct azjit_buf out = AZJIT_BUF(OUTPUT_BYTES);

		azjit_buf_printf(&out, "{\"result\": \"%s\", \"reason\": ", azjit_result_name(result));
		json_text(reason.text, &out);
		if (azjit_buf_str(&out, ", \"warnings\": []}\n"))
			fputs(out.data, stdout);
	}
	fprintf(stderr, "azjit: %s\n", reason.text);
	*ret_status = exit_status(result);
	return false;
}

static int print(const struct azjit_buf *out)
{
	if (out->failed || (out->data && fputs(out->data, stdout) == EOF) || fflush(stdout) == EOF) {
		fprintf(stderr, "azjit: the answer could not be written\n");
		return azjit_result_exit(AZJIT_SYSTEM);
	}
	return azjit_result_exit(AZJIT_OK);
}

// --- check ---

static void print_lines(const char *prefix, const char *lines)
{
	while (*lines) {
		size_t len = strcspn(lines, "\n");

		fprintf(stderr, "%s%.*s\n", prefix, (int)len, lines);
		lines += len + (lines[len] == '\n');
	}
}

static void json_lines(const char *lines, struct azjit_buf *out)
{
	const char *comma = "";

	while (*lines) {
		size_t len = strcspn(lines, "\n");
		_cleanup_free_ char *line = strndup(lines, len);

		azjit_buf_str(out, comma);
		json_text(line ? line : "", out);
		comma = ", ";
		lines += len + (lines[len] == '\n');
	}
}

static int check(int argc, char **argv)
{
	struct config_options options = {.file = AZJIT_CONFIG_PATH};
	_cleanup_(azjit_config_freep) struct azjit_config *config = NULL;
	_cleanup_buf_ struct azjit_buf warnings = AZJIT_BUF(OUTPUT_BYTES), out = AZJIT_BUF(OUTPUT_BYTES);
	struct azjit_reason reason = {""};
	enum azjit_result result;
	int status;

	if (!begin(argc, argv, &azjit_cmd_config_check, &options, &config, &status))
		return status;
	result = azjit_config_check(config, &warnings, &reason);
	if (result == AZJIT_OK && (config->certificate_file || config->key))
		result = config_ask_broker(AZJIT_SBINDIR "/azjitd", options.file, &warnings, &reason);
	if (options.json) {
		azjit_buf_printf(&out, "{\"result\": \"%s\", \"reason\": ", azjit_result_name(result));
		json_text(reason.text, &out);
		azjit_buf_str(&out, ", \"warnings\": [");
		json_lines(warnings.data ? warnings.data : "", &out);
		azjit_buf_str(&out, "]}\n");
	} else {
		print_lines("azjit: warning: ", warnings.data ? warnings.data : "");
	}
	if (result != AZJIT_OK)
		fprintf(stderr, "azjit: %s: %s\n", options.file, reason.text);
	else if (!options.json)
		azjit_buf_printf(&out, "%s: ok, %zu rule%s\n", options.file, config->rule_count,
		                 config->rule_count == 1 ? "" : "s");
	status = print(&out);
	return result == AZJIT_OK ? status : azjit_result_exit(result);
}

const struct azjit_cmd azjit_cmd_config_check = {
        .name = "config check",
        .usage = "[--file PATH] [--json]",
        .summary = "check the configuration file and what it names on this host",
        .help = "  --file PATH   check this file instead of " AZJIT_CONFIG_PATH "\n"
                "  --json        print one JSON object: result, reason, warnings\n"
                "\n"
                "Reads the file as the broker does, and looks up the users, groups, PAM services and files\n"
                "that it names; a certificate and its key are judged by azjitd --check. Warnings go to\n"
                "stderr and leave the exit status 0; an error is one sentence with file, line and key, and\n"
                "exit status 78 (66: there is no such file).\n",
        .run = check,
};

// --- show ---

static int show(int argc, char **argv)
{
	struct config_options options = {.file = AZJIT_CONFIG_PATH};
	_cleanup_(azjit_config_freep) struct azjit_config *config = NULL;
	_cleanup_buf_ struct azjit_buf out = AZJIT_BUF(OUTPUT_BYTES);
	int status;

	if (!begin(argc, argv, &azjit_cmd_config_show, &options, &config, &status))
		return status;
	if (options.json)
		azjit_config_show_json(config, &out);
	else
		azjit_config_show(config, &out);
	return print(&out);
}

const struct azjit_cmd azjit_cmd_config_show = {
        .name = "config show",
        .usage = "[--file PATH] [--json]",
        .summary = "print every configuration key with its value in force",
        .help = "  --file PATH   read this file instead of " AZJIT_CONFIG_PATH "\n"
                "  --json        print one JSON object; keys that are not set are null\n"
                "\n"
                "What is printed is a configuration file again. It holds no secret: those are in files of\n"
                "their own, of which only the path is named.\n",
        .run = show,
};
