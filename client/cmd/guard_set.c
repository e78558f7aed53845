// SPDX-License-Identifier: Apache-2.0
// Parsing the guard's set: input that a less privileged process wrote, read by root's guard.
//
// Against: a broker that was taken over and writes to harm the host: words of nftables between the
// numbers, a symlink or FIFO in place of the file, a file that grows without end, a set that closes
// loopback or the metadata addresses. What holds: nothing but addresses and ports gets to nftables,
// printed by us from numbers, never copied from the file. What it may do is what its set is for:
// close address and port pairs to the host's users, or leave them open.
#include "guard_set.h"

#include <azjit/file.h>
#include <azjit/text.h>

#define HEADER "azjit-guard 1"
// Elements in one nftables command: keeps its lines short without a command for each.
#define ELEMENTS_PER_COMMAND 512

struct lines {
	const char *next, *end;
	unsigned number;
};

// The next line into a buffer of the size of the longest good one; false (with the fault) otherwise.
static bool next_line(struct lines *lines, char ret_line[64], const char **ret_fault)
{
	const char *newline = memchr(lines->next, '\n', (size_t)(lines->end - lines->next));
	size_t len = newline ? (size_t)(newline - lines->next) : 0;

	lines->number++;
	*ret_fault = !newline ? "no end of line" : len >= 64 ? "too long" : NULL;
	if (!*ret_fault && memchr(lines->next, '\0', len))
		*ret_fault = "a NUL byte";
	if (*ret_fault)
		return false;
	memcpy(ret_line, lines->next, len);
	ret_line[len] = '\0';
	lines->next = newline + 1;
	return true;
}

// Splits "A B" at its only space.
static const char *second_word(char *line)
{
	char *space = strchr(line, ' ');

	if (!space || strchr(space + 1, ' '))
		return NULL;
	*space = '\0';
	return space + 1;
}

static const char *parse_pair(char *line, struct azjit_guard_pair *ret)
{
	const char *port = second_word(line), *why = NULL;

	if (!port || azjit_addr_parse(line, &ret->addr) != AZJIT_OK || ret->addr.family != AZJIT_IPV4 ||
	    strchr(line, ':'))
		return "not an IPv4 address and a port";
	if (azjit_addr_forbidden(&ret->addr, &why))
		return why;
	return azjit_parse_port(port, &ret->port) == AZJIT_OK ? NULL : "not a port";
}

// "COUNT GENERATION", the count being the number of pairs before it.
static const char *parse_end(char *line, size_t count, uint64_t *ret_generation)
{
	const char *generation = second_word(line);
	uint64_t stated;

	if (!generation || azjit_parse_u64(line, 0, UINT64_MAX, &stated) != AZJIT_OK ||
	    azjit_parse_u64(generation, 0, UINT64_MAX, ret_generation) != AZJIT_OK)
		return "not a count and a generation";
	return stated == count ? NULL : "the count is not that of the lines before";
}

void azjit_guard_set_free(struct azjit_guard_set *set)
{
	free(set->pairs);
	*set = (struct azjit_guard_set){0};
}

static bool add_pair(struct azjit_guard_set *set, size_t *alloc, const struct azjit_guard_pair *pair)
{
	if (set->count == *alloc) {
		size_t more = *alloc ? *alloc * 2 : 64;
		struct azjit_guard_pair *pairs = reallocarray(set->pairs, more, sizeof(*pairs));

		if (!pairs)
			return false;
		set->pairs = pairs;
		*alloc = more;
	}
	set->pairs[set->count++] = *pair;
	return true;
}

// Returns the fault, or NULL when the whole text was good; sets *nomem when memory ran out.
static const char *parse_lines(struct lines *lines, struct azjit_guard_set *set, bool *nomem)
{
	char line[64];
	const char *fault;
	size_t alloc = 0;

	if (!next_line(lines, line, &fault))
		return fault;
	if (!azjit_streq(line, HEADER))
		return "not \"" HEADER "\"";
	for (;;) {
		struct azjit_guard_pair pair;

		if (!next_line(lines, line, &fault))
			return fault;
		if (strncmp(line, "end ", 4) == 0)
			break;
		fault = parse_pair(line, &pair);
		if (fault)
			return fault;
		*nomem = !add_pair(set, &alloc, &pair);
		if (*nomem)
			return "out of memory";
	}
	fault = parse_end(line + 4, set->count, &set->generation);
	return fault ? fault : lines->next == lines->end ? NULL : "something follows the end";
}

enum azjit_result azjit_guard_set_parse(const char *text, size_t len, struct azjit_guard_set *ret,
                                        struct azjit_reason *reason)
{
	struct lines lines = {.next = text, .end = text + len};
	struct azjit_guard_set set = {0};
	bool nomem = false;
	const char *fault = parse_lines(&lines, &set, &nomem);

	if (fault) {
		azjit_guard_set_free(&set);
		return azjit_fail(reason, nomem ? AZJIT_NOMEM : AZJIT_PROTOCOL,
		                  "line %u of the guard's set: %s", lines.number, fault);
	}
	*ret = set;
	return AZJIT_OK;
}

enum azjit_result azjit_guard_set_read(const char *path, uid_t owner, struct azjit_guard_set *ret,
                                       struct azjit_reason *reason)
{
	_cleanup_buf_ struct azjit_buf text = AZJIT_BUF(AZJIT_GUARD_SET_MAX_BYTES);
	enum azjit_result result = azjit_file_read_trusted(path, owner, false, &text, reason);

	if (result != AZJIT_OK)
		return result;
	return azjit_guard_set_parse(text.data ? text.data : "", text.len, ret, reason);
}

bool azjit_guard_set_script(const struct azjit_guard_set *set, struct azjit_buf *script)
{
	char addr[AZJIT_ADDR_CHARS];

	azjit_buf_str(script, "flush set inet azjit_guard managed\n");
	for (size_t i = 0; i < set->count; i++) {
		bool first = i % ELEMENTS_PER_COMMAND == 0;
		bool last = i + 1 == set->count || (i + 1) % ELEMENTS_PER_COMMAND == 0;

		azjit_addr_format(&set->pairs[i].addr, addr);
		azjit_buf_printf(script, "%s%s . %u%s",
		                 first ? "add element inet azjit_guard managed { " : "", addr,
		                 set->pairs[i].port, last ? " }\n" : ", ");
	}
	return !script->failed;
}
