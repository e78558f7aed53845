#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Machines behind an Azure Firewall: one connects to the firewall's address, and what it shows the machines as
# source decides whether a rule of just-in-time access is enough.

setup_file() {
	. "$BATS_TEST_DIRNAME/helper.bash"
	export LAB_CONFIG=$BATS_FILE_TMPDIR/azjit.conf
	sed 's/deadline = "30s"/deadline = "8s"/' "$LAB_ROOM/azjit.conf" >"$LAB_CONFIG"
	export LAB_SCENARIO=$BATS_FILE_TMPDIR/scenario.json
	jq --arg address "$FIREWALL_PUBLIC" --arg private "$FIREWALL" '
		.vnets[0].subnets += [{name: "AzureFirewallSubnet", prefix: "10.20.9.0/26"}] |
		.public_ips = [{name: "fw-ip", address: $address}, {name: "managed-ip", address: "198.51.100.10"}] |
		.firewalls = [{name: "hub-fw", public_ip: "fw-ip", private_ip: $private},
			{name: "managed-fw", public_ip: "managed-ip", private_ip: "10.20.9.5", policy: "fw-policy"}] |
		.vms += [{name: "web03", private_ip: "10.20.1.9", subnet: "vnet/servers"},
			{name: "web04", private_ip: "10.20.1.10", subnet: "vnet/servers"}] |
		.vms |= map(del(.public_ip)) |
		.jit_policies[0].vms |= map(.public_ip = $address) |
		.jit_policies[0].vms += [{name: "web03", public_ip: "198.51.100.10", ports: [{number: 22}]},
			{name: "web04", public_ip: "10.20.0.4", ports: [{number: 22}]}] |
		.principals[0].roles[0].actions += ["Microsoft.Security/pricings/read"]' \
		"$LAB_ROOM/scenario.json" >"$LAB_SCENARIO"
	e2e_up firewall
}

teardown_file() {
	. "$BATS_TEST_DIRNAME/helper.bash"
	e2e_down
}

setup() {
	. "$BATS_TEST_DIRNAME/helper.bash"
}

@test "ssh goes through the firewall, and the machine keeps its name" {
	run -0 --separate-stderr through alice web01 hostname
	[[ $output == web01 ]]
	# It was asked for the address that the firewall is connected to from.
	lab azsim GET state/requests | jq -e '[.[] | select(.vm == "web01")] | length == 1 and .[0].sources == ["203.0.113.20"]'
	lab run azure nft list table ip firewall | grep -q "tcp dport 50000 counter packets [1-9].* dnat to $WEB01:22"
}

@test "its timeline names the firewall's port" {
	local id
	id=$(lab run jump azjit sessions --all --json | jq -r '.sessions[-1].session')
	run -0 lab run jump azjit sessions --json "$id"
	jq -e --arg dial "$FIREWALL_PUBLIC:50000" '[.entries[] | select(.kind == "flow" and .event == "start")][0] |
		(.port | tostring) == "22" and .host == "web01" and .dial == $dial' <<<"$output"
	jq -e '.entries | any(.event == "mapped" and (.mapped_port | tostring) == "50000")' <<<"$output"
}

@test "request and status show both addresses" {
	run -0 --separate-stderr lab run alice@jump azjit request --json web01:22
	jq -e --arg firewall "$FIREWALL_PUBLIC" --arg own "$WEB01" '.targets[0] | (.port | tostring) == "22" and .address == $own and
		.firewall == $firewall and (.mapped_port | tostring) == "50000"' <<<"$output"
	run -0 lab run alice@jump azjit status --json
	jq -e --arg firewall "$FIREWALL_PUBLIC" --arg own "$WEB01" '.grants[] | select(.vm == "web01") | (.port | tostring) == "22" and
		.address == $own and .firewall == $firewall and (.mapped_port | tostring) == "50000"' <<<"$output"
}

@test "the open port of the firewall is no other person's" {
	within 5000 grep -q "^$FIREWALL_PUBLIC 50000$" <(lab run jump cat /run/azjit/guard.set)
	[[ $(tcp bob@jump "$FIREWALL_PUBLIC" 50000) == reset ]]
	[[ $(tcp jump "$FIREWALL_PUBLIC" 50000) == open ]]
}

@test "a firewall that shows its own address is named as the cause, and the mend mends it" {
	lab azsim PATCH switches '{"firewall_source": "firewall"}'
	run -75 lab run alice@jump azjit connect db01 22 </dev/null
	[[ $output == *"$FIREWALL_PUBLIC:50001, the Azure Firewall's port for port 22 of db01, does not answer"* ]]
	[[ $output == *'if the firewall sends from its own address'* ]]
	allow db01-nsg AllowFirewall 10.20.9.0/26 "$DB01" 22
	allow servers-nsg AllowFirewall 10.20.9.0/26 "$DB01" 22
	run -0 --separate-stderr through alice db01 hostname
	[[ $output == db01 ]]
}

@test "one whose rules a firewall policy has is told at once" {
	local start
	start=$(now_ms)
	run -78 lab run alice@jump azjit connect web03 22 </dev/null
	[[ $output == *'web03 is behind the Azure Firewall 198.51.100.10, whose rules are in a firewall policy'* ]]
	(($(now_ms) - start < 6000))
}

@test "without the right to see firewalls that is said, where it matters" {
	lab azsim PATCH switches '{"firewall_policy": "ignore"}'
	lab azsim PATCH principals/jump-identity "$(jq -c '{roles: [{actions: (.Actions - ["Microsoft.Network/azureFirewalls/read"])}]}' "$LAB_ROOM/../../conf/roles/requester.json")"
	run lab run alice@jump azjit connect web03 22 </dev/null
	[[ $output == *'never said which port of the Azure Firewall 198.51.100.10 leads to port 22 of web03'* ]]
	[[ $output == *'the identity needs Microsoft.Network/azureFirewalls/read'* ]]
	run -0 --separate-stderr through alice db01 hostname
}

@test "a policy that calls the jump host a firewall opens nothing there" {
	run -77 lab run alice@jump azjit connect web04 22 </dev/null
	[[ $output == *'gives the Azure Firewall in front of web04 the address 10.20.0.4 (private), to which nothing is ever connected'* ]]
	lab azsim GET state/requests | jq -e 'any(.vm == "web04") | not'
}
