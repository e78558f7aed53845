# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Measures the wait of a cold connection, for tests/e2e/wait.bats and tests/bench/wait. What is measured
# is not azjit's own word: the filter's moment comes from the lab's enforcer, which loads nftables, and
# the connection's from the program that accepts it on web01; both read this machine's clock.
#
# Every connection is cold because each has a port, and so a need and a grant, of its own. The delays of
# the rules are drawn in the emulator from WAIT_SEED.

# shellcheck source=tests/bench/row.bash
. "$(dirname "${BASH_SOURCE[0]}")/row.bash"

readonly WAIT_FIRST=10001 WAIT_RUN=50 WAIT_BATCH=10

wait_lab_up() {
	local last=$((WAIT_FIRST + 2 * WAIT_RUN - 1)) scenario
	WAIT_SEED=${WAIT_SEED:-$((RANDOM + 1))}
	export LAB_SHARE=$BATS_FILE_TMPDIR WAIT_SEED
	ports_lab "$WAIT_FIRST" "$last" 120
	scenario=$(jq --argjson seed "$WAIT_SEED" \
		'.seed = $seed | .delays += {"rule_ms": {"min": 200, "max": 8000}, "dataplane_ms": {"min": 0, "max": 1500}}' \
		"$LAB_SCENARIO")
	echo "$scenario" >"$LAB_SCENARIO"
	cat >"$LAB_SHARE/one" <<-'END'
		#!/bin/bash
		# one PORT: says a word through the connection and hears it back.
		exec {out}< <(printf 'hello\n' | azjit connect web01 "$1" 2>"/tmp/$1.err")
		IFS= read -r -t 40 greeting <&"$out" && IFS= read -r -t 5 echo <&"$out"
		[[ $greeting == SSH-2.0-lab* && $echo == hello ]] && echo "$1"
	END
	chmod 755 "$LAB_SHARE/one"
	e2e_up wait
	listen_on "$WAIT_FIRST" "$last"
}

# The broker is left with nothing but the handshake: what it reads of rules and policies fails.
wait_fail_reads() {
	lab azsim POST faults '[
		{"match": {"service": "arm", "method": "GET", "path": "jitNetworkAccessPolicies"},
		 "count": 0, "action": {"type": "status", "status": 503}},
		{"match": {"service": "arm", "method": "GET", "path": "networkSecurityGroups"},
		 "count": 0, "action": {"type": "status", "status": 503}}]' >/dev/null
}

wait_listener_has() {
	(($(lab run web01 awk -v f="$2" -v l=$(($2 + WAIT_RUN - 1)) '$2 >= f && $2 <= l' /var/log/listener | wc -l) >= $1))
}

# wait_measure FIRST: connects to WAIT_RUN ports, WAIT_BATCH at a time. Prints for each accept on web01
# the milliseconds since the filter had accepted the last rule it needed (NIC and subnet), sorted.
# Leaves in LAB_SHARE: answered (ports whose client had its answer), accepts (the listener's record).
wait_measure() {
	local first=$1 batch
	: >"$LAB_SHARE/answered"
	for ((batch = first; batch < first + WAIT_RUN; batch += WAIT_BATCH)); do
		lab run alice@jump bash -c "for p in {$batch..$((batch + WAIT_BATCH - 1))}; do '$LAB_SHARE/one' \$p & done; wait" \
			>>"$LAB_SHARE/answered"
	done
	within 5000 wait_listener_has "$WAIT_RUN" "$first" || true
	lab run azure cat /var/log/nsg.log >"$LAB_SHARE/filter"
	lab run web01 awk -v f="$first" -v l=$((first + WAIT_RUN - 1)) '$2 >= f && $2 <= l' /var/log/listener \
		>"$LAB_SHARE/accepts"
	awk -v source="$JUMP" -v vm="$WEB01" '
		FILENAME ~ /filter$/ {
			if ($3 != vm) next
			for (i = 5; i <= NF; i++) {
				split($i, rule, ">")
				if (rule[1] != source || (($2, rule[2]) in open)) continue
				open[$2, rule[2]] = $1
				if ($1 > at[rule[2]]) at[rule[2]] = $1
			}
			next
		}
		{ printf "%.1f\n", ($1 - at[$2]) * 1000 }
	' "$LAB_SHARE/filter" "$LAB_SHARE/accepts" | sort -n
}

# Connections without a byte from the client, and those beyond one for each port.
wait_bare() {
	awk '$4 == 0 || seen[$2]++' "$LAB_SHARE/accepts" | wc -l
}
