// SPDX-License-Identifier: Apache-2.0
#include "scope.h"

#include "ask.h"
#include "print.h"

enum azjit_result scope_choose(struct direct *direct, const char *otherwise, json_t **ret)
{
	bool named = direct->options.subscriptions.count > 0, all = direct->options.all_subscriptions;
	json_auto_t *list = NULL;
	enum azjit_result result;

	if (named && all)
		return azjit_fail(&direct->reason, AZJIT_USAGE,
		                  "--subscription and --all-subscriptions contradict each other: leave out "
		                  "one of them");
	result = ask_subscriptions(direct);
	if (result != AZJIT_OK)
		return result;
	if (named || all || json_array_size(direct->subscriptions) == 1) {
		*ret = json_incref(direct->subscriptions);
		return AZJIT_OK;
	}
	list = print_list(direct->subscriptions);
	return azjit_fail(&direct->reason, AZJIT_AMBIGUOUS,
	                  "there are %zu subscriptions: name one by --subscription%s: %s",
	                  json_array_size(direct->subscriptions), otherwise,
	                  list ? json_string_value(list) : "");
}
