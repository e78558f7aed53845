// SPDX-License-Identifier: Apache-2.0
#include "doctor.h"

#include "../cmd/administer.h"

#include <stdio.h>

static enum azjit_result print_role(struct direct *direct)
{
	json_auto_t *role = NULL;
	enum azjit_result result;

	if (!direct->options.role)
		return azjit_fail(&direct->reason, AZJIT_USAGE, "usage: azjit doctor %s",
		                  azjit_cmd_doctor.usage);
	result = doctor_role(direct, direct->options.role, &role);
	if (result != AZJIT_OK)
		return result;
	if (direct->options.json)
		return json_object_set(direct->answer, "role", role) == 0
		               ? AZJIT_OK
		               : azjit_fail(&direct->reason, AZJIT_NOMEM, "out of memory");
	if (json_dumpf(role, stdout, JSON_INDENT(2)) != 0 || putchar('\n') == EOF)
		return azjit_fail(&direct->reason, AZJIT_SYSTEM, "the role could not be written: %m");
	return AZJIT_OK;
}

const struct direct_command direct_doctor = {
        .cmd = &azjit_cmd_doctor,
        .wants = WANTS_ROLE,
        .run = print_role,
};
