// SPDX-License-Identifier: Apache-2.0
#include "sim.h"

#include "util.h"

static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ULL; // splitmix64
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static char *guid(uint64_t a, uint64_t b)
{
	return xasprintf("%08x-%04x-4%03x-%04x-%012llx", (unsigned)(a >> 32), (unsigned)(a >> 16) & 0xffff,
	                 (unsigned)a & 0xfff, (unsigned)((b >> 48) & 0x3fff) | 0x8000,
	                 (unsigned long long)b & 0xffffffffffffULL);
}

char *guid_for(const struct sim *sim, const char *what)
{
	uint64_t h = mix(hash64(what) ^ mix(sim->seed));

	return guid(h, mix(h));
}

uint64_t draw(struct sim *sim)
{
	return mix(sim->seed * 0x10001 + ++sim->draws);
}

char *guid_next(struct sim *sim)
{
	uint64_t a = draw(sim);

	return guid(a, mix(a));
}

void run_timers(struct sim *sim)
{
	while (timers_run_one(&sim->wall, mono_ms(), sim))
		continue;
	while (timers_run_one(&sim->timers, clock_now(&sim->clock), sim))
		continue;
}

bool advance_to(struct sim *sim, ticks to)
{
	ticks now = clock_now(&sim->clock);

	if (to < now)
		return false;
	for (;;) {
		ticks due = timers_next(&sim->timers);

		if (due > to)
			break;
		sim->clock.pinned = due > now ? due : now;
		timers_run_one(&sim->timers, due, sim);
	}
	sim->clock.pinned = 0;
	return clock_set(&sim->clock, to);
}
