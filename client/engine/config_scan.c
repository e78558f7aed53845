// SPDX-License-Identifier: Apache-2.0
// What libconfig does silently, found in the text before libconfig sees it. Against: a file that pulls in
// another one past the check of owner and mode; a number that wraps (libconfig 1.5 reads 4294967317 as
// 21); a NUL that cuts a string or the file.
//
// @include: every libconfig acts on it only at the start of a line, after blanks, outside comments and
// strings. A line that starts so is refused wherever it stands, so that nothing depends on this scanner
// and libconfig agreeing on where comments and strings end.
#include "config_key.h"

#include <stdio.h>

#define DIGITS_MAX 9 // always fit an int

struct scan {
	const char *p, *end;
	const char *file;
	unsigned line;
	struct azjit_reason *reason;
};

static enum azjit_result refuse(const struct scan *s, const char *what)
{
	return azjit_fail(s->reason, AZJIT_CONFIG, "%s:%u: %s", s->file, s->line, what);
}

static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	       c == '-' || c == '*';
}

static bool starts(const struct scan *s, const char *word)
{
	size_t len = strlen(word);

	return (size_t)(s->end - s->p) >= len && memcmp(s->p, word, len) == 0;
}

static enum azjit_result check_line(struct scan *s)
{
	const char *p = s->p;

	while (p < s->end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\f' || *p == '\v'))
		p++;
	if (s->end - p >= 8 && memcmp(p, "@include", 8) == 0)
		return refuse(
		        s,
		        "@include is not allowed: azjit checks the owner of one file; put everything in it");
	return AZJIT_OK;
}

// Steps over one byte, and looks at the new line if it ended one.
static enum azjit_result step(struct scan *s)
{
	if (*s->p++ != '\n')
		return AZJIT_OK;
	s->line++;
	return check_line(s);
}

static enum azjit_result skip_until(struct scan *s, const char *mark)
{
	enum azjit_result result = AZJIT_OK;

	while (result == AZJIT_OK && s->p < s->end && !starts(s, mark))
		result = step(s);
	if (result == AZJIT_OK && s->p < s->end && *mark != '\n')
		s->p += strlen(mark);
	return result;
}

static enum azjit_result skip_string(struct scan *s)
{
	enum azjit_result result = AZJIT_OK;

	s->p++;
	while (result == AZJIT_OK && s->p < s->end && *s->p != '"') {
		if (starts(s, "\\x00"))
			return refuse(s, "a string cannot hold \\x00");
		if (*s->p == '\\' && s->end - s->p > 1)
			s->p++;
		result = step(s);
	}
	if (s->p < s->end)
		s->p++;
	return result;
}

static enum azjit_result skip_word(struct scan *s)
{
	const char *start = s->p;
	bool number = *start >= '0' && *start <= '9';

	while (s->p < s->end && is_word(*s->p))
		s->p++;
	if (number && (size_t)(s->p - start) > DIGITS_MAX)
		return refuse(s, "this number is too large: no key takes one above 999999999");
	return AZJIT_OK;
}

static enum azjit_result scan_token(struct scan *s)
{
	if (*s->p == '#' || starts(s, "//"))
		return skip_until(s, "\n");
	if (starts(s, "/*")) {
		s->p += 2;
		return skip_until(s, "*/");
	}
	if (*s->p == '"')
		return skip_string(s);
	if (*s->p == '@')
		return refuse(s, "'@' means nothing here (@include is not allowed)");
	if (is_word(*s->p) && *s->p != '-')
		return skip_word(s);
	return step(s);
}

enum azjit_result azjit_config_scan(const char *text, size_t len, const char *file,
                                    struct azjit_reason *reason)
{
	struct scan s = {text, text + len, file, 1, reason};
	enum azjit_result result;

	if (memchr(text, '\0', len))
		return azjit_fail(reason, AZJIT_CONFIG, "%s: the file holds a NUL byte; is it a text file?",
		                  file);
	result = check_line(&s);
	while (result == AZJIT_OK && s.p < s.end)
		result = scan_token(&s);
	return result;
}
