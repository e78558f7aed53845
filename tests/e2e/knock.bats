#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Two people knock from two addresses on one port of one VM, under every reading of what a newer
# request does to an older one (supersede) and of what several sources in one request do
# (plural_prefixes).  Each keeps access until the own end and not beyond, by the packet filter's
# own record.  Where Azure takes several sources in no form at all (duplicate_port too), the newcomer
# is told so and the first keeps the port.

readonly ALICE_S=40 BOB_S=25

setup_file() {
	. "$BATS_TEST_DIRNAME/helper.bash"
	lab_name knock
	export LAB_SHARE=$BATS_FILE_TMPDIR
	chmod 755 "$LAB_SHARE"
	export LAB_CONFIG=$LAB_SHARE/azjit.conf
	cat >"$LAB_CONFIG" <<-END
		ca_file = "/etc/azjit/azure-ca.pem";
		rules = (
			{ name = "alice knocks"; users = [ "alice" ]; targets = [ "web01" ]; ports = [ 22 ];
			  source = "client"; at = "login"; duration = "${ALICE_S}s"; max_duration = "${ALICE_S}s"; },
			{ name = "bob knocks"; users = [ "bob" ]; targets = [ "web01" ]; ports = [ 22 ];
			  source = "client"; at = "login"; duration = "${BOB_S}s"; max_duration = "${BOB_S}s"; }
		);
	END
	# A lab for each reading of supersede, side by side: nearly all of it is waiting.
	for supersede in never same_source same_port same_requestor; do
		readings "$supersede" "$supersede" both accept refuse drop >"$LAB_SHARE/$supersede.log" 2>&1 &
	done
	for duplicate in last refuse; do
		readings "one-$duplicate" same_port "$duplicate" refuse >"$LAB_SHARE/one-$duplicate.log" 2>&1 &
	done
	wait
}

teardown_file() {
	. "$BATS_TEST_DIRNAME/helper.bash"
	e2e_down
}

setup() {
	. "$BATS_TEST_DIRNAME/helper.bash"
}

# readings NAME SUPERSEDE DUPLICATE PLURAL...: a lab in which the positions of plural_prefixes are tried,
# each from an empty ledger and Azure.
readings() {
	local name=$1 supersede=$2 duplicate=$3 plural
	shift 3
	export LAB=$LAB-$name
	if [[ -n ${AZJIT_RECORD-} ]]; then
		export LAB_RECORD=$LAB_SHARE/e2e-knock-$name.jsonl
	fi
	lab up
	for plural; do
		lab stop jump azjitd
		lab run jump bash -c 'rm -rf /var/lib/azjit/*'
		lab azsim POST reset
		lab azsim PATCH switches "{\"supersede\": \"$supersede\", \"plural_prefixes\": \"$plural\",
			\"duplicate_port\": \"$duplicate\"}"
		lab azsim POST settle
		lab run azure truncate -s 0 /var/log/nsg.log
		lab start jump azjitd
		knock "$LAB_SHARE/$name.$plural"
	done
	if [[ -n ${LAB_RECORD-} ]]; then
		cp "$LAB_RECORD" "$AZJIT_RECORD/"
	fi
	lab down
}

# Both log in, the second once the first is in; then everything runs out.
knock() {
	lab run alice@laptop ssh -o BatchMode=yes -b "$LAPTOP" jump true
	within 5000 lab run azure grep -q "nic $WEB01 .*$LAPTOP>22" /var/log/nsg.log
	lab run bob@laptop ssh -o BatchMode=yes -b "$LAPTOP_SECOND" jump true
	within $(((ALICE_S + 10) * 1000)) ended
	lab run azure cat /var/log/nsg.log | grep " nic $WEB01 \| both $WEB01 " >"$1.filter"
	lab azsim GET state/requests >"$1.requests"
	for id in $(lab run jump azjit sessions --all --json | jq -r '.sessions[].session'); do
		lab run jump azjit sessions "$id"
	done >"$1.sessions"
}

ended() {
	[[ $(lab azsim GET clock | jq -r .now) > $(lab azsim GET state/requests | jq -r '[.[].end] | max') ]] &&
		lab run azure bash -c "grep ' nic $WEB01 ' /var/log/nsg.log | tail -n 1 | grep -q ' -$'"
}

# judge FILE SOURCE: "until" (seconds from the first end of that source to its leaving the filter:
# negative is early), "gap" (seconds without access before that), from the filter's record.
judge() {
	local end
	end=$(jq -r --arg s "$2" '[.[] | select(.sources == [$s])][0].end' "$1.requests")
	awk -v source="$2>22" -v end="$(date -d "$end" +%s.%N)" '
		{
			there = 0
			for (i = 5; i <= NF; i++) there = there || $i == source
			if (there && !was && last) gap += $1 - last
			if (was && !there) last = $1
			was = there
		}
		END { printf "%.1f %.1f\n", (was ? 9999 : last - end), gap + 0 }' "$1.filter"
}

# position NAME PLURAL [one]: "one": only one can have the port.
position() {
	local file=$BATS_FILE_TMPDIR/$1.$2 until gap
	echo "--- $1, plural $2"
	[[ -s $file.filter ]] || {
		cat "$BATS_FILE_TMPDIR/$1.log"
		return 1
	}
	cat "$file.filter"
	grep -E ' (error|request) ' "$file.sessions" || true
	# No source but theirs was ever let in; with "drop" Azure takes the caller's address by itself.
	! awk '{ for (i = 5; i <= NF; i++) print $i }' "$file.filter" | grep -v '^-$' |
		grep -v "^$LAPTOP>22\|^$LAPTOP_SECOND>22" | grep -v "$([[ $2 == drop ]] && echo "^$JUMP_PUBLIC>22" || echo nothing)"
	read -r until gap < <(judge "$file" "$LAPTOP")
	echo "alice: left the filter $until s after her end, $gap s of gaps"
	awk -v u="$until" -v g="$gap" 'BEGIN { exit !(u > -3 && u < 1 && g < 5) }'
	read -r until gap < <(judge "$file" "$LAPTOP_SECOND")
	echo "bob: left the filter $until s after his end, $gap s of gaps"
	if [[ ${3-} == one ]]; then
		awk -v u="$until" 'BEGIN { exit !(u < 1) }'
		grep -q 'Azure lets only one address have it' "$file.sessions"
	else
		awk -v u="$until" -v g="$gap" 'BEGIN { exit !(u > -3 && u < 1 && g < 5) }'
	fi
	# Whoever asks again and again would fight with himself.
	(($(jq length "$file.requests") <= 6))
}

@test "newer requests leave older ones alone" {
	for plural in accept refuse drop; do
		position never $plural
	done
}

@test "newer requests revoke older ones of the same source" {
	for plural in accept refuse drop; do
		position same_source $plural
	done
}

@test "newer requests revoke older ones of the port, several sources in one are taken" {
	position same_port accept
}

@test "newer requests revoke older ones of the port, several sources in one entry are refused" {
	position same_port refuse
}

@test "newer requests revoke older ones of the port, all but one source of an entry are dropped" {
	position same_port drop
}

@test "newer requests revoke older ones of the port, several sources are taken in no form" {
	position one-last refuse one
	position one-refuse refuse one
}

@test "newer requests revoke older ones of the requestor" {
	for plural in accept refuse drop; do
		position same_requestor $plural
	done
}
