// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include <string.h>

#include "arm.h"
#include "operation.h"
#include "power.h"
#include "route.h"
#include "store.h"

static char *vm_id(const struct request *req)
{
	return xasprintf("/subscriptions/%s/resourceGroups/%s/providers/" TYPE_VM "/%s", param(req, "sub"),
	                 param(req, "rg"), param(req, "name"));
}

static json_t *status(const char *code, const char *display, const char *time)
{
	json_t *s = jnew("{s:s s:s s:s}", "code", code, "level", "Info", "displayStatus", display);

	if (time)
		jsets(s, "time", time);
	return s;
}

static json_t *instance_view_new(const struct request *req, const struct resource *vm)
{
	const char *os = json_string_value(jpath(vm->body, "properties.storageProfile.osDisk.osType"));
	const char *power = power_shown(req->sim, vm);
	_cleanup_free_ char *code = xasprintf("PowerState/%s", power), *display = xasprintf("VM %s", power),
	                    *now = time_iso(clock_now(&req->sim->clock), 7);
	bool linux_os = !str_ieq(os, "Windows");
	json_t *view;

	if (vm->instance_view)
		return json_deep_copy(vm->instance_view);
	view = jnew("{s:s s:s s:s s:[] s:[o,o]}", "computerName", vm->name, "osName",
	            linux_os ? "debian" : "Windows Server 2022 Datacenter", "osVersion",
	            linux_os ? "12" : "10.0.20348", "disks", "statuses",
	            status("ProvisioningState/succeeded", "Provisioning succeeded", now),
	            status(code, display, NULL));
	if (!strcmp(vm->power, "running"))
		jset(view, "vmAgent",
		     jnew("{s:s s:[o]}", "vmAgentVersion", "2.9.1.1", "statuses",
		          status("ProvisioningState/succeeded", "Ready", now)));
	return view;
}

static void list(struct request *req)
{
	arm_list_type(req, TYPE_VM);
}

static void get(struct request *req)
{
	_cleanup_free_ char *id = vm_id(req);
	const char *expand = query_get(req, "$expand");
	const struct resource *vm = store_find(req->sim, id);

	arm_reply_resource(req, TYPE_VM, id);
	if (req->reply.status == 200 && str_ieq(expand, "instanceView"))
		jset(json_object_get(req->reply.body, "properties"), "instanceView",
		     instance_view_new(req, vm));
}

static void instance_view(struct request *req)
{
	_cleanup_free_ char *id = vm_id(req);
	const struct resource *vm = store_find(req->sim, id);

	if (vm)
		reply_json(req, 200, instance_view_new(req, vm));
	else
		arm_not_found(req, TYPE_VM, param(req, "name"));
}

static void start(struct request *req)
{
	_cleanup_free_ char *id = vm_id(req);
	struct resource *vm = store_find(req->sim, id);

	if (vm)
		power_start(req, vm);
	else
		arm_not_found(req, TYPE_VM, param(req, "name"));
}

#define SUB "/subscriptions/{sub}"
#define OPS SUB "/providers/Microsoft.Compute/locations/{loc}"
#define VMS "/providers/Microsoft.Compute/virtualMachines"
#define V   "2015-06-15"

const struct route routes_compute[] = {
        {"GET", SUB VMS, "VirtualMachines_ListAll", TYPE_VM "/read", V, MANNERS_COMPUTE, 0, list},
        {"GET", SUB "/resourceGroups/{rg}" VMS, "VirtualMachines_List", TYPE_VM "/read", V, MANNERS_COMPUTE,
         0, list},
        {"GET", SUB "/resourceGroups/{rg}" VMS "/{name}", "VirtualMachines_Get", TYPE_VM "/read", V,
         MANNERS_COMPUTE, 0, get},
        {"GET", SUB "/resourceGroups/{rg}" VMS "/{name}/instanceView", "VirtualMachines_InstanceView",
         TYPE_VM "/instanceView/read", V, MANNERS_COMPUTE, 0, instance_view},
        {"POST", SUB "/resourceGroups/{rg}" VMS "/{name}/start", "VirtualMachines_Start",
         TYPE_VM "/start/action", V, MANNERS_COMPUTE, 0, start},
        {"GET", OPS "/operations/{name}", "ComputeOperation", NULL, V, MANNERS_COMPUTE, ROUTE_UNSPECIFIED,
         operation_status},
        {"GET", OPS "/operationResults/{name}", "ComputeOperationResult", NULL, V, MANNERS_COMPUTE,
         ROUTE_UNSPECIFIED, operation_result},
        {0},
};
