// SPDX-License-Identifier: Apache-2.0
// Threat model: a user who is refused and wants that to stay unknown: by filling the book (it has room for
// twice what the kernel's set holds, and what finds no room stays in the set), by making others wait behind
// thousands of his own refusals (each uid has its turn), or by waiting for a moment without guard or broker
// (what is untold is kept until the broker took it; the file outlives the guard).
#include "guard_refused.h"

#include <azjit/text.h>
#include <inttypes.h>

#define HEADER "azjit-refused 1"
#define FIELDS 5

void azjit_guard_book_clear(struct azjit_guard_book *book)
{
	free(book->items);
	*book = (struct azjit_guard_book){0};
}

static int compare(const struct azjit_guard_refusal *a, const struct azjit_guard_refusal *b)
{
	int addr = memcmp(a->addr.bytes, b->addr.bytes, 4);

	if (a->uid != b->uid)
		return a->uid < b->uid ? -1 : 1;
	return addr ? addr : (int)a->port - (int)b->port;
}

// The place of a key: of the item that has it, or where it would be.
static size_t place_of(const struct azjit_guard_book *book, const struct azjit_guard_refusal *key)
{
	size_t low = 0, high = book->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (compare(&book->items[mid], key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

// NULL if there is no room.
static struct azjit_guard_refusal *item_of(struct azjit_guard_book *book,
                                           const struct azjit_guard_refusal *key)
{
	size_t at = place_of(book, key);

	if (at < book->count && compare(&book->items[at], key) == 0)
		return &book->items[at];
	if (!book->items)
		book->items = calloc(AZJIT_GUARD_BOOK_MAX, sizeof(*book->items));
	if (!book->items || book->count == AZJIT_GUARD_BOOK_MAX)
		return NULL;
	memmove(&book->items[at + 1], &book->items[at], (book->count - at) * sizeof(*book->items));
	book->items[at] = *key;
	book->count++;
	return &book->items[at];
}

static void take(struct azjit_guard_book *book, struct azjit_guard_refusal *item, uint64_t packets,
                 uint64_t now_ms)
{
	uint64_t more = packets >= item->seen ? packets - item->seen : packets;

	item->listed = true;
	if (more > 0 && item->untold == 0)
		item->since_ms = now_ms;
	item->untold += more;
	book->changed = book->changed || item->seen != packets;
	item->seen = packets;
}

// Forgets what is neither in the kernel's set nor to be told.
static void sweep(struct azjit_guard_book *book, uint64_t now_ms)
{
	size_t kept = 0;

	for (size_t i = 0; i < book->count; i++) {
		struct azjit_guard_refusal *item = &book->items[i];
		bool paused = item->told_ms > 0 && now_ms - item->told_ms < AZJIT_GUARD_TELL_PAUSE_MS;

		if (!item->listed) {
			book->changed = book->changed || item->seen > 0;
			item->seen = 0;
		}
		if (item->listed || item->untold > 0 || paused)
			book->items[kept++] = *item;
	}
	book->changed = book->changed || kept != book->count;
	book->count = kept;
}

bool azjit_guard_book_note(struct azjit_guard_book *book, const struct azjit_guard_attempt *list,
                           size_t count, uint64_t now_ms)
{
	bool all = true;

	for (size_t i = 0; i < book->count; i++)
		book->items[i].listed = false;
	for (size_t i = 0; i < count; i++) {
		const struct azjit_guard_refusal key = {
		        .uid = list[i].uid, .addr = list[i].addr, .port = list[i].port};
		struct azjit_guard_refusal *item = item_of(book, &key);

		if (item)
			take(book, item, list[i].packets, now_ms);
		all = all && item;
	}
	sweep(book, now_ms);
	return all;
}

void azjit_guard_book_restart(struct azjit_guard_book *book)
{
	for (size_t i = 0; i < book->count; i++) {
		book->changed = book->changed || book->items[i].seen > 0;
		book->items[i].seen = 0;
	}
}

// --- telling ----------------------------------------------------------------------------------------

void azjit_guard_book_turn(struct azjit_guard_book *book)
{
	book->turn_count = 0;
}

static size_t told_in_turn(const struct azjit_guard_book *book, uint32_t uid)
{
	size_t count = 0;

	for (size_t i = 0; i < book->turn_count; i++)
		count += book->turn_uids[i] == uid;
	return count;
}

static bool is_due(const struct azjit_guard_refusal *item, uint64_t now_ms, bool hurry)
{
	return item->untold > 0 &&
	       (hurry || item->told_ms == 0 || now_ms - item->told_ms >= AZJIT_GUARD_TELL_PAUSE_MS);
}

struct azjit_guard_refusal *azjit_guard_book_next(struct azjit_guard_book *book, uint64_t now_ms, bool hurry)
{
	struct azjit_guard_refusal *best = NULL;
	size_t best_told = 0;

	if (book->turn_count == AZJIT_GUARD_TOLD_PER_TURN)
		return NULL;
	for (size_t i = 0; i < book->count; i++) {
		struct azjit_guard_refusal *item = &book->items[i];
		size_t told;

		if (!is_due(item, now_ms, hurry))
			continue;
		told = told_in_turn(book, item->uid);
		if (!best || told < best_told || (told == best_told && item->since_ms < best->since_ms)) {
			best = item;
			best_told = told;
		}
	}
	if (best)
		book->turn_uids[book->turn_count++] = best->uid;
	return best;
}

void azjit_guard_book_told(struct azjit_guard_book *book, struct azjit_guard_refusal *item, uint64_t now_ms)
{
	item->untold = 0;
	item->told_ms = now_ms;
	book->changed = true;
}

void azjit_guard_book_failed(struct azjit_guard_book *book, struct azjit_guard_refusal *item, uint64_t now_ms)
{
	(void)book;
	item->since_ms = now_ms;
}

// --- the file ---------------------------------------------------------------------------------------

bool azjit_guard_book_format(const struct azjit_guard_book *book, struct azjit_buf *out)
{
	azjit_buf_str(out, HEADER "\n");
	for (size_t i = 0; i < book->count; i++) {
		const struct azjit_guard_refusal *item = &book->items[i];
		char addr[AZJIT_ADDR_CHARS];

		azjit_addr_format(&item->addr, addr);
		azjit_buf_printf(out, "%" PRIu32 " %s %u %" PRIu64 " %" PRIu64 "\n", item->uid, addr,
		                 item->port, item->seen, item->untold);
	}
	azjit_buf_printf(out, "end %zu\n", book->count);
	return !out->failed;
}

// Splits a line at its single spaces; false if there are not exactly so many words.
static bool split(char *line, char *words[FIELDS])
{
	for (size_t i = 0; i < FIELDS; i++) {
		char *space = strchr(line, ' ');

		if (!space != (i == FIELDS - 1))
			return false;
		words[i] = line;
		if (space) {
			*space = '\0';
			line = space + 1;
		}
	}
	return true;
}

static const char *parse_item(char *line, struct azjit_guard_refusal *ret)
{
	char *words[FIELDS];
	uint64_t uid;

	if (!split(line, words))
		return "not a uid, an address, a port and two counts";
	if (azjit_parse_u64(words[0], 0, UINT32_MAX, &uid) != AZJIT_OK)
		return "not a uid";
	if (strchr(words[1], ':') || azjit_addr_parse(words[1], &ret->addr) != AZJIT_OK)
		return "not an IPv4 address";
	if (azjit_parse_port(words[2], &ret->port) != AZJIT_OK)
		return "not a port";
	if (azjit_parse_u64(words[3], 0, INT64_MAX, &ret->seen) != AZJIT_OK ||
	    azjit_parse_u64(words[4], 0, INT64_MAX, &ret->untold) != AZJIT_OK)
		return "not a count";
	ret->uid = (uint32_t)uid;
	return NULL;
}

static const char *add_item(struct azjit_guard_book *book, char *line, uint64_t now_ms)
{
	struct azjit_guard_refusal item = {.since_ms = now_ms};
	const char *fault = parse_item(line, &item);

	if (fault)
		return fault;
	if (book->count > 0 && compare(&book->items[book->count - 1], &item) >= 0)
		return "out of order";
	return item_of(book, &item) ? NULL : "too many lines";
}

static const char *check_end(const char *line, size_t count, bool last)
{
	uint64_t stated;

	if (azjit_parse_u64(line + strlen("end "), 0, UINT64_MAX, &stated) != AZJIT_OK || stated != count)
		return "the count is not that of the lines before";
	return last ? NULL : "something follows the end";
}

enum azjit_result azjit_guard_book_parse(const char *text, struct azjit_guard_book *ret, uint64_t now_ms,
                                         struct azjit_reason *reason)
{
	struct azjit_guard_book book = {0};
	const char *fault = NULL, *next = text;
	bool ended = false;
	unsigned number = 0;

	while (!fault && !ended) {
		size_t len = strcspn(next, "\n");
		char line[128];

		number++;
		if (next[len] != '\n' || len >= sizeof(line)) {
			fault = next[len] ? "too long" : "no end of line";
			break;
		}
		memcpy(line, next, len);
		line[len] = '\0';
		next += len + 1;
		ended = number > 1 && strncmp(line, "end ", 4) == 0;
		if (number == 1)
			fault = azjit_streq(line, HEADER) ? NULL : "not \"" HEADER "\"";
		else
			fault = ended ? check_end(line, book.count, !*next) : add_item(&book, line, now_ms);
	}
	if (fault) {
		azjit_guard_book_clear(&book);
		return azjit_fail(reason, AZJIT_PROTOCOL, "line %u of the guard's book: %s", number, fault);
	}
	*ret = book;
	return AZJIT_OK;
}
