#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# How long after the packet filter opens a waiting connection is made.  The rule's delay is drawn in
# the emulator; the clock of both ends of the measurement is the kernel's on this machine.

readonly FIRST=10001 RUN=50 BATCH=10

setup_file() {
	. "$BATS_TEST_DIRNAME/helper.bash"
	export LAB_SHARE=$BATS_FILE_TMPDIR
	ports_lab $FIRST $((FIRST + 2 * RUN - 1)) 120
	e2e_up wait
	listen_on $FIRST $((FIRST + 2 * RUN - 1))
	lab azsim PATCH delays '{"rule_ms": {"min": 200, "max": 8000}}'
	cat >"$LAB_SHARE/one" <<-'END'
		#!/bin/bash
		# one PORT: says a word through the connection and hears it back.
		exec {out}< <(printf 'hello\n' | azjit connect web01 "$1" 2>"/tmp/$1.err")
		IFS= read -r -t 40 greeting <&"$out" && IFS= read -r -t 5 echo <&"$out"
		[[ $greeting == SSH-2.0-lab* && $echo == hello ]] && echo "$1"
	END
	chmod 755 "$LAB_SHARE/one"
}

teardown_file() {
	. "$BATS_TEST_DIRNAME/helper.bash"
	e2e_down
}

setup() {
	. "$BATS_TEST_DIRNAME/helper.bash"
}

# measure FIRST: connects to RUN ports, BATCH at a time; the milliseconds between the filter's
# acceptance of the rule (the later of the two NSGs) and the accept on web01, sorted.
measure() {
	local first=$1 batch
	: >"$LAB_SHARE/answered"
	for ((batch = first; batch < first + RUN; batch += BATCH)); do
		lab run alice@jump bash -c "for p in {$batch..$((batch + BATCH - 1))}; do '$LAB_SHARE/one' \$p & done; wait" \
			>>"$LAB_SHARE/answered"
	done
	lab run azure cat /var/log/nsg.log >"$LAB_SHARE/filter"
	within 5000 listener_has $RUN "$first"
	lab run web01 cat /var/log/listener >"$LAB_SHARE/accepts"
	awk -v source="$JUMP" -v first="$first" -v last=$((first + RUN - 1)) '
		FILENAME ~ /filter$/ {
			for (i = 5; i <= NF; i++) {
				split($i, rule, ">")
				if (rule[1] != source) continue
				if (!(($2, rule[2]) in open)) { open[$2, rule[2]] = $1; if ($1 > at[rule[2]]) at[rule[2]] = $1 }
			}
			next
		}
		$2 >= first && $2 <= last { printf "%.1f\n", ($1 - at[$2]) * 1000 }
	' "$LAB_SHARE/filter" "$LAB_SHARE/accepts" | sort -n
}

listener_has() {
	(($(lab run web01 awk -v f="$2" -v l=$(($2 + RUN - 1)) '$2 >= f && $2 <= l' /var/log/listener | wc -l) >= $1))
}

# hold FIRST NAME: the promises over one run.
hold() {
	local first=$1 p95
	measure "$first" >"$LAB_SHARE/ms"
	p95=$(sed -n "$((RUN * 95 / 100 + 1))p" "$LAB_SHARE/ms")
	echo "# $2: connected after the filter opened: median $(sed -n "$((RUN / 2))p" "$LAB_SHARE/ms") ms, 95th percentile $p95 ms, worst $(tail -n 1 "$LAB_SHARE/ms") ms" >&3
	[[ $(sort -u "$LAB_SHARE/answered" | wc -l) == "$RUN" ]] || {
		lab run jump bash -c 'cat /tmp/*.err | sort | uniq -c | sort -rn | head -n 5'
		return 1
	}
	# As many accepts as sessions, none of them without a byte.
	[[ $(wc -l <"$LAB_SHARE/ms") == "$RUN" ]]
	[[ $(awk '$2 ~ /^[0-9]+$/ && $4 == 0' "$LAB_SHARE/accepts" | wc -l) == 0 ]]
	awk -v p="$p95" 'BEGIN { exit !(p != "" && p <= 150) }'
}

@test "fifty cold connections are made within 150 ms of the filter's opening (95th percentile)" {
	hold $FIRST 'all of Azure answers'
}

@test "the same while Azure's lists of policies and rules fail with 503" {
	lab azsim POST faults '[{"match": {"service": "arm", "method": "GET", "path": "jitNetworkAccessPolicies"},
		"count": 0, "action": {"type": "status", "status": 503}},
		{"match": {"service": "arm", "method": "GET", "path": "networkSecurityGroups"},
		"count": 0, "action": {"type": "status", "status": 503}}]'
	hold $((FIRST + RUN)) 'policy and NSG reads fail'
	lab azsim DELETE faults
}

@test "each need was asked for once" {
	[[ $(calls JitNetworkAccessPolicies_Initiate) == $((2 * RUN)) ]]
}
