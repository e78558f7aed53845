// SPDX-License-Identifier: Apache-2.0
// What the lists told, until it is joined: shared by who takes it (inventory_build.c) and who joins it
// (inventory_join.c).
#ifndef AZJIT_ENGINE_INVENTORY_BUILD_H
#define AZJIT_ENGINE_INVENTORY_BUILD_H

#include "inventory_store.h"

// Ids are of the builder's text, each part there once: the same id is the same two numbers. Records that
// are found by their id begin with it.
struct nic {
	struct inv_id id, nsg; // nsg: of the snapshot
	uint32_t first, count;
};
struct ipconfig {
	struct inv_id public_ip, subnet;
	uint32_t private_addr, asgs; // asgs: of the snapshot
	bool primary;
};
struct subnet {
	struct inv_id id;
	inv_str nsg; // of the snapshot
};
struct public_ip {
	struct inv_id id;
	inv_str dns_name;
	uint32_t addr;
};
// A policy says these ports of a VM.
struct claim {
	struct inv_id vm;
	uint32_t first_port;
	uint16_t port_count;
	bool firewall;
	uint32_t firewall_addr;
};

// Like inv_push and inv_add_text; what fails is noted in the builder. 0 for a text that failed.
void *inv_builder_push(struct inv_builder *builder, struct inv_array *array, size_t count, size_t item_bytes);
inv_str inv_builder_text(struct inv_builder *builder, struct inv_array *pool, const char *text);
// A VM's id in the snapshot's text.
struct inv_id inv_builder_vm_id(struct inv_builder *builder, const char *text);
// Gives a VM the ports of a claim, and notes what of the VM is missing; how many ports were new.
size_t inv_add_claim(struct inv_builder *builder, const struct claim *claim);
// inventory_whole.c: marks a VM that was fed before, in another page of one result, once VMs are found by id; takes
// the marked ones out, all at once; notes in the snapshot what a claim lacks (vm: its machine, or INV_NONE).
void inv_mark_repeated(struct inv_builder *builder, uint32_t vm);
bool inv_drop_repeated(struct inv_builder *builder);
void inv_note_gap(struct inv_builder *builder, const struct claim *claim, uint32_t vm);
// inventory_foreign.c: takes up the machine that a claim names, if Azure has no list of such and it is not there
// yet. The indexes are not of it. True if one was added.
bool inv_add_foreign(struct inv_builder *builder, const struct claim *claim);
// Accepts NULL.
void inv_join_free(struct inv_join *join);

#endif
