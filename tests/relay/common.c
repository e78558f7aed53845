// SPDX-License-Identifier: Apache-2.0
#include "relay_test.h"

#include <time.h>

uint64_t sum_add(uint64_t sum, const unsigned char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum = (sum ^ bytes[i]) * UINT64_C(1099511628211);
	return sum;
}

void pattern_fill(unsigned char *bytes, size_t len, uint64_t offset)
{
	for (size_t i = 0; i < len; i++) {
		uint64_t word = ((offset + i) >> 3) * UINT64_C(0x9E3779B97F4A7C15);

		word ^= word >> 29;
		bytes[i] = (unsigned char)(word >> (((offset + i) & 7) * 8));
	}
}

uint64_t now_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}
