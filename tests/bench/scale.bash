# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# A generated tenant, azsim that has it, and what reads it: for tests/bench/scale and tests/azure/part-scale.
# $scale_dir is theirs to make and to remove, $O says where azjit was built.

scale_room=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)

# scale_build: the measuring program, linked like the broker.
scale_build() {
	local flags=(-std=gnu11 -D_GNU_SOURCE "-I$scale_room/../../include" -O2 -g -Wall -Wextra -Wno-unused-parameter) libs
	if nm "$O/libazure.a" 2>/dev/null | grep -q __asan_init; then
		# shellcheck disable=SC2054 # the commas are the compiler's
		flags+=(-fsanitize=address,undefined)
	fi
	read -ra libs < <(pkg-config --libs libconfig libcurl jansson libcrypto sqlite3 libsystemd)
	"${CC:-cc}" "${flags[@]}" -o "$scale_dir/scale" "$scale_room/scale.c" "$O"/lib{engine,azure,ledger,base}.a "${libs[@]}"
}

# scale_scenario SUBSCRIPTIONS GROUPS VMS FILE: two ports, a security group for each machine, a tenth public,
# a hundred objects a page, and Resource Manager's own token buckets.
scale_scenario() {
	jq -n --argjson s "$1" --argjson g "$2" --argjson v "$3" '{
		tenant: "11111111-1111-4111-8111-111111111111",
		defaults: {subscription: "5ca1e000-0000-4000-8000-000000000000", rg: "none", location: "westeurope"},
		generate: {subscriptions: $s, groups: $g, vms: $v, policies_per_group: 1, public_percent: 10,
			ports: [{number: 22}, {number: 3389, max: "PT1H"}]},
		page_size: 100, throttle: {},
		principals: [{name: "azjit", kind: "managed_identity", roles: [{scope: "/",
			actions: ["*/read", "Microsoft.Security/locations/jitNetworkAccessPolicies/initiate/action"]}]}],
		imds: {identities: ["azjit"], system: "azjit"},
		delays: {initiated_ms: 100, rule_ms: 50}, seed: 7}' >"$4"
}

# scale_conf ARM LOGIN IMDS: $scale_dir/azjit.conf, root's, for the library and for a broker.
scale_conf() {
	cat >"$scale_dir/azjit.conf" <<-END
		resource_manager_url = "https://$1";
		login_url = "https://$2";
		imds_url = "http://$3";
		ca_file = "$scale_dir/tls/ca.pem";
		kill_switch = "$scale_dir/run/stop";
		inventory = { source = "lists"; refresh = "${scale_refresh:-10m}"; }; // Resource Graph has none of a generated tenant
		paths = {
			socket = "$scale_dir/run/socket"; relay_socket = "$scale_dir/run/relay"; ledger = "$scale_dir/run/ledger";
			guard_set = "$scale_dir/run/guard.set"; guard_state = "$scale_dir/run/guard.state";
		};
		rules = ( { name = "all"; users = [ "root" ]; targets = [ "vm-app-*" ]; ports = [ 22 ]; source = [ "192.0.2.7" ]; } );
	END
	chmod 644 "$scale_dir/azjit.conf"
}

# scale_value NAME FILE: the last "NAME value" line's.
scale_value() {
	awk -v name="$1" '$1 == name { value = $2 } END { print value }' "$2"
}
