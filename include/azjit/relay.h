// SPDX-License-Identifier: Apache-2.0
// The protocol between the broker (decides) and azjit-relay (dials, probes, relays).
//
// /run/azjit-relay/relay.sock, SOCK_SEQPACKET, one wire message a packet (wire.h), descriptors with
// it. Only the relay's own uid may connect (SO_PEERCRED). Several connections may live at once (a
// restarted broker); the relay outlives them all: probes belong to the connection that asked and end
// with it, flows belong to nobody and end with their caller or target.
//
// Broker -> relay
//   PROBE   probe=ID addr=A port=P           starts probing: one SYN in flight, every 100 ms until
//           [slow=1]                         15 s, then 250 ms until 60 s, then every 1 s; slow=1
//                                            (also as a later PROBE of the same id): the rule is
//                                            known to be there, so a second attempt lives 1 s beside
//                                            the others (a far target)
//   STOP    probe=ID                         ends it; a winning socket that is still held is kept up
//                                            to 10 s for a FLOW to the same addr and port, since a
//                                            finished handshake must not be dropped
//   FLOW    flow=ID addr=A port=P uid=U      + 3 descriptors: the caller's stdin, stdout, control.
//           [probe=ID] [session=S] [host=NAME]   Relays over the probe's socket if one is held, else
//                                            dials (one attempt of 3 s, again once after 1 s if the
//                                            target turned it away before its first byte and nothing
//                                            or only an ssh greeting was sent)
//   END     flow=ID [text=SENTENCE]          shuts a flow down (result=canceled)
//   GOT     flow=ID                          the flow's end is in the ledger: FLOW-END (or ERROR) is
//                                            not repeated any more
//   LIST                                     -> FLOW-IS for each, then LIST-END
// Relay -> broker (to every connection)
//   PROBE-OPEN    probe=ID elapsed-ms syns   the handshake is done; the socket is held
//   PROBE-NOTE    probe=ID errno=NAME        an attempt ended otherwise than by time: ECONNREFUSED
//                                            (the filter passes, nothing listens), EHOSTUNREACH,
//                                            ENETUNREACH; probing goes on. Sent when it changes
//   FLOW-OPEN     flow=ID                    connected: relaying begins
//   FLOW-FIRST    flow=ID                    the target's first byte passed
//   FLOW-IS       flow=ID addr port uid [session] in out     (answer to LIST)
//   FLOW-END      flow=ID in=BYTES out=BYTES result=NAME reason=SENTENCE [again=1]
//                 in: from the target to stdout; out: from stdin to the target
//   LIST-END
//   ERROR         [flow] [probe] result=NAME reason=SENTENCE [again=1]
//                 with flow: it was refused and never opened (no FLOW-END follows)
//
// How a flow ended is kept until a broker answers GOT, at most an hour and 4,096 of them, and told
// (again=1) to each new connection: so a broker that was killed learns it, and the ledger says how every
// flow ended. A broker answers GOT also to ends that it knows already or never heard of.
//
// The control descriptor is one end of a socket pair (AF_UNIX, SOCK_STREAM) that a process of the
// flow's uid made and of which the caller holds the other: end of file from the caller, or the end of
// the process that made the pair, ends the flow. To the caller the relay writes
//   PROGRESS stage=queued text      it must wait for its turn (once)
//   PROGRESS stage=connected        data may flow (once)
//   PROGRESS stage=again text       the target turned it away and is dialled once more
//   PROGRESS stage=eof              the target sends no more, and stdout has everything: the caller
//                                   closes its own copy (the relay shuts no descriptor down that it
//                                   shares); the other direction goes on
//   DONE result= reason= in= out=   once, before it closes
// stdin and stdout may be pipes, connected stream sockets, character devices (terminals) and regular
// files; the relay changes no flag of theirs. They are used in a process for each flow only, since their
// owner can make any use of them block (client/relay/worker.c); the broker, which holds them for a
// moment, closes pipes and sockets itself and must not wait for close(2) of anything else.
//
// SIGTERM ends the relay and every flow, each with its sentence. SIGKILL of the relay kills its flows.
//
// The relay refuses, whatever the broker says, what azjit_addr_forbidden (address.h) refuses, and the
// addresses of its own interfaces. Limits: AZJIT_RELAY_FLOWS_PER_UID, AZJIT_RELAY_YOUNG.
#ifndef AZJIT_RELAY_H
#define AZJIT_RELAY_H

#define AZJIT_RELAY_SOCKET_PATH   "/run/azjit-relay/relay.sock"
#define AZJIT_RELAY_FLOWS_PER_UID 256
// Young connections to one target at once (sshd's MaxStartups is 10:30:100 by default, and everybody
// behind the jump host shares its address); the rest queue. Young: not closed, not older than 120 s
// (LoginGraceTime), and the target has said nothing yet, or is an ssh server that sent fewer bytes than a
// login takes (AZJIT_COPY_LOGIN_BYTES).
#define AZJIT_RELAY_YOUNG 8

#endif
