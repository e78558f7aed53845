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
		{ name = "gone"; vm = "web09"; }, { name = "cloud2"; vm = "web-aws"; address = "10.20.1.4"; } );' >>"$LAB_CONFIG"
	export LAB_SCENARIO=$BATS_FILE_TMPDIR/scenario.json
	jq '(.vms[] | select(.name == "web01")) += {dns_label: "web01-lab", tags: {Role: "Web", env: "lab"}} |
		(.vms[] | select(.name == "db01")) += {tags: {env: "lab"}} |
		.jit_policies += [{name: "narrow", vms: [{name: "web01", ports: [{number: 22, source: "192.0.2.7", max: "P1D"}]}]}] |
		.vms += [{name: "web05", private_ip: "10.20.0.9", subnet: "vnet/bastion"}] |
		.jit_policies[0].vms += [{name: "web05", ports: [{number: 22}]},
			({id: ("web-aws", "web-ec2")} | .id = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-lab/providers/Microsoft.Security/securityConnectors/aws/ec2/\(.id)"
				| .ports = [{number: 22}]),
			{id: "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-lab/providers/Microsoft.ClassicCompute/virtualMachines/web-old", ports: [{number: 22}]}] |
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

@test "a machine that is none of Azure's is taken as the policy lists it, where root tells its address" {
	run -78 lab run alice@jump azjit connect web-ec2 22 </dev/null
	[[ $output == *'web-ec2 is no virtual machine of Azure (experimental), and this jump host'*'does not tell its address'* && $output != */subscriptions/* ]]
	run -78 lab run jump azjit connect web-ec2 22 </dev/null
	[[ $output == *'give it one in azjit.conf: aliases = ( { name = '*'securityConnectors/aws/ec2/web-ec2'* ]]
	run -0 lab run alice@jump azjit match web-ec2 22
	# Its address is web01's here, whose port is open by now.
	run -0 --separate-stderr lab run alice@jump azjit request --json web01:22
	run -0 lab run alice@jump sh -c 'azjit connect cloud2 22 </dev/null | head -c 7'
	[[ $output == *SSH-2.0* ]]
	lab run jump azjit status --json | jq -e '[.grants[] | select(.vm == "web-aws") | .experimental == true and .evidence == "handshake"] == [true]'
	lab run jump azjit status --json | jq -e '[.grants[] | select(.vm == "web01") | has("experimental")] | any | not'
}

@test "a classic virtual machine is told to be unsupported" {
	run -78 lab run alice@jump azjit connect web-old 22 </dev/null
	[[ $output == *'web-old is a classic virtual machine'*'move it to Azure Resource Manager'* ]]
}

lists_read() {
	lab run alice@jump azjit request no-such-machine:22 || true
	(($(calls VirtualMachines_ListAll) > $1))
}

@test "the machines were read from Resource Graph, and one that it does not know yet is found" {
	lab azsim GET state/counters | jq -e '.Resources["2xx"] >= 4'
	lab azsim PATCH switches '{"graph_lag": true}'
	group=/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-lab/providers
	new=$group/Microsoft.Compute/virtualMachines/web07
	# What is not found is not read without pause.
	within 20000 lists_read "$(calls VirtualMachines_ListAll)"
	lab azsim PUT resources "{\"id\": \"$new\", \"type\": \"Microsoft.Compute/virtualMachines\", \"name\": \"web07\", \"location\": \"westeurope\",
		\"properties\": {\"networkProfile\": {\"networkInterfaces\": [{\"id\": \"$group/Microsoft.Network/networkInterfaces/db01-nic\"}]}}}"
	lab azsim PUT resources "$(lab azsim GET state/policies | jq -c --arg id "$new" \
		'[.[] | select(.name == "default")][0] | .properties.virtualMachines += [{id: $id, ports: [{number: 22, protocol: "TCP", allowedSourceAddressPrefix: "*", maxRequestAccessDuration: "PT3H"}]}]')"
	within 20000 lab run alice@jump azjit request web07:22
}
