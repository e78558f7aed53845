// SPDX-License-Identifier: Apache-2.0
// Threat model: whoever may name a resource in the subscription writes words into a command line that an
// administrator will paste into a shell of his. Hence every word is quoted unless it consists of characters
// that mean nothing to a shell, and one that holds anything else than printable characters is never offered.
#include "monitor_private.h"

#include <azjit/buf.h>
#include <azjit/text.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

#define TEXT_MAX_BYTES    ((size_t)1024)
#define COMMAND_MAX_BYTES ((size_t)16 * 4 * TEXT_MAX_BYTES) // 16 words of nothing but quotes

static bool plain(const char *word)
{
	for (const char *c = word; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("_./:=@,+-", *c))
			return false;
	return *word;
}

static bool visible(const char *word)
{
	char printable[TEXT_MAX_BYTES];

	azjit_printable(word, printable, sizeof(printable));
	return azjit_streq(word, printable);
}

static void add_word(struct azjit_buf *line, const char *word)
{
	if (line->len)
		azjit_buf_str(line, " ");
	if (plain(word)) {
		azjit_buf_str(line, word);
		return;
	}
	azjit_buf_str(line, "'");
	for (const char *c = word; *c; c++)
		azjit_buf_add(line, *c == '\'' ? "'\\''" : c, *c == '\'' ? 4 : 1);
	azjit_buf_str(line, "'");
}

// Owned; "" where there is no command. NULL if memory ran out.
static char *command_of(const char *const *words)
{
	_cleanup_buf_ struct azjit_buf line = AZJIT_BUF(COMMAND_MAX_BYTES);

	for (const char *const *word = words; word && *word; word++) {
		if (!visible(*word))
			return strdup("");
		add_word(&line, *word);
	}
	return azjit_buf_steal(&line);
}

// A place for one more, behind all that are as severe.
static struct azjit_finding *place(struct azjit_monitor_report *report, enum azjit_severity severity)
{
	struct azjit_finding *list = reallocarray(report->findings, report->finding_count + 1, sizeof(*list));
	size_t at = report->finding_count;

	if (!list)
		return NULL;
	report->findings = list;
	while (at > 0 && list[at - 1].severity > severity)
		at--;
	memmove(list + at + 1, list + at, (report->finding_count - at) * sizeof(*list));
	report->finding_count++;
	return &list[at];
}

// What it is of: the VM, or the subscription. NULL if memory ran out.
static char *about_of(const struct findings *findings)
{
	char *about;

	if (findings->vm_id)
		return strdup(findings->vm_id);
	return asprintf(&about, "/subscriptions/%s", findings->subscription) < 0 ? NULL : about;
}

static char *printable_copy(const char *raw)
{
	char printable[TEXT_MAX_BYTES];

	azjit_printable(raw, printable, sizeof(printable));
	return strdup(printable);
}

static void write_down(struct findings *findings, const struct finding_kind *kind, const char *const *words,
                       const char *raw)
{
	_cleanup_free_ char *mend = command_of(words), *about = about_of(findings),
	                    *text = printable_copy(raw);
	struct azjit_finding *finding =
	        text && mend && about ? place(findings->report, kind->severity) : NULL;

	if (!finding) {
		findings->failed = true;
		return;
	}
	*finding = (struct azjit_finding){
	        .severity = kind->severity,
	        .kind = kind->kind,
	        .about = STEAL(about),
	        .text = STEAL(text),
	        .why = kind->why,
	        .mend = STEAL(mend),
	};
}

void finding_add(struct findings *findings, const struct finding_kind *kind, const char *const *words,
                 const char *fmt, ...)
{
	char raw[TEXT_MAX_BYTES];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(raw, sizeof(raw), fmt, args);
	va_end(args);
	write_down(findings, kind, words, raw);
}
