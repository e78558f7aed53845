// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include <arpa/inet.h>
#include <string.h>

#include "scenario.h"
#include "util.h"

static char *subnet_id(const struct sim *sim, const json_t *entry, const char *subnet)
{
	const char *slash = strchr(subnet, '/');

	if (subnet[0] == '/')
		return xstrdup(subnet);
	if (!slash)
		scenario_wrong("nics", "subnet is written vnet/subnet");
	_cleanup_free_ char *vnet = xstrndup(subnet, (size_t)(slash - subnet));
	_cleanup_free_ char *vnet_id = id_named(sim, entry, TYPE_VNET, vnet);

	return xasprintf("%s/subnets/%s", vnet_id, slash + 1);
}

static json_t *ip_config_new(struct sim *sim, const json_t *owner, const char *nic_id, const json_t *entry,
                             bool first)
{
	const char *name = jstr(entry, "name", "ipconfig1"), *address = jstr(entry, "private_ip", NULL),
	           *subnet = jstr(entry, "subnet", NULL), *pip = jstr(entry, "public_ip", NULL);
	json_t *p;

	if (!address || !subnet)
		scenario_wrong("nics", "an ip configuration needs private_ip and subnet");
	_cleanup_free_ char *id = xasprintf("%s/ipConfigurations/%s", nic_id, name),
	                    *in = subnet_id(sim, owner, subnet),
	                    *pip_id = pip ? id_named(sim, owner, TYPE_PIP, pip) : NULL;

	p = jnew("{s:s s:s s:s}", "provisioningState", "Succeeded", "privateIPAddress", address,
	         "privateIPAllocationMethod", "Dynamic");
	if (pip)
		jset(p, "publicIPAddress", jnew("{s:s}", "id", pip_id));
	jset(p, "subnet", jnew("{s:s}", "id", in));
	jset(p, "primary", json_boolean(jbool(entry, "primary", first)));
	jsets(p, "privateIPAddressVersion", strchr(address, ':') ? "IPv6" : "IPv4");
	return jnew("{s:s s:s s:s s:s s:o}", "name", name, "id", id, "etag", "", "type",
	            TYPE_NIC "/ipConfigurations", "properties", p);
}

// cc2oeq5nsxcevno2pddbdbshab.gx.internal.cloudapp.net: 26 letters and digits of the network.
static char *dns_suffix(const struct sim *sim, const char *id)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
	_cleanup_free_ char *guid = guid_for(sim, id);
	uint64_t h = hash64(guid);
	char name[27] = "";

	for (int i = 0; i < 26; i++, h = h * 6364136223846793005ULL + 1)
		name[i] = alphabet[(h >> 40) % 32];
	return xasprintf("%s.gx.internal.cloudapp.net", name);
}

static json_t *nic_properties(struct sim *sim, const json_t *entry, const char *id)
{
	const char *nsg = jstr(entry, "nsg", NULL), *vm = jstr(entry, "vm", NULL);
	_cleanup_free_ char *guid = guid_for(sim, id),
	                    *nsg_id = nsg ? id_named(sim, entry, TYPE_NSG, nsg) : NULL,
	                    *vm_id = vm ? id_named(sim, entry, TYPE_VM, vm) : NULL;
	_cleanup_free_ char *suffix = dns_suffix(sim, id);
	json_t *configs = json_array(), *config, *p;
	size_t i;

	json_array_foreach(json_object_get(entry, "ip_configs"), i, config)
	        jpush(configs, ip_config_new(sim, entry, id, config, i == 0));
	p = jnew("{s:s s:s s:o s:{s:[] s:[] s:s} s:b s:b s:b}", "provisioningState", "Succeeded",
	         "resourceGuid", guid, "ipConfigurations", configs, "dnsSettings", "dnsServers",
	         "appliedDnsServers", "internalDomainNameSuffix", suffix, "enableAcceleratedNetworking", 0,
	         "vnetEncryptionSupported", 0, "enableIPForwarding", 0);
	if (nsg)
		jset(p, "networkSecurityGroup", jnew("{s:s}", "id", nsg_id));
	if (vm)
		jset(p, "virtualMachine", jnew("{s:s}", "id", vm_id));
	jset(p, "hostedWorkloads", json_array());
	jset(p, "tapConfigurations", json_array());
	jsets(p, "nicType", "Standard");
	return p;
}

void scenario_add_nic(struct sim *sim, const json_t *entry)
{
	struct place at = place_of(sim, entry, TYPE_NIC, NULL);
	_cleanup_free_ char *id = at.id;
	const json_t *body = json_object_get(entry, "body");

	if (body) {
		store_put(sim, TYPE_NIC, id, json_deep_copy(body));
		return;
	}
	resource_touch(sim, store_put(sim, TYPE_NIC, id,
	                              jnew("{s:s s:s s:s s:o s:s s:s}", "name", at.name, "id", id, "etag", "",
	                                   "properties", nic_properties(sim, entry, id), "type", TYPE_NIC,
	                                   "location", at.location)));
}

static bool is_address(const char *s)
{
	struct in_addr in;

	return inet_pton(AF_INET, s, &in) == 1;
}

static void copy_place(json_t *to, const json_t *from)
{
	static const char *const keys[] = {"rg", "subscription", "location"};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (jstr(from, keys[i], NULL))
			jsets(to, keys[i], jstr(from, keys[i], NULL));
}

static void make_pip(struct sim *sim, const json_t *vm, const char *name, const char *address)
{
	_cleanup_free_ char *id = id_named(sim, vm, TYPE_PIP, name), *guid = guid_for(sim, id);

	json_t *p = jnew("{s:s s:s s:s s:s s:s s:i s:[]}", "provisioningState", "Succeeded", "resourceGuid",
	                 guid, "ipAddress", address, "publicIPAddressVersion", "IPv4",
	                 "publicIPAllocationMethod", "Static", "idleTimeoutInMinutes", 4, "ipTags");

	scenario_dns(p, vm, sim->location);
	resource_touch(sim, store_put(sim, TYPE_PIP, id,
	                              jnew("{s:s s:s s:s s:s s:o s:s s:{s:s s:s}}", "name", name, "id", id,
	                                   "etag", "", "location", sim->location, "properties", p, "type",
	                                   TYPE_PIP, "sku", "name", "Standard", "tier", "Regional")));
}

// The interface of a machine that was given an address instead of interfaces. Returns its name.
static char *make_nic(struct sim *sim, const json_t *vm, const char *name)
{
	char *nic = xasprintf("%s-nic", name);
	const char *pip = jstr(vm, "public_ip", NULL);
	_cleanup_free_ char *pip_name = xasprintf("%s-ip", name);
	json_auto_t *config = jnew("{s:s s:s}", "private_ip", jstr(vm, "private_ip", ""), "subnet",
	                           jstr(vm, "subnet", "vnet/default"));
	json_auto_t *entry = jnew("{s:s s:s s:[O]}", "name", nic, "vm", name, "ip_configs", config);

	copy_place(entry, vm);
	if (jstr(vm, "nsg", NULL))
		jsets(entry, "nsg", jstr(vm, "nsg", NULL));
	if (pip)
		jsets(config, "public_ip", is_address(pip) ? pip_name : pip);
	if (pip && is_address(pip))
		make_pip(sim, vm, pip_name, pip);
	scenario_add_nic(sim, entry);
	return nic;
}

static json_t *nic_references(struct sim *sim, const json_t *vm, const char *vm_name)
{
	json_t *list = json_array(), *name;
	size_t i, n = json_array_size(json_object_get(vm, "nics"));

	if (jstr(vm, "private_ip", NULL)) {
		_cleanup_free_ char *made = make_nic(sim, vm, vm_name);
		_cleanup_free_ char *id = id_named(sim, vm, TYPE_NIC, made);

		jpush(list, jnew("{s:s}", "id", id));
	}
	json_array_foreach(json_object_get(vm, "nics"), i, name)
	{
		_cleanup_free_ char *id = id_named(sim, vm, TYPE_NIC, json_string_value(name));
		json_t *nic = jnew("{s:s}", "id", id);

		if (n > 1)
			jset(nic, "properties", jnew("{s:b}", "primary", i == 0));
		jpush(list, nic);
	}
	return list;
}

static json_t *os_profile(const char *name, bool linux_os)
{
	if (linux_os)
		return jnew("{s:s s:s s:{s:b s:b} s:[] s:b}", "computerName", name, "adminUsername",
		            "azureuser", "linuxConfiguration", "disablePasswordAuthentication", 1,
		            "provisionVMAgent", 1, "secrets", "allowExtensionOperations", 1);
	return jnew("{s:s s:s s:{s:b s:b} s:[] s:b}", "computerName", name, "adminUsername", "azureuser",
	            "windowsConfiguration", "provisionVMAgent", 1, "enableAutomaticUpdates", 1, "secrets",
	            "allowExtensionOperations", 1);
}

static json_t *vm_body(struct sim *sim, const json_t *entry, const struct place *at)
{
	_cleanup_free_ char *guid = guid_for(sim, at->id), *disk = xasprintf("%s_OsDisk_1", at->name),
	                    *created = time_iso(clock_now(&sim->clock) - 86400 * TICKS_PER_S, 7);
	bool linux_os = str_ieq(jstr(entry, "os", "Linux"), "Linux");
	const json_t *tags = json_object_get(entry, "tags");
	json_t *body = jnew("{s:s s:s s:s s:s}", "name", at->name, "id", at->id, "type", TYPE_VM, "location",
	                    at->location);

	if (tags)
		jset(body, "tags", json_deep_copy(tags));
	jset(body, "properties",
	     jnew("{s:{s:s} s:s s:s s:{s:{s:s s:s s:s s:s} s:{s:s s:s s:s s:s s:s} s:[]} s:o s:{s:o} s:s}",
	          "hardwareProfile", "vmSize", jstr(entry, "size", "Standard_B1s"), "provisioningState",
	          "Succeeded", "vmId", guid, "storageProfile", "imageReference", "publisher",
	          linux_os ? "Debian" : "MicrosoftWindowsServer", "offer",
	          linux_os ? "debian-12" : "WindowsServer", "sku", linux_os ? "12" : "2022-Datacenter",
	          "version", "latest", "osDisk", "osType", linux_os ? "Linux" : "Windows", "name", disk,
	          "createOption", "FromImage", "caching", "ReadWrite", "deleteOption", "Detach", "dataDisks",
	          "osProfile", os_profile(at->name, linux_os), "networkProfile", "networkInterfaces",
	          nic_references(sim, entry, at->name), "timeCreated", created));
	return body;
}

static void link_nics(struct sim *sim, const struct resource *vm)
{
	size_t i;
	json_t *nic;

	json_array_foreach(jpath(vm->body, "properties.networkProfile.networkInterfaces"), i, nic)
	{
		struct resource *r = store_find(sim, jstr(nic, "id", ""));

		if (!r && sim->building)
			scenario_wrong(vm->name, "its network interface does not exist");
		if (r && !jpath(r->body, "properties.virtualMachine"))
			jset(json_object_get(r->body, "properties"), "virtualMachine",
			     jnew("{s:s}", "id", vm->id));
	}
}

void scenario_add_vm(struct sim *sim, const json_t *entry)
{
	struct place at = place_of(sim, entry, TYPE_VM, NULL);
	_cleanup_free_ char *id = at.id;
	const json_t *body = json_object_get(entry, "body"), *view = json_object_get(entry, "instance_view");
	struct resource *r =
	        store_put(sim, TYPE_VM, id, body ? json_deep_copy(body) : vm_body(sim, entry, &at));

	r->power = xstrdup(jstr(entry, "power", "running"));
	r->instance_view = view ? json_deep_copy(view) : NULL;
	if (!body)
		link_nics(sim, r);
}

void scenario_machines(struct sim *sim)
{
	size_t i;
	json_t *entry;

	json_array_foreach(json_object_get(sim->scenario, "nics"), i, entry) scenario_add_nic(sim, entry);
	json_array_foreach(json_object_get(sim->scenario, "vms"), i, entry) scenario_add_vm(sim, entry);
}
