// SPDX-License-Identifier: Apache-2.0
#include "change.h"

#include "ask.h"
#include "backup.h"
#include "print.h"

#include <azjit/text.h>
#include <poll.h>
#include <stdio.h>

#define LOOKS         3
#define LOOK_PAUSE_MS 1000

struct change {
	const char *id;
	json_t *before; // as read; NULL: there is no such policy
	json_t *after, *changes;
};

static void change_clear(struct change *change)
{
	json_decref(change->before);
	json_decref(change->after);
	json_decref(change->changes);
}

struct policy_label policy_label(const char *policy_id)
{
	struct policy_label label = {""};
	char group[128], raw[256];

	if (!azjit_id_segment(policy_id, "resourceGroups", group, sizeof(group)))
		group[0] = '\0';
	(void)snprintf(raw, sizeof(raw), "%s@%s", azjit_id_name(policy_id), group);
	azjit_printable(raw, label.text, sizeof(label.text));
	return label;
}

// --- checks -------------------------------------------------------------------------------------------

static bool in_sight(const struct direct *direct, const char *vm_id)
{
	char subscription[64];

	if (!azjit_id_segment(vm_id, "subscriptions", subscription, sizeof(subscription)))
		return true;
	for (size_t i = 0; i < json_array_size(direct->subscriptions); i++)
		if (azjit_ieq(json_string_value(json_array_get(direct->subscriptions, i)), subscription))
			return true;
	return false;
}

// A VM that was deleted and is still in the policy makes Azure refuse every write (azure.md §1.6).
static enum azjit_result check_existence(struct direct *direct, const struct change *change,
                                         const json_t *vms)
{
	const json_t *entries = policy_vms(change->after);
	_cleanup_buf_ struct azjit_buf gone = AZJIT_BUF(4096);

	for (size_t i = 0; i < json_array_size(entries); i++) {
		const char *id = json_text(json_array_get(entries, i), "id");

		if (in_sight(direct, id) && !json_by_id(vms, id))
			azjit_buf_printf(&gone, " %s", azjit_id_name(id));
	}
	if (!gone.len)
		return AZJIT_OK;
	return azjit_fail(&direct->reason, AZJIT_USAGE,
	                  "policy %s holds VMs that exist no more, so Azure would refuse the write: first "
	                  "`azjit policy disable%s`",
	                  policy_label(change->id).text, gone.data);
}

static enum azjit_result check(struct direct *direct, const struct change *change, const json_t *vms)
{
	enum azjit_result result = AZJIT_OK;

	for (size_t i = 0; result == AZJIT_OK && i < json_array_size(change->changes); i++) {
		const json_t *row = json_array_get(change->changes, i);
		const json_t *entry = policy_entry(change->after, json_text(row, "vm_id"));

		if (entry)
			result = policy_check(azjit_id_name(change->id), entry, &direct->reason);
	}
	return result == AZJIT_OK ? check_existence(direct, change, vms) : result;
}

static enum azjit_result read_and_change(struct direct *direct, const json_t *job, const json_t *vms,
                                         change_fn *fn, struct change *ret)
{
	enum azjit_result result;

	ret->id = json_text(job, "policy_id");
	result = ask_policy(direct, ret->id, &ret->before);
	if (result != AZJIT_OK)
		return result;
	ret->after = ret->before ? json_deep_copy(ret->before) : policy_new(ret->id);
	if (!ret->after || !json_is_array(policy_vms(ret->after)))
		return azjit_fail(&direct->reason, AZJIT_PROTOCOL, "Azure shows policy %s without its VMs",
		                  policy_label(ret->id).text);
	result = fn(direct, ret->after, job);
	if (result != AZJIT_OK)
		return result;
	ret->changes = policy_changes(ret->before, ret->after);
	if (!ret->changes)
		return azjit_fail(&direct->reason, AZJIT_NOMEM, "out of memory");
	return check(direct, ret, vms);
}

// --- the write ----------------------------------------------------------------------------------------

// What is there now: what we wrote; that with changes of others that leave ours; what was there before; or what
// somebody else wrote over ours.
enum outcome { OUTCOME_OURS, OUTCOME_BOTH, OUTCOME_BEFORE, OUTCOME_LOST };

static enum azjit_result look(struct direct *direct, const struct change *change, enum outcome *ret)
{
	json_auto_t *found = NULL, *missing = NULL, *done = NULL;
	enum azjit_result result = ask_policy(direct, change->id, &found);

	if (result != AZJIT_OK)
		return result;
	missing = policy_changes(found, change->after);
	done = policy_changes(change->before, found);
	if (!missing || !done)
		return azjit_fail(&direct->reason, AZJIT_NOMEM, "out of memory");
	if (json_array_size(missing) == 0)
		*ret = OUTCOME_OURS;
	else if (!policy_undone(change->changes, missing))
		*ret = OUTCOME_BOTH;
	else
		*ret = json_array_size(done) == 0 ? OUTCOME_BEFORE : OUTCOME_LOST;
	return AZJIT_OK;
}

// One read that shows something else proves no loss (azure.md §12): a few agree.
static enum azjit_result look_again(struct direct *direct, const struct change *change, enum outcome *ret)
{
	enum azjit_result result = look(direct, change, ret);

	for (int i = 1; i < LOOKS && result == AZJIT_OK && *ret > OUTCOME_BOTH; i++) {
		(void)poll(NULL, 0, LOOK_PAUSE_MS);
		result = look(direct, change, ret);
	}
	return result;
}

static enum azjit_result judge(struct direct *direct, const struct change *change, bool unsure,
                               const char *backup)
{
	struct policy_label label = policy_label(change->id);
	struct azjit_reason write = direct->reason;
	enum outcome outcome;
	enum azjit_result result = look_again(direct, change, &outcome);
	char kept[640] = "";

	if (backup)
		(void)snprintf(kept, sizeof(kept), "; as it was before, it is in %.600s", backup);
	if (result != AZJIT_OK) {
		struct azjit_reason read = direct->reason;

		return azjit_fail(&direct->reason, result,
		                  "policy %s was written, but could not be read again%s: %s", label.text,
		                  kept, read.text);
	}
	switch (outcome) {
	case OUTCOME_BOTH:
		print_note("somebody else changed policy %s at the same time; what is told here holds",
		           label.text);
		return AZJIT_OK;
	case OUTCOME_OURS:
		if (unsure)
			print_note("Azure did not answer the write to policy %s, but it is as written",
			           label.text);
		return AZJIT_OK;
	case OUTCOME_BEFORE:
		if (unsure)
			return azjit_fail(&direct->reason, AZJIT_UNREACHABLE,
			                  "policy %s is as before: the write did not arrive; run the command "
			                  "again (%s)",
			                  label.text, write.text);
		break;
	case OUTCOME_LOST:
		break;
	}
	return azjit_fail(
	        &direct->reason, AZJIT_REQUEST_FAILED,
	        "policy %s is not as it was written: somebody else wrote it at the same time%s; look "
	        "at `azjit policy show %s`, then run the command again",
	        label.text, kept, label.text);
}

static enum azjit_result write_change(struct direct *direct, const struct change *change, const char *backup)
{
	bool all_gone = json_array_size(policy_vms(change->after)) == 0, unsure = false;
	json_auto_t *body = all_gone ? NULL : policy_body(change->after);
	enum azjit_result result;

	if (!all_gone && !body)
		return azjit_fail(&direct->reason, AZJIT_NOMEM, "out of memory");
	result = ask_write(direct, change->id, body, &unsure);
	if (result != AZJIT_OK && !unsure)
		return result;
	return judge(direct, change, unsure && result != AZJIT_OK, backup);
}

static bool add_backup(struct direct *direct, const char *path)
{
	return json_array_append_new(json_object_get(direct->answer, "backups"), json_string(path)) == 0;
}

static enum azjit_result carry_out(struct direct *direct, const json_t *job, const json_t *vms, change_fn *fn)
{
	_cleanup_(change_clear) struct change change = {0};
	enum azjit_result result = read_and_change(direct, job, vms, fn, &change);
	_cleanup_free_ char *backup = NULL;

	if (result != AZJIT_OK || json_array_size(change.changes) == 0)
		return result;
	if (change.before) {
		result = backup_keep(direct, change.before, &backup);
		if (result != AZJIT_OK)
			return result;
		if (!add_backup(direct, backup))
			return azjit_fail(&direct->reason, AZJIT_NOMEM, "out of memory");
		print_note("policy %s as it was is in %s", policy_label(change.id).text, backup);
	}
	result = write_change(direct, &change, backup);
	if (result == AZJIT_OK)
		result = print_changes(direct, change.id, change.changes);
	return result;
}

// --- the whole ----------------------------------------------------------------------------------------

static bool any_source(const json_t *row)
{
	const json_t *sources = json_object_get(row, "sources");

	for (size_t i = 0; i < json_array_size(sources); i++) {
		const char *source = json_string_value(json_array_get(sources, i));

		if (azjit_streq(source, "*") || azjit_streq(source, "0.0.0.0/0"))
			return true;
	}
	return false;
}

// Where the configuration knows what Azure sees of this host, that is the prefix to write.
static void safer_prefix(const struct direct *direct, char ret_text[AZJIT_PREFIX_CHARS])
{
	const struct azjit_config *config = direct->config;

	if (config && config->fleet_source)
		azjit_prefix_format(config->fleet_source, ret_text);
	else if (config && config->egress_count > 0)
		azjit_addr_format(&config->egress[0], ret_text);
	else
		(void)snprintf(ret_text, AZJIT_PREFIX_CHARS, "10.0.0.0/8");
}

static void warn_of_any(const struct direct *direct, const json_t *changes)
{
	char prefix[AZJIT_PREFIX_CHARS];

	safer_prefix(direct, prefix);
	for (size_t i = 0; i < json_array_size(changes); i++) {
		const json_t *row = json_array_get(changes, i);

		if (azjit_streq(json_text(row, "change"), "add") && any_source(row))
			print_note("warning: port %lld of %s can be requested for any address: name the "
			           "network that people come from, such as --source %s",
			           (long long)json_integer_value(json_object_get(row, "port")),
			           json_text(row, "vm"), prefix);
	}
}

// Looks at every job as if it were carried out; *ret_backups: how many policies a backup would be kept of.
static enum azjit_result rehearse(struct direct *direct, const json_t *jobs, const json_t *vms, change_fn *fn,
                                  size_t *ret_backups)
{
	enum azjit_result result = AZJIT_OK;

	for (size_t i = 0; result == AZJIT_OK && i < json_array_size(jobs); i++) {
		_cleanup_(change_clear) struct change change = {0};

		result = read_and_change(direct, json_array_get(jobs, i), vms, fn, &change);
		if (result != AZJIT_OK)
			break;
		*ret_backups += change.before && json_array_size(change.changes) > 0;
		warn_of_any(direct, change.changes);
		if (json_array_size(change.changes) == 0)
			print_note("policy %s is so already", policy_label(change.id).text);
		if (direct->options.dry_run)
			result = print_changes(direct, change.id, change.changes);
	}
	return result;
}

enum azjit_result change_all(struct direct *direct, const json_t *jobs, const json_t *vms, change_fn *fn)
{
	size_t backups = 0;
	enum azjit_result result;

	if (json_object_set_new(direct->answer, "changes", json_array()) != 0 ||
	    json_object_set_new(direct->answer, "backups", json_array()) != 0)
		return azjit_fail(&direct->reason, AZJIT_NOMEM, "out of memory");
	result = rehearse(direct, jobs, vms, fn, &backups);
	if (result == AZJIT_OK && direct->options.backup && backups > 1)
		result = azjit_fail(
		        &direct->reason, AZJIT_USAGE,
		        "--backup names one file, and %zu policies would be written: leave it out, "
		        "or name the VMs of one policy",
		        backups);
	for (size_t i = 0; result == AZJIT_OK && !direct->options.dry_run && i < json_array_size(jobs); i++)
		result = carry_out(direct, json_array_get(jobs, i), vms, fn);
	return result;
}
