// SPDX-License-Identifier: Apache-2.0
// Strings from outside: numbers through one door, patterns, printable forms, names.
#ifndef AZJIT_TEXT_H
#define AZJIT_TEXT_H

#include <azjit/result.h>

// A whole decimal string within [min, max]; no sign, no space, no leading zeros but "0" itself.
enum azjit_result azjit_parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret);
// 1..65535.
enum azjit_result azjit_parse_port(const char *text, uint16_t *ret);

// Shell-style pattern with * and ? only, compared without case (ASCII), whole string.
bool azjit_glob(const char *pattern, const char *text);
// ASCII case-insensitive equality: how Azure compares ids and names (azure.md §1.1).
bool azjit_ieq(const char *a, const char *b);

// Copies bytes from outside so that a log or terminal can take them: control bytes, DEL, invalid
// UTF-8 and bidi controls become \xNN; cut (never inside an escape) to fit `size`.
void azjit_printable(const char *text, char *ret_text, size_t size);

// Copies a string into a fixed field; false (and an empty field) if it does not fit.
bool azjit_copy(char *field, size_t size, const char *text);

// The last segment of a resource id ("web01"), or the whole text; borrowed from `id`.
const char *azjit_id_name(const char *id);
// The value of one pair of a resource id ("resourceGroups" -> "rg-web"), compared without case.
// False if absent or longer than `size` - 1.
bool azjit_id_segment(const char *id, const char *key, char *ret_text, size_t size);

#define AZJIT_UUID_CHARS 37
// A random version-4 UUID, lower case. Fails only if the kernel gives no randomness.
enum azjit_result azjit_uuid_random(char ret_text[AZJIT_UUID_CHARS]);
// A version-8 UUID (RFC 9562 §5.8) whose 122 free bits are the first 122 bits of `digest`.
void azjit_uuid_from_digest(const uint8_t digest[32], char ret_text[AZJIT_UUID_CHARS]);
// 8-4-4-4-12 hexadecimal digits, any case.
bool azjit_uuid_valid(const char *text);

#endif
