// SPDX-License-Identifier: Apache-2.0
// ACCOUNT: may this person log in at all? One local round trip, no Azure call.
//
// Threat model. Who attacks: a person whom no rule names; whoever tries names until one exists. What
// must hold: what cannot be decided is refused; a refusal is in the ledger before it is told; the name
// of a person who does not exist is written nowhere; break-glass passes only while Azure is out of
// reach, and never silently.
#include "origin.h"
#include "record.h"
#include "verbs.h"

#include <azjit/log.h>

struct account {
	struct azjit_person person;
	const char *service, *tty;
	char from[AZJIT_ADDR_CHARS];
};

static void deny(struct conn *conn, const struct account *account, bool known, const char *reason)
{
	record_login(conn_broker(conn),
	             &(struct login_record){.event = "denied",
	                                    .user = known ? account->person.user : NULL,
	                                    .uid = account->person.uid,
	                                    .has_uid = known,
	                                    .service = account->service,
	                                    .from = account->from[0] ? account->from : NULL,
	                                    .tty = account->tty,
	                                    .reason = reason});
	conn_done(conn, AZJIT_DENIED, reason);
}

static bool breaks_glass(const struct broker *broker, const struct azjit_person *person)
{
	if (azjit_inventory_error(broker->inventory)[0] == '\0')
		return false;
	for (size_t i = 0; i < broker->config->break_glass_groups.count; i++)
		if (azjit_person_in_group(person, broker->config->break_glass_groups.items[i]))
			return true;
	return false;
}

static void pass_by_glass(struct conn *conn, const struct account *account)
{
	static const char text[] = "passed by a break-glass group while Azure is out of reach";

	azjit_log(LOG_WARNING, "%s (service %s) %s", account->person.user, account->service, text);
	record_login(conn_broker(conn),
	             &(struct login_record){.event = "break-glass",
	                                    .user = account->person.user,
	                                    .uid = account->person.uid,
	                                    .has_uid = true,
	                                    .service = account->service,
	                                    .from = account->from[0] ? account->from : NULL,
	                                    .tty = account->tty,
	                                    .reason = text});
	conn_done(conn, AZJIT_OK, text);
}

static void judge(struct conn *conn, const struct account *account)
{
	struct broker *broker = conn_broker(conn);
	const struct azjit_access_rule *rule = NULL;
	struct azjit_reason reason = {""};
	struct azjit_wire_out out;

	if (azjit_access_login(broker->config, &account->person, account->service, &rule, &reason) ==
	    AZJIT_OK) {
		conn_done_begin(&out, AZJIT_OK, NULL);
		azjit_wire_put(&out, "rule", rule ? rule->name : NULL);
		conn_finish(conn, &out);
	} else if (breaks_glass(broker, &account->person)) {
		pass_by_glass(conn, account);
	} else {
		deny(conn, account, true, reason.text);
	}
}

void verb_account(struct conn *conn, const struct azjit_wire_msg *msg)
{
	struct azjit_addr addr = origin_address(msg);
	struct account account = {.service = azjit_wire_get(msg, "service"),
	                          .tty = azjit_wire_get(msg, "tty")};
	struct azjit_reason reason = {""};

	if (addr.family != AZJIT_FAMILY_NONE)
		azjit_addr_format(&addr, account.from);
	if (azjit_person_by_name(azjit_wire_get(msg, "user"), &account.person, &reason) == AZJIT_OK)
		judge(conn, &account);
	else
		deny(conn, &account, false, reason.text);
	azjit_person_clear(&account.person);
}
