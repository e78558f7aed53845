// SPDX-License-Identifier: Apache-2.0
// Logins that passed unchecked while this broker could not be asked, as the PAM module left them
// (AZJIT_PASSES_PATH): each becomes a LOGIN entry and its file goes, at the start and whenever one comes.
#ifndef AZJIT_BROKER_PASSES_H
#define AZJIT_BROKER_PASSES_H

#include "broker.h"

struct passes;

// Makes the directory beside the ledger and takes what is there. NULL, with a warning, if that cannot be:
// the module then says in syslog what the ledger lacks.
struct passes *passes_new(struct broker *broker);
void passes_free(struct passes *passes);

#endif
