// SPDX-License-Identifier: Apache-2.0
// The lines of a service as libpam reads them (pam.d(5)): `@include` is the text of another file, `include` its
// lines of this type, `substack` the same with a stack of its own, which ends by itself.
#include "doctor_local.h"

#include <azjit/text.h>
#include <stdio.h>

#define MODULE     "pam_azjit.so"
#define DEPTH_MAX  8
#define LINE_BYTES 1024

struct scan {
	const char *directory, *type;
	bool found, required; // our line, and that its refusal counts
	bool passed;          // a line before ours can end the stack with success
	bool unread;
};

struct line {
	char *type, *control, *module;
};

// The next word of *rest, which is NULL behind the last one; NULL if there is none.
static char *word(char **rest, const char *end)
{
	if (*rest)
		*rest += strspn(*rest, " \t");
	return strsep(rest, end);
}

// False for a line that is none. A control in brackets holds spaces.
static bool split(char *text, struct line *ret)
{
	char *rest = text + strspn(text, " \t-");

	ret->type = word(&rest, " \t");
	ret->control = word(&rest, rest && rest[strspn(rest, " \t")] == '[' ? "]" : " \t");
	ret->module = word(&rest, " \t");
	return ret->control && *ret->control;
}

static void read_file(struct scan *scan, const char *name, bool substack, unsigned depth);

static void read_line(struct scan *scan, char *text, bool substack, unsigned depth)
{
	struct line line;
	const char *slash;

	text[strcspn(text, "#\r\n")] = '\0';
	if (!split(text, &line))
		return;
	if (azjit_streq(line.type, "@include")) {
		read_file(scan, line.control, substack, depth + 1);
		return;
	}
	if (!line.module || !azjit_ieq(line.type, scan->type))
		return;
	if (azjit_streq(line.control, "include") || azjit_streq(line.control, "substack")) {
		read_file(scan, line.module, substack || azjit_streq(line.control, "substack"), depth + 1);
		return;
	}
	slash = strrchr(line.module, '/');
	if (azjit_streq(slash ? slash + 1 : line.module, MODULE)) {
		scan->found = true;
		scan->required =
		        azjit_streq(line.control, "required") || azjit_streq(line.control, "requisite");
	} else if (!scan->found && !substack &&
	           (azjit_streq(line.control, "sufficient") || strstr(line.control, "success=done"))) {
		scan->passed = true;
	}
}

static void read_file(struct scan *scan, const char *name, bool substack, unsigned depth)
{
	_cleanup_free_ char *path =
	        strchr(name, '/') ? strdup(name) : doctor_text("%s/%s", scan->directory, name);
	FILE *file = path && depth < DEPTH_MAX ? fopen(path, "re") : NULL;
	char line[LINE_BYTES];

	scan->unread |= !file;
	while (file && fgets(line, sizeof(line), file))
		read_line(scan, line, substack, depth);
	if (file)
		(void)fclose(file);
}

static void judge(struct doctor *doctor, const char *service, const struct scan *scan)
{
	bool account = azjit_streq(scan->type, "account");
	struct doctor_word path;

	(void)snprintf(path.text, sizeof(path.text), "%s/%s", scan->directory, service);
	path = doctor_word(path.text);
	if (!scan->found)
		doctor_find(doctor, AZJIT_SEVERITY_HIGH, "pam-missing",
		            account ? "Nobody whom no rule names is kept out." : "Logins are not recorded.",
		            doctor_text("%s has no %s line with " MODULE, service, scan->type),
		            account ? doctor_text("echo 'account required " MODULE "' >>%s", path.text)
		                    : doctor_text("sed -i '/pam_loginuid.so/a session required " MODULE
		                                  "' %s",
		                                  path.text));
	else if (!scan->required)
		doctor_find(
		        doctor, AZJIT_SEVERITY_HIGH, "pam-control",
		        "What azjit refuses, or cannot record, goes through all the same.",
		        doctor_text("%s: the %s line with " MODULE " is not required", service, scan->type),
		        doctor_text("grep -rn " MODULE " %s", path.text));
	if (scan->found && scan->passed)
		doctor_find(doctor, AZJIT_SEVERITY_HIGH, "pam-order",
		            "Where that line succeeds azjit is not asked.",
		            doctor_text("%s: a line before the %s line with " MODULE " may end the stack",
		                        service, scan->type),
		            doctor_text("grep -n '^%s' %s", scan->type, path.text));
}

void doctor_pam(struct doctor *doctor, const char *directory, const char *service)
{
	static const char *const types[] = {"account", "session"};

	for (size_t i = 0; i < AZJIT_COUNT(types); i++) {
		struct scan scan = {.directory = directory, .type = types[i]};

		read_file(&scan, service, false, 0);
		if (scan.unread && !scan.found)
			doctor_unseen(doctor, "%s lines of %s: a file of %s cannot be read", types[i],
			              service, directory);
		else
			judge(doctor, service, &scan);
	}
}
