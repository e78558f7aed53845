// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include <string.h>

#include "arm.h"
#include "effective.h"
#include "nsg_input.h"
#include "operation.h"
#include "route.h"
#include "settings.h"
#include "store.h"

static char *id_of(const struct request *req, const char *type)
{
	return xasprintf("/subscriptions/%s/resourceGroups/%s/providers/%s/%s", param(req, "sub"),
	                 param(req, "rg"), type, param(req, "name"));
}

static void get_type(struct request *req, const char *type)
{
	_cleanup_free_ char *id = id_of(req, type);

	arm_reply_resource(req, type, id);
}

static void nics(struct request *req)
{
	arm_list_type(req, TYPE_NIC);
}

static void nic(struct request *req)
{
	get_type(req, TYPE_NIC);
}

static void vnets(struct request *req)
{
	arm_list_type(req, TYPE_VNET);
}

static void vnet(struct request *req)
{
	get_type(req, TYPE_VNET);
}

static void subnets(struct request *req)
{
	_cleanup_free_ char *id = id_of(req, TYPE_VNET);
	const struct resource *r = store_find(req->sim, id);
	const json_t *list = r ? jpath(r->body, "properties.subnets") : NULL;

	if (r)
		arm_reply_list(req, list ? json_deep_copy(list) : json_array(),
		               jint(req->sim->scenario, "page_size", 0));
	else
		arm_not_found(req, TYPE_VNET, param(req, "name"));
}

static void subnet(struct request *req)
{
	_cleanup_free_ char *vnet_id = id_of(req, TYPE_VNET);
	_cleanup_free_ char *id = xasprintf("%s/subnets/%s", vnet_id, param(req, "child"));
	const json_t *found = subnet_find(req->sim, id);

	if (!store_find(req->sim, vnet_id))
		arm_not_found(req, TYPE_VNET, param(req, "name"));
	else if (found)
		reply_json(req, 200, json_deep_copy(found));
	else
		reply_json(req, 404,
		           jnew("{s:{s:s s:s s:[]}}", "error", "code", "NotFound", "message",
		                "Resource subnets not found.", "details"));
}

static void pips(struct request *req)
{
	arm_list_type(req, TYPE_PIP);
}

static void pip(struct request *req)
{
	get_type(req, TYPE_PIP);
}

static void put_pip(struct request *req)
{
	struct sim *sim = req->sim;
	_cleanup_free_ char *id = id_of(req, TYPE_PIP), *guid = guid_for(sim, id);
	const char *method = json_string_value(jpath(req->json, "properties.publicIPAllocationMethod"));
	bool existed = store_find(sim, id);
	struct resource *r = store_put(sim, TYPE_PIP, id,
	                               jnew("{s:s s:s s:s s:s s:{s:s s:s s:s s:s s:i s:[]} s:s s:{s:s s:s}}",
	                                    "name", param(req, "name"), "id", id, "etag", "", "location",
	                                    jstr(req->json, "location", sim->location), "properties",
	                                    "provisioningState", "Updating", "resourceGuid", guid,
	                                    "publicIPAddressVersion", "IPv4", "publicIPAllocationMethod",
	                                    method ? method : "Dynamic", "idleTimeoutInMinutes", 4, "ipTags",
	                                    "type", TYPE_PIP, "sku", "name", "Basic", "tier", "Regional"));

	resource_touch(sim, r);
	resource_updating(sim, r, delay_of(sim, "operation_ms"));
	reply_json(req, existed ? 200 : 201, json_deep_copy(r->body));
	operation_headers(req, NULL, 1);
}

static void effective(struct request *req)
{
	_cleanup_free_ char *id = id_of(req, TYPE_NIC);
	const struct resource *r = store_find(req->sim, id);
	const char *vm_id = r ? json_string_value(jpath(r->body, "properties.virtualMachine.id")) : NULL;
	const struct resource *vm = vm_id ? store_find(req->sim, vm_id) : NULL;

	if (!r) {
		arm_not_found(req, TYPE_NIC, param(req, "name"));
	} else if (!vm || strcmp(vm->power, "running")) {
		reply_error(
		        req, 400, "NicMustBeAttachedToRunningVmToGetEffectiveSecurityGroups",
		        "A network interface must be attached to a running virtual machine to get effective "
		        "security groups. The network interface %s is not attached to a running virtual "
		        "machine.",
		        r->id);
	} else {
		reply_empty(req, 202);
		operation_headers(req, effective_new(req->sim, r), 1);
	}
}

#define SUB   "/subscriptions/{sub}"
#define RG    SUB "/resourceGroups/{rg}"
#define NET   "/providers/Microsoft.Network"
#define NICS  NET "/networkInterfaces"
#define VNETS NET "/virtualNetworks"
#define PIPS  NET "/publicIPAddresses"
#define OPS   SUB NET "/locations/{loc}"
#define V     "2015-05-01-preview"
#define M     MANNERS_NETWORK

const struct route routes_network[] = {
        {"GET", SUB NICS, "NetworkInterfaces_ListAll", TYPE_NIC "/read", V, M, 0, nics},
        {"GET", RG NICS, "NetworkInterfaces_List", TYPE_NIC "/read", V, M, 0, nics},
        {"GET", RG NICS "/{name}", "NetworkInterfaces_Get", TYPE_NIC "/read", V, M, 0, nic},
        {"POST", RG NICS "/{name}/effectiveNetworkSecurityGroups",
         "NetworkInterfaces_ListEffectiveNetworkSecurityGroups",
         TYPE_NIC "/effectiveNetworkSecurityGroups/action", V, M, 0, effective},
        {"GET", SUB VNETS, "VirtualNetworks_ListAll", TYPE_VNET "/read", V, M, 0, vnets},
        {"GET", RG VNETS, "VirtualNetworks_List", TYPE_VNET "/read", V, M, 0, vnets},
        {"GET", RG VNETS "/{name}", "VirtualNetworks_Get", TYPE_VNET "/read", V, M, 0, vnet},
        {"GET", RG VNETS "/{name}/subnets", "Subnets_List", TYPE_VNET "/subnets/read", V, M, 0, subnets},
        {"GET", RG VNETS "/{name}/subnets/{child}", "Subnets_Get", TYPE_VNET "/subnets/read", V, M, 0,
         subnet},
        {"GET", SUB PIPS, "PublicIPAddresses_ListAll", TYPE_PIP "/read", V, M, 0, pips},
        {"GET", RG PIPS, "PublicIPAddresses_List", TYPE_PIP "/read", V, M, 0, pips},
        {"GET", RG PIPS "/{name}", "PublicIPAddresses_Get", TYPE_PIP "/read", V, M, 0, pip},
        {"PUT", RG PIPS "/{name}", "PublicIPAddresses_CreateOrUpdate", TYPE_PIP "/write", V, M, 0, put_pip},
        {"GET", OPS "/operations/{name}", "NetworkOperation", NULL, V, M, ROUTE_UNSPECIFIED,
         operation_status},
        {"GET", OPS "/operationResults/{name}", "NetworkOperationResult", NULL, V, M, ROUTE_UNSPECIFIED,
         operation_result},
        {0},
};
