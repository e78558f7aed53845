// SPDX-License-Identifier: Apache-2.0
/*
 * Switches and delays: what Azure does not document, each with its positions (README.md). One table
 * drives defaults and checks.
 */
#ifndef AZSIM_SETTINGS_H
#define AZSIM_SETTINGS_H

#include "sim.h"

void settings_init(struct sim *sim);
// Applies the members of `changes` (may be NULL). A wrong one changes nothing: the result is a sentence
// the caller frees, NULL when all is well.
char *switches_set(struct sim *sim, const json_t *changes);
char *delays_set(struct sim *sim, const json_t *changes);

bool sw_bool(const struct sim *sim, const char *name);
bool sw_is(const struct sim *sim, const char *name, const char *position);
const char *sw_text(const struct sim *sim, const char *name); // NULL for null
long long sw_int(const struct sim *sim, const char *name);

// The delay in ticks, drawn from the seed where it is a range.
ticks delay_of(struct sim *sim, const char *name);

#endif
