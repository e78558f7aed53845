// SPDX-License-Identifier: Apache-2.0
// When to ask again.
#ifndef AZJIT_AZURE_RETRY_H
#define AZJIT_AZURE_RETRY_H

#include <azjit/time.h>

// Retry-After as whole seconds or as an HTTP date (RFC 9110 §10.2.3), counted from `now` on the
// service's clock; 0 for a date that has passed, -1 for none or one that is unreadable or over a day.
int64_t retry_after_ms(const char *header, azjit_ticks now);

// first_ms * 2^attempt, at most max_ms, and up to a quarter more by chance, so that many clients that
// failed together do not return together.
uint64_t retry_backoff_ms(unsigned attempt, unsigned first_ms, unsigned max_ms);

#endif
