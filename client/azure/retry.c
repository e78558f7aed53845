// SPDX-License-Identifier: Apache-2.0
#include "retry.h"

#include <azjit/text.h>
#include <sys/random.h>

#define DAY_S 86400

int64_t retry_after_ms(const char *header, azjit_ticks now)
{
	azjit_ticks when;
	uint64_t seconds;

	if (azjit_parse_u64(header, 0, DAY_S, &seconds) == AZJIT_OK)
		return (int64_t)seconds * 1000;
	if (azjit_time_parse_http(header, &when) != AZJIT_OK || when - now > DAY_S * AZJIT_TICKS_PER_S)
		return -1;
	return when > now ? (when - now + AZJIT_TICKS_PER_MS - 1) / AZJIT_TICKS_PER_MS : 0;
}

uint64_t retry_backoff_ms(unsigned attempt, unsigned first_ms, unsigned max_ms)
{
	uint64_t delay = first_ms;
	uint32_t chance = 0;

	while (attempt-- > 0 && delay < max_ms)
		delay *= 2;
	if (delay > max_ms)
		delay = max_ms;
	if (getrandom(&chance, sizeof(chance), GRND_NONBLOCK) != (ssize_t)sizeof(chance))
		chance = (uint32_t)azjit_time_monotonic_ms();
	return delay + chance % (delay / 4 + 1);
}
