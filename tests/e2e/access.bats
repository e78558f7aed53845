#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Who is let in, who is refused with which words, and that nobody gets at an opened port, IMDS or
# the host itself by a trick.

setup_file() {
	. "$BATS_TEST_DIRNAME/helper.bash"
	e2e_up access
	# Debian leaves keyboard-interactive off; here every way in is tried.
	lab run jump bash -c 'echo "KbdInteractiveAuthentication yes" >/etc/ssh/sshd_config.d/lab.conf'
	lab stop jump sshd
	lab start jump sshd
}

teardown_file() {
	. "$BATS_TEST_DIRNAME/helper.bash"
	e2e_down
}

setup() {
	. "$BATS_TEST_DIRNAME/helper.bash"
}

readonly NOBODYS='azjit: no access rule names you on this jump host; ask its administrator'

# recorded CONDITION: `azjit audit refusals` has a row of which jq's CONDITION is true.
recorded() {
	lab run jump azjit audit refusals --json | jq -e "any(.refusals[]; $1)" >/dev/null
}

# denied AUTH LEVEL HOW: what carol sees on standard error; standard output must stay empty.
denied() {
	local options="-o PreferredAuthentications=$1" pass='' command out
	[[ $2 == default ]] || options+=" -o LogLevel=$2"
	[[ $1 == publickey ]] || pass='sshpass -p lab-carol'
	case $3 in
	shell) command="$pass ssh -tt $options jump" ;;
	-J) command="$pass ssh $options -o ProxyCommand='ssh $options -W %h:%p jump' web01 true" ;;
	scp) command="$pass scp $options /etc/hostname jump:/tmp/x" ;;
	esac
	run --separate-stderr lab run carol@laptop bash -c "$command" </dev/null
	[[ $status == 255 && -z $output ]] || return 1
	tr -d '\r' <<<"$stderr"
}

# expect AUTH LEVEL HOW LINE...
expect() {
	local -a how=("${@:1:3}")
	local want
	want=$(printf '%s\n' "${@:4}")
	got=$(denied "${how[@]}")
	[[ $got == "$want" ]] || {
		printf 'for %s\n--- expected\n%s\n--- got\n%s\n' "${how[*]}" "$want" "$got"
		return 1
	}
}

closed='Connection closed by 203.0.113.20 port 22'

@test "whom no rule names is denied at login with a sentence: publickey and password" {
	for auth in publickey password; do
		expect $auth default shell "$NOBODYS" "$closed"
		expect $auth default -J "$NOBODYS" "$closed" \
			'kex_exchange_identification: Connection closed by remote host' \
			'Connection closed by UNKNOWN port 65535'
		expect $auth default scp "$NOBODYS" "$closed" 'scp: Connection closed'
	done
}

@test "whom no rule names is denied at login with a sentence: keyboard-interactive" {
	# sshd puts an empty line behind what PAM said in its forked child.
	expect keyboard-interactive default shell "$NOBODYS" '' "$closed"
	expect keyboard-interactive default -J "$NOBODYS" '' "$closed" \
		'kex_exchange_identification: Connection closed by remote host' \
		'Connection closed by UNKNOWN port 65535'
	expect keyboard-interactive default scp "$NOBODYS" '' "$closed" 'scp: Connection closed'
}

@test "a denied login, which has no session, is in the ledger for root to see" {
	recorded '.kind == "login" and .event == "denied" and .user == "carol" and .service == "sshd" and
		(.reason | contains("no access rule names you")) and (has("session") | not)'
	run -0 lab run jump azjit audit refusals
	[[ $output == WHEN*WHO*WHAT*WHY* ]]
	grep -qE '^20[0-9-]+ [0-9:]+Z +carol +login sshd +no access rule names you' <<<"$output"
	run -77 lab run bob@jump azjit audit refusals
	[[ $output == 'azjit: this is about everyone, so only root may see it: sudo azjit audit refusals' ]]
}

@test "with LogLevel ERROR ssh shows no banner, so only ssh's own words remain" {
	for auth in publickey password keyboard-interactive; do
		expect $auth ERROR shell ''
		expect $auth ERROR -J 'kex_exchange_identification: Connection closed by remote host'
		expect $auth ERROR scp 'scp: Connection closed'
	done
}

@test "a refusal names the rule that is missing, and Azure is not asked" {
	calls=$(all_calls)
	run -255 --separate-stderr through bob db01 true
	[[ $stderr == *"no rule allows bob to open port 22 of db01"* ]]
	[[ $stderr == *"rule 'web for ops' allows web* only"* ]]
	[[ -z $output ]]
	run -255 through carol web01 true
	[[ $(all_calls) == "$calls" ]]
	(($(entries denial refused) >= 1))
}

@test "an allowed person gets through, and sees the wait" {
	run -0 --separate-stderr through alice web01 hostname
	[[ $output == web01 ]]
	[[ $stderr == *'azjit: '* ]]
}

@test "on the jump host itself: azjit ssh, and ssh with the installed ssh_config" {
	run -0 --separate-stderr lab run alice@jump azjit ssh -o BatchMode=yes web01 hostname
	[[ $output == web01 ]]
	run -0 --separate-stderr lab run alice@jump ssh -o BatchMode=yes web01 hostname
	[[ $output == web01 ]]
	run -255 lab run bob@jump azjit ssh -o BatchMode=yes db01 hostname
	[[ $output == *'no rule allows bob to open port 22 of db01'* ]]
}

@test "while web01 is open, another user does not reach it, by no trick" {
	lab run jump azjit status --json | jq -e '.grants[] | select(.vm == "web01" and .state == "open")'
	exec {in}> >(exec "$LAB_ROOM/lab" run alice@jump bash -c 'echo $$ >/tmp/alice.pid; exec azjit connect web01 22' >"$BATS_TEST_TMPDIR/out" 2>&1)
	within 10000 grep -q SSH-2.0 "$BATS_TEST_TMPDIR/out"
	port=$(lab run jump ss -Htn dst "$WEB01:22" | awk 'NR == 1 { n = split($4, a, ":"); print a[n] }')
	refused=$(guard_count refused_managed)
	run -1 --separate-stderr lab run bob@jump nc -v -w 3 "$WEB01" 22 </dev/null
	[[ -z $output && $stderr == *'Connection refused'* ]]
	# The control: the trick works where the guard does not look.
	[[ $(lab run bob@jump /run/lab-bin/trick plain "$JUMP" 22) == reached ]]
	for how in "plain $WEB01 22" "again $WEB01 22 $JUMP 22" "mapped $WEB01 22" "fastopen $WEB01 22" \
		"mptcp $WEB01 22" "bound $WEB01 22 $port"; do
		# shellcheck disable=SC2086
		run -1 lab run bob@jump /run/lab-bin/trick $how
		[[ $output == 'Connection refused' || $output == 'Address already in use' ||
			$output == 'Cannot assign requested address' || $output == 'Protocol not available' ]] || {
			echo "$how: $output"
			return 1
		}
	done
	(($(guard_count refused_managed) - refused >= 4))
	run -0 lab run jump azjit guard show
	[[ $output == *"2002 . $WEB01 . 22"* ]]
	# The broker is told at the guard's next turn.
	within 12000 recorded ".event == \"guard\" and .user == \"bob\" and .uid == 2002 and .port == 22 and
		(.vm | endswith(\"/web01\")) and .host == \"$WEB01\" and .count >= 1 and
		(.reason | test(\"^the guard refused bob [0-9]+ connections? to web01 port 22 .$WEB01.\$\"))"
	run -0 lab run jump azjit audit refusals --since 1h
	grep -qE '^20[0-9-]+ [0-9:]+Z +bob +web01 port 22 +the guard refused bob' <<<"$output"
	exec {in}>&-
}

@test "the caller of azjit connect gets no TCP socket that could be turned elsewhere" {
	exec {in}> >(exec "$LAB_ROOM/lab" run alice@jump bash -c 'echo $$ >/tmp/alice.pid; exec azjit connect web01 22' >"$BATS_TEST_TMPDIR/out" 2>&1)
	within 10000 grep -q SSH-2.0 "$BATS_TEST_TMPDIR/out"
	pid=$(lab run jump cat /tmp/alice.pid)
	# As root, who can open more than alice could.
	run -1 lab run jump /run/lab-bin/trick steal "$pid"
	[[ $output == *'none of TCP/IP' ]]
	relay=$(lab run jump bash -c 'pgrep -u azjit -f azjit-relay | head -n 1')
	run -1 lab run alice@jump /run/lab-bin/trick steal "$relay"
	[[ $output == 'none could be had' || $output == *'not permitted'* || $output == *'0 descriptors'* ]]
	exec {in}>&-
}

@test "even who may connect does not do so without azjit" {
	run -1 lab run alice@jump /run/lab-bin/trick plain "$WEB01" 22
	[[ $output == 'Connection refused' ]]
}

@test "IMDS and the wire server are closed to users, open to root and to name resolution" {
	url='http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fmanagement.azure.com%2F'
	refused=$(guard_count refused_metadata)
	for user in alice bob; do
		run -7 lab run "$user@jump" curl -sS -m 3 -H Metadata:true "$url"
		run -1 lab run "$user@jump" /run/lab-bin/trick again "$IMDS" 80 "$JUMP" 22
		[[ $output == 'Connection refused' ]]
		run -1 lab run "$user@jump" /run/lab-bin/trick plain "$WIRE_SERVER" 80
		[[ $output == 'Connection refused' ]]
	done
	(($(guard_count refused_metadata) - refused >= 6))
	for user in alice bob; do
		within 12000 recorded ".event == \"guard\" and .user == \"$user\" and .host == \"$IMDS\" and .port == 80 and
			(.reason | test(\"^the guard refused $user [0-9]+ connections? to Azure.s metadata service\"))"
		within 12000 recorded ".event == \"guard\" and .user == \"$user\" and .host == \"$WIRE_SERVER\""
	done
	run -0 lab run jump curl -sS -m 3 -H Metadata:true "$url"
	[[ $(jq -r .token_type <<<"$output") == Bearer ]]
	lab run azure bash -c 'nc -lk 168.63.129.16 53 >/dev/null </dev/null 2>&1 &'
	within 3000 lab run bob@jump /run/lab-bin/trick plain "$WIRE_SERVER" 53
}

@test "azjit dials nothing but what is under a JIT policy: not the host, not Azure's metadata" {
	lab run jump bash -c 'printf "%s\n" "127.0.0.1 sly-loopback" "169.254.169.254 sly-imds" \
		"168.63.129.16 sly-wire" "10.20.0.4 sly-self" >>/etc/hosts'
	for where in '169.254.169.254 80' '127.0.0.1 22' '168.63.129.16 80' '10.20.0.4 22' '203.0.113.20 22' \
		'::1 22' '0.0.0.0 22' '::ffff:127.0.0.1 22' 'sly-loopback 22' 'sly-imds 80' 'sly-wire 80' \
		'sly-self 22' 'localhost 22' 'jump 22'; do
		# shellcheck disable=SC2086
		run lab run alice@jump azjit connect $where </dev/null
		[[ $status != 0 && $output != *SSH-2.0* ]] || {
			echo "azjit connect $where: $status $output"
			return 1
		}
	done
}

@test "who passes by break_glass while the broker is down is in the ledger when it is back" {
	lab run jump bash -c 'groupadd -f glass && usermod -aG glass bob && cp /etc/pam.d/sshd /run/pam.sshd &&
		sed -i "s/pam_azjit.so/& break_glass=glass/" /etc/pam.d/sshd'
	lab stop jump azjitd
	run -0 lab run bob@laptop ssh -o BatchMode=yes jump echo in
	[[ $output == in ]]
	run -255 lab run alice@laptop ssh -o BatchMode=yes jump echo in
	lab start jump azjitd
	lab run jump cp /run/pam.sshd /etc/pam.d/sshd
	lab run jump azjit audit refusals --json |
		jq -e '[.refusals[] | select(.event == "unchecked" and .user == "bob" and .by == "break_glass")] | length == 2'
	lab run jump azjit audit refusals --json | jq -e 'all(.refusals[]; .event != "unchecked" or .user == "bob")'
	run -0 lab run jump azjit audit refusals
	[[ $output == *'bob'*'login sshd, passed unchecked'*'the broker cannot be reached'* ]]
	[[ -z $(lab run jump ls -A /var/lib/azjit/passes) ]]
	run -0 lab run jump azjit audit verify
}

@test "a user's ~/.pam_environment does not choose the key that is recorded" {
	forged=$(lab run bob@laptop sh -c 'cut -d" " -f1,2 ~/.ssh/id_ed25519.pub')
	lab run jump sh -c 'printf "SSH_AUTH_INFO_0 DEFAULT=\"publickey %s\"\n" "$1" >/home/alice/.pam_environment
		chown alice: /home/alice/.pam_environment; cat /home/alice/.pam_environment' - "$forged"
	id=$(lab run alice@laptop ssh -o BatchMode=yes jump 'echo $AZJIT_SESSION')
	lab run jump rm /home/alice/.pam_environment
	real=$(lab run alice@laptop ssh-keygen -lf /home/alice/.ssh/id_ed25519.pub | awk '{ print $2 }')
	auth=$(lab run jump azjit sessions --all --json "$id" | jq -r '.sessions[0].auth')
	echo "recorded $auth, used $real"
	[[ $auth == "publickey $real" ]]
}
