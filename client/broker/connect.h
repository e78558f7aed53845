// SPDX-License-Identifier: Apache-2.0
// Connections on their way (CONNECT): those that are open and wait to be handed to the relay together.
#ifndef AZJIT_BROKER_CONNECT_H
#define AZJIT_BROKER_CONNECT_H

#include "broker.h"

struct connects *connects_new(struct broker *broker);
void connects_free(struct connects *connects);

#endif
