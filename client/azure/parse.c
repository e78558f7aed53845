// SPDX-License-Identifier: Apache-2.0
#include "parse.h"

const char PARSE_NOMEM[] = "out of memory";

bool parse_ok(const struct call_result *call, const char *what)
{
	if (what == PARSE_NOMEM)
		call_misread(call->answer, call->arena, AZJIT_NOMEM, "");
	else if (what)
		call_misread(call->answer, call->arena, AZJIT_PROTOCOL, what);
	return !what;
}
