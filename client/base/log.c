// SPDX-License-Identifier: Apache-2.0
#include <azjit/log.h>
#include <azjit/text.h>

#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#define LINE_BYTES 4096

static int log_max = LOG_INFO;

void azjit_log_max(int level)
{
	log_max = level;
}

// systemd.exec(5), JOURNAL_STREAM: device and inode of the stream that it made; stderr may have been
// redirected since.
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char ours[64];
	struct stat st;

	if (!stream || fstat(STDERR_FILENO, &st) < 0)
		return false;
	(void)snprintf(ours, sizeof(ours), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return azjit_streq(ours, stream);
}

void azjit_log(int level, const char *fmt, ...)
{
	char raw[LINE_BYTES], text[LINE_BYTES], line[LINE_BYTES + 64];
	int saved = errno, len;
	va_list args;

	if (level > log_max)
		return;
	va_start(args, fmt);
	errno = saved; // for %m
	if (vsnprintf(raw, sizeof(raw), fmt, args) < 0)
		raw[0] = '\0';
	va_end(args);
	azjit_printable(raw, text, sizeof(text));
	if (stderr_is_journal())
		len = snprintf(line, sizeof(line), "<%d>%s\n", level & LOG_PRIMASK, text);
	else
		len = snprintf(line, sizeof(line), "%.32s: %s\n", program_invocation_short_name, text);
	if (len > 0)
		(void)!write(STDERR_FILENO, line, (size_t)len);
	errno = saved;
}
