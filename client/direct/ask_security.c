// SPDX-License-Identifier: Apache-2.0
#include "ask.h"

#include <azjit/policy.h>
#include <azjit/text.h>

static const struct azjit_call_options read_options = {.retries = 4};

// --- a security group, which is borrowed in its callback and copied here ------------------------------------

struct kept {
	struct azjit_nsg nsg; // first: ask_nsg_free gets its address
	void **blocks;
	size_t count, room;
	bool failed;
};

static void *keep(struct kept *kept, const void *bytes, size_t size)
{
	void *block = malloc(size ? size : 1);

	if (block && kept->count == kept->room) {
		void **more = reallocarray(kept->blocks, kept->room * 2 + 64, sizeof(*more));

		if (more) {
			kept->blocks = more;
			kept->room = kept->room * 2 + 64;
		}
	}
	if (!block || kept->count == kept->room) {
		kept->failed = true;
		free(block);
		return NULL;
	}
	if (size)
		memcpy(block, bytes, size);
	kept->blocks[kept->count] = block;
	return kept->blocks[kept->count++];
}

static const char *keep_text(struct kept *kept, const char *text)
{
	return keep(kept, text, strlen(text) + 1);
}

static const char *const *keep_texts(struct kept *kept, const char *const *texts, size_t count)
{
	const char **copy = keep(kept, texts, count * sizeof(*texts));

	for (size_t i = 0; copy && i < count; i++)
		copy[i] = keep_text(kept, texts[i]);
	return copy;
}

static void keep_side(struct kept *kept, struct azjit_rule_side *side)
{
	side->texts = keep_texts(kept, side->texts, side->text_count);
	side->asg_ids = keep_texts(kept, side->asg_ids, side->asg_count);
	side->ports = keep(kept, side->ports, side->port_count * sizeof(*side->ports));
}

static void keep_nsg(struct kept *kept, const struct azjit_nsg *nsg)
{
	struct azjit_rule *rules = keep(kept, nsg->rules, nsg->rule_count * sizeof(*rules));

	kept->nsg = *nsg;
	kept->nsg.id = keep_text(kept, nsg->id);
	kept->nsg.rules = rules;
	for (size_t i = 0; rules && i < nsg->rule_count; i++) {
		rules[i].name = keep_text(kept, rules[i].name);
		rules[i].description = keep_text(kept, rules[i].description);
		keep_side(kept, &rules[i].source);
		keep_side(kept, &rules[i].destination);
	}
}

struct nsg_ask {
	struct ask ask;
	struct kept *kept;
};

static void got_nsg(void *userdata, const struct azjit_answer *answer, const struct azjit_nsg *nsg)
{
	struct nsg_ask *wanted = userdata;

	if (ask_take_status(&wanted->ask, answer))
		keep_nsg(wanted->kept, nsg);
}

void ask_nsg_free(struct azjit_nsg *nsg)
{
	struct kept *kept = (struct kept *)nsg;

	for (size_t i = 0; kept && i < kept->count; i++)
		free(kept->blocks[i]);
	if (kept)
		free(kept->blocks);
	free(kept);
}

enum azjit_result ask_nsg(struct direct *direct, const char *id, struct azjit_nsg **ret)
{
	struct nsg_ask wanted = {.ask = {.direct = direct,
	                                 .what = "the rules",
	                                 .scope = id,
	                                 .done_to = "read",
	                                 .right = "Microsoft.Network/networkSecurityGroups/read"},
	                         .kept = calloc(1, sizeof(*wanted.kept))};
	enum azjit_result result = AZJIT_NOMEM;

	if (wanted.kept)
		result = ask_await(&wanted.ask,
		                   azjit_nsg_get(direct->azure, id, read_options, got_nsg, &wanted));
	if (result == AZJIT_OK && wanted.kept->failed)
		result = AZJIT_NOMEM;
	if (result == AZJIT_OK)
		*ret = &wanted.kept->nsg;
	else
		ask_nsg_free(&wanted.kept->nsg);
	return result == AZJIT_NOMEM ? azjit_fail(&direct->reason, result, "out of memory") : result;
}

// --- the Defender plan ----------------------------------------------------------------------------------

static void got_plan(void *userdata, const struct azjit_answer *answer, const struct azjit_pricing *pricing)
{
	struct ask *ask = userdata;

	if (ask_take_status(ask, answer))
		ask->one = json_pack("{s:s, s:s}", "tier", pricing->tier, "sub_plan", pricing->sub_plan);
}

enum azjit_result ask_plan(struct direct *direct, const char *subscription, json_t **ret)
{
	struct ask ask = {.direct = direct,
	                  .what = "the Defender plan",
	                  .scope = subscription,
	                  .done_to = "read",
	                  .right = "Microsoft.Security/pricings/read"};
	enum azjit_result result =
	        ask_await(&ask, azjit_pricing_get(direct->azure, subscription, read_options, got_plan, &ask));

	if (result == AZJIT_OK && !ask.one)
		return azjit_fail(&direct->reason, AZJIT_NOMEM, "out of memory");
	if (result == AZJIT_OK)
		*ret = ask.one;
	return result;
}

// --- the token --------------------------------------------------------------------------------------------

static void got_token(void *userdata, enum azjit_result result, const char *reason)
{
	struct ask *ask = userdata;

	ask->done = true;
	ask->result = result;
	if (result != AZJIT_OK)
		(void)azjit_fail(&ask->direct->reason, result, "%s", reason);
}

enum azjit_result ask_token(struct direct *direct)
{
	struct ask ask = {.direct = direct};

	return ask_await(&ask, azjit_azure_ready(direct->azure, got_token, &ask));
}
