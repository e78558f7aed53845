#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The broker is killed (SIGKILL) at 40 seeded points of a cold connection, a third of them between the
# POST and its 202. KILL_SEED repeats a run, KILL_POINTS shortens it.

setup_file() {
	. "$BATS_TEST_DIRNAME/helper.bash"
	export LAB_SCENARIO=$BATS_FILE_TMPDIR/scenario.json
	jq '.delays = {"answer_ms": 500, "rule_ms": 900, "initiated_ms": 700, "activity_ms": 500}' \
		"$LAB_ROOM/scenario.json" >"$LAB_SCENARIO"
	e2e_up kill
}

teardown_file() {
	. "$BATS_TEST_DIRNAME/helper.bash"
	e2e_down
}

setup() {
	. "$BATS_TEST_DIRNAME/helper.bash"
	# A test that failed half way must not fail the next.
	lab run jump pgrep -x azjitd >/dev/null || lab start jump azjitd
}

# Milliseconds pass while the connection under test goes on: the point of the kill, not a condition.
pass_ms() {
	read -r -t "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))" _ <> <(:) || true
}

no_live_grant_on_web01() {
	lab run jump azjit status --json | jq -e '[.grants[]? | select(.vm == "web01")
		| select(.state | IN("checking", "requesting", "waiting", "open", "expiring"))] == []' >/dev/null
}

# Ends web01's grant as its time would, and lets the broker see it.
end_grants() {
	lab azsim POST clock '{"advance_s": 7200, "settle": true}' >/dev/null
	lab run jump azjit audit reconcile >/dev/null
	within 30000 no_live_grant_on_web01
}

# Logs in to the jump host and takes the banner of web01's sshd: NAME.out, NAME.err.
connect_once() {
	lab run alice@laptop ssh -o BatchMode=yes jump 'azjit connect web01 22 </dev/null | head -c 7' \
		>"$LAB_SHARE/$1.out" 2>"$LAB_SHARE/$1.err" || echo "$?" >"$LAB_SHARE/$1.status"
}

# What a person reads whose connection was not made. sshd shows nothing when the session cannot be
# opened (pam-lessons.md), and ends with 254: nobody waits for a port then.
told_why() {
	grep -q '^azjit: .' "$LAB_SHARE/first.err" || [[ $(cat "$LAB_SHARE/first.status") == 254 ]]
}

broker_serves() {
	lab run jump azjit status >/dev/null 2>&1
}

# Ten mebibytes come whole through the connection that was open before the first kill.
ten_mebibytes() {
	echo 'head -c 10485760 /dev/zero' >&"$to"
	[[ $(head -c 10485760 <&"$from" | wc -c) == 10485760 ]]
}

@test "killed at seeded points: one initiate for a need, nothing unrecorded, nothing foreign, flows go on" {
	seed=${KILL_SEED:-$RANDOM}
	RANDOM=$seed
	echo "KILL_SEED=$seed"
	coproc OPEN { lab run alice@jump ssh -o BatchMode=yes -o ProxyCommand='azjit connect %h %p' db01 bash; }
	exec {from}<&"${OPEN[0]}" {to}>&"${OPEN[1]}" # subshells do not have a coprocess's own
	ten_mebibytes
	opened=0
	for ((i = 1; i <= ${KILL_POINTS:-40}; i++)); do
		at=$((RANDOM % 1700))
		before=$(calls JitNetworkAccessPolicies_Initiate)
		rm -f "$LAB_SHARE/first.status"
		connect_once first &
		first=$!
		pass_ms "$at"
		lab kill jump azjitd
		wait "$first" || true
		if grep -q SSH-2.0 "$LAB_SHARE/first.out"; then
			opened=$((opened + 1))
		else
			told_why || { cat "$LAB_SHARE"/first.{err,status}; false; }
		fi
		ten_mebibytes
		lab start jump azjitd
		within 10000 broker_serves
		connect_once again
		initiates=$(($(calls JitNetworkAccessPolicies_Initiate) - before))
		echo "point $i: killed after $at ms; first: $(tail -n 1 "$LAB_SHARE/first.err"); $initiates initiate"
		grep -q SSH-2.0 "$LAB_SHARE/again.out" || { cat "$LAB_SHARE/again.err"; false; }
		((initiates == 1))
		end_grants
	done
	echo "the first connection was made before the kill at $opened points"
	exec {to}>&- {OPEN[1]}>&-
	run lab run jump azjit audit verify
	echo "$output"
	[[ $status == 0 && $output == ok:* ]]
	lab azsim POST settle >/dev/null
	verdicts=$(lab run jump azjit audit reconcile --since 30d --json | jq -c '[.verdicts[]?.verdict] | group_by(.) | map({(.[0]): length}) | add')
	echo "reconcile: $verdicts"
	jq -e '(.foreign // 0) == 0 and (.contradicted // 0) == 0 and (.matched // 0) > 0' <<<"$verdicts" >/dev/null
	# Each connection that carried bytes has its entry, and each open grant its own.
	(($(entries flow start) >= opened + ${KILL_POINTS:-40}))
	(($(entries grant open) >= ${KILL_POINTS:-40}))
}

@test "SIGKILL of sshd's monitor: the session lives while a process of it does, then it is lost" {
	lab run alice@laptop ssh -o BatchMode=yes jump 'echo $AZJIT_SESSION; exec sleep 1000' >"$LAB_SHARE/session" &
	within 10000 grep -q . "$LAB_SHARE/session"
	id=$(cat "$LAB_SHARE/session")
	state() {
		lab run jump azjit sessions --json --all "$id" | jq -r '.sessions[0].state'
	}
	is() { [[ $(state) == "$1" ]]; }
	is open
	monitor=$(lab run jump pgrep -f 'sshd: alice \[priv\]' | head -n 1)
	lab run jump kill -KILL "$monitor"
	within 3000 bash -c "! kill -0 $monitor 2>/dev/null"
	lab run jump pgrep -x sleep
	pass_ms 4000
	is open
	lab run jump pkill -x sleep
	within 15000 is lost
}
