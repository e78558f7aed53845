// SPDX-License-Identifier: Apache-2.0
// Findings as programs that gather the results of scanners read them: SARIF 2.1.0 (OASIS standard).
#ifndef AZJIT_DIRECT_SARIF_H
#define AZJIT_DIRECT_SARIF_H

#include <jansson.h>
#include <stdbool.h>

// `subscriptions`: objects of monitor_describe. One log of one run: a rule for each kind of finding that
// there is (high: error, medium: warning, low: note), a result for each finding with the id that it is about
// as its logical location and the command in its property "mend". `whole`: everything could be read. NULL if memory ran out.
json_t *sarif_log(const json_t *subscriptions, bool whole);

#endif
