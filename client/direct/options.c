// SPDX-License-Identifier: Apache-2.0
#include "../cmd/command.h"
#include "direct.h"

#include <azjit/text.h>
#include <azjit/time.h>
#include <getopt.h>

#define SUBSCRIPTIONS_MAX 64
#define RECOMMENDED       "22,3389,5985,5986" // the portal's (azure.md §1.7)

struct reading {
	const struct direct_command *command;
	struct direct_options *options;
	struct azjit_reason *reason;
};

static enum azjit_result add_port(struct reading *r, const char *text)
{
	struct port_wish *wish = &r->options->wish;
	uint16_t port;

	if (azjit_parse_port(text, &port) != AZJIT_OK)
		return azjit_fail(r->reason, AZJIT_USAGE,
		                  "'%s' is no port: write --ports 22,3389 or --ports recommended", text);
	for (size_t i = 0; i < wish->port_count; i++)
		if (wish->ports[i] == port)
			return azjit_fail(r->reason, AZJIT_USAGE, "--ports names port %u twice", port);
	if (wish->port_count == POLICY_PORTS_MAX)
		return azjit_fail(r->reason, AZJIT_USAGE, "--ports names more than %d ports",
		                  POLICY_PORTS_MAX);
	wish->ports[wish->port_count++] = port;
	return AZJIT_OK;
}

static enum azjit_result add_source(struct reading *r, const char *text)
{
	json_t **sources = &r->options->wish.sources;

	if (!*sources)
		*sources = json_array();
	for (size_t i = 0; i < json_array_size(*sources); i++)
		if (azjit_streq(json_string_value(json_array_get(*sources, i)), text))
			return azjit_fail(r->reason, AZJIT_USAGE, "--source names %s twice", text);
	if (json_array_append_new(*sources, json_string(text)) != 0)
		return azjit_fail(r->reason, AZJIT_USAGE, "a source is an IPv4 address, a prefix or '*'");
	return AZJIT_OK;
}

// Runs `add` for each part of a list with commas.
static enum azjit_result each(struct reading *r, const char *list,
                              enum azjit_result (*add)(struct reading *, const char *))
{
	enum azjit_result result = AZJIT_OK;

	for (;;) {
		size_t len = strcspn(list, ",");
		_cleanup_free_ char *part = strndup(list, len);

		result = part ? add(r, part) : azjit_fail(r->reason, AZJIT_NOMEM, "out of memory");
		if (result != AZJIT_OK || list[len] == '\0')
			return result;
		list += len + 1;
	}
}

static enum azjit_result set_protocol(struct reading *r, const char *text)
{
	static const struct {
		const char *word, *azure;
	} protocols[] = {{"tcp", "TCP"}, {"udp", "UDP"}, {"any", "*"}};

	for (size_t i = 0; i < AZJIT_COUNT(protocols); i++)
		if (azjit_ieq(text, protocols[i].word)) {
			r->options->wish.protocol = protocols[i].azure;
			return AZJIT_OK;
		}
	return azjit_fail(r->reason, AZJIT_USAGE, "'%s' is no protocol: write tcp, udp or any", text);
}

static enum azjit_result set_max(struct reading *r, const char *text)
{
	int64_t seconds;

	if (azjit_duration_parse(text, &seconds) != AZJIT_OK || seconds < POLICY_MIN_S ||
	    seconds > POLICY_MAX_S)
		return azjit_fail(r->reason, AZJIT_USAGE,
		                  "--max %s is no time from five minutes to one day: write 45m, 3h or 1d",
		                  text);
	r->options->wish.max_s = seconds;
	return AZJIT_OK;
}

static enum azjit_result add_subscription(struct reading *r, const char *text)
{
	struct azjit_strings *list = &r->options->subscriptions;

	if (!azjit_uuid_valid(text))
		return azjit_fail(r->reason, AZJIT_USAGE,
		                  "'%s' is no subscription id, which is 8-4-4-4-12 hexadecimal digits", text);
	if (list->count == SUBSCRIPTIONS_MAX)
		return azjit_fail(r->reason, AZJIT_USAGE, "--subscription is given more than %d times",
		                  SUBSCRIPTIONS_MAX);
	if (!list->items)
		list->items = calloc(SUBSCRIPTIONS_MAX, sizeof(*list->items));
	if (!list->items)
		return azjit_fail(r->reason, AZJIT_NOMEM, "out of memory");
	list->items[list->count++] = (char *)(uintptr_t)text;
	return AZJIT_OK;
}

static enum azjit_result set_tenant(struct reading *r, const char *text)
{
	size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-");

	if (len == 0 || text[len] || strchr(".-", text[0]))
		return azjit_fail(r->reason, AZJIT_USAGE,
		                  "'%s' is no tenant, which is a GUID or a domain name", text);
	r->options->tenant = text;
	return AZJIT_OK;
}

static enum azjit_result set_client_id(struct reading *r, const char *text)
{
	if (!azjit_uuid_valid(text))
		return azjit_fail(
		        r->reason, AZJIT_USAGE,
		        "'%s' is no application's client id, which is 8-4-4-4-12 hexadecimal digits", text);
	r->options->client_id = text;
	return AZJIT_OK;
}

enum { OPTION_TENANT = 0x1000, OPTION_CLIENT_ID, OPTION_TARGET_SSHD };

static const struct option known[] = {
        {"config", required_argument, NULL, 'c'},
        {"identity", required_argument, NULL, 'i'},
        {"cloud", required_argument, NULL, 'C'},
        {"ca-file", required_argument, NULL, 'a'},
        {"subscription", required_argument, NULL, 's'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {"resource-group", required_argument, NULL, 'g'},
        {"policy", required_argument, NULL, 'P'},
        {"dry-run", no_argument, NULL, 'n'},
        {"backup", required_argument, NULL, 'b'},
        {"ports", required_argument, NULL, 'p'},
        {"protocol", required_argument, NULL, 'o'},
        {"source", required_argument, NULL, 'f'},
        {"max", required_argument, NULL, 'm'},
        {"all-subscriptions", no_argument, NULL, 'A'},
        {"sarif", no_argument, NULL, 'S'},
        {"role", required_argument, NULL, 'r'},
        {"tenant", required_argument, NULL, OPTION_TENANT},
        {"client-id", required_argument, NULL, OPTION_CLIENT_ID},
        {"to-tag", required_argument, NULL, 't'},
        {"start", no_argument, NULL, 'T'},
        {"target-sshd", required_argument, NULL, OPTION_TARGET_SSHD},
        {NULL, 0, NULL, 0},
};

// What a command must want for an option to be its own.
static unsigned wanted_for(int option)
{
	switch (option) {
	case 'g':
		return WANTS_GROUP;
	case 'P':
		return WANTS_POLICY;
	case 'n':
		return WANTS_DRY_RUN;
	case 'b':
		return WANTS_BACKUP;
	case 'A':
	case 'S':
		return WANTS_CHECK;
	case 'p':
	case 'o':
	case 'f':
	case 'm':
		return WANTS_PORTS;
	case 'r':
	case 'T':
	case OPTION_TARGET_SSHD:
		return WANTS_ROLE;
	case OPTION_CLIENT_ID:
		return WANTS_LOGIN;
	case 't':
		return WANTS_TO_TAG;
	default:
		return 0;
	}
}

static enum azjit_result take_text(struct direct_options *options, int option)
{
	if (option == 'c')
		options->config = optarg;
	else if (option == 'i')
		options->identity = optarg;
	else if (option == 'C')
		options->cloud = optarg;
	else if (option == 'a')
		options->ca_file = optarg;
	else if (option == 'g')
		options->group = optarg;
	else if (option == 'P')
		options->policy = optarg;
	else if (option == 'b')
		options->backup = optarg;
	else if (option == 'r')
		options->role = optarg;
	else if (option == 't')
		options->to_tag = optarg;
	else if (option == 'T')
		options->start = true;
	else if (option == OPTION_TARGET_SSHD)
		options->target_sshd = optarg;
	else if (option == 'n')
		options->dry_run = true;
	else if (option == 'j')
		options->json = true;
	else if (option == 'S')
		options->sarif = true;
	else if (option == 'A')
		options->all_subscriptions = true;
	return AZJIT_OK;
}

static enum azjit_result take(struct reading *r, int option)
{
	switch (option) {
	case OPTION_TENANT:
		return set_tenant(r, optarg);
	case OPTION_CLIENT_ID:
		return set_client_id(r, optarg);
	case 's':
		return add_subscription(r, optarg);
	case 'p':
		return each(r, azjit_streq(optarg, "recommended") ? RECOMMENDED : optarg, add_port);
	case 'o':
		return set_protocol(r, optarg);
	case 'f':
		return each(r, optarg, add_source);
	case 'm':
		return set_max(r, optarg);
	default:
		return take_text(r->options, option);
	}
}

static enum azjit_result take_operands(struct reading *r, int argc, char **argv)
{
	const struct azjit_cmd *cmd = r->command->cmd;
	unsigned wants = r->command->wants;
	size_t count = (size_t)(argc - optind);

	r->options->words = argv + optind;
	r->options->word_count = count;
	if (wants & WANTS_HOST && !r->options->config && geteuid() == 0 &&
	    access(AZJIT_CONFIG_PATH, F_OK) == 0)
		r->options->config = AZJIT_CONFIG_PATH;
	if (wants & WANTS_WORD         ? count == 1
	    : wants & WANTS_WORDS      ? count > 0
	    : wants & WANTS_MAYBE_WORD ? count <= 1
	                               : count == 0)
		return AZJIT_OK;
	return azjit_fail(r->reason, AZJIT_USAGE, "usage: azjit %s %s", cmd->name, cmd->usage);
}

enum azjit_result direct_options_read(int argc, char **argv, const struct direct_command *command,
                                      struct direct_options *ret, struct azjit_reason *reason)
{
	struct reading reading = {command, ret, reason};
	enum azjit_result result = AZJIT_OK;
	int option;

	optind = 0;
	opterr = 0;
	while (result == AZJIT_OK && (option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option == 'h') {
			(void)azjit_command_help(command->cmd);
			return AZJIT_CANCELED;
		}
		if (option == '?' || wanted_for(option) & ~command->wants)
			return azjit_fail(reason, AZJIT_USAGE, "%s: `azjit help %s` lists the options",
			                  argv[optind > 0 ? optind - 1 : 0], command->cmd->name);
		result = take(&reading, option);
	}
	return result == AZJIT_OK ? take_operands(&reading, argc, argv) : result;
}

void direct_options_clear(struct direct_options *options)
{
	free(options->subscriptions.items);
	json_decref(options->wish.sources);
}
