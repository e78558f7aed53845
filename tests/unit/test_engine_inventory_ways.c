// SPDX-License-Identifier: Apache-2.0
// Which groups decide for a machine of several interfaces: tests/unit/data/azure/ways.txt is the table and
// says how it is read. The inventory finds the way, and the evaluator judges it as a grant's wait does.
#define call_new world_call_new // not that of client/azure
#include "test_engine_inventory.h"
#undef call_new
#include "azure_group.h"

#define INTERFACES 2
#define ADDRESSES  4

struct interface {
	const char *addresses, *subnet, *nic;
};
struct row {
	int number;
	const char *what, *flow, *verdict, *rule, *text;
	struct interface interfaces[INTERFACES];
};

static const char *const nic_ids[] = {"/nsg/first", "/nsg/second"};
static const char *const subnet_ids[] = {"/nsg/first-subnet", "/nsg/second-subnet"};

// PRIVATE[=PUBLIC][@ASG]
static void add_config(struct world *w, char *text, struct azjit_ipconfig *config, bool primary)
{
	struct sub *sub = &w->subs[0];
	char *asg = strchr(text, '@'), *public = strchr(text, '=');

	config->public_ip_id = "";
	config->primary = primary;
	if (asg) {
		const char **ids = keep(w, calloc(1, sizeof(*ids)));

		*asg = '\0';
		ids[0] = asg + 1;
		config->asg_ids = ids;
		config->asg_count = 1;
	}
	if (public) {
		struct azjit_public_ip *ip = &sub->ips[sub->ip_count++];

		*public = '\0';
		*ip = (struct azjit_public_ip){.id = public + 1, .dns_name = ""};
		config->public_ip_id = ip->id;
		assert_int_equal(azjit_addr_parse(public + 1, &ip->addr), AZJIT_OK);
	}
	assert_int_equal(azjit_addr_parse(text, &config->private_addr), AZJIT_OK);
}

static void add_interface(struct world *w, size_t index, const struct interface *from)
{
	struct azjit_ipconfig *configs = keep(w, calloc(ADDRESSES, sizeof(*configs)));
	struct azjit_nic *nic = &w->subs[0].nics[index];
	char *addresses = keep(w, strdup(from->addresses));
	size_t count = 0;

	while (*addresses) {
		assert_true(count < ADDRESSES);
		configs[count].subnet_id = index ? "/subnet/second" : "/subnet/first";
		add_config(w, piece(&addresses, " "), &configs[count], count == 0);
		count++;
	}
	nic->nsg_id = from->nic ? nic_ids[index] : "";
	nic->primary = index == 0;
	nic->ipconfigs = configs;
	nic->ipconfig_count = count;
}

static struct world *world_of(const struct row *row)
{
	struct world *w = world_new("");
	// The first as add_vm makes it; the second is one's of a machine that loses it.
	struct azjit_vm *vm = add_vm(w, 0, "rg", "web01", "10.0.0.1", ""),
	                *other = add_vm(w, 0, "rg", "other", "10.0.0.2", "");
	const char **nics = keep(w, calloc(INTERFACES, sizeof(*nics)));
	struct azjit_subnet *subnets = keep(w, calloc(INTERFACES, sizeof(*subnets)));

	nics[0] = vm->nic_ids[0];
	nics[1] = other->nic_ids[0];
	vm->nic_ids = nics;
	vm->nic_count = INTERFACES;
	other->nic_count = 0;
	w->subs[0].nics[1].vm_id = vm->id;
	for (size_t i = 0; i < INTERFACES; i++) {
		add_interface(w, i, &row->interfaces[i]);
		subnets[i].id = i ? "/subnet/second" : "/subnet/first";
		subnets[i].nsg_id = row->interfaces[i].subnet ? subnet_ids[i] : "";
	}
	w->subs[0].subnets = subnets;
	w->subs[0].subnet_count = INTERFACES;
	add_policy(w, 0, "rg", "default", "web01", 22, 3600, AZJIT_PROTOCOL_TCP, false);
	world_run(w);
	return w;
}

// The group that the target names, of those of the row.
static const struct azjit_nsg *group_of(struct arena *arena, const struct row *row, const char *id,
                                        json_t **keep_json)
{
	for (size_t i = 0; id && i < INTERFACES; i++) {
		if (azjit_streq(id, nic_ids[i]))
			return group(arena, id, row->interfaces[i].nic, keep_json);
		if (azjit_streq(id, subnet_ids[i]))
			return group(arena, id, row->interfaces[i].subnet, keep_json);
	}
	assert_null(id);
	return NULL;
}

static void judge(const struct row *row)
{
	static const char *const names[] = {"unknown", "deny", "allow"};
	_cleanup_arena_ struct arena arena = {0};
	json_auto_t *subnet_json = NULL, *nic_json = NULL;
	_cleanup_free_ char *flow_text = strdup(row->flow);
	char *dialled = flow_text, *source = piece(&dialled, " ");
	struct world *w = world_of(row);
	_cleanup_target_ struct azjit_target *target = found(w, dialled, 22);
	struct azjit_flow flow = {
	        .destination = target->private_addr,
	        .port = 22,
	        .protocol = AZJIT_PROTOCOL_TCP,
	        .destination_asg_ids = (const char *const *)target->asg_ids.items,
	        .destination_asg_count = target->asg_ids.count,
	};
	struct azjit_verdict_why why;
	enum azjit_verdict verdict;

	assert_int_equal(azjit_addr_parse(source, &flow.source), AZJIT_OK);
	verdict = azjit_nsg_verdict(group_of(&arena, row, target->nic_nsg_id, &nic_json),
	                            group_of(&arena, row, target->subnet_nsg_id, &subnet_json), &flow, &why);
	if (!azjit_streq(names[verdict], row->verdict) || (row->rule && !azjit_streq(row->rule, why.rule)) ||
	    (row->text && !strstr(why.text, row->text)))
		fail_msg("line %d, %s: verdict %s (wanted %s), rule '%s', sentence \"%s\"", row->number,
		         row->what, names[verdict], row->verdict, why.rule, why.text);
	world_free(w);
}

static void read_row(char *line, struct row *row)
{
	row->what = column(&line);
	row->flow = column(&line);
	for (size_t i = 0; i < INTERFACES; i++) {
		row->interfaces[i].addresses = column(&line);
		row->interfaces[i].subnet = column(&line);
		row->interfaces[i].nic = column(&line);
	}
	row->verdict = column(&line);
	row->rule = column(&line);
	row->text = column(&line);
	assert_non_null(row->flow);
	assert_non_null(row->verdict);
}

static void every_row(void **state)
{
	size_t len;
	_cleanup_free_ char *all = data_text("ways.txt", &len);
	char *rest = all;
	int count = 0;

	for (int number = 1; *rest; number++) {
		struct row row = {.number = number};
		char *line = rest;

		rest += strcspn(rest, "\n");
		if (*rest)
			*rest++ = '\0';
		if (*line == '\0' || *line == '#')
			continue;
		read_row(line, &row);
		judge(&row);
		count++;
	}
	assert_true(count >= 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
