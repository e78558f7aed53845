// SPDX-License-Identifier: Apache-2.0
#include "administer.h"

#include <azjit/config.h>

#define ACCESS_HELP                                                                                          \
	"\n"                                                                                                 \
	"As whom, and where:\n"                                                                              \
	"  --config FILE       an azjit.conf: its cloud, addresses, ca_file, proxy, subscriptions, "         \
	"identity\n"                                                                                         \
	"  --identity KIND     config: that of --config; environment: AZURE_CLIENT_ID, AZURE_TENANT_ID "     \
	"and\n"                                                                                              \
	"                      AZURE_CLIENT_SECRET, AZURE_CLIENT_CERTIFICATE_PATH or\n"                      \
	"                      AZURE_FEDERATED_TOKEN_FILE; login: whom `azjit login` logged in; cli: whom\n" \
	"                      `az login` did. Without this: the first of them, in this order, that there "  \
	"is\n"                                                                                               \
	"  --tenant ID         the tenant whose token is wanted (that of the login, or of az's)\n"           \
	"  --cloud NAME        AzureCloud, AzureUSGovernment or AzureChinaCloud\n"                           \
	"  --ca-file FILE      certificates to trust instead of the system's\n"                              \
	"  --subscription ID   this subscription only, may be repeated (all that the identity sees)\n"

#define WRITE_HELP                                                                                           \
	"  --dry-run           print what would change, and write nothing\n"                                 \
	"  --backup FILE       keep the policy as it was in FILE, which must not exist (a file of its own\n" \
	"                      below $XDG_STATE_HOME/azjit or ~/.local/state/azjit)\n"                       \
	"  --json              print one JSON object: changes, backups, result, reason\n"

#define PORTS_HELP                                                                                     \
	"  --ports LIST        22,3389 or recommended, which is 22,3389,5985,5986\n"                   \
	"  --protocol NAME     tcp, udp or any\n"                                                      \
	"  --source PREFIX     who may ask for access: an address, a prefix or '*'; may be repeated\n" \
	"  --max DURATION      the longest time of one request, 5m to 1d\n"

#define NAMES_HELP                                                                                           \
	"A VM is named by its name, name@resource-group, resource id, a pattern with * and ? over name or\n" \
	"name@resource-group, or tag:NAME=VALUE for all that bear the tag.\n"

#define RACE_HELP                                                                                            \
	"Azure replaces a policy as a whole and has no lock for it: the policy is read, changed, written,\n" \
	"read again and compared. If somebody else's write has undone yours, that is told.\n"

const struct azjit_cmd azjit_cmd_policy_list = {
        .name = "policy list",
        .usage = "[--resource-group NAME] [--json]",
        .summary = "list the just-in-time policies",
        .help = "One line for each policy.\n"
                "\n"
                "  --resource-group NAME  those of this group only\n"
                "  --json                 print one JSON object: policies, result, reason\n" ACCESS_HELP,
};

const struct azjit_cmd azjit_cmd_policy_show = {
        .name = "policy show",
        .usage = "VM|POLICY [--json]",
        .summary = "show the ports of a VM or of a policy, and who may ask for them",
        .help = NAMES_HELP
        "A policy is named by its name, name@resource-group or resource id; a name\n"
        "that is a policy's and a VM's is the policy's.\n"
        "\n"
        "  --json              print one JSON object: policies, result, reason\n" ACCESS_HELP,
};

const struct azjit_cmd azjit_cmd_policy_enable = {
        .name = "policy enable",
        .usage = "VM… [--ports LIST] [--protocol NAME] [--source PREFIX]… [--max DURATION] [--policy NAME] "
                 "[--dry-run] [--backup FILE] [--json]",
        .summary = "put VMs under just-in-time access",
        .help = "Adds the VMs to the policy of their resource group and region; where there is none, one\n"
                "called 'default' is made. What is not said is as in the portal: port 22 for Linux and "
                "3389\n"
                "for Windows, any protocol, any source, three hours.\n" NAMES_HELP "\n" PORTS_HELP
                "  --policy NAME       the policy to add to, or to make\n" WRITE_HELP ACCESS_HELP
                "\n" RACE_HELP,
};

const struct azjit_cmd azjit_cmd_policy_set = {
        .name = "policy set",
        .usage = "VM… [--ports LIST] [--protocol NAME] [--source PREFIX]… [--max DURATION] [--dry-run] "
                 "[--backup FILE] [--json]",
        .summary = "change the ports of VMs that are under just-in-time access",
        .help = "With --ports the VM has these ports afterwards and no others. The rest changes of each of\n"
                "them what is said, and leaves what is not.\n" NAMES_HELP "\n" PORTS_HELP
                "  --policy NAME       for a VM that is in several policies: the one to change\n" WRITE_HELP
                        ACCESS_HELP "\n" RACE_HELP,
};

const struct azjit_cmd azjit_cmd_policy_copy = {
        .name = "policy copy",
        .usage = "FROM-VM TO-VM… | --to-tag NAME=VALUE [--policy NAME] [--dry-run] [--backup FILE] [--json]",
        .summary = "give other VMs the ports of one VM",
        .help = "The others have the ports of FROM-VM afterwards and no others, each as FROM-VM has it: "
                "protocol,\n"
                "sources, longest time. A VM that is in a policy stays in it; one that is in none goes into "
                "that\n"
                "of its own resource group and region, which is made where there is none.\n" NAMES_HELP "\n"
                "  --to-tag NAME=VALUE  to all VMs that bear this tag\n"
                "  --policy NAME       for a VM that is in several policies: the one that is meant; for one "
                "that\n"
                "                      is in none: the one to add to, or to make\n" WRITE_HELP ACCESS_HELP
                "\n" RACE_HELP,
};

const struct azjit_cmd azjit_cmd_policy_disable = {
        .name = "policy disable",
        .usage = "VM… [--policy NAME] [--dry-run] [--backup FILE] [--json]",
        .summary = "take VMs out of just-in-time access",
        .help = "Takes the VMs out of their policies, also VMs that exist no more. A policy that would be\n"
                "left without a VM is deleted.\n" NAMES_HELP "\n"
                "  --policy NAME       for a VM that is in several policies: the one to take it out "
                "of\n" WRITE_HELP ACCESS_HELP "\n" RACE_HELP,
};

const struct azjit_cmd azjit_cmd_policy_restore = {
        .name = "policy restore",
        .usage = "FILE [--dry-run] [--backup FILE] [--json]",
        .summary = "write a policy back as a backup has it",
        .help = "FILE is what a command kept before it wrote, or a policy as Azure shows it. Nothing but "
                "its\n"
                "VMs and their ports is compared; requests are history and are not written.\n"
                "\n" WRITE_HELP ACCESS_HELP "\n" RACE_HELP,
};

const struct azjit_cmd azjit_cmd_vm_list = {
        .name = "vm list",
        .usage = "[--resource-group NAME] [--json]",
        .summary = "list the VMs: configured, not configured, unsupported",
        .help = "One line for each VM: the address to connect to; whether just-in-time access is "
                "Configured,\n"
                "Not configured, or Unsupported and why; its ports; the requests that Azure approved in the "
                "last\n"
                "seven days; the last access and who asked for it.\n"
                "\n"
                "  --resource-group NAME  those of this group only\n"
                "  --json                 print one JSON object: vms, result, reason\n" ACCESS_HELP,
};

const struct azjit_cmd azjit_cmd_vm_show = {
        .name = "vm show",
        .usage = "VM [--json]",
        .summary = "show one VM as `vm list` does",
        .help = NAMES_HELP "\n"
                           "  --json              print one JSON object: vms, result, reason\n" ACCESS_HELP,
};

const struct azjit_cmd azjit_cmd_monitor_check = {
        .name = "monitor check",
        .usage = "[--all-subscriptions] [--json|--sarif]",
        .summary = "check that Defender judges whether VMs have just-in-time access",
        .help = "What CloudSploit's plugin monitorJitNetworkAccess and Cloud Conformity's rule\n"
                "SecurityCenter-012 say of a subscription, and why where they differ; then what neither "
                "looks\n"
                "at: how the policy is assigned, the Defender plan, each VM, and ports that the internet\n"
                "reaches in spite of just-in-time access. Each finding with the command that mends it. "
                "Azure\n"
                "is only read.\n"
                "\n"
                "Exit status: 0 if both say pass and no finding is high, 1 if not; if something could not "
                "be\n"
                "read, that of the reason (77: a right is missing; 74: Azure does not answer).\n"
                "\n"
                "  --all-subscriptions  every one that the identity sees, or that the configuration names\n"
                "  --json               print one JSON object: subscriptions, passed, result, reason\n"
                "  --sarif              print the findings in the form SARIF 2.1.0\n" ACCESS_HELP,
};

const struct azjit_cmd azjit_cmd_monitor_enable = {
        .name = "monitor enable",
        .usage = "[--dry-run] [--json]",
        .summary = "have Defender judge whether VMs have just-in-time access",
        .help = "Sets jitNetworkAccessMonitoringEffect of the subscription's ASC Default policy assignment\n"
                "(SecurityCenterBuiltIn) to AuditIfNotExists, and leaves all else in it as it is.\n"
                "\n"
                "  --dry-run           print what would change, and write nothing\n"
                "  --json              print one JSON object: changes, result, reason\n" ACCESS_HELP "\n"
                "Azure replaces an assignment as a whole and has no lock for it: it is read, changed in one\n"
                "value, written once, read again and compared. What became of a write that Azure did not\n"
                "answer is told, and nothing is written twice.\n",
};

const struct azjit_cmd azjit_cmd_doctor = {
        .name = "doctor",
        .usage = "[VM] [--role NAME [--start]] [--target-sshd FILE] [--json]",
        .summary = "find what is wrong with the setup, and the command that mends it",
        .help = "Looks at the identity, the clock, each right to read, the Defender plan and the policies; "
                "with "
                "a VM\n"
                "also at its security groups and the addresses that this host asks for; with "
                "--config " AZJIT_CONFIG_PATH "\n"
                "(root's, if it is there) also at this host: configuration, files, PAM, sshd, broker, guard, "
                "and who\n"
                "reaches IMDS and the wire server. Nothing is written. Each finding has a severity, a reason "
                "and a\n"
                "command; what could not be looked at is said. The exit status is 1 if a finding is of high\n"
                "severity.\n" NAMES_HELP "\n"
                "  --role NAME         look at nothing, and print a least-privilege role for `az role "
                "definition\n"
                "                      create --role-definition`, to be assigned in the subscriptions that "
                "are looked\n"
                "                      at: requester (the jump host's identity), reconciler (who reads the "
                "Activity\n"
                "                      Log) or administrator (who writes policies)\n"
                "  --start             give the role requester the right to start VMs, too (--start of "
                "azjit\n"
                "                      connect)\n"
                "  --target-sshd FILE  what `sshd -T` prints on the VM: judged, too (/dev/stdin: from a "
                "pipe)\n"
                "  --json              print one JSON object: identity, clock_ms, subscriptions, sshd, "
                "vm, findings,\n"
                "                      not_looked_at, or role; result, reason\n" ACCESS_HELP,
};

const struct azjit_cmd azjit_cmd_login = {
        .name = "login",
        .usage = "[--tenant ID] [--client-id ID] [--cloud NAME] [--json]",
        .summary = "log in to Azure with a code typed in a browser",
        .help = "Prints a page and a code; whoever opens the page, on any device, types the code there and "
                "logs in,\n"
                "is logged in here. Type only codes that you asked for yourself. What stays is a refresh "
                "token in\n"
                "$XDG_STATE_HOME/azjit/login.json or ~/.local/state/azjit/login.json, which nobody else can\n"
                "read; `azjit logout` removes it.\n"
                "\n"
                "Exit status: 77 if it was declined in the browser, 75 if the code's time is over, 65 if "
                "Entra "
                "ID\n"
                "does not know the code, 74 if it lets nobody log in.\n"
                "\n"
                "  --tenant ID         a GUID or domain name (organizations: that of the person)\n"
                "  --client-id ID      a public application of yours (the Azure CLI's)\n"
                "  --cloud NAME        AzureCloud, AzureUSGovernment or AzureChinaCloud\n"
                "  --config FILE       an azjit.conf: its cloud, addresses, ca_file, proxy\n"
                "  --ca-file FILE      certificates to trust instead of the system's\n"
                "  --json              print one JSON object: identity, result, reason\n",
};

const struct azjit_cmd azjit_cmd_logout = {
        .name = "logout",
        .usage = "[--json]",
        .summary = "forget the login",
        .help = "Wipes and removes what `azjit login` has kept. Entra ID is not told: it has no call for "
                "that, "
                "so a\n"
                "copy of the refresh token would stay good until it ends or an administrator revokes your "
                "sessions.\n"
                "\n"
                "  --json              print one JSON object: result, reason\n",
};

const struct azjit_cmd azjit_cmd_whoami = {
        .name = "whoami",
        .usage = "[--json]",
        .summary = "show as whom the commands speak to Azure",
        .help = "Gets a token, and shows where the identity comes from and what the token says: tenant, "
                "user,\n"
                "object, application, its end.\n"
                "\n"
                "  --json              print one JSON object: identity, result, reason\n" ACCESS_HELP,
};
