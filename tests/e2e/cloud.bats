#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# A cloud that tells where it is, and does not at first: the broker starts, says so, and goes on by itself.

setup_file() {
	. "$BATS_TEST_DIRNAME/helper.bash"
	export LAB_CONFIG=$BATS_FILE_TMPDIR/azjit.conf
	{ cat "$LAB_ROOM/azjit.conf" && echo 'cloud = "azurecloud"; metadata_url = "https://management.azure.com";'; } >"$LAB_CONFIG"
	e2e_up cloud
}

teardown_file() {
	. "$BATS_TEST_DIRNAME/helper.bash"
	e2e_down
}

setup() {
	. "$BATS_TEST_DIRNAME/helper.bash"
}

# says RESULT WORDS: what status tells of Azure.
says() {
	lab run jump azjit status --json | jq -e --arg result "$1" --arg words "$2" \
		'.azure.result == $result and ($words == "" or (.azure.reason | contains($words)))' >/dev/null
}

# banner VM
banner() {
	run lab run alice@jump sh -c "azjit connect $1 22 </dev/null 2>&1 | head -c 7"
	[[ $output == *SSH-2.0* ]]
}

@test "a cloud found by its metadata serves connections" {
	within 20000 says ok ''
	within 10000 banner web01
}

@test "while the metadata endpoint is down the broker starts, and says what is missing" {
	lab stop jump azjitd
	lab azsim POST faults '{"match": {"service": "arm", "path": "metadata/endpoints"}, "count": 0, "action": {"type": "status", "status": 503}}'
	lab start jump azjitd
	within 20000 says unreachable "the endpoints of cloud 'azurecloud' are not known, as https://management.azure.com refuses to tell them (503)"
	run lab run jump azjit status
	[[ $output == *"unreachable: "*"the endpoints of cloud 'azurecloud' are not known"* ]]
}

@test "when it is back the broker goes on by itself" {
	lab azsim DELETE faults
	within 60000 says ok ''
	within 10000 banner web01 # by the grant of before
	within 10000 banner db01
}

@test "status --azure tells what was asked, how fast it was answered, and what is how old" {
	run lab run jump azjit status --azure
	[[ $output == *"age of the token "[0-9]*", of the inventory "[0-9]*"; 0 calls held back by azjit"* ]]
	[[ $output == *"CALL "*"COUNT "*"MEDIAN MS "*"95% MS"*"query-graph "* ]]
	[[ $output == *"virtual machines from Resource Graph"* ]]
	[[ $output != *STATE* ]]
	lab run jump azjit status --azure --json | jq -e '(.operations[] | select(.operation == "initiate")
		| .calls > 0 and .p95_ms >= .median_ms) and .azure.held == 0 and .azure.token_age_s >= 0'
	run lab run jump azjit status --json
	[[ $(jq -r 'has("operations")' <<<"$output") == false ]]
}
