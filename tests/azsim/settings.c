// SPDX-License-Identifier: Apache-2.0
#include "settings.h"

#include <string.h>

#include "arm_graph.h"
#include "util.h"

enum kind { CHOICE, BOOL, TEXT, INT, LIST, ADDRESSES };

struct setting {
	const char *name;
	enum kind kind;
	const char *positions; // CHOICE: blank-separated, the first is the default; else the default as JSON
};

static const struct setting switch_table[] = {
        {"supersede", CHOICE, "never same_source same_port same_requestor"},
        {"requestor", CHOICE, "empty name"},
        {"plural_prefixes", CHOICE, "accept refuse drop"},
        {"duplicate_port", CHOICE, "both last refuse"},
        {"subset", CHOICE, "containing strict"},
        {"refusal_code", TEXT, "\"InvalidInitiateInput\""},
        {"rule_never", BOOL, "false"},
        {"async_failure", TEXT, "null"},
        {"failed_status", TEXT, "\"Failed\""},
        {"initiated_status", TEXT, "\"Initiated\""},
        {"stay_initiating", BOOL, "false"},
        {"expiry_keeps_rule", BOOL, "false"},
        {"history", CHOICE, "keep drop"},
        {"put_keeps_history", BOOL, "true"},
        {"put_keeps_rules", BOOL, "true"},
        {"delete_revokes", BOOL, "true"},
        {"rule_generation", CHOICE, "mdc asc"},
        {"rule_protocol", CHOICE, "any policy"},
        {"rule_level", CHOICE, "all nic subnet"},
        {"deny_priority", CHOICE, "bottom top"},
        {"allow_priority", INT, "100"},
        {"renumber", BOOL, "false"},
        {"mapped_port", CHOICE, "initiated accepted never"},
        {"mapped_port_first", INT, "50000"},
        {"firewall_source", CHOICE, "client firewall"},
        {"firewall_policy", CHOICE, "fail ignore"},
        {"ipv6", CHOICE, "refuse accept"},
        {"caller_address", ADDRESSES, "null"},
        {"duration_slack_s", INT, "0"},
        {"list_omits", LIST, "[]"},
        {"correlation", CHOICE, "caller own"},
        {"activity_client_request_id", BOOL, "true"},
        {"activity_nsg_events", BOOL, "false"},
        {"activity_end_status", CHOICE, "Accepted Succeeded"},
        {"activity_casing", CHOICE, "mixed lower upper"},
        {"activity_error", CHOICE, "flat nested"},
        {"activity_detail", BOOL, "false"},
        {"empty_pages", BOOL, "false"},
        {"start_failure", TEXT, "null"},
        {"start_never", BOOL, "false"},
        {"start_shows", CHOICE, "starting before"},
        {"gzip", BOOL, "true"},
        {"metadata_bom", BOOL, "true"},
        {"metadata_resource_manager", BOOL, "true"},
        {"imds_cache", BOOL, "true"},
        {"assertion_skew_s", INT, "300"},
        {"assertion_chain", CHOICE, "optional required"},
        {"device_interval_s", INT, "5"},
        {"device_expires_s", INT, "900"},
        {"device_message", TEXT, "null"},
        {"device_slow_down", BOOL, "false"},
        {"refresh_rotation", CHOICE, "keep revoke same"},
        {"app_service_header", TEXT, "null"},
        {"app_service_expires_in", BOOL, "false"},
        {"arc_keys", TEXT, "null"},
        {"arc_realm", TEXT, "null"},
        {"arc_challenge", BOOL, "true"},
        {"arc_refuse", BOOL, "false"},
        {"graph", CHOICE, "answer forbidden absent"},
        {"graph_lag", BOOL, "false"},
};

static const struct {
	const char *name;
	int ms;
} delay_table[] = {
        {"answer_ms", 0},       {"initiated_ms", 3000}, {"rule_ms", 2000},   {"nsg_ms", 0},
        {"dataplane_ms", 0},    {"expiry_ms", 0},       {"policy_ms", 5000}, {"operation_ms", 1000},
        {"activity_ms", 15000}, {"start_ms", 20000},
};

static json_t *default_of(const struct setting *s)
{
	if (s->kind == CHOICE)
		return json_stringn(s->positions, strcspn(s->positions, " "));
	return json_loads(s->positions, JSON_DECODE_ANY, NULL);
}

void settings_init(struct sim *sim)
{
	json_decref(sim->switches);
	json_decref(sim->delays);
	sim->switches = json_object();
	sim->delays = json_object();
	for (size_t i = 0; i < ARRAY_SIZE(switch_table); i++)
		jset(sim->switches, switch_table[i].name, default_of(&switch_table[i]));
	for (size_t i = 0; i < ARRAY_SIZE(delay_table); i++)
		jset(sim->delays, delay_table[i].name, json_integer(delay_table[i].ms));
}

static bool is_choice(const char *positions, const char *value)
{
	size_t n = value ? strlen(value) : 0;

	for (const char *p = positions; n && *p; p += strspn(p, " ")) {
		size_t len = strcspn(p, " ");

		if (len == n && !strncmp(p, value, n))
			return true;
		p += len;
	}
	return false;
}

static bool strings_only(const json_t *list)
{
	size_t i;
	json_t *v;

	json_array_foreach(list, i, v) if (!json_is_string(v)) return false;
	return json_is_array(list);
}

static bool fits(const struct setting *s, const json_t *v)
{
	switch (s->kind) {
	case CHOICE:
		return is_choice(s->positions, json_string_value(v));
	case BOOL:
		return json_is_boolean(v);
	case TEXT:
		return json_is_string(v) || json_is_null(v);
	case INT:
		return json_is_integer(v);
	case LIST:
		return strings_only(v);
	case ADDRESSES:
		return json_is_null(v) || json_is_string(v) || (strings_only(v) && json_array_size(v));
	}
	return false;
}

char *switches_set(struct sim *sim, const json_t *changes)
{
	const char *name;
	json_t *v;

	json_object_foreach((json_t *)changes, name, v)
	{
		const struct setting *found = NULL;

		for (size_t i = 0; i < ARRAY_SIZE(switch_table); i++)
			if (!strcmp(switch_table[i].name, name))
				found = &switch_table[i];
		if (!found)
			return xasprintf("there is no switch '%s'", name);
		if (!fits(found, v))
			return xasprintf("switch '%s' has no such position%s%s", name,
			                 found->kind == CHOICE ? ": " : "",
			                 found->kind == CHOICE ? found->positions : "");
	}
	if (changes)
		json_object_update(sim->switches, (json_t *)changes);
	if (!sw_bool(sim, "graph_lag"))
		graph_forget(sim);
	else if (!sim->graph && !sim->building)
		graph_remember(sim);
	return NULL;
}

#define LONGEST_MS (1000LL * 86400 * 36600)

static bool delay_fits(const json_t *v)
{
	const json_t *min = json_object_get(v, "min"), *max = json_object_get(v, "max");

	if (json_is_object(v))
		return json_object_size(v) == 2 && json_is_integer(min) && json_is_integer(max) &&
		       json_integer_value(min) >= 0 && json_integer_value(max) >= json_integer_value(min) &&
		       json_integer_value(max) <= LONGEST_MS;
	return json_is_integer(v) && json_integer_value(v) >= 0 && json_integer_value(v) <= LONGEST_MS;
}

char *delays_set(struct sim *sim, const json_t *changes)
{
	const char *name;
	json_t *v;

	json_object_foreach((json_t *)changes, name, v)
	{
		if (!json_object_get(sim->delays, name))
			return xasprintf("there is no delay '%s'", name);
		if (!delay_fits(v))
			return xasprintf("delay '%s' is milliseconds or {\"min\",\"max\"}", name);
	}
	if (changes)
		json_object_update(sim->delays, (json_t *)changes);
	return NULL;
}

bool sw_bool(const struct sim *sim, const char *name)
{
	return json_is_true(json_object_get(sim->switches, name));
}

bool sw_is(const struct sim *sim, const char *name, const char *position)
{
	const char *v = sw_text(sim, name);

	return v && !strcmp(v, position);
}

const char *sw_text(const struct sim *sim, const char *name)
{
	return json_string_value(json_object_get(sim->switches, name));
}

long long sw_int(const struct sim *sim, const char *name)
{
	return json_integer_value(json_object_get(sim->switches, name));
}

ticks delay_of(struct sim *sim, const char *name)
{
	const json_t *v = json_object_get(sim->delays, name);
	long long min, max;

	if (json_is_integer(v))
		return json_integer_value(v) * TICKS_PER_MS;
	min = jint(v, "min", 0) * TICKS_PER_MS;
	max = jint(v, "max", 0) * TICKS_PER_MS;
	return min + (ticks)(draw(sim) % (uint64_t)(max - min + 1));
}
