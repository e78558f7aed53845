// SPDX-License-Identifier: Apache-2.0
#include "options.h"

#include <getopt.h>
#include <string.h>
#include <sysexits.h>

#include "util.h"

enum {
	OPT_SCENARIO = 1,
	OPT_TLS_DIR,
	OPT_TLS_NAME,
	OPT_TLS_PRIORITY,
	OPT_RECORD,
	OPT_ENFORCE,
	OPT_READY,
	OPT_CLOCK,
	OPT_HELP,
	OPT_LISTEN
};

static const struct option longopts[] = {
        {"scenario", required_argument, NULL, OPT_SCENARIO},
        {"tls-dir", required_argument, NULL, OPT_TLS_DIR},
        {"tls-name", required_argument, NULL, OPT_TLS_NAME},
        {"tls-priority", required_argument, NULL, OPT_TLS_PRIORITY},
        {"record", required_argument, NULL, OPT_RECORD},
        {"enforce", required_argument, NULL, OPT_ENFORCE},
        {"ready-fd", required_argument, NULL, OPT_READY},
        {"clock", required_argument, NULL, OPT_CLOCK},
        {"help", no_argument, NULL, OPT_HELP},
        {"arm", required_argument, NULL, OPT_LISTEN + SERVICE_ARM},
        {"login", required_argument, NULL, OPT_LISTEN + SERVICE_LOGIN},
        {"imds", required_argument, NULL, OPT_LISTEN + SERVICE_IMDS},
        {"control", required_argument, NULL, OPT_LISTEN + SERVICE_CONTROL},
        {0},
};

static const char usage[] =
        "usage: azsim --scenario FILE.json --arm ADDR:PORT --login ADDR:PORT --imds ADDR:PORT --tls-dir DIR\n"
        "             [--tls-name NAME]... [--tls-priority P] [--control ADDR:PORT] [--record FILE.jsonl] "
        "[--enforce CMD]\n"
        "             [--ready-fd N] [--clock real|manual]";

static void add_name(struct options *opt, const char *name)
{
	if (opt->tls_name_count == ARRAY_SIZE(opt->tls_names))
		die(EX_USAGE, "more than %zu --tls-name", ARRAY_SIZE(opt->tls_names));
	opt->tls_names[opt->tls_name_count++] = name;
}

static void set_clock(struct options *opt, const char *mode)
{
	opt->manual = !strcmp(mode, "manual");
	if (!opt->manual && strcmp(mode, "real"))
		die(EX_USAGE, "--clock is real or manual, not '%s'", mode);
}

static void set_ready(struct options *opt, const char *text)
{
	long long n;

	if (!parse_number(text, 0, 1 << 20, &n))
		die(EX_USAGE, "--ready-fd '%s' is not a descriptor", text);
	opt->ready_fd = (int)n;
}

static void apply(struct options *opt, int key)
{
	switch (key) {
	case OPT_SCENARIO:
		opt->scenario = optarg;
		break;
	case OPT_TLS_DIR:
		opt->tls_dir = optarg;
		break;
	case OPT_TLS_NAME:
		add_name(opt, optarg);
		break;
	case OPT_TLS_PRIORITY:
		opt->tls_priority = optarg;
		break;
	case OPT_RECORD:
		opt->record = optarg;
		break;
	case OPT_ENFORCE:
		opt->enforce = optarg;
		break;
	case OPT_READY:
		set_ready(opt, optarg);
		break;
	case OPT_CLOCK:
		set_clock(opt, optarg);
		break;
	case OPT_HELP:
		puts(usage);
		exit(EX_OK);
	case OPT_LISTEN + SERVICE_ARM:
	case OPT_LISTEN + SERVICE_LOGIN:
	case OPT_LISTEN + SERVICE_IMDS:
	case OPT_LISTEN + SERVICE_CONTROL:
		opt->listen[key - OPT_LISTEN] = optarg;
		break;
	default:
		fprintf(stderr, "%s\n", usage);
		exit(EX_USAGE);
	}
}

void options_parse(struct options *opt, int argc, char **argv)
{
	int key;

	*opt = (struct options){.ready_fd = -1, .tls_priority = "NORMAL"};
	while ((key = getopt_long(argc, argv, "", longopts, NULL)) != -1)
		apply(opt, key);
	if (optind != argc)
		die(EX_USAGE, "unexpected argument '%s'", argv[optind]);
	if (!opt->scenario || !opt->tls_dir || !opt->listen[SERVICE_ARM] || !opt->listen[SERVICE_LOGIN] ||
	    !opt->listen[SERVICE_IMDS])
		die(EX_USAGE, "--scenario, --arm, --login, --imds and --tls-dir are needed");
}
