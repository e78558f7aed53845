// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include "arm.h"
#include "route.h"
#include "store.h"

static void list(struct request *req)
{
	arm_list_type(req, TYPE_FIREWALL);
}

static void get(struct request *req)
{
	_cleanup_free_ char *id =
	        xasprintf("/subscriptions/%s/resourceGroups/%s/providers/" TYPE_FIREWALL "/%s",
	                  param(req, "sub"), param(req, "rg"), param(req, "name"));

	arm_reply_resource(req, TYPE_FIREWALL, id);
}

#define SUB       "/subscriptions/{sub}"
#define RG        SUB "/resourceGroups/{rg}"
#define FIREWALLS "/providers/" TYPE_FIREWALL
#define V         "2018-04-01"
#define M         MANNERS_NETWORK

const struct route routes_firewall[] = {
        {"GET", SUB FIREWALLS, "AzureFirewalls_ListAll", TYPE_FIREWALL "/read", V, M, 0, list},
        {"GET", RG FIREWALLS, "AzureFirewalls_List", TYPE_FIREWALL "/read", V, M, 0, list},
        {"GET", RG FIREWALLS "/{name}", "AzureFirewalls_Get", TYPE_FIREWALL "/read", V, M, 0, get},
        {0},
};
