# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# For end-to-end tests: one lab a file, with azjit, its traffic recorded where tests/run asks for it.

bats_require_minimum_version 1.5.0
# shellcheck source=tests/lab/helper.bash
. "$(dirname "${BASH_SOURCE[0]}")/../lab/helper.bash"

# e2e_up NAME: LAB_CONFIG and LAB_SCENARIO may be set before, below $SHARE.
e2e_up() {
	lab_name "$1"
	export LAB_SHARE=${SHARE:-$BATS_FILE_TMPDIR}
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
