#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Many people at once: one request for all of them, and no connection that sshd on the VM drops.

setup_file() {
	. "$BATS_TEST_DIRNAME/helper.bash"
	e2e_up many
}

teardown_file() {
	. "$BATS_TEST_DIRNAME/helper.bash"
	e2e_down
}

setup() {
	. "$BATS_TEST_DIRNAME/helper.bash"
}

@test "200 connections of 20 users to one VM's unmodified sshd: one request, 200 banners, none dropped" {
	before=$(calls JitNetworkAccessPolicies_Initiate)
	cat >"$LAB_SHARE/ten" <<-'END'
		#!/bin/bash
		# Ten connections at once; each takes the banner, answers it and leaves.
		for i in {1..10}; do
			(
				coproc WAY { exec azjit connect web01 22 2>"/tmp/$USER.$i.err"; }
				IFS= read -r -t 60 banner <&"${WAY[0]}" && echo "$banner"
				printf 'SSH-2.0-lab\r\n' >&"${WAY[1]}"
				exec {WAY[1]}>&-
				wait "$WAY_PID"
			) 2>/dev/null &
		done
		wait
	END
	chmod 755 "$LAB_SHARE/ten"
	for n in {01..20}; do
		lab run "u$n@jump" "$LAB_SHARE/ten" >"$LAB_SHARE/banners.$n" &
	done
	wait
	banners=$(cat "$LAB_SHARE"/banners.* | grep -c '^SSH-2.0-OpenSSH')
	echo "$banners banners; $(($(calls JitNetworkAccessPolicies_Initiate) - before)) initiate"
	lab run jump bash -c 'cat /tmp/u??.*.err | sort | uniq -c | sort -rn | head -n 5'
	((banners == 200))
	(($(calls JitNetworkAccessPolicies_Initiate) - before == 1))
	run -1 lab run web01 grep -iE 'drop connection|beginning MaxStartups|exited MaxStartups' /var/log/sshd.log
}
