// SPDX-License-Identifier: Apache-2.0
// Any events against one intent: at most one verdict about it, each with its sentence, and MATCHED only by
// one of its ids. An event is nine bytes, each the number of a word.
#include "../../client/ledger/judge.h"

#define OPERATION "x/jitNetworkAccessPolicies/initiate/action"
#define PROVIDER  "Windows Azure Security Resource Provider"

static const char *const words[] = {
        "",
        "client",
        "correlation",
        "answer",
        "other",
        "me",
        "you",
        OPERATION,
        "x/write",
        "EndRequest",
        "Accepted",
        "Failed",
        "/virtualMachines/web01",
        "/virtualMachines/db01",
        "/jitNetworkAccessPolicies/p",
        PROVIDER,
};

static void hear(void *userdata, const struct azjit_judged *judged)
{
	const struct azjit_reconcile_row *row = &judged->row;
	bool ours =
	        azjit_streq(row->correlation_id, "correlation") || azjit_streq(row->correlation_id, "answer");

	if (!*row->text || (judged->asked && ++*(int *)userdata > 1) ||
	    (row->verdict == AZJIT_RECONCILE_MATCHED && (!judged->asked || (!judged->witnessed && !ours))))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct azjit_activity_event events[32];
	struct azjit_asked asked = {7,        1000,          "",       "", "web01",
	                            "client", "correlation", "answer", "", size % 4};
	struct azjit_judge_input input = {0, 1 << 20, INT64_MAX, size % 5 ? "me" : "", "", &asked,
	                                  1, events,  0};
	int count = 0;

	for (; size >= 9 && input.event_count < 32; size -= 9, data += 9) {
		const char *w[9];

		for (int i = 0; i < 9; i++)
			w[i] = words[data[i] % AZJIT_COUNT(words)];
		events[input.event_count++] = (struct azjit_activity_event){
		        w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], w[8], "", data[0], data[1]};
	}
	return azjit_judge(&input, hear, &count) == AZJIT_OK ? 0 : -1;
}
