// SPDX-License-Identifier: Apache-2.0
#include <azjit/vm.h>

#include <strings.h>

enum azjit_machine azjit_machine_of(const char *id)
{
	static const char azure[] = "/providers/Microsoft.Compute/virtualMachines/",
	                  classic[] = "/providers/Microsoft.ClassicCompute/virtualMachines/";
	const char *name = azjit_id_name(id);
	const size_t len = (size_t)(name - id);

	if (len >= strlen(azure) && strncasecmp(name - strlen(azure), azure, strlen(azure)) == 0)
		return AZJIT_MACHINE_AZURE;
	if (len >= strlen(classic) && strncasecmp(name - strlen(classic), classic, strlen(classic)) == 0)
		return AZJIT_MACHINE_CLASSIC;
	return AZJIT_MACHINE_OTHER;
}
