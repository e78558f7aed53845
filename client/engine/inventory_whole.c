// SPDX-License-Identifier: Apache-2.0
// Is what was read whole? Pages of Resource Graph may repeat a row, and it may leave some out.
#include "inventory_store.h"

static const char *id_of(const void *context, uint32_t vm)
{
	const struct inv_snapshot *s = context;

	return inv_text(&s->text, INV(struct inv_vm, &s->vms, vm)->id);
}

static uint32_t hash_id(const void *context, uint32_t vm)
{
	return inv_hash_text(id_of(context, vm));
}

// Tags of what is dropped go, those of the others follow their VM.
static void move_tags(struct inv_snapshot *s, const uint32_t *places)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < s->tags.count; i++) {
		struct inv_tag tag = *INV(struct inv_tag, &s->tags, i);

		if (places[tag.vm] == INV_NONE)
			continue;
		tag.vm = places[tag.vm];
		*INV(struct inv_tag, &s->tags, kept++) = tag;
	}
	s->tags.count = kept;
}

bool inv_drop_repeated(struct inv_builder *builder)
{
	struct inv_snapshot *s = builder->snapshot;
	uint32_t count = s->vms.count, kept = 0;
	_cleanup_free_ uint32_t *places = calloc((size_t)count + 1, sizeof(*places));

	if (!places || !inv_index_build(&s->by_id, count, hash_id, s))
		return false;
	// The first of a chain is the first that was fed: it stays, at or before its place.
	for (uint32_t vm = 0; vm < count; vm++)
		places[vm] = inv_vm_by_id(s, id_of(s, vm)) == vm ? kept++ : INV_NONE;
	for (uint32_t vm = 0; kept < count && vm < count; vm++) {
		if (places[vm] == INV_NONE)
			continue;
		*INV(struct inv_vm, &s->vms, places[vm]) = *INV(struct inv_vm, &s->vms, vm);
		*INV(uint32_t, &builder->vm_nics, places[vm]) = *INV(uint32_t, &builder->vm_nics, vm);
	}
	if (kept < count)
		move_tags(s, places);
	s->vms.count = builder->vm_nics.count = kept;
	return true;
}

void inv_note_gaps(struct inv_builder *builder)
{
	struct inv_snapshot *s = builder->snapshot;

	s->gaps = 0;
	for (uint32_t i = 0; i < builder->claims.count; i++) {
		const char *id = inv_text(&builder->text, INV(struct inv_claim, &builder->claims, i)->vm);

		if (inv_vm_by_id(s, id) == INV_NONE)
			s->gaps += inv_hash_text(id) | 1;
	}
	for (uint32_t vm = 0; vm < s->vms.count; vm++) {
		const struct inv_vm *one = INV(struct inv_vm, &s->vms, vm);

		if (one->gap && one->port_count)
			s->gaps += inv_hash_number(inv_hash_text(id_of(s, vm))) | 1;
	}
}
