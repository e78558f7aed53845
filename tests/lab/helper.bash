# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# For bats files that use the lab.

LAB_ROOM=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
TREE=$(cd "$LAB_ROOM/../.." && pwd -P)
export LAB_ROOM TREE
# shellcheck source=tests/lab/topology.sh
. "$LAB_ROOM/topology.sh"

lab() {
	"$LAB_ROOM/lab" "$@"
}

# A name for this file's lab that no other run has.
lab_name() {
	export LAB=$1-$$-$RANDOM
	unset LAB_DIR
}

# Milliseconds of a clock that does not jump.
now_ms() {
	local uptime
	read -r uptime _ </proc/uptime
	printf '%d\n' "$((10#${uptime/./} * 10))"
}

# within MS CMD...: until the command succeeds; fails after MS milliseconds.
within() {
	local deadline=$(($(now_ms) + $1))
	shift
	until "$@"; do
		(($(now_ms) <= deadline)) || return 1
		sleep 0.02
	done
}

# tcp WHO HOST PORT [SECONDS]: open, timeout, reset, or what nc said otherwise.  The probe sends
# nothing; a handshake that completes is "open".
tcp() {
	local out status=0
	out=$(lab run "$1" nc -nvz -w "${4:-2}" "$(address "$2")" "$3" 2>&1) || status=$?
	case $status:$out in
	0:*) echo open ;;
	*'timed out'*) echo timeout ;;
	*refused*) echo reset ;;
	*) echo "$out" ;;
	esac
}

address() {
	case $1 in
	web01) echo "$WEB01" ;;
	db01) echo "$DB01" ;;
	*) echo "$1" ;;
	esac
}

# packets HOST COUNTER: of a named counter of the NSG there; 0 before it exists.
packets() {
	lab run "$1" nft list counter inet nsg "$2" 2>/dev/null |
		sed -n 's/.*packets \([0-9]*\) .*/\1/p' | grep . || echo 0
}

# allow NSG RULE SOURCE DESTINATION PORT: a rule as a person in the portal would write it, in force
# when this returns.
allow() {
	lab azsim PUT "nsgs/$1/rules/$2" \
		"{\"priority\": 200, \"source\": \"$3\", \"destination\": \"$4\", \"ports\": [\"$5\"]}" >/dev/null
	lab azsim POST settle >/dev/null
}

disallow() {
	lab azsim DELETE "nsgs/$1/rules/$2" >/dev/null
	lab azsim POST settle >/dev/null
}
