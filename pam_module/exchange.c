// SPDX-License-Identifier: Apache-2.0
// Threat model: what answers may be an impostor, hung, dying, or of another version, and the process we
// run in is sshd as root. What must hold: no answer but a whole DONE with result=ok from the broker's
// user or root passes anyone; nothing outlasts the deadline; no byte of an answer reaches a log or a
// terminal unprintable; nothing stays open.
#include "exchange.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// Every name of a result (enum azjit_result); tests/module holds the two together.
static const struct {
	const char *name;
	enum verdict verdict;
} verdicts[] = {
        {"denied", VERDICT_REFUSE},          {"ok", VERDICT_PASS},
        {"usage", VERDICT_TROUBLE},          {"config", VERDICT_TROUBLE},
        {"not-found", VERDICT_REFUSE},       {"ambiguous", VERDICT_REFUSE},
        {"not-managed", VERDICT_REFUSE},     {"stopped", VERDICT_REFUSE},
        {"identity", VERDICT_TROUBLE},       {"forbidden", VERDICT_TROUBLE},
        {"throttled", VERDICT_TROUBLE},      {"unreachable", VERDICT_TROUBLE},
        {"protocol", VERDICT_TROUBLE},       {"request-refused", VERDICT_TROUBLE},
        {"request-failed", VERDICT_TROUBLE}, {"rule-missing", VERDICT_TROUBLE},
        {"rule-shadowed", VERDICT_TROUBLE},  {"port-closed", VERDICT_TROUBLE},
        {"deadline", VERDICT_TROUBLE},       {"broker-down", VERDICT_TROUBLE},
        {"busy", VERDICT_TROUBLE},           {"ledger", VERDICT_TROUBLE},
        {"canceled", VERDICT_TROUBLE},       {"system", VERDICT_TROUBLE},
        {"nomem", VERDICT_TROUBLE},          {"not-running", VERDICT_TROUBLE},
        {"unsupported", VERDICT_TROUBLE},
};

uint64_t exchange_now_ms(void)
{
	struct timespec ts = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static int remaining_ms(const struct exchange *exchange)
{
	uint64_t now = exchange_now_ms();

	if (now >= exchange->deadline_ms)
		return 0;
	return exchange->deadline_ms - now > INT_MAX ? INT_MAX : (int)(exchange->deadline_ms - now);
}

// Cuts at the end of a UTF-8 character; what could move a cursor becomes '?'.
static void set_reason(struct exchange *exchange, const char *text)
{
	size_t len = strnlen(text, REASON_CHARS);

	if (len == REASON_CHARS)
		for (len--; len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80;)
			len--;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		bool c1 = i > 0 && (unsigned char)text[i - 1] == 0xc2 && c < 0xa0;

		exchange->reason[i] = text[i];
		if (c < 0x20 || c == 0x7f || c1)
			exchange->reason[i] = '?';
	}
	exchange->reason[len] = '\0';
}

void exchange_trouble(struct exchange *exchange, const char *what, int error)
{
	char text[REASON_CHARS];
	const char *why = error > 0 ? strerrordesc_np(error) : NULL;

	exchange->verdict = VERDICT_TROUBLE;
	if (error == EPERM)
		(void)snprintf(text, sizeof(text), "%s: another user listens on its socket", what);
	else if (why)
		(void)snprintf(text, sizeof(text), "%s: %s", what, why);
	else
		(void)snprintf(text, sizeof(text), "%s", what);
	set_reason(exchange, text);
}

bool exchange_open(struct exchange *ret, const char *path, unsigned broker_uid, uint64_t deadline_ms,
                   uint64_t patient_ms)
{
	*ret = (struct exchange){.fd = -1, .deadline_ms = deadline_ms, .patient_ms = patient_ms};
	ret->memory = malloc((size_t)2 * AZJIT_WIRE_MAX_ROOT_BYTES);
	if (!ret->memory) {
		exchange_trouble(ret, "there is no memory to ask the broker", 0);
		return false;
	}
	ret->in.bytes = ret->memory + AZJIT_WIRE_MAX_ROOT_BYTES;
	ret->in.size = AZJIT_WIRE_MAX_ROOT_BYTES;
	ret->fd = azjit_wire_connect(path, broker_uid, remaining_ms(ret));
	if (ret->fd < 0) {
		exchange_trouble(ret, "the broker cannot be reached", -ret->fd);
		return false;
	}
	return true;
}

void exchange_begin(struct exchange *exchange, const char *verb)
{
	azjit_wire_begin(&exchange->out, exchange->memory, AZJIT_WIRE_MAX_ROOT_BYTES, verb);
}

static bool judge(struct exchange *exchange)
{
	const char *result = azjit_wire_get(&exchange->answer, "result");
	const char *reason = azjit_wire_get(&exchange->answer, "reason");

	exchange->verdict = VERDICT_REFUSE;
	set_reason(exchange, reason ? reason : "");
	for (size_t i = 0; result && i < sizeof(verdicts) / sizeof(verdicts[0]); i++)
		if (strcmp(result, verdicts[i].name) == 0)
			exchange->verdict = verdicts[i].verdict;
	if (exchange->verdict != VERDICT_PASS && exchange->reason[0] == '\0')
		set_reason(exchange, "the broker gave no reason");
	return exchange->verdict == VERDICT_PASS;
}

// 1: DONE is in exchange->answer; 0 or -errno as azjit_wire_receive.
static int await_done(struct exchange *exchange)
{
	for (;;) {
		int r = azjit_wire_receive(exchange->fd, &exchange->in, exchange->deadline_ms,
		                           &exchange->answer);

		if (r <= 0 || strcmp(exchange->answer.verb, "DONE") == 0)
			return r;
		if (strcmp(exchange->answer.verb, "PROGRESS") != 0)
			return -EPROTO;
		if (exchange->deadline_ms < exchange->patient_ms)
			exchange->deadline_ms = exchange->patient_ms;
	}
}

bool exchange_ask(struct exchange *exchange)
{
	size_t len = azjit_wire_end(&exchange->out);
	int r;

	if (len == 0) {
		exchange_trouble(exchange, "the login's data does not fit into a message", 0);
		return false;
	}
	r = azjit_wire_send(exchange->fd, exchange->memory, len, NULL, 0, remaining_ms(exchange));
	if (r < 0) {
		exchange_trouble(exchange, "the broker takes no request", -r);
		return false;
	}
	r = await_done(exchange);
	if (r > 0)
		return judge(exchange);
	if (r == 0)
		exchange_trouble(exchange, "the broker went away without an answer", 0);
	else
		exchange_trouble(exchange, "the broker gives no answer", -r);
	return false;
}

void exchange_close(struct exchange *exchange)
{
	if (exchange->fd >= 0)
		(void)close(exchange->fd);
	exchange->fd = -1;
	free(exchange->memory);
	exchange->memory = NULL;
}
