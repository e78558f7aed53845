// SPDX-License-Identifier: Apache-2.0
#include "doctor.h"

#include "../cmd/administer.h"
#include "print.h"

#include <azjit/text.h>
#include <stdarg.h>
#include <stdio.h>

// --- findings -----------------------------------------------------------------------------------------

char *doctor_text(const char *fmt, ...)
{
	char *text;
	va_list args;
	int len;

	va_start(args, fmt);
	len = vasprintf(&text, fmt, args);
	va_end(args);
	return len < 0 ? NULL : text;
}

// As a member of JSON and a line of a terminal can take it, whatever its bytes; `text` is taken over. NULL if it
// is NULL, or memory ran out.
static json_t *clean(char *text)
{
	_cleanup_free_ char *raw = text, *printable = NULL;
	size_t size = raw ? 4 * strlen(raw) + 1 : 0;

	printable = raw ? malloc(size) : NULL;
	if (!printable)
		return NULL;
	azjit_printable(raw, printable, size);
	return json_string(printable);
}

void doctor_find(struct doctor *doctor, enum azjit_severity severity, const char *kind, const char *why,
                 char *what, char *mend)
{
	json_t *row = json_pack("{s:s, s:s, s:o, s:s, s:o}", "severity", azjit_severity_name(severity),
	                        "kind", kind, "what", clean(what), "why", why, "mend", clean(mend));

	if (json_array_append_new(doctor->findings, row) != 0)
		doctor->failed = true;
	doctor->direct->found |= severity == AZJIT_SEVERITY_HIGH;
}

void doctor_unseen(struct doctor *doctor, const char *fmt, ...)
{
	char *text;
	va_list args;
	int len;

	va_start(args, fmt);
	len = vasprintf(&text, fmt, args);
	va_end(args);
	if (json_array_append_new(doctor->unseen, clean(len < 0 ? NULL : text)) != 0)
		doctor->failed = true;
}

struct doctor_word doctor_word(const char *text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./:@+=,";
	struct doctor_word word = {""};
	size_t len = 0;

	if (*text && text[strspn(text, plain)] == '\0' && azjit_copy(word.text, sizeof(word.text), text))
		return word;
	word.text[len++] = '\'';
	for (; *text && len < sizeof(word.text) - 6; text++)
		if (*text == '\'') {
			memcpy(word.text + len, "'\\''", 4);
			len += 4;
		} else {
			word.text[len++] = *text;
		}
	word.text[len++] = '\'';
	word.text[len] = '\0';
	return word;
}

struct doctor_word doctor_name(const char *id)
{
	struct doctor_word name;
	char group[128];

	if (!azjit_id_segment(id, "resourceGroups", group, sizeof(group)))
		group[0] = '\0';
	(void)snprintf(name.text, sizeof(name.text), "%s@%s", azjit_id_name(id), group);
	return name;
}

// --- what people read -----------------------------------------------------------------------------------

static bool say(const char *title, const char *text)
{
	_cleanup_free_ char *clean = malloc(4 * strlen(text) + 1);

	if (!clean)
		return false;
	azjit_printable(text, clean, 4 * strlen(text) + 1);
	return printf("%s%s\n", title, clean) > 0;
}

static bool say_facts(const json_t *answer)
{
	static const char *const titles[][2] = {
	        {"user", "user: "},     {"application", "application: "}, {"object", "object: "},
	        {"tenant", "tenant: "}, {"resource", "resource: "},
	};
	const json_t *identity = json_object_get(answer, "identity"), *vm = json_object_get(answer, "vm");
	json_auto_t *subscriptions = print_list(json_object_get(answer, "subscriptions")),
	            *ports = print_list(json_object_get(vm, "ports"));
	bool ok = subscriptions && ports;

	for (size_t i = 0; ok && i < AZJIT_COUNT(titles); i++)
		if (*json_text(identity, titles[i][0]))
			ok = say(titles[i][1], json_text(identity, titles[i][0]));
	if (ok && *json_text(answer, "sshd"))
		ok = say("sshd: ", json_text(answer, "sshd"));
	if (ok && *json_string_value(subscriptions))
		ok = say("subscriptions: ", json_string_value(subscriptions));
	if (ok && vm)
		ok = say("machine: ", json_text(vm, "id")) && say("state: ", json_text(vm, "state")) &&
		     say("ports: ", json_string_value(ports)) && say("address: ", json_text(vm, "address"));
	return ok;
}

static bool say_finding(const json_t *finding)
{
	return printf("\n%s: ", json_text(finding, "severity")) > 0 && say("", json_text(finding, "what")) &&
	       say("  why: ", json_text(finding, "why")) && say("  mend: ", json_text(finding, "mend"));
}

static bool say_all(const struct doctor *doctor)
{
	static const char *const order[] = {"high", "medium", "low"};
	bool ok = say_facts(doctor->direct->answer);

	for (size_t k = 0; ok && k < AZJIT_COUNT(order); k++)
		for (size_t i = 0; ok && i < json_array_size(doctor->findings); i++) {
			const json_t *finding = json_array_get(doctor->findings, i);

			if (azjit_streq(json_text(finding, "severity"), order[k]))
				ok = say_finding(finding);
		}
	for (size_t i = 0; ok && i < json_array_size(doctor->unseen); i++)
		ok = (i > 0 || putchar('\n') != EOF) &&
		     say("not looked at: ", json_string_value(json_array_get(doctor->unseen, i)));
	if (ok && json_array_size(doctor->findings) == 0)
		ok = putchar('\n') != EOF && say("", "nothing was found");
	return ok;
}

// --- the command ------------------------------------------------------------------------------------------

static enum azjit_result print_role(struct direct *direct)
{
	json_auto_t *role = NULL;
	enum azjit_result result;

	if (direct->options.word_count > 0)
		return azjit_fail(&direct->reason, AZJIT_USAGE, "--role is for all machines: name none");
	result = doctor_role(direct, direct->options.role, &role);
	if (result != AZJIT_OK)
		return result;
	if (direct->options.json)
		return json_object_set(direct->answer, "role", role) == 0
		               ? AZJIT_OK
		               : azjit_fail(&direct->reason, AZJIT_NOMEM, "out of memory");
	if (json_dumpf(role, stdout, JSON_INDENT(2)) != 0 || putchar('\n') == EOF)
		return azjit_fail(&direct->reason, AZJIT_SYSTEM, "the role could not be written: %m");
	return AZJIT_OK;
}

static void clear(struct doctor *doctor)
{
	json_decref(doctor->policies);
	json_decref(doctor->vms);
	json_decref(doctor->nics);
	json_decref(doctor->subnets);
	json_decref(doctor->public_ips);
	json_decref(doctor->firewalls);
}

static enum azjit_result examine(struct direct *direct)
{
	json_auto_t *findings = json_array(), *unseen = json_array();
	_cleanup_(clear) struct doctor doctor = {.direct = direct, .findings = findings, .unseen = unseen};
	enum azjit_result result = AZJIT_OK;

	if (!findings || !unseen)
		return azjit_fail(&direct->reason, AZJIT_NOMEM, "out of memory");
	doctor_local(&doctor);
	doctor_azure(&doctor);
	doctor_metadata(&doctor);
	if (direct->options.word_count > 0)
		result = doctor_vm(&doctor);
	if (doctor.failed || json_object_set(direct->answer, "findings", findings) != 0 ||
	    json_object_set(direct->answer, "not_looked_at", unseen) != 0)
		return azjit_fail(&direct->reason, AZJIT_NOMEM, "out of memory");
	if (!direct->options.json && !say_all(&doctor))
		return azjit_fail(&direct->reason, AZJIT_SYSTEM, "the answer could not be written: %m");
	return result;
}

static enum azjit_result run(struct direct *direct)
{
	if (direct->options.start && !direct->options.role)
		return azjit_fail(&direct->reason, AZJIT_USAGE,
		                  "--start is about the role requester: write --role requester --start");
	if (direct->options.target_sshd && (direct->options.role || direct->options.word_count == 0))
		return azjit_fail(&direct->reason, AZJIT_USAGE, "--target-sshd is of one machine: name it");
	return direct->options.role ? print_role(direct) : examine(direct);
}

const struct direct_command direct_doctor = {
        .cmd = &azjit_cmd_doctor,
        .wants = WANTS_ROLE | WANTS_MAYBE_WORD | WANTS_HOST,
        .run = run,
};
