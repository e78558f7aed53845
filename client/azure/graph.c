// SPDX-License-Identifier: Apache-2.0
#include <azjit/graph.h>

#include "parse.h"

#include <stdio.h>

#define PATH "/providers/Microsoft.ResourceGraph/resources?api-version=2022-10-01"

// What is asked of each type: a column, and the path in a list's element at which the parsers look for it.
// With the column id the rows come in pages (the document's examples).
struct column {
	const char *name;
	const char *path[4]; // ended by NULL
};
#define COLUMNS 3
static const struct kind {
	const char *type;
	struct column columns[COLUMNS]; // besides id
} kinds[AZJIT_GRAPH_KINDS_] = {
        [AZJIT_GRAPH_VMS] = {"Microsoft.Compute/virtualMachines",
                             {{"tags", {"tags"}},
                              {"nics", {"properties", "networkProfile", "networkInterfaces"}}}},
        [AZJIT_GRAPH_NICS] = {"Microsoft.Network/networkInterfaces",
                              {{"nsg", {"properties", "networkSecurityGroup"}},
                               {"ipConfigurations", {"properties", "ipConfigurations"}},
                               {"main", {"properties", "primary"}}}},
        [AZJIT_GRAPH_SUBNETS] = {"Microsoft.Network/virtualNetworks",
                                 {{"subnets", {"properties", "subnets"}}}},
        [AZJIT_GRAPH_PUBLIC_IPS] = {"Microsoft.Network/publicIPAddresses",
                                    {{"address", {"properties", "ipAddress"}},
                                     {"dns", {"properties", "dnsSettings"}}}},
};

// --- asking -------------------------------------------------------------------------------------------

static bool write_query(const struct kind *kind, struct azjit_buf *out)
{
	bool ok = azjit_buf_printf(out, "Resources | where type =~ '%s' | project id", kind->type);

	for (size_t i = 0; ok && i < COLUMNS && kind->columns[i].name; i++) {
		const char *const *part = kind->columns[i].path;

		ok = azjit_buf_printf(out, ", %s = %s", kind->columns[i].name, *part);
		while (ok && *++part)
			ok = azjit_buf_printf(out, ".%s", *part);
	}
	return ok;
}

static char *body_new(enum azjit_graph_kind kind, const char *const *subscriptions, size_t count,
                      const char *next)
{
	_cleanup_buf_ struct azjit_buf text = AZJIT_BUF(1024);
	json_auto_t *list = json_array(), *body = NULL;

	for (size_t i = 0; list && i < count; i++)
		if (json_array_append_new(list, json_string(subscriptions[i])) != 0)
			return NULL;
	if (!list || !write_query(&kinds[kind], &text))
		return NULL;
	body = json_pack("{s:s, s:O, s:{s:i, s:s, s:s*}}", "query", text.data, "subscriptions", list,
	                 "options", "$top", AZJIT_GRAPH_ROWS, "resultFormat", "objectArray", "$skipToken",
	                 *next ? next : NULL);
	return body ? json_dumps(body, JSON_COMPACT) : NULL;
}

// --- reading ------------------------------------------------------------------------------------------

// The row in the form of a list's element, so that one parser reads both. NULL if memory ran out.
static json_t *element_new(const struct kind *kind, const json_t *row)
{
	json_auto_t *element = json_pack("{s:s}", "id", js_text(row, "id"));

	for (size_t i = 0; element && i < COLUMNS && kind->columns[i].name; i++) {
		const json_t *value = js_member(row, kind->columns[i].name);
		const char *const *part = kind->columns[i].path;
		json_t *at = element;

		for (; value && part[1]; part++) {
			json_t *inner = json_object_get(at, *part);

			if (!inner && json_object_set_new(at, *part, json_object()) != 0)
				return NULL;
			at = json_object_get(at, *part);
		}
		if (value && json_object_set(at, *part, (json_t *)(uintptr_t)value) != 0)
			return NULL;
	}
	return json_incref(element);
}

static const char *parse_rows(struct arena *arena, enum azjit_graph_kind kind, const json_t *elements,
                              struct azjit_graph_page *ret)
{
	ret->count = js_count(elements);
	switch (kind) {
	case AZJIT_GRAPH_VMS:
		return parse_vms(arena, elements, &ret->vms);
	case AZJIT_GRAPH_NICS:
		return parse_nics(arena, elements, &ret->nics);
	case AZJIT_GRAPH_SUBNETS:
		return parse_subnets(arena, elements, &ret->subnets, &ret->count);
	case AZJIT_GRAPH_PUBLIC_IPS:
		return parse_public_ips(arena, elements, &ret->public_ips);
	case AZJIT_GRAPH_KINDS_:
		break;
	}
	return "rows that were not asked for";
}

const char *parse_graph(struct arena *arena, enum azjit_graph_kind kind, const json_t *answer,
                        struct azjit_graph_page *ret, json_t **ret_elements)
{
	const json_t *data = js_member(answer, "data");
	json_auto_t *elements = json_array(), *rows = NULL;
	const char *why = NULL;

	if (!json_is_array(data))
		return "a result that has no 'data'";
	if (azjit_ieq(js_text(answer, "resultTruncated"), "true"))
		return "a result of which rows are missing";
	rows = js_unique(data, "id", &why);
	if (!rows)
		return why ? why : PARSE_NOMEM;
	for (size_t i = 0; elements && i < js_count(rows); i++)
		if (json_array_append_new(elements, element_new(&kinds[kind], json_array_get(rows, i))) != 0)
			return PARSE_NOMEM;
	if (!elements)
		return PARSE_NOMEM;
	ret->next = js_text(answer, "$skipToken");
	why = parse_rows(arena, kind, elements, ret);
	*ret_elements = json_incref(elements);
	return why;
}

static void query_done(const struct call_result *call)
{
	azjit_graph_fn *fn = (azjit_graph_fn *)call->fn;
	enum azjit_graph_kind kind = (enum azjit_graph_kind)(*call->key - '0');
	struct azjit_graph_page page = {.count = 0};
	json_auto_t *elements = NULL;
	bool ok = call->json && parse_ok(call, parse_graph(call->arena, kind, call->json, &page, &elements));

	fn(call->userdata, call->answer, ok ? &page : NULL);
}

struct azjit_call *azjit_graph_query(struct azjit_azure *azure, enum azjit_graph_kind kind,
                                     const char *const *subscriptions, size_t count, const char *next,
                                     struct azjit_call_options options, azjit_graph_fn *fn, void *userdata)
{
	_cleanup_free_ char *body = body_new(kind, subscriptions, count, next);
	const char key[] = {(char)('0' + (int)kind), '\0'};

	if (!body)
		return NULL;
	return call_new(azure, &(struct call_spec){.shape = CALL_QUERY,
	                                           .operation = OPERATION_GRAPH,
	                                           .path = PATH,
	                                           .body = body,
	                                           .key = key,
	                                           .options = options,
	                                           .done = query_done,
	                                           .fn = (void (*)(void))fn,
	                                           .userdata = userdata});
}
