// SPDX-License-Identifier: Apache-2.0
#include "progress.h"

#include <azjit/text.h>
#include <azjit/time.h>
#include <signal.h>
#include <stdio.h>

#define TICK_MS     200
#define ERASE       "\r\033[K"
#define WIDTH_CHARS 76 // so that a line never wraps and can be rewritten

static volatile sig_atomic_t live;

// Who is interrupted leaves the terminal clean, then dies as if we had not been asked.
static void on_signal(int signo)
{
	if (live)
		(void)!write(STDERR_FILENO, ERASE, strlen(ERASE));
	(void)raise(signo);
}

void progress_begin(struct progress *progress)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESETHAND};

	*progress = (struct progress){.terminal = isatty(STDERR_FILENO) == 1,
	                              .started_ms = azjit_time_monotonic_ms()};
	for (size_t i = 0; progress->terminal && i < AZJIT_COUNT(signals); i++)
		(void)sigaction(signals[i], &action, NULL);
}

static void draw(const struct progress *progress)
{
	uint64_t elapsed_ms = azjit_time_monotonic_ms() - progress->started_ms;

	live = 1;
	(void)fprintf(stderr, ERASE "azjit: %.*s (%llu.%llu s)", WIDTH_CHARS - 20, progress->text,
	              (unsigned long long)(elapsed_ms / 1000), (unsigned long long)(elapsed_ms % 1000 / 100));
	(void)fflush(stderr);
}

void progress_show(struct progress *progress, const struct azjit_wire_msg *msg)
{
	const char *vm = azjit_wire_get(msg, "vm"), *text = azjit_wire_get(msg, "text");
	char line[sizeof(progress->text)], printable[sizeof(progress->text)];

	if (!text)
		text = azjit_wire_get(msg, "stage");
	(void)snprintf(line, sizeof(line), "%s%s%s", vm ? vm : "", vm ? ": " : "", text ? text : "");
	azjit_printable(line, printable, sizeof(printable));
	if (azjit_streq(printable, progress->text))
		return;
	(void)azjit_copy(progress->text, sizeof(progress->text), printable);
	if (progress->terminal)
		draw(progress);
	else
		(void)fprintf(stderr, "azjit: %s\n", progress->text);
}

int progress_tick_ms(const struct progress *progress)
{
	return progress->terminal && progress->text[0] ? TICK_MS : -1;
}

void progress_tick(struct progress *progress)
{
	if (progress->terminal && progress->text[0])
		draw(progress);
}

void progress_end(struct progress *progress)
{
	if (live)
		(void)fputs(ERASE, stderr);
	live = 0;
	progress->text[0] = '\0';
}
