// SPDX-License-Identifier: Apache-2.0
// The ROW messages (wire.h) by which the broker answers STATUS, SESSIONS, AUDIT-VERIFY, AUDIT-RECONCILE
// and AUDIT-REFUSALS, and the words of the ledger's entries that they are made of.
//
// Every row has `type`. A key that is not known is left out, never sent empty; what a client does not
// know it hands on in --json and leaves out of its tables. Keys are [a-z0-9_] and the same in the
// ledger, on the wire and in JSON. Forms: (time) is ISO 8601 UTC with seven fraction digits and Z;
// (s), (ms) and (n) are decimal integers; (bool) is 0 or 1; everything else is text.
//
// The broker decides what is shown: to uid 0 everything; to others their own sessions, and the grants
// that they use; the audits answer DONE result=denied to others than uid 0.
// DONE says whether the answer is whole, not whether it is good news: result=ok also when a chain does
// not verify or a request is missing. The rows say that.
//
// STATUS [azure=1] [json=1]
//   type=broker   one; version pid(n) since(time) host guard=on|off|unknown kill_switch(bool)
//                 relay=up|down ledger ledger_seq(n) callers(n)
//   type=azure    one; cloud identity (identity.kind of azjit.conf) result (of the newest inventory
//                 refresh: result.h's names) reason refreshed(time) vms(n) policies(n)
//                 managed_ports(n) reads(n) writes(n) deletes(n) throttled(n) failed(n) held(n) (held back
//                 by us) token_age_s(s) inventory_age_s(s) inventory=graph|lists (where it was read)
//                 why_lists (why Resource Graph was asked and did not tell)
//   type=operation  with azure=1, one for each that was asked; operation calls(n) median_ms(ms) p95_ms(ms)
//                 (of the service's last 100 answers)
//   type=grant    any number; grant state user (who asked first) vm (name) vm_id port(n) address (the
//                 VM's own) firewall (the address of the Azure Firewall in front, by which it is
//                 connected to) mapped_port(n) (the port there, once Azure told it)
//                 protocol=tcp|udp source until(time) left_s(s) flows(n) waiters(n) correlation_id rule
//                 evidence reason guard=on|off experimental(bool, of what is no virtual machine of Azure)
//                 state is one of checking requesting waiting open expiring closed failed overdue
//                 unmanaged
//   type=session  any number (living ones); as below
//
// SESSIONS [session=ID] [all=1] [json=1]: without `session` the living ones (all=1: the ended ones,
// too), newest first; with it that session and then its timeline, oldest entry first. Entries of a
// grant belong to the timeline of every session that used the grant.
//   type=session  session state=open|closed|lost|undone user uid(n) service from (the address the
//                 person came from) tty auth opened(time) closed(time) grants(n) flows(n) denials(n)
//   type=entry    one ledger entry: seq(n) when(time) kind event session grant text (one clause for a
//                 person) and the entry's own fields, each under its own name, but for one that is
//                 named as a key before
//
// AUDIT-VERIFY [json=1]
//   type=verify   one; ok(bool) entries(n) bad_seq(n) anchored_seq(n) anchor_time(time) unanchored(n)
//                 text
//
// AUDIT-RECONCILE [since=SECONDS, default 86400] [json=1]
//   type=verdict  any number; verdict (azjit_reconcile_name) intent_seq(n) grant correlation_id
//                 client_request_id vm caller status when(time) text
//
// AUDIT-REFUSALS [since=SECONDS, default 86400] [json=1]: who was refused what, oldest first, with a session
// or without: logins, requests and connections that a rule or the kill switch refused, and what the guard
// refused; and, since a refusal was due there, the logins that passed by break-glass or unchecked.
//   type=entry    any number; as above: kind is denial, or login with event denied, break-glass or unchecked
#ifndef AZJIT_ROWS_H
#define AZJIT_ROWS_H

#include <azjit/ledger.h>
#include <azjit/wire.h>

// A row of the broker is a message ROW begun by one of these (they call azjit_wire_begin and put
// everything; the caller calls azjit_wire_end). The bytes given should be AZJIT_WIRE_MAX_ROOT_BYTES:
// with less a long entry does not fit. Values are made printable and cut at 2,048 bytes.
void azjit_row_entry(struct azjit_wire_out *out, char *bytes, size_t size,
                     const struct azjit_entry_read *entry);
void azjit_row_verify(struct azjit_wire_out *out, char *bytes, size_t size,
                      const struct azjit_verify_report *report);
void azjit_row_verdict(struct azjit_wire_out *out, char *bytes, size_t size,
                       const struct azjit_reconcile_row *row);
// Puts a time in its form; nothing if it is 0.
void azjit_row_time(struct azjit_wire_out *out, const char *key, azjit_ticks when);

// The timeline of a session, oldest entry first: its entries, and of the grants that it used the intents,
// requests, states and verdicts. What other people did under a shared grant is not in it.
enum azjit_result azjit_ledger_timeline(struct azjit_ledger *ledger, const char *session, azjit_entry_fn *fn,
                                        void *userdata, struct azjit_reason *reason);

// The refusals from a time on, by time: every denial, and the logins denied or passed all the same. By an index: the rest of the
// ledger is not read.
enum azjit_result azjit_ledger_refusals(struct azjit_ledger *ledger, azjit_ticks from, azjit_entry_fn *fn,
                                        void *userdata, struct azjit_reason *reason);

// Turns an entry into the clause of the timeline: lower case at its start, no full stop, printable, cut
// to fit: "asked Azure to open web01 port 22 for 10.0.0.4 until 2026-11-22T20:00:00.1234567Z".
//
// It knows these events and the fields in parentheses, and prints the clauses without what is absent;
// of any other event it prints the kind, the event and `reason` or else `text`.
//   start      started recovered stopped                (version, reason)
//   login      allowed denied break-glass               (user, service, from, rule, reason, more)
//   login      unchecked                                (user, service, phase, from, by, at, reason)
//   session    opened committed undone closed lost      (user, service, from, tty, auth, reason)
//   denial     refused                                  (user, host, port, reason, more)
//   denial     guard                                    (reason, more; besides user, uid, host, vm, port
//                                                        and count: connections since the last such entry)
//   intent     sending                                  (vm, port, source, until, user, nonce_end,
//                                                        client_request_id, correlation_id, anchor_seq)
//   request    accepted refused unknown unsent          (client_request_id, correlation_id,
//                                                        answer_correlation_id, http_status, code,
//                                                        result, reason)
//   grant      joined reused waiting rule-seen handshake open renewed expiring closed failed revoked
//              overdue unmanaged mapped                 (vm, port, source, until, rule, nsg, reason,
//                                                        elapsed_ms, guard; mapped: dial, mapped_port)
//   flow       start open first-byte end refused        (flow, host, port, user, in, out, reason; start:
//                                                        dial)
//   reconcile  matched missing contradicted foreign     (written by azjit_ledger_reconcile)
//   error      any                                      (reason)
// Reconciliation reads the intent's client_request_id, correlation_id, anchor_seq and vm, and the
// request's client_request_id, answer_correlation_id, http_status and event: of these, `accepted` is a
// 2xx, `refused` any other answer, `unknown` no final answer, `unsent` a POST that never left.
void azjit_timeline_clause(const struct azjit_entry *entry, char *ret_text, size_t size);

#endif
