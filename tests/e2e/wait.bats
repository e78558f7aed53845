#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# How long after the packet filter opens a waiting connection is made.  The rule's delay is drawn in
# the emulator, from WAIT_SEED; see tests/bench/wait.bash for what is measured by whom.

setup_file() {
	. "$BATS_TEST_DIRNAME/helper.bash"
	. "$BATS_TEST_DIRNAME/../bench/wait.bash"
	wait_lab_up
}

teardown_file() {
	. "$BATS_TEST_DIRNAME/helper.bash"
	e2e_down
}

setup() {
	. "$BATS_TEST_DIRNAME/helper.bash"
	. "$BATS_TEST_DIRNAME/../bench/wait.bash"
}

# hold FIRST NAME: the promises over one run.
hold() {
	local p95 ms=$LAB_SHARE/ms
	wait_measure "$1" >"$ms"
	p95=$(percentile 95 <"$ms")
	echo "# WAIT_SEED=$WAIT_SEED, $2: connected after the filter opened: median $(percentile 50 <"$ms") ms," \
		"95th percentile $p95 ms, worst $(tail -n 1 "$ms") ms; load $(cut -d ' ' -f 1 /proc/loadavg)" >&3
	[[ $(sort -u "$LAB_SHARE/answered" | wc -l) == "$WAIT_RUN" ]] || {
		lab run jump bash -c 'cat /tmp/*.err | sort | uniq -c | sort -rn | head -n 5'
		return 1
	}
	[[ $(wc -l <"$ms") == "$WAIT_RUN" ]]
	[[ $(wait_bare) == 0 ]]
	# No connection can be made long before the filter opens: then the measurement would be wrong.
	awk 'NR == 1 { exit !($1 > -50) }' "$ms"
	[[ $(at_most "$p95" 150) == kept ]]
}

@test "fifty cold connections are made within 150 ms of the filter's opening (95th percentile)" {
	hold "$WAIT_FIRST" 'all of Azure answers'
}

@test "the same while Azure's lists of policies and rules fail with 503" {
	wait_fail_reads
	hold $((WAIT_FIRST + WAIT_RUN)) 'policy and NSG reads fail'
	# The reads did fail, and the waits did not rest on them.
	(($(lab azsim GET state/counters | jq '[.[].faults // 0] | add') > 0))
	lab azsim DELETE faults
}

@test "each need was asked for once" {
	[[ $(calls JitNetworkAccessPolicies_Initiate) == $((2 * WAIT_RUN)) ]]
}
