# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
#
# Who is where in the lab.  Sourced by the lab's scripts and by tests.
#
#            internet 203.0.113.0/24                      VNet 10.20.0.0/16
#   laptop .10 .11 ─┬─ jump .20 ═══════════ jump 10.20.0.4 ─┬─ web01 10.20.1.4 (198.51.100.4)
#                   └─ azure .1 (router, .2: Azure's APIs) ─┴─ db01  10.20.1.5 (198.51.100.5)
#
# azure routes between the two as Azure does: a VM's public address is translated to its private
# one, the source stays.  IMDS (169.254.169.254) and the wire server (168.63.129.16) live there
# too and answer jump only.  An Azure Firewall that a scenario may have stands there as well: its DNAT
# rules lead from 198.51.100.9 to the VMs.

HOSTS=(azure laptop jump web01 db01)

PUBLIC_BITS=24 PUBLIC_GATEWAY=203.0.113.1 AZURE_API=203.0.113.2
LAPTOP=203.0.113.10 LAPTOP_SECOND=203.0.113.11 JUMP_PUBLIC=203.0.113.20
VNET=10.20.0.0/16 VNET_BITS=16 VNET_GATEWAY=10.20.0.1
JUMP=10.20.0.4 WEB01=10.20.1.4 DB01=10.20.1.5
VM_PUBLIC=198.51.100.0/24 WEB01_PUBLIC=198.51.100.4 DB01_PUBLIC=198.51.100.5
FIREWALL=10.20.9.4 FIREWALL_PUBLIC=198.51.100.9
IMDS=169.254.169.254 WIRE_SERVER=168.63.129.16

# Names of Azure that lead to the emulator.
AZURE_NAMES=(management.azure.com login.microsoftonline.com)

# Accounts on laptop, jump and the VMs; the password on jump is "lab-NAME".  On laptop and jump
# each has the key that jump and the VMs accept.
PEOPLE=(alice bob carol)
for n in {01..20}; do PEOPLE+=("u$n"); done
unset n

# sanitized PROGRAM: whether it was built with the sanitizers.
sanitized() {
	grep -qa __asan_init "$1"
}
