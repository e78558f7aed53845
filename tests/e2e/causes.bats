#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Why a connection was not made: each cause, in random order and under names that tell nothing, has a
# sentence and an exit status of its own, within the deadline and a second. What the sentence must name
# is read from the emulator's state by jq here, not taken from azjit.

DEADLINE_S=8

setup_file() {
	. "$BATS_TEST_DIRNAME/helper.bash"
	export LAB_CONFIG=$BATS_FILE_TMPDIR/azjit.conf
	sed "s/deadline = \"[0-9a-z]*\"/deadline = \"${DEADLINE_S}s\"/" "$LAB_ROOM/azjit.conf" >"$LAB_CONFIG"
	e2e_up causes
}

teardown_file() {
	. "$BATS_TEST_DIRNAME/helper.bash"
	e2e_down
}

setup() {
	. "$BATS_TEST_DIRNAME/helper.bash"
	name=x$RANDOM$RANDOM
}

# Each cause sets `status` and the words that the sentence must hold in `names`.
refused() {
	lab azsim POST faults '{"match": {"operation": "JitNetworkAccessPolicies_Initiate"}, "count": 0,
		"action": {"type": "status", "status": 409, "code": "'"$name"'", "message": "'"$name says no"'"}}'
	status=65 names=("$name" "$name says no")
}

failed_later() {
	lab azsim PATCH switches '{"async_failure": "'"$name"'"}'
	status=73 names=("$name")
}

# Priority and name of the rule that decides for jump -> web01:22 in a group: the first that fits.
decider() {
	lab azsim GET state/nsgs | jq -r --arg nsg "$1" '[.[] | select(.name == $nsg) | .rules[]
		| select(.direction == "Inbound" and (.destinations | index("10.20.1.4", "*")) and (.ports | index("22", "*")))
	] | sort_by(.priority)[0] | "\(.priority) \u0027\(.name)\u0027"'
}

rule_never() {
	lab azsim PATCH switches '{"rule_never": true}'
	status=75 names=("servers-nsg" "deny $(decider servers-nsg)")
}

shadowed() {
	lab azsim PUT "nsgs/servers-nsg/rules/$name" \
		'{"priority": 100, "access": "Deny", "ports": ["22"], "source": "10.20.0.0/24"}'
	status=78 names=("deny $(decider servers-nsg)" "$name" "subnet's NSG 'servers-nsg'")
}

nothing_listens() {
	lab stop web01 sshd
	status=69 names=("nothing listens on port 22 of web01")
}

azure_unreachable() {
	lab azsim POST faults '{"match": {"service": "arm"}, "count": 0, "action": {"type": "reset"}}'
	status=74 names=("Azure")
}

broker_down() {
	lab stop jump azjitd
	status=71 names=("broker" "azjitd")
}

# No grant is under way: what the last cause left behind was judged, too.
at_rest() {
	lab run jump azjit status --json |
		jq -e '[.grants[]? | select(.state | IN("checking", "requesting", "waiting"))] == []' >/dev/null
}

mend() {
	lab azsim POST reset
	lab start web01 sshd 2>&1 || true
	lab start jump azjitd 2>&1 || true
	within 10000 lab run jump azjit status
	within 40000 at_rest
	lab azsim POST settle
}

@test "each cause has its own sentence and status, in random order, within the deadline and a second" {
	causes=(refused failed_later rule_never shadowed nothing_listens azure_unreachable broker_down)
	mapfile -t order < <(shuf -e "${causes[@]}")
	echo "order: ${order[*]}"
	seen=()
	for cause in "${order[@]}"; do
		"$cause" >/dev/null
		start=$(now_ms) got=0
		sentence=$(lab run alice@jump azjit connect web01 22 </dev/null 2>&1 >/dev/null) || got=$?
		took=$(($(now_ms) - start))
		last=$(tail -n 1 <<<"$sentence")
		echo "$cause: status $got after $took ms: $last"
		((got == status))
		((took <= DEADLINE_S * 1000 + 1000))
		for word in "${names[@]}"; do
			[[ $last == *"$word"* ]]
		done
		[[ $last == "azjit: "* && $last != *"azjit: azjit:"* ]]
		seen+=("$got")
		mend >/dev/null 2>&1
	done
	(($(printf '%s\n' "${seen[@]}" | sort -u | wc -l) == ${#causes[@]}))
}

@test "a machine that does not run is told long before the deadline" {
	lab azsim PATCH vms/web01 '{"power": "deallocated"}'
	lab run web01 nft 'add table inet off { chain in { type filter hook input priority 0; policy drop; }; }'
	start=$(now_ms)
	run -69 lab run alice@jump azjit connect web01 22 </dev/null
	took=$(($(now_ms) - start))
	lab run web01 nft delete table inet off
	mend >/dev/null 2>&1
	echo "after $took ms: $output"
	[[ $output == *"web01 does not run (Azure says deallocated)"* ]]
	((took < DEADLINE_S * 1000 - 1000))
}

@test "afterwards everything works again" {
	run lab run alice@jump sh -c 'azjit connect web01 22 </dev/null | head -c 7'
	[[ $output == *SSH-2.0* ]]
}
