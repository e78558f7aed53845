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
};

// Like inv_push and inv_add_text; what fails is noted in the builder. 0 for a text that failed.
void *inv_builder_push(struct inv_builder *builder, struct inv_array *array, size_t count, size_t item_bytes);
inv_str inv_builder_text(struct inv_builder *builder, struct inv_array *pool, const char *text);
// Gives a VM the ports of a claim; how many were new.
size_t inv_add_claim(struct inv_builder *builder, const struct claim *claim);
// Accepts NULL.
void inv_join_free(struct inv_join *join);

#endif
