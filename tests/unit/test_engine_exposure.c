// SPDX-License-Identifier: Apache-2.0
// Ports that are open in spite of JIT: tests/unit/data/azure/exposures.txt is the table.
#include "azure_group.h"

#include <azjit/exposure.h>

struct row {
	int number;
	const char *what, *port, *subnet, *nic, *exposed, *rule, *text;
};

static struct row read_row(int number, char *line)
{
	struct row row = {.number = number};

	row.what = column(&line);
	row.port = column(&line);
	row.subnet = column(&line);
	row.nic = column(&line);
	row.exposed = column(&line);
	row.rule = column(&line);
	row.text = column(&line);
	assert_non_null(row.port);
	assert_non_null(row.exposed);
	return row;
}

static void read_port(char *text, const char **asg, struct azjit_exposure_port *port,
                      struct azjit_exposure_path *path)
{
	*port = (struct azjit_exposure_port){.protocol = AZJIT_PROTOCOL_TCP};
	assert_int_equal(azjit_parse_port(piece(&text, " "), &port->number), AZJIT_OK);
	while (*text) {
		char *word = piece(&text, " ");

		if (azjit_streq(word, "granted"))
			port->granted = true;
		else if (strncmp(word, "asg=", 4) == 0)
			*asg = word + 4;
		else if (azjit_streq(word, "protocol=any"))
			port->protocol = AZJIT_PROTOCOL_ANY;
		else
			port->protocol = parse_protocol(word + strlen("protocol="));
	}
	path->asg_ids = asg;
	path->asg_count = *asg != NULL;
}

static const struct azjit_nsg *read_group(struct arena *arena, const char *name, const char *shorthand,
                                          json_t **keep, bool *ret_unread)
{
	*ret_unread = shorthand && azjit_streq(shorthand, "unread");
	return group(arena, name, *ret_unread ? NULL : shorthand, keep);
}

static void judge(const struct row *row)
{
	static const char *const names[] = {[AZJIT_EXPOSED_UNKNOWN] = "unknown",
	                                    [AZJIT_EXPOSED_SHUT] = "shut",
	                                    [AZJIT_EXPOSED_SOME] = "some",
	                                    [AZJIT_EXPOSED_ALL] = "all"};
	_cleanup_arena_ struct arena arena = {0};
	json_auto_t *subnet = NULL, *nic = NULL;
	_cleanup_free_ char *text = strdup(row->port);
	struct azjit_exposure_path path = {0};
	struct azjit_exposure_port port;
	struct azjit_exposure exposure;
	const char *asg = NULL;

	read_port(text, &asg, &port, &path);
	assert_int_equal(azjit_addr_parse(WEB, &path.address), AZJIT_OK);
	path.subnet_nsg = read_group(&arena, "/x/subnet-nsg", row->subnet, &subnet, &path.subnet_unread);
	path.nic_nsg = read_group(&arena, "/x/nic-nsg", row->nic, &nic, &path.nic_unread);
	azjit_exposure(&path, 1, &port, &exposure);
	if (!azjit_streq(names[exposure.exposed], row->exposed) ||
	    (row->rule && !azjit_streq(row->rule, exposure.why.rule)) ||
	    (row->text && !strstr(exposure.text, row->text)))
		fail_msg("line %d, %s: %s (wanted %s), rule '%s', sentence \"%s\"", row->number, row->what,
		         names[exposure.exposed], row->exposed, exposure.why.rule, exposure.text);
}

static void every_row(void **state)
{
	size_t len;
	_cleanup_free_ char *text = data_text("exposures.txt", &len);
	char *rest = text;
	int number = 0, count = 0;

	while (*rest) {
		char *line = rest;
		struct row row;

		number++;
		rest += strcspn(rest, "\n");
		if (*rest)
			*rest++ = '\0';
		if (*line == '\0' || *line == '#')
			continue;
		row = read_row(number, line);
		judge(&row);
		count++;
	}
	assert_true(count >= 40);
}

// The worst way counts, and it says whose group it is.
static void several_interfaces(void **state)
{
	_cleanup_arena_ struct arena arena = {0};
	json_auto_t *shut_json = NULL, *open_json = NULL, *tag_json = NULL;
	struct azjit_exposure_path paths[3] = {
	        {.nic_nsg = group(&arena, "/x/shut", "SHUT", &shut_json)},
	        {.nic_nsg = group(&arena, "/x/tag", "100 allow * Storage * 22; SHUT", &tag_json)},
	        {.nic_nsg = group(&arena, "/x/open", "100 allow * * * 22 name=a; SHUT", &open_json)},
	};
	const struct azjit_exposure_port port = {.number = 22, .protocol = AZJIT_PROTOCOL_TCP};
	struct azjit_exposure exposure;

	for (size_t i = 0; i < AZJIT_COUNT(paths); i++)
		assert_int_equal(azjit_addr_parse(WEB, &paths[i].address), AZJIT_OK);
	azjit_exposure(paths, 1, &port, &exposure);
	assert_int_equal(exposure.exposed, AZJIT_EXPOSED_SHUT);
	azjit_exposure(paths, 2, &port, &exposure);
	assert_int_equal(exposure.exposed, AZJIT_EXPOSED_UNKNOWN);
	azjit_exposure(paths, 3, &port, &exposure);
	assert_int_equal(exposure.exposed, AZJIT_EXPOSED_ALL);
	assert_string_equal(exposure.nsg_id, "/x/open");
	assert_int_equal(exposure.why.priority, 100);
	assert_int_equal(exposure.deny_priority, 4096);
}

static void without_an_interface_nothing_is_known(void **state)
{
	const struct azjit_exposure_port port = {.number = 22, .protocol = AZJIT_PROTOCOL_TCP};
	struct azjit_exposure exposure;

	azjit_exposure(NULL, 0, &port, &exposure);
	assert_int_equal(exposure.exposed, AZJIT_EXPOSED_UNKNOWN);
	assert_string_equal(exposure.nsg_id, "");
	assert_true(*exposure.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_row),
	        cmocka_unit_test(several_interfaces),
	        cmocka_unit_test(without_an_interface_nothing_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
