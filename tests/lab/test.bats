#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The lab itself: what other tests stand on.  Without azjit.

bats_require_minimum_version 1.5.0

setup_file() {
	. "$BATS_TEST_DIRNAME/helper.bash"
	lab_name base
	lab up --bare
	[[ ! -x ${O:-$TREE/build}/azsim ]] || lab start azure azsim
}

teardown_file() {
	. "$BATS_TEST_DIRNAME/helper.bash"
	for dir in /run/azjit-lab/"$LAB"*; do
		LAB=${dir##*/} lab down
	done
}

setup() {
	. "$BATS_TEST_DIRNAME/helper.bash"
}

needs_azsim() {
	[[ -x ${O:-$TREE/build}/azsim ]] || {
		echo "azsim is not built" >&2
		return 1
	}
}

# What the machine has of a lab: every process of it is in a mount namespace that names its directory.
remains() {
	local name=$1
	grep -ls "/azjit-lab/$name[/ ]" /proc/[0-9]*/mountinfo
	pgrep -af "azjit-lab(-parent)?:/run/azjit-lab/$name(:|$)"
	find /run/azjit-lab -maxdepth 1 -name "$name" 2>/dev/null
	find /sys/fs/cgroup -maxdepth 2 -name "azjit-lab_run_azjit-lab_$name" 2>/dev/null
	return 0
}

# The parts of the machine that a careless lab would have touched.
machine() {
	ip -o link | sed 's/@.*//'
	ip netns
	nft list ruleset
	cat /etc/passwd /etc/group /etc/shadow
	cat /etc/hosts 2>/dev/null || echo 'no /etc/hosts' # a machine that was just made may have none
	find /etc/pam.d /etc/ssh /home -maxdepth 1 -printf '%p %s %T@\n' | sort
	ss -Hltnp | awk '{print $4}' | grep ':22$' || true
}

@test "each host is itself" {
	for host in laptop jump web01 db01 azure; do
		[[ $(lab run "$host" hostname) == "$host" ]]
	done
}

@test "a host sees its own processes and accounts only" {
	run -0 lab run jump ps -e -o pid=,args=
	[[ $output == *sshd* ]]
	[[ $output != *web01* ]]
	run -0 lab run jump cut -d: -f1 /etc/passwd
	[[ $output == *alice* ]]
	! grep -q '^alice:' /etc/passwd
}

@test "laptop logs in to jump with its key, asked nothing" {
	run -0 --separate-stderr lab run alice@laptop ssh -o BatchMode=yes jump 'hostname; id -un'
	[[ $output == $'jump\nalice' ]]
	[[ -z $stderr ]]
}

@test "laptop logs in to jump with a password" {
	run -0 lab run bob@laptop sshpass -p lab-bob ssh -o PubkeyAuthentication=no jump id -un
	[[ $output == bob ]]
	run -5 lab run bob@laptop sshpass -p lab-alice ssh -o PubkeyAuthentication=no jump id -un
}

@test "a login on jump has an audit session of its own" {
	run -0 lab run alice@laptop ssh jump 'cat /proc/self/loginuid; echo; cat /proc/self/sessionid'
	[[ ${lines[0]} == 2001 ]]
	((lines[1] > 0 && lines[1] < 4294967295))
	first=${lines[1]}
	run -0 lab run alice@laptop ssh jump 'cat /proc/self/sessionid'
	((output != first))
}

@test "orphans are reaped" {
	lab run jump bash -c '(sleep 0.05 &) ; exit 0'
	within 3000 bash -c "! '$LAB_ROOM/lab' run jump ps -e -o stat= | grep -q Z"
}

@test "before Azure allows it, nothing reaches web01: a timeout" {
	[[ $(tcp jump web01 22) == timeout ]]
	[[ $(tcp db01 web01 22) == timeout ]]
	[[ $(tcp laptop "$WEB01_PUBLIC" 22) == timeout ]]
}

@test "a rule in the NSG opens the port for its source alone" {
	needs_azsim
	# The deny rules of the JIT policy are in both NSGs; both must allow.
	for nsg in web01-nsg servers-nsg; do
		allow "$nsg" lab-open "$JUMP" "$WEB01" 22
	done
	[[ $(tcp jump web01 22) == open ]]
	[[ $(tcp db01 web01 22) == timeout ]]
	[[ $(tcp jump db01 22) == timeout ]]
	(($(packets web01 nic.lab-open) >= 1))
	run -0 lab run alice@jump ssh -o BatchMode=yes web01 hostname
	[[ $output == web01 ]]
	for nsg in web01-nsg servers-nsg; do
		disallow "$nsg" lab-open
	done
	[[ $(tcp jump web01 22) == timeout ]]
}

@test "one NSG that allows is not enough where another denies" {
	needs_azsim
	allow web01-nsg lab-half "$JUMP" "$WEB01" 22
	[[ $(tcp jump web01 22) == timeout ]]
	disallow web01-nsg lab-half
}

@test "a VM's public address leads to it, and the filter sees the client's own" {
	needs_azsim
	for nsg in web01-nsg servers-nsg; do
		allow "$nsg" lab-public "$LAPTOP" "$WEB01" 22
	done
	[[ $(tcp laptop "$WEB01_PUBLIC" 22) == open ]]
	run lab run laptop nc -nvz -w 2 -s "$LAPTOP_SECOND" "$WEB01_PUBLIC" 22
	((status != 0))
	for nsg in web01-nsg servers-nsg; do
		disallow "$nsg" lab-public
	done
}

@test "what is connected stays connected when the rule goes" {
	needs_azsim
	for nsg in web01-nsg servers-nsg; do
		allow "$nsg" lab-stay "$JUMP" "$WEB01" 22
	done
	coproc SESSION { lab run alice@jump ssh -o BatchMode=yes web01 cat; }
	echo one >&"${SESSION[1]}"
	read -r -t 10 line <&"${SESSION[0]}"
	[[ $line == one ]]
	for nsg in web01-nsg servers-nsg; do
		disallow "$nsg" lab-stay
	done
	[[ $(tcp jump web01 22) == timeout ]]
	echo two >&"${SESSION[1]}"
	read -r -t 10 line <&"${SESSION[0]}"
	[[ $line == two ]]
	kill "$SESSION_PID"
}

@test "a change of the NSG is in force within 20 ms" {
	needs_azsim
	for _ in 1 2 3 4 5; do
		allow web01-nsg lab-quick 10.0.0.1 "$WEB01" 22
		disallow web01-nsg lab-quick
	done
	# The quickest of ten, since this machine may be busy with something else.
	quickest=$(lab azsim GET state/changes | jq '
		def ms: capture("^(?<s>.*)\\.(?<ms>[0-9]{3})") | (.s + "Z" | fromdate) * 1000 + (.ms | tonumber);
		[.[] | select(.reason == "control") | .enforce | (.finished | ms) - (.started | ms)] | min')
	echo "quickest: $quickest ms"
	((quickest < 20))
}

@test "IMDS answers jump and nobody else" {
	needs_azsim
	url='http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fmanagement.azure.com%2F'
	run -0 lab run jump curl -sS -m 3 -H Metadata:true "$url"
	[[ $(jq -r .token_type <<<"$output") == Bearer ]]
	for host in laptop web01 db01; do
		run lab run "$host" curl -sS -m 1 -H Metadata:true "$url"
		((status == 28 || status == 7))
	done
}

@test "Azure's names lead jump to the emulator, with a certificate for them" {
	needs_azsim
	run -0 lab run jump curl -sS -m 3 --cacert /run/azure-tls/ca.pem \
		'https://management.azure.com/metadata/endpoints?api-version=2022-09-01'
	[[ $output == *login.microsoftonline.com* ]]
}

@test "two labs run side by side" {
	LAB=$LAB-b lab up --bare
	[[ $(LAB=$LAB-b lab run web01 hostname) == web01 ]]
	LAB=$LAB-b lab run web01 touch /tmp/of-b
	run ! lab run web01 test -e /tmp/of-b
	LAB=$LAB-b lab down
	[[ $(lab run web01 hostname) == web01 ]]
	[[ -z $(remains "$LAB-b") ]]
}

@test "down leaves nothing, and the machine as it was" {
	machine >"$BATS_TEST_TMPDIR/before"
	LAB=$LAB-c lab up --bare
	[[ -n $(remains "$LAB-c") ]]
	LAB=$LAB-c lab run web01 bash -c 'setsid sleep 1000 & echo x >/etc/x; useradd mallory; nft add table inet other'
	LAB=$LAB-c lab down
	[[ -z $(remains "$LAB-c") ]]
	machine >"$BATS_TEST_TMPDIR/after"
	diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
	[[ ! -e /etc/x ]]
}

@test "down after SIGKILL of any part leaves nothing" {
	for victim in parent init host sshd; do
		LAB=$LAB-$victim lab up --bare
		dir=/run/azjit-lab/$LAB-$victim
		case $victim in
		parent) pattern="azjit-lab-parent:$dir" ;;
		init) pattern="azjit-lab:$dir" ;;
		host) pattern="azjit-lab:$dir:jump" ;;
		sshd) pattern=sshd ;;
		esac
		killed=''
		for p in /proc/[0-9]*; do
			{ IFS= read -r -d '' title <"$p/cmdline"; } 2>/dev/null || continue
			if [[ $title == "$pattern" ]] || { [[ $victim == sshd && $title == sshd:* ]] &&
				grep -q "$dir/" "$p/mountinfo"; }; then
				kill -KILL "${p#/proc/}"
				killed=yes
			fi
		done 2>/dev/null
		[[ -n $killed ]]
		LAB=$LAB-$victim lab down
		[[ -z $(remains "$LAB-$victim") ]]
	done
}

@test "down after SIGKILL half way up leaves nothing" {
	for ms in 5 20 60 150 300 600; do
		setsid env LAB="$LAB-h" "$LAB_ROOM/lab" up --bare >/dev/null 2>&1 &
		pid=$!
		sleep "$(printf '0.%03d' "$ms")"
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" || true
		LAB=$LAB-h lab down
		[[ -z $(remains "$LAB-h") ]]
	done
}

@test "down of a lab that is not there succeeds, up of one that is there does not" {
	LAB=$LAB-none lab down
	run -1 lab up --bare
	[[ $output == *'is up already' ]]
	[[ $(lab run jump hostname) == jump ]]
}

@test "where namespaces are not permitted, one sentence says so" {
	run -1 setpriv --bounding-set -sys_admin env LAB="$LAB-d" "$LAB_ROOM/lab" up --bare
	[[ ${#lines[@]} == 1 && $output == *'namespaces are not permitted'* ]]
	# The tree may lie where nobody else may look, such as root's home.
	copy=$(mktemp -d)
	chmod 755 "$copy"
	cp "$LAB_ROOM"/{lab,topology.sh} "$copy"
	run -1 setpriv --reuid 65534 --clear-groups env LAB="$LAB-d" "$copy/lab" up --bare
	rm -r "$copy"
	[[ ${#lines[@]} == 1 && $output == *root* ]]
	[[ ! -e /run/azjit-lab/$LAB-d ]]
}
