// SPDX-License-Identifier: Apache-2.0
#include "options.h"

#include <azjit/wire.h>

#include <stddef.h>
#include <string.h>

#define ACCOUNT_MAX_MS 2000
#define OPEN_MAX_MS    10000
#define WAIT_MAX_MS    10000

static bool parse_text(const char *value, struct options *options, const char **field)
{
	*field = value;
	return value[0] != '\0';
}

static bool parse_socket(const char *value, struct options *options)
{
	return value[0] == '/' && parse_text(value, options, &options->socket);
}

static bool parse_broker_user(const char *value, struct options *options)
{
	return parse_text(value, options, &options->broker_user);
}

static bool parse_break_glass(const char *value, struct options *options)
{
	return parse_text(value, options, &options->break_glass);
}

static bool parse_passes(const char *value, struct options *options)
{
	return value[0] == '/' && parse_text(value, options, &options->passes);
}

static bool parse_on_error(const char *value, struct options *options)
{
	options->allow_on_error = strcmp(value, "allow") == 0;
	return options->allow_on_error || strcmp(value, "deny") == 0;
}

static bool parse_time(const char *value, int min_ms, int max_ms, int *ret_ms)
{
	int number = 0;
	const char *p = value;

	for (; *p >= '0' && *p <= '9'; p++) {
		number = number * 10 + (*p - '0');
		if (number > 100000)
			return false;
	}
	if (p == value)
		return false;
	if (*p == '\0' || strcmp(p, "s") == 0)
		number *= 1000;
	else if (strcmp(p, "ms") != 0)
		return false;
	*ret_ms = number;
	return number >= min_ms && number <= max_ms;
}

static bool parse_account_timeout(const char *value, struct options *options)
{
	return parse_time(value, 1, ACCOUNT_MAX_MS, &options->account_ms);
}

static bool parse_open_timeout(const char *value, struct options *options)
{
	return parse_time(value, 1, OPEN_MAX_MS, &options->open_ms);
}

static bool parse_wait(const char *value, struct options *options)
{
	return parse_time(value, 0, WAIT_MAX_MS, &options->wait_ms);
}

static bool parse_quiet(const char *value, struct options *options)
{
	options->quiet = true;
	return true;
}

static bool parse_debug(const char *value, struct options *options)
{
	options->debug = true;
	return true;
}

// A name that ends with '=' takes a value.
static const struct {
	const char *name;
	bool (*parse)(const char *value, struct options *options);
} arguments[] = {
        {"socket=", parse_socket},
        {"broker_user=", parse_broker_user},
        {"on_error=", parse_on_error},
        {"break_glass=", parse_break_glass},
        {"passes=", parse_passes},
        {"account_timeout=", parse_account_timeout},
        {"open_timeout=", parse_open_timeout},
        {"wait=", parse_wait},
        {"quiet", parse_quiet},
        {"debug", parse_debug},
};

#define ARGUMENTS (sizeof(arguments) / sizeof(arguments[0]))

static bool parse_argument(struct options *options, const char *argument, unsigned *seen)
{
	for (size_t i = 0; i < ARGUMENTS; i++) {
		size_t len = strlen(arguments[i].name);
		bool valued = arguments[i].name[len - 1] == '=';

		if (strncmp(argument, arguments[i].name, len) != 0 || (!valued && argument[len] != '\0'))
			continue;
		if (*seen & 1u << i)
			return false;
		*seen |= 1u << i;
		return arguments[i].parse(argument + len, options);
	}
	return false;
}

const char *options_parse(struct options *ret, int argc, const char **argv)
{
	unsigned seen = 0;

	*ret = (struct options){
	        .socket = AZJIT_SOCKET_PATH,
	        .broker_user = "azjit",
	        .passes = AZJIT_PASSES_PATH,
	        .account_ms = 2000,
	        .open_ms = 2000,
	};
	for (int i = 0; i < argc; i++)
		if (!parse_argument(ret, argv[i], &seen))
			return argv[i];
	return NULL;
}
