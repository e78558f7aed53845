// SPDX-License-Identifier: Apache-2.0
// A time or duration that was read, written and read again is the same.
#include <azjit/time.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size), formatted[AZJIT_TIME_CHARS], duration[64];
	azjit_ticks ticks, again = -1;
	int64_t seconds, back = -1;

	if (!text)
		abort();
	if (azjit_time_parse(text, &ticks) == AZJIT_OK || azjit_time_parse_http(text, &ticks) == AZJIT_OK) {
		azjit_time_format(ticks, formatted);
		if (ticks < 0 || azjit_time_parse(formatted, &again) != AZJIT_OK || again != ticks)
			abort();
	}
	if (azjit_duration_parse_iso(text, &seconds) == AZJIT_OK && seconds < 0)
		abort();
	if (azjit_duration_parse(text, &seconds) == AZJIT_OK) {
		azjit_duration_format(seconds, duration, sizeof(duration));
		if (azjit_duration_parse(duration, &back) != AZJIT_OK || back != seconds)
			abort();
	}
	free(text);
	return 0;
}
