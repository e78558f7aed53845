// SPDX-License-Identifier: Apache-2.0
// Where a client that connects by itself goes.
#include "../../client/cmd/endpoint.c"

#include <azjit/text.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void the_firewall_s_where_there_is_one(void **state)
{
	static const struct {
		const char *text, *host; // host NULL: none
		uint16_t port;
		bool firewall;
	} table[] = {
	        {"vm=web01\nport=22\naddress=10.20.1.4\n", "10.20.1.4", 22, false},
	        {"vm=web01\nport=22\naddress=10.20.1.4\nfirewall=20.60.0.9\nmapped_port=50022\n", "20.60.0.9",
	         50022, true},
	        {"vm=web01\nport=22\naddress=10.20.1.4\nfirewall=20.60.0.9\n", NULL, 0, false},
	        {"vm=web01\nport=22\naddress=10.20.1.4\nfirewall=fw.example\nmapped_port=50022\n", NULL, 0,
	         false},
	        {"vm=web01\nport=22\naddress=10.20.1.4\nfirewall=20.60.0.9\nmapped_port=0\n", NULL, 0, false},
	        {"vm=web01\nport=22\n", NULL, 0, false},
	};

	for (size_t i = 0; i < AZJIT_COUNT(table); i++) {
		char bytes[512];
		struct endpoint endpoint = {.port = 7};
		struct azjit_wire_msg msg;
		size_t used;

		(void)snprintf(bytes, sizeof(bytes), "AZJIT/1 PROGRESS\n%s\n", table[i].text);
		assert_int_equal(azjit_wire_parse(bytes, strlen(bytes), sizeof(bytes), &msg, &used),
		                 AZJIT_WIRE_MESSAGE);
		assert_int_equal(endpoint_of(&msg, &endpoint), table[i].host != NULL);
		assert_int_equal(endpoint.port, table[i].host ? table[i].port : 7);
		assert_int_equal(endpoint.firewall, table[i].firewall);
		if (table[i].host)
			assert_string_equal(endpoint.host, table[i].host);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(the_firewall_s_where_there_is_one)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
