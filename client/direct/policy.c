// SPDX-License-Identifier: Apache-2.0
#include "policy.h"

#include <azjit/address.h>
#include <azjit/jit.h>
#include <azjit/text.h>
#include <azjit/time.h>
#include <stdio.h>

#define ONE  "allowedSourceAddressPrefix"
#define MANY "allowedSourceAddressPrefixes"

const char *json_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

json_t *json_by_id(const json_t *rows, const char *id)
{
	for (size_t i = 0; i < json_array_size(rows); i++)
		if (azjit_ieq(json_text(json_array_get(rows, i), "id"), id))
			return json_array_get(rows, i);
	return NULL;
}

// --- reading ------------------------------------------------------------------------------------------

const json_t *policy_vms(const json_t *policy)
{
	return json_object_get(json_object_get(policy, "properties"), "virtualMachines");
}

json_t *policy_entry(const json_t *policy, const char *vm_id)
{
	return json_by_id(policy_vms(policy), vm_id);
}

// Some clients write a number as a text, and Azure takes it (§1.2). -1 if it is neither.
static int number_of(const json_t *port)
{
	const json_t *number = json_object_get(port, "number");
	uint64_t parsed;

	if (json_is_integer(number) && json_integer_value(number) >= 0 &&
	    json_integer_value(number) <= UINT16_MAX)
		return (int)json_integer_value(number);
	if (azjit_parse_u64(json_text(port, "number"), 0, UINT16_MAX, &parsed) == AZJIT_OK)
		return (int)parsed;
	return -1;
}

static const char *protocol_word(const json_t *port)
{
	const char *text = json_text(port, "protocol");

	if (azjit_ieq(text, "tcp"))
		return "tcp";
	if (azjit_ieq(text, "udp"))
		return "udp";
	return azjit_streq(text, "*") ? "any" : text;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

// Singular and plural form, sorted.
static json_t *sources_of(const json_t *port)
{
	const json_t *many = json_object_get(port, MANY);
	size_t count = 0, size = json_array_size(many) + 1;
	_cleanup_free_ const char **texts = calloc(size, sizeof(*texts));
	json_auto_t *sources = json_array();

	if (!texts || !sources)
		return NULL;
	if (*json_text(port, ONE))
		texts[count++] = json_text(port, ONE);
	for (size_t i = 0; i < json_array_size(many); i++)
		if (json_string_value(json_array_get(many, i)))
			texts[count++] = json_string_value(json_array_get(many, i));
	qsort(texts, count, sizeof(*texts), by_text);
	for (size_t i = 0; i < count; i++)
		if (json_array_append_new(sources, json_string(texts[i])) != 0)
			return NULL;
	return json_incref(sources);
}

static int64_t max_of(const json_t *port)
{
	int64_t seconds;

	if (azjit_duration_parse_iso(json_text(port, "maxRequestAccessDuration"), &seconds) != AZJIT_OK)
		return -1;
	return seconds;
}

static json_t *port_row(const char *vm_id, const json_t *port)
{
	json_t *sources = sources_of(port);

	return sources ? json_pack("{s:s, s:s, s:i, s:s, s:o, s:I}", "vm", azjit_id_name(vm_id), "vm_id",
	                           vm_id, "port", number_of(port), "protocol", protocol_word(port), "sources",
	                           sources, "max_s", (json_int_t)max_of(port))
	               : NULL;
}

json_t *policy_ports(const json_t *entry)
{
	const json_t *ports = json_object_get(entry, "ports");
	json_auto_t *rows = json_array();

	for (size_t i = 0; rows && i < json_array_size(ports); i++)
		if (json_array_append_new(rows, port_row(json_text(entry, "id"), json_array_get(ports, i))) !=
		    0)
			return NULL;
	return rows ? json_incref(rows) : NULL;
}

static bool in_force(const json_t *port, azjit_ticks now)
{
	azjit_ticks end;

	switch (azjit_request_state(json_text(port, "status"), json_text(port, "statusReason"))) {
	case AZJIT_STATE_FAILED:
	case AZJIT_STATE_REVOKED:
		return false;
	case AZJIT_STATE_PENDING:
	case AZJIT_STATE_INITIATED:
		break;
	}
	return azjit_time_parse(json_text(port, "endTimeUtc"), &end) == AZJIT_OK && end > now;
}

bool policy_granted(const json_t *policy, const char *vm_id, int port, azjit_ticks now)
{
	const json_t *requests = json_object_get(json_object_get(policy, "properties"), "requests");

	for (size_t i = 0; i < json_array_size(requests); i++) {
		const json_t *vms = json_object_get(json_array_get(requests, i), "virtualMachines");
		const json_t *ports = json_object_get(json_by_id(vms, vm_id), "ports");

		for (size_t k = 0; k < json_array_size(ports); k++)
			if (number_of(json_array_get(ports, k)) == port &&
			    in_force(json_array_get(ports, k), now))
				return true;
	}
	return false;
}

bool policies_granted(const json_t *policies, const char *vm_id, int port, azjit_ticks now)
{
	for (size_t i = 0; i < json_array_size(policies); i++)
		if (policy_granted(json_array_get(policies, i), vm_id, port, now))
			return true;
	return false;
}

// --- differences --------------------------------------------------------------------------------------

static bool row_same(const json_t *a, const json_t *b)
{
	return azjit_ieq(json_text(a, "vm_id"), json_text(b, "vm_id")) &&
	       azjit_streq(json_text(a, "protocol"), json_text(b, "protocol")) &&
	       json_equal(json_object_get(a, "port"), json_object_get(b, "port")) &&
	       json_equal(json_object_get(a, "sources"), json_object_get(b, "sources")) &&
	       json_equal(json_object_get(a, "max_s"), json_object_get(b, "max_s"));
}

static json_t *all_ports(const json_t *policy)
{
	const json_t *vms = policy_vms(policy);
	json_auto_t *rows = json_array();

	for (size_t i = 0; rows && i < json_array_size(vms); i++) {
		json_auto_t *ports = policy_ports(json_array_get(vms, i));

		if (!ports || json_array_extend(rows, ports) != 0)
			return NULL;
	}
	return rows ? json_incref(rows) : NULL;
}

// Takes the rows of `from` that `other` lacks; a row that is there twice must be there twice.
static bool take_missing(const json_t *from, const json_t *other, const char *change, json_t *into)
{
	json_auto_t *left = json_copy((json_t *)(uintptr_t)other);

	for (size_t i = 0; left && i < json_array_size(from); i++) {
		json_t *row = json_array_get(from, i);
		size_t k = 0;

		while (k < json_array_size(left) && !row_same(row, json_array_get(left, k)))
			k++;
		if (k < json_array_size(left)) {
			(void)json_array_remove(left, k);
			continue;
		}
		if (json_object_set_new(row, "change", json_string(change)) != 0 ||
		    json_array_append(into, row) != 0)
			return false;
	}
	return left != NULL;
}

json_t *policy_changes(const json_t *before, const json_t *after)
{
	json_auto_t *old = all_ports(before), *new = all_ports(after), *changes = json_array();

	if (!old || !new || !changes || !take_missing(old, new, "remove", changes) ||
	    !take_missing(new, old, "add", changes))
		return NULL;
	return json_incref(changes);
}

bool policy_undone(const json_t *changes, const json_t *since)
{
	for (size_t i = 0; i < json_array_size(changes); i++)
		for (size_t k = 0; k < json_array_size(since); k++) {
			const json_t *ours = json_array_get(changes, i), *theirs = json_array_get(since, k);

			if (azjit_streq(json_text(ours, "change"), json_text(theirs, "change")) &&
			    row_same(ours, theirs))
				return true;
		}
	return false;
}

// --- changing -----------------------------------------------------------------------------------------

json_t *policy_new(const char *id)
{
	return json_pack("{s:s, s:s, s:s, s:{s:[]}}", "kind", "Basic", "id", id, "name", azjit_id_name(id),
	                 "properties", "virtualMachines");
}

static void format_iso(int64_t seconds, char ret_text[32])
{
	long long h = (long long)seconds / 3600, m = (long long)seconds / 60 % 60,
	          s = (long long)seconds % 60;
	int len;

	if (seconds == POLICY_MAX_S) {
		(void)snprintf(ret_text, 32, "P1D");
		return;
	}
	len = snprintf(ret_text, 32, "PT");
	if (h)
		len += snprintf(ret_text + len, 32 - (size_t)len, "%lldH", h);
	if (m)
		len += snprintf(ret_text + len, 32 - (size_t)len, "%lldM", m);
	if (s)
		(void)snprintf(ret_text + len, 32 - (size_t)len, "%lldS", s);
}

// One source is written in the singular form, several in the plural: the two exclude each other.
static bool set_sources(json_t *port, json_t *sources)
{
	bool one = json_array_size(sources) == 1;

	(void)json_object_del(port, one ? MANY : ONE);
	return json_object_set(port, one ? ONE : MANY, one ? json_array_get(sources, 0) : sources) == 0;
}

static bool set_port(json_t *port, const struct port_wish *wish)
{
	char max[32];

	format_iso(wish->max_s, max);
	if (wish->protocol && json_object_set_new(port, "protocol", json_string(wish->protocol)) != 0)
		return false;
	if (wish->sources && !set_sources(port, wish->sources))
		return false;
	return wish->max_s == 0 ||
	       json_object_set_new(port, "maxRequestAccessDuration", json_string(max)) == 0;
}

static json_t *port_new(uint16_t number, const struct port_wish *wish)
{
	json_auto_t *port =
	        json_pack("{s:i, s:s, s:s, s:s}", "number", (int)number, "protocol", POLICY_DEFAULT_BY, ONE,
	                  POLICY_DEFAULT_FOR, "maxRequestAccessDuration", "PT3H");

	return port && set_port(port, wish) ? json_incref(port) : NULL;
}

static bool wished(const struct port_wish *wish, int number)
{
	for (size_t i = 0; i < wish->port_count; i++)
		if (wish->ports[i] == number)
			return true;
	return wish->port_count == 0;
}

static bool has_port(const json_t *ports, int number)
{
	for (size_t i = 0; i < json_array_size(ports); i++)
		if (number_of(json_array_get(ports, i)) == number)
			return true;
	return false;
}

bool policy_set(json_t *entry, const struct port_wish *wish)
{
	const json_t *old = json_object_get(entry, "ports");
	json_auto_t *ports = json_array();

	for (size_t i = 0; ports && i < json_array_size(old); i++) {
		json_t *port = json_array_get(old, i);

		if (wished(wish, number_of(port)) &&
		    (!set_port(port, wish) || json_array_append(ports, port) != 0))
			return false;
	}
	for (size_t i = 0; ports && i < wish->port_count; i++)
		if (!has_port(ports, wish->ports[i]) &&
		    json_array_append_new(ports, port_new(wish->ports[i], wish)) != 0)
			return false;
	return ports && json_object_set(entry, "ports", ports) == 0;
}

bool policy_add(json_t *policy, const char *vm_id, const struct port_wish *wish)
{
	json_auto_t *entry = json_pack("{s:s, s:[]}", "id", vm_id, "ports");

	return entry && policy_set(entry, wish) &&
	       json_array_append((json_t *)(uintptr_t)policy_vms(policy), entry) == 0;
}

bool policy_copy(json_t *policy, const char *vm_id, const json_t *ports)
{
	json_t *entry = policy_entry(policy, vm_id);
	json_auto_t *copy = json_deep_copy(ports),
	            *fresh = entry ? NULL : json_pack("{s:s, s:[]}", "id", vm_id, "ports");

	if (!copy || (!entry && !fresh) || json_object_set(entry ? entry : fresh, "ports", copy) != 0)
		return false;
	return entry || json_array_append((json_t *)(uintptr_t)policy_vms(policy), fresh) == 0;
}

bool policy_remove(json_t *policy, const char *vm_id)
{
	json_t *vms = (json_t *)(uintptr_t)policy_vms(policy);

	for (size_t i = json_array_size(vms); i-- > 0;)
		if (azjit_ieq(json_text(json_array_get(vms, i), "id"), vm_id))
			(void)json_array_remove(vms, i);
	return true;
}

json_t *policy_body(const json_t *policy)
{
	static const char *const azures[] = {"id", "name", "type", "location"};
	json_auto_t *body = json_deep_copy(policy);
	json_t *properties = json_object_get(body, "properties");

	for (size_t i = 0; i < AZJIT_COUNT(azures); i++)
		(void)json_object_del(body, azures[i]);
	(void)json_object_del(properties, "provisioningState");
	(void)json_object_del(properties, "requests");
	return body ? json_incref(body) : NULL;
}

// --- checking -----------------------------------------------------------------------------------------

static enum azjit_result check_source(const char *vm, int number, const char *source,
                                      struct azjit_reason *reason)
{
	struct azjit_prefix prefix;

	if (azjit_streq(source, "*"))
		return AZJIT_OK;
	if (azjit_prefix_parse(source, &prefix) != AZJIT_OK)
		return azjit_fail(reason, AZJIT_USAGE,
		                  "%s port %d: the source '%s' is no IPv4 address or prefix such as "
		                  "203.0.113.0/24",
		                  vm, number, source);
	if (prefix.addr.family != AZJIT_IPV4)
		return azjit_fail(
		        reason, AZJIT_USAGE,
		        "%s port %d: the source %s is IPv6, which just-in-time access refuses: give "
		        "an IPv4 prefix",
		        vm, number, source);
	return AZJIT_OK;
}

static enum azjit_result check_sources(const char *vm, const json_t *port, struct azjit_reason *reason)
{
	json_auto_t *sources = sources_of(port);
	enum azjit_result result = AZJIT_OK;

	if (!sources)
		return azjit_fail(reason, AZJIT_NOMEM, "out of memory");
	if (json_array_size(sources) == 0)
		return azjit_fail(reason, AZJIT_USAGE, "%s port %d has no source: write '*' for any", vm,
		                  number_of(port));
	for (size_t i = 0; result == AZJIT_OK && i < json_array_size(sources); i++)
		result = check_source(vm, number_of(port), json_string_value(json_array_get(sources, i)),
		                      reason);
	return result;
}

static enum azjit_result check_port(const char *vm, const json_t *port, struct azjit_reason *reason)
{
	const char *protocol = protocol_word(port);
	int number = number_of(port);

	if (number < 1)
		return azjit_fail(reason, AZJIT_USAGE, "%s has a port whose number is not 1 to 65535", vm);
	if (!azjit_streq(protocol, "tcp") && !azjit_streq(protocol, "udp") && !azjit_streq(protocol, "any"))
		return azjit_fail(reason, AZJIT_USAGE,
		                  "%s port %d: the protocol '%s' is none of TCP, UDP and *", vm, number,
		                  protocol);
	if (max_of(port) < POLICY_MIN_S || max_of(port) > POLICY_MAX_S)
		return azjit_fail(reason, AZJIT_USAGE,
		                  "%s port %d: the longest time must be five minutes to one day", vm, number);
	return check_sources(vm, port, reason);
}

static bool overlap(const json_t *a, const json_t *b)
{
	const char *one = protocol_word(a), *other = protocol_word(b);

	return number_of(a) == number_of(b) &&
	       (azjit_streq(one, other) || azjit_streq(one, "any") || azjit_streq(other, "any"));
}

enum azjit_result policy_check(const char *policy_name, const json_t *entry, struct azjit_reason *reason)
{
	const char *vm = azjit_id_name(json_text(entry, "id"));
	const json_t *ports = json_object_get(entry, "ports");
	size_t together = strlen(policy_name) + strlen(vm);
	enum azjit_result result = AZJIT_OK;

	if (!*vm)
		return azjit_fail(reason, AZJIT_USAGE, "policy %s holds a VM without an id", policy_name);
	if (together > POLICY_NAMES_MAX)
		return azjit_fail(
		        reason, AZJIT_USAGE,
		        "the names %s and %s have %zu characters together, and Azure takes %d: choose "
		        "a shorter --policy",
		        policy_name, vm, together, POLICY_NAMES_MAX);
	if (json_array_size(ports) == 0)
		return azjit_fail(reason, AZJIT_USAGE,
		                  "%s would have no port: `azjit policy disable` takes it "
		                  "out",
		                  vm);
	for (size_t i = 0; result == AZJIT_OK && i < json_array_size(ports); i++) {
		result = check_port(vm, json_array_get(ports, i), reason);
		for (size_t k = 0; result == AZJIT_OK && k < i; k++)
			if (overlap(json_array_get(ports, i), json_array_get(ports, k)))
				result = azjit_fail(reason, AZJIT_USAGE, "%s has port %d twice", vm,
				                    number_of(json_array_get(ports, i)));
	}
	return result;
}
