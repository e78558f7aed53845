// SPDX-License-Identifier: Apache-2.0
#include <azjit/text.h>

#include <sys/random.h>

static void uuid_format(const uint8_t bytes[16], char ret_text[AZJIT_UUID_CHARS])
{
	static const char hex[] = "0123456789abcdef";
	char *p = ret_text;

	for (size_t i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		*p++ = hex[bytes[i] >> 4];
		*p++ = hex[bytes[i] & 15];
	}
	*p = '\0';
}

enum azjit_result azjit_uuid_random(char ret_text[AZJIT_UUID_CHARS])
{
	uint8_t bytes[16];
	ssize_t n;

	do
		n = getrandom(bytes, sizeof(bytes), 0);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(bytes))
		return AZJIT_SYSTEM;
	bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40);
	bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
	uuid_format(bytes, ret_text);
	return AZJIT_OK;
}

// Bits are counted from the most significant bit of the first byte, as in RFC 9562 §4.
static bool bit_get(const uint8_t *bytes, size_t bit)
{
	return bytes[bit / 8] >> (7 - bit % 8) & 1;
}

void azjit_uuid_from_digest(const uint8_t digest[32], char ret_text[AZJIT_UUID_CHARS])
{
	uint8_t bytes[16] = {0};
	size_t from = 0;

	bytes[6] = 0x80; // version 8
	bytes[8] = 0x80; // variant 10
	for (size_t bit = 0; bit < 128; bit++) {
		bool fixed = (bit >= 48 && bit < 52) || bit == 64 || bit == 65;

		if (!fixed && bit_get(digest, from++))
			bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	}
	uuid_format(bytes, ret_text);
}

bool azjit_uuid_valid(const char *text)
{
	for (size_t i = 0; i < AZJIT_UUID_CHARS - 1; i++) {
		char c = text[i];
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');

		if (dash ? c != '-' : !digit)
			return false;
	}
	return text[AZJIT_UUID_CHARS - 1] == '\0';
}
