// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include "control.h"

#include <string.h>

#include "device.h"
#include "enforce.h"
#include "fault.h"
#include "jit.h"
#include "nsg.h"
#include "power.h"
#include "principal.h"
#include "scenario.h"
#include "settings.h"

#define LONGEST_ADVANCE_S 3e9

struct call {
	const char *method, *pattern; // '*' takes one part of the path
	void (*serve)(struct request *req, char *parts[2]);
};

static void refuse(struct request *req, int status, const char *sentence)
{
	reply_json(req, status, jnew("{s:s}", "error", sentence));
}

static void done(struct request *req)
{
	reply_json(req, 200, jnew("{s:b}", "ok", 1));
}

// Answers with the sentence, or that all is well; takes the sentence over.
static void settle_sentence(struct request *req, char *wrong_stolen)
{
	if (wrong_stolen)
		refuse(req, 400, wrong_stolen);
	else
		done(req);
	free(wrong_stolen);
}

static void clock_json(struct request *req)
{
	const struct sim *sim = req->sim;
	ticks next = timers_next(&sim->timers), at = clock_now(&sim->clock);
	_cleanup_free_ char *text = time_iso(at, 7), *due = next == INT64_MAX ? NULL : time_iso(next, 7);

	reply_json(req, 200,
	           jnew("{s:s s:s s:f s:s?}", "now", text, "mode", sim->clock.manual ? "manual" : "real",
	                "offset_s", sim->clock.manual ? 0.0 : (double)sim->clock.offset / (double)TICKS_PER_S,
	                "next_timer", due));
}

static void get_clock(struct request *req, char *parts[2])
{
	(void)parts;
	clock_json(req);
}

static void post_clock(struct request *req, char *parts[2])
{
	struct sim *sim = req->sim;
	const json_t *advance = json_object_get(req->json, "advance_s");
	const char *set = jstr(req->json, "set", NULL);
	ticks to = clock_now(&sim->clock);

	(void)parts;
	if (json_is_number(advance) && json_number_value(advance) < LONGEST_ADVANCE_S)
		to += (ticks)(json_number_value(advance) * (double)TICKS_PER_S);
	else if (!set || !time_parse(set, &to)) {
		refuse(req, 400, "advance_s or set is needed");
		return;
	}
	if (!advance_to(sim, to)) {
		refuse(req, 400, "the clock does not move back");
		return;
	}
	clock_json(req);
	req->settle = jbool(req->json, "settle", false) && !enforce_idle(sim);
}

static void settle(struct request *req, char *parts[2])
{
	(void)parts;
	done(req);
	req->settle = !enforce_idle(req->sim);
}

static void get_state(struct request *req, char *parts[2])
{
	json_t *state = control_state_new(req->sim, parts[0] ? parts[0] : "");

	if (state)
		reply_json(req, 200, state);
	else
		refuse(req, 404, "there is no such part of the state");
}

static void clear(struct request *req, char *parts[2])
{
	struct sim *sim = req->sim;

	if (!strcmp(parts[0], "counters"))
		json_object_clear(sim->counters);
	else if (!strcmp(parts[0], "exchanges"))
		json_array_clear(sim->exchanges);
	else {
		refuse(req, 404, "only counters and exchanges can be cleared");
		return;
	}
	done(req);
}

static void patch_switches(struct request *req, char *parts[2])
{
	(void)parts;
	if (json_is_object(req->json))
		settle_sentence(req, switches_set(req->sim, req->json));
	else
		refuse(req, 400, "an object of switches is needed");
}

static void patch_delays(struct request *req, char *parts[2])
{
	(void)parts;
	if (json_is_object(req->json))
		settle_sentence(req, delays_set(req->sim, req->json));
	else
		refuse(req, 400, "an object of delays is needed");
}

static void post_faults(struct request *req, char *parts[2])
{
	json_auto_t *list = json_array();
	json_auto_t *ids = json_array();
	size_t i;
	json_t *fault;

	(void)parts;
	if (json_is_array(req->json))
		json_array_extend(list, req->json);
	else if (req->json)
		jpush(list, json_incref(req->json));
	json_array_foreach(list, i, fault)
	{
		_cleanup_free_ char *id = NULL;
		_cleanup_free_ char *wrong = fault_add(req->sim, fault, &id);

		if (wrong) {
			refuse(req, 400, wrong);
			return;
		}
		jpush(ids, json_string(id));
	}
	reply_json(req, 200, jnew("{s:O}", "ids", ids));
}

static void delete_faults(struct request *req, char *parts[2])
{
	if (fault_remove(req->sim, parts[0]))
		done(req);
	else
		refuse(req, 404, "there is no such fault");
}

static struct resource *nsg_named(struct request *req, const char *name)
{
	struct resource *r = store_named(req->sim, TYPE_NSG, name);

	if (!r)
		refuse(req, 404, "there is no such network security group");
	return r;
}

static void put_rule(struct request *req, char *parts[2])
{
	struct resource *nsg = nsg_named(req, parts[0]);
	_cleanup_free_ char *wrong = NULL;
	json_t *rule;

	if (!nsg)
		return;
	if (!json_is_object(req->json)) {
		refuse(req, 400, "a rule is needed");
		return;
	}
	jsets(req->json, "name", parts[1]);
	rule = nsg_rule_new(nsg->id, req->json, &wrong);
	if (!rule) {
		refuse(req, 400, wrong);
		return;
	}
	nsg_put_rule(req->sim, nsg, rule, "control", NULL);
	done(req);
}

static void delete_rule(struct request *req, char *parts[2])
{
	struct resource *nsg = nsg_named(req, parts[0]);

	if (!nsg)
		return;
	if (nsg_remove_rule(req->sim, nsg, parts[1], "control", NULL))
		done(req);
	else
		refuse(req, 404, "there is no such rule, or a lock keeps it");
}

static struct resource *vm_named(struct request *req, const char *name)
{
	struct resource *r = store_named(req->sim, TYPE_VM, name);

	if (!r)
		refuse(req, 404, "there is no such virtual machine");
	return r;
}

static void patch_vm(struct request *req, char *parts[2])
{
	struct resource *vm = vm_named(req, parts[0]);
	const char *power = jstr(req->json, "power", NULL);
	const json_t *tags = json_object_get(req->json, "tags");

	if (!vm)
		return;
	if (!power && !tags) {
		refuse(req, 400, "power or tags is needed");
		return;
	}
	if (power)
		power_set(vm, power);
	if (tags)
		jset(vm->body, "tags", json_deep_copy(tags));
	done(req);
}

static void delete_vm(struct request *req, char *parts[2])
{
	struct resource *vm = vm_named(req, parts[0]);

	if (!vm)
		return;
	store_remove(req->sim, vm->id);
	done(req);
}

static void put_resource(struct request *req, char *parts[2])
{
	const char *id = jstr(req->json, "id", NULL), *type = jstr(req->json, "type", NULL);

	(void)parts;
	if (!id || !type) {
		refuse(req, 400, "a resource needs an id and a type");
		return;
	}
	store_put(req->sim, type, id, json_deep_copy(req->json));
	done(req);
}

static void delete_resource(struct request *req, char *parts[2])
{
	const char *id = query_get(req, "id");

	(void)parts;
	if (id && store_remove(req->sim, id))
		done(req);
	else
		refuse(req, 404, "there is no resource of that id");
}

static bool entry_wanted(const struct request *req, const struct jit_entry *e)
{
	const char *vm = jstr(req->json, "vm", ""), *source = jstr(req->json, "source", NULL),
	           *slash = strrchr(e->vm_id, '/');
	size_t i;
	json_t *v;

	if (!e->live || e->number != jint(req->json, "port", -1) ||
	    !str_ieq(slash ? slash + 1 : e->vm_id, vm))
		return false;
	json_array_foreach(e->sources, i,
	                   v) if (!source || str_ieq(json_string_value(v), source)) return true;
	return false;
}

static void revoke_requests(struct request *req, char *parts[2])
{
	const char *reason = jstr(req->json, "reason", "UserManuallyRevoked");
	int count = 0;

	(void)parts;
	for (struct jit_request *r = req->sim->requests; r; r = r->next)
		for (size_t i = 0; i < r->count; i++)
			if (entry_wanted(req, &r->entries[i])) {
				jit_end_entry(req->sim, &r->entries[i], reason, false, "revoke");
				count++;
			}
	reply_json(req, 200, jnew("{s:i}", "revoked", count));
}

static void patch_principal(struct request *req, char *parts[2])
{
	struct principal *p = principal_named(req->sim, parts[0]);

	if (p)
		settle_sentence(req, principal_change(req->sim, p, req->json));
	else
		refuse(req, 404, "there is no such principal");
}

static void revoke_tokens(struct request *req, char *parts[2])
{
	const char *name = jstr(req->json, "principal", NULL);
	bool all = jbool(req->json, "all", false);
	int count = 0;

	(void)parts;
	for (struct principal *p = req->sim->principals; p; p = p->next)
		if (all || str_ieq(p->name, name)) {
			p->revoked_before = clock_now(&req->sim->clock);
			count++;
		}
	if (count)
		done(req);
	else
		refuse(req, 400, "all or principal is needed");
}

static void post_device(struct request *req, char *parts[2])
{
	(void)parts;
	settle_sentence(req,
	                device_answer(req->sim, jstr(req->json, "user_code", NULL),
	                              jstr(req->json, "answer", ""), jstr(req->json, "principal", NULL)));
}

static void patch_locks(struct request *req, char *parts[2])
{
	const json_t *locks = json_object_get(req->json, "locks");

	(void)parts;
	if (!json_is_array(locks)) {
		refuse(req, 400, "locks is an array of ids");
		return;
	}
	json_decref(req->sim->locks);
	req->sim->locks = json_deep_copy(locks);
	done(req);
}

static void reset(struct request *req, char *parts[2])
{
	(void)parts;
	fault_remove(req->sim, NULL);
	scenario_build(req->sim);
	done(req);
}

static const struct call calls[] = {
        {"GET", "clock", get_clock},
        {"POST", "clock", post_clock},
        {"POST", "settle", settle},
        {"GET", "state", get_state},
        {"GET", "state/*", get_state},
        {"PATCH", "switches", patch_switches},
        {"PATCH", "delays", patch_delays},
        {"POST", "faults", post_faults},
        {"DELETE", "faults", delete_faults},
        {"DELETE", "faults/*", delete_faults},
        {"PUT", "nsgs/*/rules/*", put_rule},
        {"DELETE", "nsgs/*/rules/*", delete_rule},
        {"PATCH", "vms/*", patch_vm},
        {"DELETE", "vms/*", delete_vm},
        {"PUT", "resources", put_resource},
        {"DELETE", "resources", delete_resource},
        {"POST", "requests/revoke", revoke_requests},
        {"PATCH", "principals/*", patch_principal},
        {"POST", "tokens/revoke", revoke_tokens},
        {"POST", "device", post_device},
        {"PATCH", "locks", patch_locks},
        {"POST", "reset", reset},
        {"DELETE", "*", clear},
};

static bool fits(const char *pattern, const char *path, char *parts[2])
{
	size_t n = 0;

	while (*pattern && *path) {
		size_t want = strcspn(pattern, "/"), have = strcspn(path, "/");

		if (*pattern == '*' && n < 2)
			parts[n++] = xstrndup(path, have);
		else if (want != have || strncmp(pattern, path, want))
			return false;
		pattern += want + (pattern[want] == '/');
		path += have + (path[have] == '/');
	}
	return !*pattern && !*path;
}

void control_serve(struct request *req)
{
	const char *path = str_istarts(req->path, "/_azsim/") ? req->path + strlen("/_azsim/") : "";

	if (req->body.len && !json_is_object(req->json) && !json_is_array(req->json)) {
		refuse(req, 400, "the body is not a JSON object or array");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		char *parts[2] = {NULL, NULL};
		bool hit = !strcmp(calls[i].method, req->method) && fits(calls[i].pattern, path, parts);

		if (hit)
			calls[i].serve(req, parts);
		free(parts[0]);
		free(parts[1]);
		if (hit)
			return;
	}
	refuse(req, 404, "there is no such control call");
}
