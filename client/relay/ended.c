// SPDX-License-Identifier: Apache-2.0
// How flows ended, until a broker says that it is in the ledger (GOT): a broker that was killed, or was
// not there, learns it when the next one connects.
#include "private.h"

#include <azjit/log.h>
#include <azjit/text.h>
#include <azjit/time.h>

struct ended {
	struct ended *next;
	char id[RELAY_ID_CHARS];
	uint64_t at_ms;
	size_t len;
	char bytes[]; // the message, with again=1
};

static void drop_oldest(struct relay *relay)
{
	struct ended *ended = relay->ended;

	relay->ended = ended->next;
	if (!relay->ended)
		relay->ended_tail = &relay->ended;
	relay->ended_count--;
	free(ended);
}

static void make_room(struct relay *relay)
{
	uint64_t now_ms = azjit_time_monotonic_ms();

	while (relay->ended && now_ms - relay->ended->at_ms > RELAY_ENDED_S * UINT64_C(1000))
		drop_oldest(relay);
	if (relay->ended_count < RELAY_ENDED_MAX)
		return;
	azjit_log(LOG_WARNING, "the end of flow %s was never recorded: no broker came for it",
	          relay->ended->id);
	drop_oldest(relay);
}

void ended_add(struct flow *flow)
{
	struct relay *relay = flow->relay;
	char bytes[RELAY_MSG_BYTES];
	size_t len = tell_flow_end(flow, false, bytes, sizeof(bytes));
	struct ended *ended;

	conn_broadcast(relay, bytes, len);
	make_room(relay);
	len = tell_flow_end(flow, true, bytes, sizeof(bytes));
	ended = malloc(sizeof(*ended) + len);
	if (!ended)
		return;
	*ended = (struct ended){.at_ms = azjit_time_monotonic_ms(), .len = len};
	(void)azjit_copy(ended->id, sizeof(ended->id), flow->id);
	memcpy(ended->bytes, bytes, len);
	*relay->ended_tail = ended;
	relay->ended_tail = &ended->next;
	relay->ended_count++;
}

void ended_got(struct relay *relay, const char *id)
{
	struct ended **link = &relay->ended, *ended;

	while (*link && !azjit_streq((*link)->id, id))
		link = &(*link)->next;
	ended = *link;
	if (!ended)
		return;
	*link = ended->next;
	if (!ended->next)
		relay->ended_tail = link;
	relay->ended_count--;
	free(ended);
}

void ended_repeat(struct conn *conn)
{
	for (const struct ended *ended = conn->relay->ended; ended; ended = ended->next)
		conn_send(conn, ended->bytes, ended->len);
}

void ended_free_all(struct relay *relay)
{
	while (relay->ended)
		drop_oldest(relay);
}
