// SPDX-License-Identifier: Apache-2.0
#ifndef AZSIM_TRANSMIT_H
#define AZSIM_TRANSMIT_H

#include <microhttpd.h>

#include "request.h"

// Hands the rendered reply to libmicrohttpd, as slow, cut short or broken as it is to be.
enum MHD_Result transmit(struct request *req);

#endif
