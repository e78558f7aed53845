// SPDX-License-Identifier: Apache-2.0
// Which VM a word means.
#include "../../client/direct/pick.h"

#include <azjit/text.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "json_quoted.h"

#define VMS "/subscriptions/s/resourceGroups/lab/providers/Microsoft.Compute/virtualMachines/"

static void names_are_picked(void **state)
{
	json_auto_t *rows =
	        read_json("[{'id': '" VMS "web01'}, {'id': '" VMS "web02'}, {'id': '/subscriptions/s/"
	                  "resourceGroups/apart/providers/Microsoft.Compute/virtualMachines/Web01'},"
	                  "{'id': '" VMS "db01', 'tags': {'role': 'x', 'Env': 'a=b*'}},"
	                  "{'id': '" VMS "tagged', 'tags': {'ENV': 'A=B*', '': 'x'}}]");
	static const struct {
		const char *word;
		enum azjit_result result;
		size_t count;
	} words[] = {
	        {"db01", AZJIT_OK, 1},
	        {"DB01", AZJIT_OK, 1},
	        {"db01@LAB", AZJIT_OK, 1},
	        {"db01@apart", AZJIT_NOT_FOUND, 0},
	        {"web01", AZJIT_AMBIGUOUS, 0},
	        {"web01@lab", AZJIT_OK, 1},
	        {"web*", AZJIT_OK, 3},
	        {"*@lab", AZJIT_OK, 4},
	        {"x*", AZJIT_NOT_FOUND, 0},
	        {VMS "WEB01", AZJIT_OK, 1},
	        {VMS "web*", AZJIT_NOT_FOUND, 0},
	        {"db0?", AZJIT_OK, 1},
	        {"", AZJIT_NOT_FOUND, 0},
	        {"d", AZJIT_NOT_FOUND, 0},
	        {"tag:Role=X", AZJIT_OK, 1},
	        {"TAG:env=a=b*", AZJIT_OK, 2},
	        {"tag:env=a*", AZJIT_NOT_FOUND, 0},
	        {"tag:=x", AZJIT_NOT_FOUND, 0},
	        {"tag:", AZJIT_NOT_FOUND, 0},
	};

	for (size_t i = 0; i < AZJIT_COUNT(words); i++) {
		json_auto_t *picked = json_array();
		struct azjit_reason reason = {""};

		assert_int_equal(pick(rows, "virtual machine", words[i].word, picked, &reason),
		                 words[i].result);
		assert_int_equal(json_array_size(picked), words[i].count);
		if (words[i].result == AZJIT_AMBIGUOUS)
			assert_non_null(strstr(reason.text, "web01@lab, Web01@apart"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(names_are_picked)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
