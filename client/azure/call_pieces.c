// SPDX-License-Identifier: Apache-2.0
// Lists that are told piece by piece: a page is read for a moment, what was read is told, and the loop
// runs on before the next piece. Of what was told only the ids are kept, since Azure repeats entries when
// a list changes while its pages are read.
#include "call_private.h"

#include <ctype.h>

#define PIECE_MS    2 // of reading and telling, before others have their turn
#define PIECE_BYTES ((size_t)32 * 1024)

void call_page(struct azjit_call *call, const struct http_answer *http)
{
	char *text = malloc(http->body_len + 1);

	if (!text) {
		call_fail(call, AZJIT_NOMEM, "out of memory");
		return;
	}
	memcpy(text, http->body, http->body_len + 1);
	list_init(&call->page, text, http->body_len);
	// As many lists are read at once, their pieces would have their turns before a login has its own.
	azjit_source_idle(call->timer, true);
	call_arm(call, 0);
}

// 1: new, 0: told before, -1: memory ran out.
static int note_seen(struct azjit_call *call, const char *id)
{
	_cleanup_free_ char *key = strdup(id);

	if (!call->seen)
		call->seen = json_object();
	if (!key || !call->seen)
		return -1;
	for (char *c = key; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	if (json_object_get(call->seen, key))
		return 0;
	return json_object_set_new(call->seen, key, json_true()) ? -1 : 1;
}

// Some entries more; false: the call has failed.
static bool read_some(struct azjit_call *call, json_t *piece, bool *ret_over)
{
	size_t end = call->page.at + PIECE_BYTES;
	const char *why = NULL;

	while (call->page.at < end) {
		json_auto_t *entry = list_next(&call->page, &why);
		const char *id = js_text(entry, call->spec.unique);
		int is_new = *id ? note_seen(call, id) : 0;

		if (why && *why)
			call_misread_body(call, why);
		else if (entry && !*id)
			call_misread_body(call, "a list with an entry that has no id");
		else if (why || is_new < 0 || (is_new && json_array_append(piece, entry)))
			call_fail(call, AZJIT_NOMEM, "out of memory");
		else if (entry)
			continue;
		else
			*ret_over = true;
		return *ret_over;
	}
	return true;
}

// The page is over, and what remains of it is `piece`.
static void end_page(struct azjit_call *call, json_t *piece)
{
	_cleanup_free_ char *link = strdup(list_link(&call->page));

	list_clear(&call->page);
	azjit_source_idle(call->timer, false);
	// How long we took to read this one is not Azure's.
	call->deadline_ms = azjit_time_monotonic_ms() + call->deadline_each_ms;
	if (!link) {
		call_fail(call, AZJIT_NOMEM, "out of memory");
	} else if (!*link) {
		call->items = json_incref(piece);
		call->answer.result = AZJIT_OK;
		call_finish(call);
	} else if (js_count(piece) == 0 || call_tell(call, piece)) {
		(void)call_follow(call, link, json_object_size(call->seen));
	}
}

void call_piece(struct azjit_call *call)
{
	uint64_t until_ms = azjit_time_monotonic_ms() + PIECE_MS;
	bool over = false;

	do {
		json_auto_t *piece = json_array();

		if (!piece) {
			call_fail(call, AZJIT_NOMEM, "out of memory");
			return;
		}
		if (!read_some(call, piece, &over))
			return;
		if (over) {
			end_page(call, piece);
			return;
		}
		if (!call_tell(call, piece))
			return;
	} while (azjit_time_monotonic_ms() < until_ms);
	call_arm(call, 0);
}
