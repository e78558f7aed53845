#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# A machine that does not run, started on the way; and requests by a tag of several machines.

setup_file() {
	. "$BATS_TEST_DIRNAME/helper.bash"
	export LAB_CONFIG=$BATS_FILE_TMPDIR/azjit.conf LAB_SCENARIO=$BATS_FILE_TMPDIR/scenario.json
	sed 's/{ name = "web for ops";/& start = true;/' "$LAB_ROOM/azjit.conf" >"$LAB_CONFIG"
	jq '(.vms[] | select(.name == "web01" or .name == "db01")) += {tags: {role: "server"}} |
		.principals[0].roles += [{actions: ["Microsoft.Compute/virtualMachines/start/action"]}] |
		.delays.start_ms = 4000' "$LAB_ROOM/scenario.json" >"$LAB_SCENARIO"
	e2e_up start
}

teardown_file() {
	. "$BATS_TEST_DIRNAME/helper.bash"
	e2e_down
}

setup() {
	. "$BATS_TEST_DIRNAME/helper.bash"
}

deallocate() {
	lab azsim PATCH vms/"$1" '{"power": "deallocated"}' >/dev/null
}

switch() {
	lab azsim PATCH switches "$1" >/dev/null
}

# A minute after the last start nothing is held back any more.
fresh_broker() {
	lab stop jump azjitd
	lab run jump find /var/lib/azjit -name 'ledger.db*' -delete
	lab start jump azjitd
}

@test "ssh --start starts it, says so, and goes on; the ledger and Azure's log tell who asked" {
	deallocate web01
	run -0 --separate-stderr lab run alice@laptop ssh -o BatchMode=yes \
		-o ProxyCommand='ssh jump azjit connect --start %h %p' web01 hostname
	[[ $output == web01 ]]
	[[ $stderr == *'asking Azure to start it'*'web01 is being started: a cold start takes a minute or two'* ]]
	(($(calls VirtualMachines_Start) == 1))
	(($(entries power starting) == 1 && $(entries power running) == 1))
	lab azsim GET state/activity | jq -e '[.[] | select(.operationName.value | endswith("start/action"))] | length == 2'
}

@test "five callers at once, one start" {
	fresh_broker
	deallocate web01
	before=$(calls VirtualMachines_Start)
	for i in {1..5}; do
		lab run alice@jump sh -c 'azjit connect --start web01 22 </dev/null | head -c 7' >"$LAB_SHARE/banner.$i" 2>&1 &
	done
	wait
	cat "$LAB_SHARE"/banner.*
	(($(cat "$LAB_SHARE"/banner.* | grep -c 'SSH-2.0') == 5))
	(($(calls VirtualMachines_Start) - before == 1))
}

@test "a rule that does not say so is named, and the machine is left alone" {
	deallocate db01
	before=$(calls VirtualMachines_Start)
	run -77 lab run alice@jump azjit request --start db01:22
	[[ $output == *"rule 'db for alice' does not let you start db01: only one that says start = true in azjit.conf does"* ]]
	(($(calls VirtualMachines_Start) == before))
	lab azsim PATCH vms/db01 '{"power": "running"}'
}

@test "without --start, the sentence names it" {
	fresh_broker
	deallocate web01
	lab run web01 nft 'add table inet off { chain in { type filter hook input priority 0; policy drop; }; }'
	run -69 lab run alice@jump azjit connect web01 22 </dev/null
	lab run web01 nft delete table inet off
	[[ $output == *'web01 does not run (Azure says deallocated): azjit connect --start starts it first'* ]]
}

@test "a start that fails has its own sentence; so has one that never ends" {
	fresh_broker
	deallocate web01
	switch '{"start_failure": "AllocationFailed"}'
	run -73 lab run alice@jump azjit request --start web01:22
	[[ $output == *'Azure took the start of web01 and failed it later (AllocationFailed)'* ]]
	switch '{"start_failure": null, "start_never": true}'
	fresh_broker
	run -69 lab run alice@jump azjit request --start web01:22
	[[ $output == *'Azure took the start of web01 '*' s ago, and it does not run yet (Azure says starting)'* ]]
	switch '{"start_never": false}'
}

@test "an identity without the right is told which" {
	fresh_broker
	deallocate web01
	lab azsim PATCH principals/jump-identity "$(jq -c '{roles: .principals[0].roles[:2]}' "$LAB_SCENARIO")"
	run -77 lab run alice@jump azjit request --start web01:22
	[[ $output == *'it needs the action Microsoft.Compute/virtualMachines/start/action'* ]]
	lab azsim PATCH principals/jump-identity "$(jq -c '{roles: .principals[0].roles}' "$LAB_SCENARIO")"
}

@test "killed in the middle, the broker starts nothing twice" {
	fresh_broker
	deallocate web01
	before=$(calls VirtualMachines_Start)
	lab run alice@jump azjit request --start web01:22 >/dev/null 2>&1 &
	within 10000 eval '(($(calls VirtualMachines_Start) == before + 1))'
	lab kill jump azjitd
	lab start jump azjitd
	wait
	run -0 lab run alice@jump azjit request --start web01:22
	(($(calls VirtualMachines_Start) - before == 1))
}

@test "a request by tag opens all that one may, and tells of the rest" {
	fresh_broker
	run -0 --separate-stderr lab run alice@jump azjit request --json tag:role=server
	jq -e '.result == "ok" and ([.targets[] | "\(.vm) \(.port) \(.result)"] | sort == ["db01 22 ok", "web01 22 ok"])' <<<"$output"
	run -77 --separate-stderr lab run bob@jump azjit request tag:role=server:22
	[[ $output == 'web01:22 open'* ]]
	[[ $stderr == *'azjit: tag:role=server:22: no rule lets you open 1 VM of this tag'* && $stderr != *db01* ]]
	run -64 lab run alice@jump azjit connect tag:role=server 22 </dev/null
	[[ $output == *'of yours: web01@rg-lab, db01@rg-lab'* ]]
}
