// SPDX-License-Identifier: Apache-2.0
// The endpoints of a cloud that is not built in, asked of its metadata endpoint without a token: at
// start, again and again until it answered, and never after. What calls do until then is what they do
// without a token: they wait while an attempt runs, and are told why the last one failed.
#ifndef AZJIT_AZURE_ENDPOINTS_H
#define AZJIT_AZURE_ENDPOINTS_H

#include "cloud.h"
#include "identity.h"

struct endpoints;

struct endpoints_options {
	struct azjit_loop *loop;
	struct http *http;
	const char *cloud;                   // its name
	const char *metadata_origin;         // https
	const struct cloud_endpoints *fixed; // instead of what the metadata says; "" where not set
	struct cloud_endpoints *into;        // filled when they are known, and then left alone
};

// Everything that is pointed to is borrowed until endpoints_free. NULL if memory ran out.
struct endpoints *endpoints_new(const struct endpoints_options *options);
// Who waits still is forgotten, not woken.
void endpoints_free(struct endpoints *endpoints);

// As identity_wait, and ended by identity_unwait.
void endpoints_wait(struct endpoints *endpoints, struct identity_wait *wait);
// Why they are not known yet; "" if nothing failed. Accepts NULL.
const char *endpoints_trouble(const struct endpoints *endpoints);

#endif
