// SPDX-License-Identifier: Apache-2.0
// Threat model: a user who listens where the broker should (caller.c asks the kernel who it is), and a broker
// that hangs, is down or was taken over: the guard, which keeps ports shut, must not stand still for it.
// What holds: one failure ends a turn; every wait has an end; of an answer nothing is used but whether it
// is "ok"; until it is, a refusal stays in the book.
#include "guard_tell.h"

#include "guard_nft.h"

#include <azjit/file.h>
#include <azjit/log.h>
#include <azjit/time.h>
#include <poll.h>

#define CONNECT_MS 200
#define ANSWER_MS  1000
// Of the kernel's 4,096: then what was read is taken out, so that nobody's refusals keep others' from it.
#define CROWDED 3072

// Says a fault once, not each turn.
static void note_fault(struct azjit_reason *last, const struct azjit_reason *reason)
{
	if (!azjit_streq(last->text, reason->text))
		azjit_log(LOG_WARNING, "%s", reason->text);
	*last = *reason;
}

void azjit_guard_teller_load(struct azjit_guard_teller *teller)
{
	_cleanup_buf_ struct azjit_buf text = AZJIT_BUF(AZJIT_GUARD_BOOK_MAX_BYTES);
	struct azjit_reason reason = {0};
	enum azjit_result result = azjit_file_read_trusted(teller->path, geteuid(), false, &text, &reason);

	if (result == AZJIT_OK)
		result = azjit_guard_book_parse(text.data ? text.data : "", &teller->book,
		                                azjit_time_monotonic_ms(), &reason);
	if (result != AZJIT_OK && result != AZJIT_NOT_FOUND)
		azjit_log(LOG_WARNING, "%s; refusals may be recorded a second time", reason.text);
}

static void save(struct azjit_guard_teller *teller)
{
	_cleanup_buf_ struct azjit_buf text = AZJIT_BUF(AZJIT_GUARD_BOOK_MAX_BYTES);
	struct azjit_reason reason = {"the guard's book does not fit into memory"};

	if (!teller->book.changed)
		return;
	if (azjit_guard_book_format(&teller->book, &text) &&
	    azjit_file_replace(teller->path, text.data, text.len, 0600, &reason) == AZJIT_OK) {
		teller->book.changed = false;
		teller->unwritten.text[0] = '\0';
	} else {
		note_fault(&teller->unwritten, &reason);
	}
}

void azjit_guard_teller_read(struct azjit_guard_teller *teller)
{
	_cleanup_buf_ struct azjit_buf json = AZJIT_BUF(AZJIT_GUARD_ATTEMPTS_MAX_BYTES);
	_cleanup_free_ struct azjit_guard_attempt *list = NULL;
	struct azjit_reason reason = {0};
	size_t count = 0;
	enum azjit_result result = azjit_guard_list_attempts(&json, &reason);

	if (result == AZJIT_NOT_FOUND)
		return;
	if (result == AZJIT_OK)
		result = azjit_guard_attempts_parse(json.data ? json.data : "", json.len, &list, &count,
		                                    &reason);
	if (result != AZJIT_OK) {
		note_fault(&teller->unread, &reason);
		return;
	}
	teller->unread.text[0] = '\0';
	if (azjit_guard_book_note(&teller->book, list, count, azjit_time_monotonic_ms()) &&
	    count >= CROWDED && azjit_guard_flush_attempts(&reason) == AZJIT_OK)
		azjit_guard_book_restart(&teller->book);
}

void azjit_guard_teller_restart(struct azjit_guard_teller *teller)
{
	azjit_guard_book_restart(&teller->book);
	save(teller);
}

static enum azjit_result answer(int fd, struct azjit_reason *reason)
{
	char bytes[AZJIT_WIRE_MAX_BYTES];
	struct azjit_wire_in in = {.bytes = bytes, .size = sizeof(bytes)};
	struct azjit_wire_msg msg;
	int r = azjit_wire_receive(fd, &in, azjit_time_monotonic_ms() + ANSWER_MS, &msg);

	if (r <= 0)
		return azjit_fail(reason, AZJIT_BROKER_DOWN, "the broker does not answer: %s",
		                  r ? strerror(-r) : "it closed the connection");
	if (!azjit_streq(msg.verb, "DONE"))
		return azjit_fail(reason, AZJIT_PROTOCOL, "the broker answers something else");
	return caller_done(&msg, reason);
}

static enum azjit_result tell_one(const struct azjit_guard_teller *teller,
                                  const struct azjit_guard_refusal *item, struct azjit_reason *reason)
{
	char bytes[512], addr[AZJIT_ADDR_CHARS];
	struct azjit_wire_out out;
	_cleanup_close_ int fd = -1;
	enum azjit_result result = caller_open(&teller->caller, CONNECT_MS, reason, &fd);

	if (result != AZJIT_OK)
		return result;
	azjit_addr_format(&item->addr, addr);
	azjit_wire_begin(&out, bytes, sizeof(bytes), "GUARD-REFUSED");
	azjit_wire_put_u64(&out, "uid", item->uid);
	azjit_wire_put(&out, "address", addr);
	azjit_wire_put_u64(&out, "port", item->port);
	azjit_wire_put_u64(&out, "count", item->untold);
	// It fits a socket's buffer: this never waits.
	result = caller_send(fd, &out, NULL, 0, reason);
	return result == AZJIT_OK ? answer(fd, reason) : result;
}

static bool has_news(int watch)
{
	struct pollfd pfd = {.fd = watch, .events = POLLIN};

	return watch >= 0 && poll(&pfd, 1, 0) > 0;
}

void azjit_guard_teller_tell(struct azjit_guard_teller *teller, int watch, bool hurry)
{
	uint64_t begun_ms = azjit_time_monotonic_ms(), now_ms = begun_ms;
	struct azjit_guard_book *book = &teller->book;
	enum azjit_result result = AZJIT_OK;

	azjit_guard_book_turn(book);
	while (result == AZJIT_OK && now_ms - begun_ms < ANSWER_MS && !has_news(watch)) {
		struct azjit_guard_refusal *item = azjit_guard_book_next(book, now_ms, hurry);
		struct azjit_reason why = {0}, reason = {0};

		if (!item)
			break;
		result = tell_one(teller, item, &why);
		now_ms = azjit_time_monotonic_ms();
		if (result == AZJIT_OK) {
			azjit_guard_book_told(book, item, now_ms);
			teller->untold.text[0] = '\0';
			continue;
		}
		azjit_guard_book_failed(book, item, now_ms);
		(void)azjit_fail(&reason, result,
		                 "what the guard refused is not in the ledger yet, and is told again: %.800s",
		                 why.text[0] ? why.text : azjit_result_name(result));
		note_fault(&teller->untold, &reason);
	}
	save(teller);
}
