#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The demo says ok when all is well, and fails when something that it claims to show is not so.

setup_file() {
	. "$BATS_TEST_DIRNAME/helper.bash"
	spoil '.' well
	# A rule of old that is in front of the JIT deny rule, in both NSGs.
	spoil '.nsgs |= map(if .name == "db01-nsg" then . else
		.rules += [{"name": "AllowSshOfOld", "priority": 100, "ports": ["22"]}] end)' open
	spoil '.switches = {"expiry_keeps_rule": true}' stays
	spoil '.switches = {"rule_never": true}' never
	# The guard's table without its judgement of managed ports.
	stage=$BATS_FILE_TMPDIR/stage
	"$LAB_ROOM/install" "$stage" >/dev/null
	sed -i '/@managed goto managed_port/s/goto managed_port/continue comment "goto managed_port"/' \
		"$stage/usr/share/azjit/azjit-guard.nft"
	for demo in well open stays never; do
		LAB_SCENARIO=$BATS_FILE_TMPDIR/$demo.json run_demo $demo &
	done
	LAB_STAGE=$stage run_demo unguarded &
	wait
}

# The scenario with something changed.
spoil() {
	jq "$1" "$LAB_ROOM/scenario.json" >"$BATS_FILE_TMPDIR/$2.json"
}

run_demo() {
	local status=0
	timeout 120 "$LAB_ROOM/demo" >"$BATS_FILE_TMPDIR/$1.out" 2>&1 || status=$?
	echo "$status" >"$BATS_FILE_TMPDIR/$1.status"
}

# outcome NAME STATUS LAST-LINE
outcome() {
	cat "$BATS_FILE_TMPDIR/$1.out"
	[[ $(<"$BATS_FILE_TMPDIR/$1.status") == "$2" ]]
	[[ $(tail -n 1 "$BATS_FILE_TMPDIR/$1.out") == $3 ]]
}

@test "it ends with demo: ok" {
	outcome well 0 'demo: ok'
}

@test "it fails if the port is open before" {
	outcome open 1 'demo: failed: laptop -> web01:22 should time out, but: open'
}

@test "it fails if the port stays open after" {
	outcome stays 1 'demo: failed: jump -> web01:22 should time out, but: open'
}

@test "it fails if the port never opens" {
	outcome never 1 'demo: failed: nothing came from web01 within 20 s'
}

@test "it fails if another user of the jump host gets through" {
	outcome unguarded 1 'demo: failed: bob on jump reached web01:22 without azjit'
}
