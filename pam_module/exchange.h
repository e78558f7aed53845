// SPDX-License-Identifier: Apache-2.0
// One conversation with the broker, bounded by a deadline from its first byte to its last.
#ifndef PAM_AZJIT_EXCHANGE_H
#define PAM_AZJIT_EXCHANGE_H

#include <azjit/wire.h>

enum verdict {
	VERDICT_REFUSE = 0, // the broker says no, or something that we do not know
	VERDICT_PASS,
	VERDICT_TROUBLE, // it could not be asked, or could not do it: on_error decides
};

#define REASON_CHARS 512

struct exchange {
	int fd;
	uint64_t deadline_ms; // of CLOCK_MONOTONIC
	uint64_t patient_ms;  // the deadline once PROGRESS came
	char *memory;
	struct azjit_wire_out out;
	struct azjit_wire_in in;
	struct azjit_wire_msg answer;
	enum verdict verdict;
	char reason[REASON_CHARS]; // of the last verdict; one printable sentence or clause
};

uint64_t exchange_now_ms(void);

// Connects. PROGRESS from the broker moves the deadline to patient_ms, once. False: verdict and reason tell. exchange_close is due in either case.
bool exchange_open(struct exchange *ret, const char *path, unsigned broker_uid, uint64_t deadline_ms,
                   uint64_t patient_ms);
// Begins a request; its keys are then put to exchange->out.
void exchange_begin(struct exchange *exchange, const char *verb);
// Sends it and waits for DONE. True if the verdict is VERDICT_PASS; exchange->answer holds the DONE.
bool exchange_ask(struct exchange *exchange);
void exchange_close(struct exchange *exchange);

// What a fault of ours is called; sets VERDICT_TROUBLE.
void exchange_trouble(struct exchange *exchange, const char *what, int error);

#endif
