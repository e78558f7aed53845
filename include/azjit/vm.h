// SPDX-License-Identifier: Apache-2.0
// Virtual machines and the addresses that lead to them (azure.md §2.3). Lists go over all pages; the
// callback runs once with everything.
#ifndef AZJIT_VM_H
#define AZJIT_VM_H

#include <azjit/address.h>
#include <azjit/azure.h>

// What a resource id in a just-in-time policy names. Such access is for machines of Azure, and in preview for
// those connected from AWS, of whose ids nothing is public; for classic ones it is not (azure.md §1.7, §3).
enum azjit_machine { AZJIT_MACHINE_AZURE = 0, AZJIT_MACHINE_CLASSIC, AZJIT_MACHINE_OTHER };
enum azjit_machine azjit_machine_of(const char *id);

struct azjit_tag {
	const char *name, *value; // names are compared without case
};

struct azjit_vm {
	const char *id, *name, *location;
	const char *os; // "Linux", "Windows", ""
	// Mode of the Metadata Security Protocol, "Enforce" or "Audit"; "" if it is off
	// (securityProfile.proxyAgentSettings, Microsoft.Compute 2024-03-01).
	const char *metadata_protocol;
	const char *const *nic_ids; // the primary first
	size_t nic_count;
	const struct azjit_tag *tags; // all of them
	size_t tag_count;
	const char *deny_tag; // value of the tag `azjit` (compared without case), "" if absent
};
typedef void azjit_vms_fn(void *userdata, const struct azjit_answer *answer, const struct azjit_vm *vms,
                          size_t count);
struct azjit_call *azjit_vm_list(struct azjit_azure *azure, const char *scope,
                                 struct azjit_call_options options, azjit_vms_fn *fn, void *userdata);

// Instance view: "PowerState/running" … -> "running", "" if not told.
typedef void azjit_power_fn(void *userdata, const struct azjit_answer *answer, const char *power_state);
struct azjit_call *azjit_vm_power(struct azjit_azure *azure, const char *vm_id,
                                  struct azjit_call_options options, azjit_power_fn *fn, void *userdata);

struct azjit_ipconfig {
	struct azjit_addr private_addr;       // family NONE if none
	const char *public_ip_id, *subnet_id; // "" if none
	const char *const *asg_ids;
	size_t asg_count;
	bool primary;
};
struct azjit_nic {
	const char *id, *vm_id, *nsg_id; // "" if none
	bool primary;
	const struct azjit_ipconfig *ipconfigs;
	size_t ipconfig_count;
};
typedef void azjit_nics_fn(void *userdata, const struct azjit_answer *answer, const struct azjit_nic *nics,
                           size_t count);
struct azjit_call *azjit_nic_list(struct azjit_azure *azure, const char *scope,
                                  struct azjit_call_options options, azjit_nics_fn *fn, void *userdata);

struct azjit_subnet {
	const char *id, *nsg_id; // nsg_id "" if none
	const char *prefix;      // as Azure wrote it, "" if it has several or none
};
typedef void azjit_subnets_fn(void *userdata, const struct azjit_answer *answer,
                              const struct azjit_subnet *subnets, size_t count);
// From the virtual networks of the scope, flattened.
struct azjit_call *azjit_subnet_list(struct azjit_azure *azure, const char *scope,
                                     struct azjit_call_options options, azjit_subnets_fn *fn, void *userdata);

#define AZJIT_DNS_NAME_MAX 253

struct azjit_public_ip {
	const char *id;
	struct azjit_addr addr; // family NONE: a dynamic one without an address (§2.3)
	// dnsSettings.fqdn without a dot at its end, "" if none (Microsoft.Network 2024-01-01). Never
	// reverseFqdn, which its owner may set to any name.
	const char *dns_name;
};
typedef void azjit_public_ips_fn(void *userdata, const struct azjit_answer *answer,
                                 const struct azjit_public_ip *ips, size_t count);
struct azjit_call *azjit_public_ip_list(struct azjit_azure *azure, const char *scope,
                                        struct azjit_call_options options, azjit_public_ips_fn *fn,
                                        void *userdata);

#endif
