// SPDX-License-Identifier: Apache-2.0
// Runs every case against the relay and prints one line for each, then "N passed, N failed".
// driver RELAY-SOCKET RELAY-PID TARGET-SOCKET [NAME-PART | --bench]
#include "relay_test.h"

#include <signal.h>

unsigned failures_in_case;
const char *relay_path;
long relay_pid;

int main(int argc, char **argv)
{
	static const struct test_case *const all[] = {cases_probe, cases_data, cases_life,
	                                              cases_odd,   cases_cli,  cases_last};
	unsigned passed = 0, failed = 0;

	if (argc < 4)
		return 2;
	(void)signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	relay_path = argv[1];
	relay_pid = strtol(argv[2], NULL, 10);
	target_socket = relay_connect_to(argv[3]);
	if (argc > 4 && azjit_streq(argv[4], "--bench"))
		return bench();
	for (size_t i = 0; i < AZJIT_COUNT(all); i++) {
		for (const struct test_case *test = all[i]; test->name; test++) {
			uint64_t started = now_us();

			if (argc > 4 && !strstr(test->name, argv[4]))
				continue;
			failures_in_case = 0;
			test->run();
			printf("%s %s (%llu ms)\n", failures_in_case ? "not ok" : "ok", test->name,
			       (unsigned long long)(now_us() - started) / 1000);
			failures_in_case ? failed++ : passed++;
		}
	}
	printf("%u passed, %u failed\n", passed, failed);
	return failed > 0 || passed == 0;
}
