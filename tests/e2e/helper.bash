# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# For end-to-end tests: one lab a file, with azjit, its traffic recorded where tests/run asks for it.

bats_require_minimum_version 1.5.0
# shellcheck source=tests/lab/helper.bash
. "$(dirname "${BASH_SOURCE[0]}")/../lab/helper.bash"

# e2e_up NAME: LAB_CONFIG and LAB_SCENARIO may be set before, below BATS_FILE_TMPDIR.
e2e_up() {
	lab_name "$1"
	export LAB_SHARE=$BATS_FILE_TMPDIR
	chmod 755 "$LAB_SHARE"
	if [[ -n ${AZJIT_RECORD-} ]]; then
		export LAB_RECORD=$LAB_SHARE/e2e-$1.jsonl
	fi
	lab up
}

# Every lab this file made, and its recording to where the contract is checked.
e2e_down() {
	local dir
	if [[ -n ${LAB_RECORD-} && -e $LAB_RECORD ]]; then
		cp "$LAB_RECORD" "$AZJIT_RECORD/"
	fi
	for dir in /run/azjit-lab/"$LAB"*; do
		LAB=${dir##*/} lab down
	done
}

# How often an operation of Azure was called.
calls() {
	lab azsim GET state/counters | jq --arg op "$1" '.[$op].calls // 0'
}

# All of Resource Manager's and IMDS's calls together.
all_calls() {
	lab azsim GET state/counters | jq '[.[].calls] | add // 0'
}

# The number of a counter of the guard.
guard_count() {
	lab run jump nft list counter inet azjit_guard "$1" | sed -n 's/.*packets \([0-9]*\) .*/\1/p'
}

# ssh USER OPTIONS... : from laptop to web01 as the README says it.
through() {
	local user=$1
	shift
	lab run "$user@laptop" ssh -o BatchMode=yes -o ProxyCommand='ssh jump azjit connect %h %p' "$@"
}

# Ledger entries of one kind and event, counted over all sessions.
entries() {
	local id
	for id in $(lab run jump azjit sessions --all --json | jq -r '.sessions[].session'); do
		lab run jump azjit sessions --json "$id" | jq -c '.entries[]'
	done | jq -s --arg kind "$1" --arg event "$2" \
		'[.[] | select(.kind == $kind and .event == $event)] | unique_by(.seq) | length'
}

# ports_lab FIRST LAST SECONDS: a scenario and a configuration below LAB_SHARE in which alice may open
# each of these ports of web01 for SECONDS; every one is a need of its own.
ports_lab() {
	local ports
	ports=$(seq -s, "$1" "$2")
	jq --argjson ports "[$ports]" \
		'.jit_policies[0].vms[0].ports += [$ports[] | {number: .}]' \
		"$LAB_ROOM/scenario.json" >"$LAB_SHARE/scenario.json"
	cat >"$LAB_SHARE/azjit.conf" <<-END
		ca_file = "/etc/azjit/azure-ca.pem";
		wait = { deadline = "30s"; };
		rules = ( { name = "ports for alice"; users = [ "alice" ]; targets = [ "web01" ];
			ports = [ $ports ]; duration = "${3}s"; max_duration = "${3}s"; } );
	END
	export LAB_SCENARIO=$LAB_SHARE/scenario.json LAB_CONFIG=$LAB_SHARE/azjit.conf
}

# Starts the listener for these ports on web01; its record is /var/log/listener there.
listen_on() {
	lab run web01 bash -c "/run/lab-bin/listener $1 $2 >/var/log/listener 2>&1 &"
	within 5000 lab run web01 grep -q listening /var/log/listener
}
