// SPDX-License-Identifier: Apache-2.0
#include "keep.h"

struct keep_block {
	struct keep_block *next;
	max_align_t bytes[];
};

void keep_clear(struct keep *keep)
{
	while (keep->blocks) {
		struct keep_block *block = keep->blocks;

		keep->blocks = block->next;
		free(block);
	}
}

void *keep_array(struct keep *keep, size_t count, size_t size)
{
	struct keep_block *block = NULL;
	size_t bytes;

	if (!keep->failed && !__builtin_mul_overflow(count, size, &bytes) &&
	    bytes <= SIZE_MAX - sizeof(*block))
		block = calloc(1, sizeof(*block) + bytes);
	keep->failed = !block;
	if (!block)
		return NULL;
	block->next = keep->blocks;
	keep->blocks = block;
	return block->bytes;
}

// NULL, too, where there was nothing to copy from.
static const void *keep_bytes(struct keep *keep, const void *bytes, size_t count, size_t size)
{
	void *copy = keep_array(keep, count, size);

	return copy && count ? memcpy(copy, bytes, count * size) : copy;
}

const char *keep_text(struct keep *keep, const char *text)
{
	return keep_bytes(keep, text, strlen(text) + 1, 1);
}

static const char *const *keep_texts(struct keep *keep, const char *const *list, size_t count)
{
	const char **copy = keep_array(keep, count, sizeof(*copy));

	for (size_t i = 0; copy && i < count; i++)
		copy[i] = keep_text(keep, list[i]);
	return copy;
}

// --- policy assignments and assessments -----------------------------------------------------------------

static const struct azjit_policy_parameter *
keep_parameters(struct keep *keep, const struct azjit_policy_parameter *list, size_t count)
{
	struct azjit_policy_parameter *copy = keep_array(keep, count, sizeof(*copy));

	for (size_t i = 0; copy && i < count; i++)
		copy[i] = (struct azjit_policy_parameter){.name = keep_text(keep, list[i].name),
		                                          .value = keep_text(keep, list[i].value),
		                                          .text = list[i].text};
	return copy;
}

const struct azjit_policy_assignment *
keep_assignments(struct keep *keep, const struct azjit_policy_assignment *list, size_t count)
{
	struct azjit_policy_assignment *copy = keep_array(keep, count, sizeof(*copy));

	for (size_t i = 0; copy && i < count; i++) {
		const struct azjit_policy_assignment *one = &list[i];

		copy[i] = (struct azjit_policy_assignment){
		        .id = keep_text(keep, one->id),
		        .name = keep_text(keep, one->name),
		        .display_name = keep_text(keep, one->display_name),
		        .scope = keep_text(keep, one->scope),
		        .definition_id = keep_text(keep, one->definition_id),
		        .enforcement_mode = keep_text(keep, one->enforcement_mode),
		        .not_scopes = keep_texts(keep, one->not_scopes, one->not_scope_count),
		        .not_scope_count = one->not_scope_count,
		        .parameters = keep_parameters(keep, one->parameters, one->parameter_count),
		        .parameter_count = one->parameter_count,
		        .overridden = one->overridden,
		        .json = keep_text(keep, one->json),
		};
	}
	return copy;
}

const struct azjit_assessment *keep_assessments(struct keep *keep, const struct azjit_assessment *list,
                                                size_t count)
{
	struct azjit_assessment *copy = keep_array(keep, count, sizeof(*copy));

	for (size_t i = 0; copy && i < count; i++)
		copy[i] = (struct azjit_assessment){.resource_id = keep_text(keep, list[i].resource_id),
		                                    .code = keep_text(keep, list[i].code),
		                                    .cause = keep_text(keep, list[i].cause),
		                                    .description = keep_text(keep, list[i].description)};
	return copy;
}

// --- security groups ------------------------------------------------------------------------------------

static struct azjit_rule_side keep_side(struct keep *keep, const struct azjit_rule_side *side)
{
	return (struct azjit_rule_side){
	        .texts = keep_texts(keep, side->texts, side->text_count),
	        .text_count = side->text_count,
	        .asg_ids = keep_texts(keep, side->asg_ids, side->asg_count),
	        .asg_count = side->asg_count,
	        .ports = keep_bytes(keep, side->ports, side->port_count, sizeof(*side->ports)),
	        .port_count = side->port_count,
	};
}

const struct azjit_nsg *keep_nsg(struct keep *keep, const struct azjit_nsg *nsg)
{
	struct azjit_rule *rules = keep_array(keep, nsg->rule_count, sizeof(*rules));
	struct azjit_nsg *copy = keep_array(keep, 1, sizeof(*copy));

	for (size_t i = 0; copy && i < nsg->rule_count; i++) {
		rules[i] = nsg->rules[i];
		rules[i].name = keep_text(keep, nsg->rules[i].name);
		rules[i].description = keep_text(keep, nsg->rules[i].description);
		rules[i].source = keep_side(keep, &nsg->rules[i].source);
		rules[i].destination = keep_side(keep, &nsg->rules[i].destination);
	}
	if (copy)
		*copy = (struct azjit_nsg){.id = keep_text(keep, nsg->id),
		                           .succeeded = nsg->succeeded,
		                           .rules = rules,
		                           .rule_count = nsg->rule_count};
	return copy;
}
