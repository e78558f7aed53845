#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The guard as a service: what it takes from the broker, what it refuses, what stays when it goes.
# Without a broker: the test writes the set in its place.

bats_require_minimum_version 1.5.0

setup_file() {
	. "$BATS_TEST_DIRNAME/helper.bash"
	lab_name guard
	lab up
	lab stop jump azjitd
	# A place on jump that users may reach while it is not in the set.
	lab run jump bash -c '/run/lab-bin/listener 7001 7003 >/dev/null 2>&1 &'
	lab run jump bash -c 'ip address add 10.99.0.1/32 dev lo'
}

teardown_file() {
	. "$BATS_TEST_DIRNAME/helper.bash"
	lab down
}

setup() {
	. "$BATS_TEST_DIRNAME/helper.bash"
	generation=$(($(now_ms) + RANDOM))
}

# give TEXT: as the broker would, by rename.
give() {
	# shellcheck disable=SC2059
	printf "$1" | lab run jump setpriv --reuid azjit --regid azjit --clear-groups \
		bash -c 'umask 022; cat >/run/azjit/guard.set.new && mv /run/azjit/guard.set.new /run/azjit/guard.set'
}

state() {
	lab run jump cat /run/azjit-guard/state
}

state_has() {
	[[ $(state) == *"$1"* ]]
}

state_is() {
	[[ $(state) == "$1" ]]
}

elements() {
	lab run jump nft -j list set inet azjit_guard managed |
		jq -c '[.nftables[].set? | .elem // [] | .[].concat | map(tostring) | join(":")] | sort'
}

good_set() {
	generation=$((generation + 1))
	give "azjit-guard 1\n10.99.0.1 7001\nend 1 $generation\n"
	within 10000 state_is "generation=$generation count=1 table=ok error="
}

@test "a set is applied, users are refused, others of root and azjit pass" {
	good_set
	run -1 lab run bob@jump /run/lab-bin/trick plain 10.99.0.1 7001
	[[ $output == 'Connection refused' ]]
	run -0 lab run bob@jump /run/lab-bin/trick plain 10.99.0.1 7002
	run -0 lab run jump /run/lab-bin/trick plain 10.99.0.1 7001
	run -0 lab run jump setpriv --reuid azjit --regid azjit --clear-groups /run/lab-bin/trick plain 10.99.0.1 7001
}

@test "a new set replaces the old one" {
	good_set
	give "azjit-guard 1\n10.99.0.1 7002\n10.20.1.4 22\nend 2 7\n"
	within 3000 state_has 'generation=7 count=2'
	[[ $(elements) == '["10.20.1.4:22","10.99.0.1:7002"]' ]]
	run -0 lab run bob@jump /run/lab-bin/trick plain 10.99.0.1 7001
	run -1 lab run bob@jump /run/lab-bin/trick plain 10.99.0.1 7002
}

@test "two thousand pairs are applied at once" {
	set=$(for i in {1..250}; do for p in {1..8}; do echo "10.50.0.$i 800$p"; done; done)
	give "azjit-guard 1\n$set\nend 2000 11\n"
	within 5000 state_has 'generation=11 count=2000'
	[[ $(elements | jq length) == 2000 ]]
}

@test "what is not exactly a set leaves the previous one, and says so" {
	good_set
	before=$(elements)
	while IFS='|' read -r text why; do
		give "$text"
		within 3000 state_has "$why" || {
			echo "$text: $(state)"
			return 1
		}
		[[ $(state) == generation=$generation* ]]
		[[ $(elements) == "$before" ]]
	done <<-'END'
		|line 1 of the guard's set: no end of line
		azjit-guard 2\nend 0 1\n|line 1 of the guard's set: not "azjit-guard 1"
		azjit-guard 1\n10.1.1.1 22\n|line 3 of the guard's set: no end of line
		azjit-guard 1\n10.1.1.1 22\nend 2 9\n|the count is not that of the lines before
		azjit-guard 1\n10.1.1.1 22\nend 1 9\nx\n|something follows the end
		azjit-guard 1\n10.1.1.1 22\nend 1 -9\n|not a count and a generation
		azjit-guard 1\n10.1.1.1 22\nend 1 99999999999999999999999\n|not a count and a generation
		azjit-guard 1\n10.1.1.1 0\nend 1 9\n|not a port
		azjit-guard 1\n10.1.1.1 65536\nend 1 9\n|not a port
		azjit-guard 1\n10.1.1.1 022\nend 1 9\n|not a port
		azjit-guard 1\n010.1.1.1 22\nend 1 9\n|not an IPv4 address and a port
		azjit-guard 1\n10.1.1 22\nend 1 9\n|not an IPv4 address and a port
		azjit-guard 1\nlocalhost 22\nend 1 9\n|not an IPv4 address and a port
		azjit-guard 1\n::ffff:10.1.1.1 22\nend 1 9\n|not an IPv4 address and a port
		azjit-guard 1\n10.1.1.1  22\nend 1 9\n|not an IPv4 address and a port
		azjit-guard 1\n10.1.1.1 22 }; flush ruleset\nend 1 9\n|not an IPv4 address and a port
		azjit-guard 1\n10.1.1.1/8 22\nend 1 9\n|not an IPv4 address and a port
		azjit-guard 1\n10.1.1.1 22\r\nend 1 9\r\n|not a port
		azjit-guard 1\n10.1.1.1 22\0\nend 1 9\n|a NUL byte
		azjit-guard 1\n127.0.0.1 22\nend 1 9\n|loopback
		azjit-guard 1\n169.254.169.254 80\nend 1 9\n|link-local
		azjit-guard 1\n168.63.129.16 80\nend 1 9\n|host endpoint
		azjit-guard 1\n224.0.0.1 80\nend 1 9\n|multicast
	END
	lab run jump grep -q 'the previous set stays' /var/log/azjit-guard.log
	good_set
}

@test "a file that is none, or of someone else, is not taken" {
	good_set
	before=$(elements)
	as_azjit() {
		lab run jump setpriv --reuid azjit --regid azjit --clear-groups bash -c "cd /run/azjit && rm -f guard.set new && $1 && mv -T new guard.set"
	}
	other='printf "azjit-guard 1\nend 0 1\n" >/tmp/other.set; chmod 644 /tmp/other.set'
	lab run bob@jump bash -c "$other"
	for plant in 'mkfifo new' 'ln -s /tmp/other.set new' 'mkdir new' \
		'printf "azjit-guard 1\nend 0 1\n" >new && chmod 666 new' \
		'head -c 5000000 /dev/zero >new'; do
		as_azjit "$plant"
		within 3000 bash -c "! '$LAB_ROOM/lab' run jump grep -q 'error=\$' /run/azjit-guard/state" || {
			echo "$plant: $(state)"
			return 1
		}
		[[ $(elements) == "$before" ]]
		lab run jump rm -rf /run/azjit/guard.set
		good_set
	done
}

@test "a table that someone removes or empties is put back, with its set" {
	good_set
	before=$(elements)
	for how in 'flush ruleset' 'delete table inet azjit_guard' 'flush chain inet azjit_guard output'; do
		lab run jump nft "$how"
		within 10000 bash -c "'$LAB_ROOM/lab' run jump nft list chain inet azjit_guard output 2>/dev/null | grep -q managed_port"
		[[ $(elements) == "$before" ]]
		within 10000 state_has 'table=ok'
	done
}

@test "no other table is touched" {
	lab run jump nft 'table inet others { set keep { type ipv4_addr; elements = { 1.2.3.4 }; }; chain c { type filter hook output priority 5; counter accept; }; }'
	before=$(lab run jump nft -s list table inet others)
	good_set
	lab kill jump azjit-guard
	lab start jump azjit-guard
	good_set
	[[ $(lab run jump nft -s list table inet others) == "$before" ]]
	lab run jump nft delete table inet others
}

@test "the table and its set stay when the guard ends, however it ends, and when it comes back" {
	for end in stop kill; do
		good_set
		lab $end jump azjit-guard
		run -1 lab run bob@jump /run/lab-bin/trick plain 10.99.0.1 7001
		# Also when the broker's set is gone by then: nothing read is no reason to open.
		lab run jump rm -f /run/azjit/guard.set
		lab start jump azjit-guard
		run -1 lab run bob@jump /run/lab-bin/trick plain 10.99.0.1 7001
		[[ $output == 'Connection refused' ]]
		good_set
	done
}

# refused: the connections that the ledger says were refused, of bob and this port, in all.
refused() {
	lab run jump azjit audit refusals --json |
		jq --argjson port "$1" '[.refusals[] | select(.event == "guard" and .user == "bob" and .port == $port) | .count] | add // 0'
}

refused_is() {
	[[ $(refused "$1") == "$2" ]]
}

# Whether the guard's own book says so of bob and the port: "SEEN UNTOLD".
booked() {
	lab run jump grep -qx "2002 10.99.0.1 $1 $2" /run/azjit-guard/refused
}

try() {
	run -1 lab run bob@jump /run/lab-bin/trick plain 10.99.0.1 7003
	[[ $output == 'Connection refused' ]]
}

@test "what is refused while the broker is down is recorded when it is back, once, over restarts of the guard" {
	three='azjit-guard 1\n10.99.0.1 7003\nend 1'
	give "$three 1000\n"
	within 3000 state_has 'generation=1000 count=1'
	try
	try
	within 12000 booked 7003 '2 2'
	lab run jump grep -q 'is not in the ledger yet, and is told again' /var/log/azjit-guard.log
	# The kernel's set is a new one with each of these; the book is not.
	lab run jump nft 'flush ruleset'
	within 4000 bash -c "'$LAB_ROOM/lab' run jump nft list chain inet azjit_guard output 2>/dev/null | grep -q managed_port"
	try
	lab stop jump azjit-guard
	booked 7003 '1 3'
	lab start jump azjit-guard
	try
	within 12000 booked 7003 '1 4'
	lab kill jump azjit-guard
	lab start jump azjit-guard
	booked 7003 '0 4'
	lab start jump azjitd
	within 12000 refused_is 7003 4
	lab stop jump azjit-guard
	lab start jump azjit-guard
	lab stop jump azjit-guard
	booked 7003 '0 0' || run -1 lab run jump grep 7003 /run/azjit-guard/refused
	refused_is 7003 4
	lab stop jump azjitd
	lab start jump azjit-guard
}

@test "who fills the kernel's set hides nobody" {
	lab start jump azjitd
	tries() { lab run jump nft list counter inet azjit_guard refused_metadata | sed -n 's/.*packets \([0-9]*\) .*/\1/p'; }
	elements_of() { lab run jump nft -j list set inet azjit_guard attempts | jq '[.nftables[].set? | .elem // [] | .[]] | length'; }
	before=$(tries)
	lab run alice@jump bash -c 'for ((p = 1000; p < 4400; p++)); do : >/dev/tcp/168.63.129.16/$p; done' 2>/dev/null || true
	(($(tries) - before == 3400))
	(($(elements_of) < 100)) # where nothing listens there is nothing to note
	run -1 lab run bob@jump /run/lab-bin/trick plain 168.63.129.16 80
	within 25000 refused_is 80 1
	lab stop jump azjitd
}

@test "the guard runs as root with CAP_NET_ADMIN and nothing else" {
	run -0 lab run jump bash -c 'grep -E "Cap(Eff|Bnd|Prm)|NoNewPrivs" /proc/$(cat /run/lab/azjit-guard.pid)/status'
	[[ $(grep -c 0000000000001000 <<<"$output") == 3 ]]
	[[ $output == *$'NoNewPrivs:\t1'* ]]
}
