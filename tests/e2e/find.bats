#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The ways to name a virtual machine, as a person of the jump host writes them; and what she reads where its
# subscription has not the plan, or it no security group.

setup_file() {
	. "$BATS_TEST_DIRNAME/helper.bash"
	export LAB_CONFIG=$BATS_FILE_TMPDIR/azjit.conf
	cp "$LAB_ROOM/azjit.conf" "$LAB_CONFIG"
	echo 'aliases = ( { name = "front"; vm = "web01@rg-lab"; }, { name = "db01"; vm = "web01"; },
		{ name = "gone"; vm = "web09"; } );' >>"$LAB_CONFIG"
	export LAB_SCENARIO=$BATS_FILE_TMPDIR/scenario.json
	jq '(.vms[] | select(.name == "web01")) += {dns_label: "web01-lab", tags: {Role: "Web", env: "lab"}} |
		(.vms[] | select(.name == "db01")) += {tags: {env: "lab"}} |
		.jit_policies += [{name: "narrow", vms: [{name: "web01", ports: [{number: 22, source: "192.0.2.7", max: "P1D"}]}]}] |
		.vms += [{name: "web05", private_ip: "10.20.0.9", subnet: "vnet/bastion"}] |
		.jit_policies[0].vms += [{name: "web05", ports: [{number: 22}]}] |
		.pricings = [{tier: "Standard", sub_plan: "P1"}] |
		.principals[0].roles += [{actions: ["Microsoft.Security/pricings/read"]}]' "$LAB_ROOM/scenario.json" >"$LAB_SCENARIO"
	e2e_up find
}

teardown_file() {
	. "$BATS_TEST_DIRNAME/helper.bash"
	e2e_down
}

setup() {
	. "$BATS_TEST_DIRNAME/helper.bash"
}

# Nobody knows the machine's key by such a name yet.
unknown_key=(-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null)

@test "an alias leads to its machine, in ssh and in a request" {
	run -0 --separate-stderr through alice "${unknown_key[@]}" Front hostname
	[[ $output == web01 ]]
	run -0 --separate-stderr lab run alice@jump azjit request --json front:22
	jq -e '.result == "ok"' <<<"$output"
}

@test "an alias that is a machine's name, or nobody's, is an error and no other host" {
	run -64 lab run alice@jump azjit connect db01 22 </dev/null
	[[ $output == *'db01 names several VMs; write the one you mean, of yours: web01@rg-lab, db01@rg-lab'* ]]
	run -78 lab run alice@jump azjit connect gone 22 </dev/null
	[[ $output == *'gone is an alias'*'no virtual machine that azjit knows'* && $output != *web09* ]]
	run -0 lab run alice@jump azjit match gone 22
}

@test "the DNS name of a public address leads there, though no name server knows it" {
	run ! lab run jump getent hosts web01-lab.westeurope.cloudapp.azure.com
	run -0 --separate-stderr lab run alice@jump azjit request --json WEB01-lab.westeurope.cloudapp.azure.com.:22
	jq -e '.result == "ok"' <<<"$output"
	run -0 lab run alice@jump sh -c \
		'azjit connect web01-lab.westeurope.cloudapp.azure.com 22 </dev/null | head -c 7'
	[[ $output == *SSH-2.0* ]]
}

@test "a tag leads to the one machine that bears it, also through ssh" {
	run -0 --separate-stderr through alice "${unknown_key[@]}" tag:Role=Web hostname
	[[ $output == web01 ]]
	run -0 --separate-stderr lab run alice@jump azjit request --json tag:role=Web
	jq -e '.result == "ok"' <<<"$output"
}

@test "a tag of several machines is ambiguous, and only those that one may open are named" {
	run -64 lab run alice@jump azjit connect tag:env=lab 22 </dev/null
	[[ $output == *'of yours: web01@rg-lab, db01@rg-lab'* ]]
	run -64 lab run bob@jump azjit connect tag:env=lab 22 </dev/null
	[[ $output == *'of yours: web01@rg-lab' && $output != *db01* ]]
	run -68 lab run alice@jump azjit connect tag:env=none 22 </dev/null
	[[ $output == *'bears the tag env=none'* ]]
}

@test "of two policies the one is asked that permits the request" {
	run -0 --separate-stderr lab run alice@jump azjit request --json web01:22
	jq -e '.result == "ok"' <<<"$output"
	lab azsim GET state/exchanges | jq -e '[.[] | select(.operation == "JitNetworkAccessPolicies_Initiate").url]
		| length > 0 and all(contains("/jitNetworkAccessPolicies/default/"))'
}

@test "a refusal tells that the subscription has not the plan" {
	lab azsim POST faults '{"match": {"operation": "JitNetworkAccessPolicies_Initiate"}, "count": 1,
		"action": {"type": "status", "status": 409, "code": "Conflict", "message": "not now"}}'
	run -78 lab run alice@jump azjit connect db01@rg-lab 22 </dev/null
	[[ $output == *'Azure refused the request (409 Conflict): not now; its subscription has Defender for Servers plan 1, and just-in-time access needs plan 2'* ]]
}

@test "a machine without a security group is told so long before the deadline" {
	start=$(now_ms)
	run -78 lab run alice@jump azjit connect web05 22 </dev/null
	[[ $output == *'web05 has no security group, neither at its interface nor at its subnet'* ]]
	(($(now_ms) - start < 10000))
}
