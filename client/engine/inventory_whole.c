// SPDX-License-Identifier: Apache-2.0
// Is what was read whole? Pages of Resource Graph may repeat a row, and it may leave some out.
#include "inventory_build.h"

void inv_mark_repeated(struct inv_builder *builder, uint32_t vm)
{
	struct inv_snapshot *s = builder->snapshot;
	struct inv_vm *one = INV(struct inv_vm, &s->vms, vm);

	// The first of a chain is the first that was fed.
	one->repeated = inv_vm_by_parts(s, &s->text, one->id) != vm;
	builder->repeated += one->repeated;
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
	_cleanup_free_ uint32_t *places = NULL;

	if (builder->repeated == 0)
		return true;
	places = calloc((size_t)count + 1, sizeof(*places));
	if (!places)
		return false;
	for (uint32_t vm = 0; vm < count; vm++) {
		places[vm] = INV(struct inv_vm, &s->vms, vm)->repeated ? INV_NONE : kept++;
		if (places[vm] == INV_NONE)
			continue;
		*INV(struct inv_vm, &s->vms, places[vm]) = *INV(struct inv_vm, &s->vms, vm);
		*INV(uint32_t, &builder->vm_nics, places[vm]) = *INV(uint32_t, &builder->vm_nics, vm);
	}
	move_tags(s, places);
	s->vms.count = builder->vm_nics.count = kept;
	builder->repeated = 0;
	return inv_snapshot_index_one(s, 0);
}

void inv_note_gap(struct inv_builder *builder, const struct claim *claim, uint32_t vm)
{
	struct inv_snapshot *s = builder->snapshot;
	struct inv_vm *one = vm == INV_NONE ? NULL : INV(struct inv_vm, &s->vms, vm);

	if (!one) {
		s->gaps += inv_hash_id(&builder->text, claim->vm) | 1;
	} else if (one->gap) {
		s->gaps += inv_hash_number(inv_hash_id(&s->text, one->id)) | 1;
		one->gap = false; // counts once
	}
}
