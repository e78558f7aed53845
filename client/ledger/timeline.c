// SPDX-License-Identifier: Apache-2.0
// An entry as one clause. A clause is a template: $key stands for a field, and what stands in brackets
// is left out if a field in it is absent.
#include "store.h"
#include <azjit/buf.h>
#include <azjit/rows.h>
#include <azjit/text.h>

#define CLAUSE_BYTES 16384
#define VALUE_BYTES  1024 // of one field in a clause: the longest template has five

static const struct clause {
	enum azjit_entry_kind kind;
	const char *event;
	const char *template;
} clauses[] = {
        {AZJIT_ENTRY_START, "started", "the broker started[ (azjit $version)][: $reason]"},
        {AZJIT_ENTRY_START, "recovered", "the broker came back[: $reason]"},
        {AZJIT_ENTRY_START, "stopped", "the broker stopped[: $reason]"},
        {AZJIT_ENTRY_LOGIN, "allowed",
         "[$user ]may log in[ through $service][ from $from][, by rule '$rule']"},
        {AZJIT_ENTRY_LOGIN, "denied",
         "[$user ]may not log in[ through $service][ from $from][: $reason][; $more]"},
        {AZJIT_ENTRY_LOGIN, "break-glass",
         "[$user ]was let in by the break-glass group[ through $service][ from $from][: $reason]"},
        {AZJIT_ENTRY_LOGIN, "unchecked",
         "[$user ]passed unchecked by $by while the broker could not be asked[ ($phase of $service)][ from "
         "$from][ at $at][: $reason]"},
        {AZJIT_ENTRY_SESSION, "opened",
         "[$user ]logged in[ through $service][ from $from][ on $tty][ with $auth]"},
        {AZJIT_ENTRY_SESSION, "committed", "the session began"},
        {AZJIT_ENTRY_SESSION, "undone", "the session never began[: $reason]"},
        {AZJIT_ENTRY_SESSION, "closed", "[$user ]logged out[: $reason]"},
        {AZJIT_ENTRY_SESSION, "lost", "the session ended without a log-out[: $reason]"},
        {AZJIT_ENTRY_DENIAL, "refused", "[$user ]was refused[ $host][ port $port][: $reason][; $more]"},
        {AZJIT_ENTRY_DENIAL, "guard", "[$reason][; $more]"},
        {AZJIT_ENTRY_INTENT, "sending",
         "asking Azure to open[ $vm][ port $port][ for $source][ until $until]"
         "[ (client request id $client_request_id)]"},
        {AZJIT_ENTRY_REQUEST, "accepted", "Azure took the request[ (correlation id $answer_correlation_id)]"},
        {AZJIT_ENTRY_REQUEST, "refused",
         "Azure refused the request[, HTTP $http_status][ $code][: $reason]"
         "[ (correlation id $answer_correlation_id)]"},
        {AZJIT_ENTRY_REQUEST, "unknown", "Azure gave no final answer[, HTTP $http_status][: $reason]"},
        {AZJIT_ENTRY_REQUEST, "unsent", "the request was never sent[: $reason]"},
        {AZJIT_ENTRY_GRANT, "joined", "joined a request under way[ for $vm][ port $port]"},
        {AZJIT_ENTRY_GRANT, "reused", "used a grant that is open[: $vm][ port $port][ until $until]"},
        {AZJIT_ENTRY_GRANT, "waiting", "waiting for the port to open[: $reason]"},
        {AZJIT_ENTRY_GRANT, "rule-seen", "the rule[ $rule] is in force[ in NSG $nsg][ after $elapsed_ms ms]"},
        {AZJIT_ENTRY_GRANT, "handshake",
         "[$vm ][port $port ]answered a TCP handshake[ after $elapsed_ms ms]"},
        {AZJIT_ENTRY_GRANT, "open",
         "[$vm ][port $port ]is open[ for $source][ until $until][, by rule $rule][ after $elapsed_ms ms][ "
         "(guard $guard)]"},
        {AZJIT_ENTRY_GRANT, "renewed", "the grant was renewed[ until $until]"},
        {AZJIT_ENTRY_GRANT, "expiring", "the grant's time is over[: $until]"},
        {AZJIT_ENTRY_GRANT, "closed", "[$vm ][port $port ]is closed again[: $reason]"},
        {AZJIT_ENTRY_GRANT, "failed", "[$vm ][port $port ]was not opened[: $reason]"},
        {AZJIT_ENTRY_GRANT, "revoked", "Azure revoked the grant[: $reason]"},
        {AZJIT_ENTRY_GRANT, "mapped", "[$dial on the Azure Firewall leads to ][$vm ][port $port]"},
        {AZJIT_ENTRY_GRANT, "overdue", "[$vm ][port $port ]is still open after its end[: $reason]"},
        {AZJIT_ENTRY_GRANT, "unmanaged", "[$vm ][port $port ]is no longer under a JIT policy[: $reason]"},
        {AZJIT_ENTRY_FLOW, "start", "connecting[ to $host][ port $port][ by $dial]"},
        {AZJIT_ENTRY_FLOW, "open", "connected[ to $host][ port $port]"},
        {AZJIT_ENTRY_FLOW, "first-byte", "first byte[ from $host][ port $port]"},
        {AZJIT_ENTRY_FLOW, "end",
         "the connection[ to $host][ port $port] ended[, $in bytes in][, $out bytes out][: $reason]"},
        {AZJIT_ENTRY_FLOW, "refused", "no connection[ to $host][ port $port][: $reason]"},
        {AZJIT_ENTRY_POWER, "starting", "asking Azure to start[ $vm][, which is $power][, by rule '$rule']"},
        {AZJIT_ENTRY_POWER, "accepted", "Azure took the start[ of $vm]"},
        {AZJIT_ENTRY_POWER, "refused",
         "Azure refused to start[ $vm][, HTTP $http_status][ $code][: $reason]"},
        {AZJIT_ENTRY_POWER, "unknown",
         "Azure gave no final answer about the start[ of $vm][, HTTP $http_status][: $reason]"},
        {AZJIT_ENTRY_POWER, "failed", "Azure failed the start[ of $vm][, $code][: $reason]"},
        {AZJIT_ENTRY_POWER, "running", "[$vm ]runs[ after $elapsed_ms ms]"},
        {AZJIT_ENTRY_RECONCILE, "matched",
         "matched with Azure's Activity Log[: $status][, event $event_data_id][ of $event_time]"},
        {AZJIT_ENTRY_RECONCILE, "missing", "not in Azure's Activity Log[: $reason]"},
        {AZJIT_ENTRY_RECONCILE, "contradicted", "contradicted by Azure's Activity Log[: $reason]"},
        {AZJIT_ENTRY_RECONCILE, "foreign", "a request that this ledger does not explain[: $reason]"},
};

static const char *template_of(const struct azjit_entry *entry)
{
	for (size_t i = 0; i < AZJIT_COUNT(clauses); i++)
		if (clauses[i].kind == entry->kind && azjit_streq(clauses[i].event, entry->event))
			return clauses[i].template;
	return NULL;
}

// A field for a person: resource ids by their last segment.
static const char *field_of(const struct azjit_entry *entry, const char *key, size_t len)
{
	char name[33];
	const char *value;

	if (len >= sizeof(name))
		return NULL;
	memcpy(name, key, len);
	name[len] = '\0';
	value = azjit_entry_get(entry, name);
	return value && *value == '/' ? azjit_id_name(value) : value;
}

static size_t key_length(const char *text)
{
	return strspn(text, "abcdefghijklmnopqrstuvwxyz_");
}

// Appends the text up to `end`; false if a field in it is absent.
static bool fill(struct azjit_buf *out, const struct azjit_entry *entry, const char *text, const char *end)
{
	while (text < end) {
		const char *dollar = memchr(text, '$', (size_t)(end - text));
		const char *value;
		size_t len;

		(void)azjit_buf_add(out, text, (size_t)((dollar ? dollar : end) - text));
		if (!dollar)
			break;
		len = key_length(dollar + 1);
		value = field_of(entry, dollar + 1, len);
		if (!value || !*value)
			return false;
		(void)azjit_buf_add(out, value, strnlen(value, VALUE_BYTES));
		text = dollar + 1 + len;
	}
	return true;
}

static void render(struct azjit_buf *out, const struct azjit_entry *entry, const char *template)
{
	while (*template) {
		size_t plain = strcspn(template, "[");
		const char *open = template + plain, *close;

		(void)fill(out, entry, template, open);
		if (!*open)
			break;
		close = strchr(open, ']');
		if (!close)
			break;
		{
			_cleanup_buf_ struct azjit_buf part = AZJIT_BUF(CLAUSE_BYTES);

			if (fill(&part, entry, open + 1, close) && part.len > 0 && !part.failed)
				(void)azjit_buf_add(out, part.data, part.len);
		}
		template = close + 1;
	}
}

void azjit_timeline_clause(const struct azjit_entry *entry, char *ret_text, size_t size)
{
	_cleanup_buf_ struct azjit_buf out = AZJIT_BUF(CLAUSE_BYTES);
	const char *template = template_of(entry);
	const char *more = azjit_entry_get(entry, "reason");

	if (template) {
		render(&out, entry, template);
	} else {
		if (!more)
			more = azjit_entry_get(entry, "text");
		(void)azjit_buf_printf(&out, "%s %s%s%.2000s", azjit_entry_kind_name(entry->kind),
		                       entry->event, more ? ": " : "", more ? more : "");
	}
	azjit_printable(out.data ? out.data : "", ret_text, size);
}
