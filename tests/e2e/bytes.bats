#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# azjit in the way changes no byte: every tool's standard output and every file are the same with it
# and without.

setup_file() {
	. "$BATS_TEST_DIRNAME/helper.bash"
	e2e_up bytes
	# The way without azjit: laptop's own address is let in by hand.
	for nsg in web01-nsg servers-nsg; do
		allow $nsg by-hand "$LAPTOP" "$WEB01" 22
	done
	lab run alice@laptop bash -c 'mkdir tree && cd tree && mkdir sub &&
		head -c 3000000 /dev/urandom >big && : >empty && seq 1000 >sub/numbers && chmod 600 sub/numbers'
}

teardown_file() {
	. "$BATS_TEST_DIRNAME/helper.bash"
	e2e_down
}

setup() {
	. "$BATS_TEST_DIRNAME/helper.bash"
}

readonly BY_AZJIT="-o BatchMode=yes -o ProxyCommand='ssh jump azjit connect %h %p'"
readonly BY_HAND='-o BatchMode=yes'

# both COMMAND: runs it as alice on laptop with @SSH@ (options) and @AT@ (azjit, hand) replaced; the
# exit status must be 0 and the standard outputs the same, which is left in the file out.
both() {
	local command=$1
	for at in azjit hand; do
		options=$BY_AZJIT
		[[ $at == azjit ]] || options=$BY_HAND
		text=${command//@SSH@/$options}
		lab run alice@laptop bash -c "${text//@AT@/$at}" </dev/null >"$BATS_TEST_TMPDIR/$at" \
			2>"$BATS_TEST_TMPDIR/$at.err" || {
			cat "$BATS_TEST_TMPDIR/$at.err"
			return 1
		}
	done
	cmp "$BATS_TEST_TMPDIR/azjit" "$BATS_TEST_TMPDIR/hand"
}

@test "ssh: a megabyte of output, and an exit status" {
	both 'ssh @SSH@ web01 head -c 1000000 /usr/bin/gcc-12 || ssh @SSH@ web01 head -c 1000000 /usr/bin/bash'
	[[ -s $BATS_TEST_TMPDIR/azjit ]]
	run -42 through alice web01 exit 42
}

@test "ssh: what goes in comes out, and the end of input is passed on" {
	both 'seq 200000 | ssh @SSH@ web01 "sha256sum; echo end"'
	[[ $(tail -n 1 "$BATS_TEST_TMPDIR/azjit") == end ]]
	[[ $(head -n 1 "$BATS_TEST_TMPDIR/azjit") == "$(seq 200000 | sha256sum)" ]]
}

@test "scp: nothing on standard output, the same files" {
	both 'scp -r @SSH@ tree web01:from-@AT@ && scp -r @SSH@ web01:from-@AT@ back-@AT@'
	[[ ! -s $BATS_TEST_TMPDIR/azjit ]]
	lab run alice@laptop diff -r tree back-azjit
	lab run alice@web01 diff -r from-azjit from-hand
}

@test "sftp: the same listing, the same files" {
	lab run alice@laptop bash -c 'printf "put tree/big sftp-big\nls -1 sftp-big\nget sftp-big sftp-back\nrm sftp-big\n" >batch'
	both 'sftp -q @SSH@ -b batch web01'
	grep -q sftp-big "$BATS_TEST_TMPDIR/azjit"
	lab run alice@laptop cmp tree/big sftp-back
}

@test "rsync: the same list, the same files" {
	both 'rsync -a --out-format="%n %l" -e "ssh @SSH@" tree/ web01:rsync-@AT@/'
	grep -q '^sub/numbers 3893$' "$BATS_TEST_TMPDIR/azjit"
	lab run alice@web01 diff -r rsync-azjit rsync-hand
	both 'rsync -a --out-format="%n" -e "ssh @SSH@" tree/ web01:rsync-@AT@/'
	[[ ! -s $BATS_TEST_TMPDIR/azjit ]]
}

@test "a second session of a ControlMaster adds no login, and its -W past azjit is refused" {
	lab run bob@laptop ssh -o BatchMode=yes -M -S /tmp/bob.mux -o ControlPersist=60 -fN jump </dev/null
	within 5000 lab run bob@laptop ssh -S /tmp/bob.mux -O check jump
	before=$(lab run jump azjit sessions --all --json | jq '.sessions | length')
	run -0 lab run bob@laptop ssh -S /tmp/bob.mux jump hostname
	[[ $output == jump ]]
	refused=$(guard_count refused_managed)
	run ! lab run bob@laptop ssh -S /tmp/bob.mux -W db01:22 jump </dev/null
	[[ $output != *SSH-2.0* ]]
	run ! lab run bob@laptop ssh -S /tmp/bob.mux -W web01:22 jump </dev/null
	[[ $output != *SSH-2.0* ]]
	(($(guard_count refused_managed) == refused + 2))
	[[ $(lab run jump azjit sessions --all --json | jq '.sessions | length') == "$before" ]]
	lab run bob@laptop ssh -S /tmp/bob.mux -O exit jump
}

@test "a gibibyte arrives byte for byte" {
	lab run alice@laptop bash -c "head -c 1G /dev/zero | openssl enc -aes-128-ctr -pbkdf2 -nosalt -k seed |
		tee >(sha256sum >sent) | ssh -c aes128-gcm@openssh.com -o BatchMode=yes \
		-o ProxyCommand='ssh -c aes128-gcm@openssh.com jump azjit connect %h %p' web01 'tee >(wc -c >&2) | sha256sum' >arrived 2>count"
	lab run alice@laptop cmp sent arrived
	[[ $(lab run alice@laptop tail -n 1 count) == 1073741824 ]]
}
