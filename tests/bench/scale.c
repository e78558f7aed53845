// SPDX-License-Identifier: Apache-2.0
// What a tenant costs, for tests/bench/scale: the library's own inventory over azsim's generated tenant, and a
// broker asked through its socket. Prints "name value" lines.
//
//   scale inventory CONFIG SUBSCRIPTIONS GROUPS VMS REFRESHES
//   scale ask SOCKET UID PID VMS COUNT PAUSE_MS VERB [KEY=VALUE]…     (KEY=VALUE with "@": a machine's name there)
#include <azjit/inventory.h>
#include <azjit/wire.h>

#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOOKUPS 2000

static uint64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	(void)clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

// "NAME_p50 …", "NAME_p95 …", "NAME_max …" in microseconds.
static void print_times(const char *name, uint64_t *ns, size_t count)
{
	if (!count)
		return;
	qsort(ns, count, sizeof(*ns), compare);
	(void)printf("%s_p50_us %.1f\n%s_p95_us %.1f\n%s_max_us %.1f\n", name, (double)ns[count / 2] / 1000,
	             name, (double)ns[(count * 95 + 99) / 100 - 1] / 1000, name,
	             (double)ns[count - 1] / 1000);
}

static void die(const char *what, const char *why)
{
	(void)fprintf(stderr, "scale: %s: %s\n", what, why);
	exit(1);
}

// --- the tenant's names -------------------------------------------------------------------------------

static size_t subscriptions, groups, vms;

static void machine(char *to, size_t size, size_t vm)
{
	(void)snprintf(to, size, "vm-app-%06zu", vm);
}

static void machine_at(char *to, size_t size, size_t vm)
{
	(void)snprintf(to, size, "vm-app-%06zu@rg-app-%05zu", vm, vm / (vms / groups));
}

static void address(char *to, size_t size, size_t vm)
{
	size_t group = vm / (vms / groups);

	(void)snprintf(to, size, "10.%zu.%zu.%zu", group / 256, group % 256, vm % (vms / groups) + 4);
}

static void id(char *to, size_t size, size_t vm)
{
	size_t group = vm / (vms / groups);

	(void)snprintf(to, size,
	               "/subscriptions/5ca1e000-0000-4000-8000-%012zu/resourceGroups/rg-app-%05zu/providers/"
	               "Microsoft.Compute/virtualMachines/vm-app-%06zu",
	               group * subscriptions / groups, group, vm);
}

static void tag(char *to, size_t size, size_t vm)
{
	(void)snprintf(to, size, "tag:asset=A%zu", vm);
}

// With a tenth of all in public, the last of each ten of a group.
static void dns_name(char *to, size_t size, size_t vm)
{
	size_t first = vm / (vms / groups) * (vms / groups), i = vm - first;

	(void)snprintf(to, size, "vm-app-%06zu.westeurope.cloudapp.azure.com", first + i / 10 * 10 + 9);
}

static void missing(char *to, size_t size, size_t vm)
{
	(void)snprintf(to, size, "no-such-%06zu", vm);
}

static const struct {
	const char *name;
	void (*write)(char *to, size_t size, size_t vm);
	enum azjit_result wanted;
} looks[] = {
        {"name", machine, AZJIT_OK},
        {"name_at_group", machine_at, AZJIT_OK},
        {"address", address, AZJIT_OK},
        {"id", id, AZJIT_OK},
        {"tag", tag, AZJIT_OK},
        {"dns_name", dns_name, AZJIT_OK},
        {"miss", missing, AZJIT_NOT_FOUND},
};

// --- the inventory ------------------------------------------------------------------------------------

static unsigned told;
static enum azjit_result told_result;
static struct azjit_reason told_reason;

static void on_told(void *userdata, enum azjit_result result, const char *reason)
{
	told++;
	told_result = result;
	(void)azjit_fail(&told_reason, result, "%s", reason);
}

static void look_up(const struct azjit_inventory *inventory)
{
	static uint64_t ns[LOOKUPS];
	uint32_t random = 7;

	for (size_t k = 0; k < AZJIT_COUNT(looks); k++) {
		for (size_t i = 0; i < LOOKUPS; i++) {
			struct azjit_target *target = NULL;
			struct azjit_reason reason = {""};
			enum azjit_result result;
			char what[256];
			uint64_t from;

			random = random * 1664525 + 1013904223;
			looks[k].write(what, sizeof(what), random % vms);
			from = now_ns(CLOCK_MONOTONIC);
			result = azjit_inventory_find(inventory, what, 22, &target, &reason);
			ns[i] = now_ns(CLOCK_MONOTONIC) - from;
			azjit_target_free(target);
			if (result != looks[k].wanted)
				die(what, reason.text);
		}
		print_times(looks[k].name, ns, LOOKUPS);
	}
}

static size_t malloced(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static size_t status_kib(const char *member)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];
	size_t kib = 0;

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, member, strlen(member)) == 0)
			kib = (size_t)strtoull(line + strlen(member) + 1, NULL, 10);
	if (f)
		(void)fclose(f);
	return kib;
}

// Until the inventory was read once more. Prints how long it took, and the longest turn of the loop, in
// processor time: what a login that comes meanwhile waits for, whatever else this machine does.
static void read_once(struct azjit_loop *loop, const struct azjit_azure *azure, const char *name)
{
	uint64_t from = now_ns(CLOCK_MONOTONIC), longest = 0, cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID);
	unsigned before = told;
	struct azjit_azure_counts counts, start;

	azjit_azure_counts(azure, &start);
	while (told == before) {
		uint64_t turn = now_ns(CLOCK_PROCESS_CPUTIME_ID), took;

		if (azjit_loop_turn(loop, 1000) != AZJIT_OK)
			die("loop", "a turn failed");
		took = now_ns(CLOCK_PROCESS_CPUTIME_ID) - turn;
		longest = took > longest ? took : longest;
	}
	azjit_azure_counts(azure, &counts);
	if (told_result != AZJIT_OK)
		die(name, told_reason.text);
	(void)printf("%s_s %.2f\n%s_cpu_s %.2f\n%s_reads %" PRIu64 "\n%s_throttled %" PRIu64
	             "\n%s_stall_ms %.2f\n",
	             name, (double)(now_ns(CLOCK_MONOTONIC) - from) / 1e9, name,
	             (double)(now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu) / 1e9, name, counts.reads - start.reads,
	             name, counts.throttled - start.throttled, name, (double)longest / 1e6);
	(void)fflush(stdout);
}

// What the guard asks for after each refresh.
static void managed(const struct azjit_inventory *inventory)
{
	uint64_t from = now_ns(CLOCK_PROCESS_CPUTIME_ID);
	struct azjit_managed *pairs = NULL;
	size_t count = 0;

	if (azjit_inventory_managed(inventory, &pairs, &count) != AZJIT_OK)
		die("managed", "no memory");
	(void)printf("managed %zu\nmanaged_ms %.2f\n", count,
	             (double)(now_ns(CLOCK_PROCESS_CPUTIME_ID) - from) / 1e6);
	free(pairs);
}

static int inventory(char **argv)
{
	struct azjit_reason reason = {""};
	struct azjit_config *config = NULL;
	struct azjit_azure_options options;
	struct azjit_inventory *inventory = NULL;
	struct azjit_inventory_counts counts;
	struct azjit_azure *azure = NULL;
	struct azjit_loop *loop = NULL;
	size_t before;

	subscriptions = strtoull(argv[1], NULL, 10);
	groups = strtoull(argv[2], NULL, 10);
	vms = strtoull(argv[3], NULL, 10);
	if (azjit_config_load(argv[0], &reason, &config) != AZJIT_OK || azjit_loop_new(&loop) != AZJIT_OK)
		die(argv[0], reason.text);
	azjit_config_azure(config, &options);
	if (azjit_azure_new(loop, &options, &reason, &azure) != AZJIT_OK)
		die("azure", reason.text);
	before = malloced();
	if (azjit_inventory_new(loop, azure, config, &inventory) != AZJIT_OK)
		die("inventory", "cannot be made");
	azjit_inventory_watch(inventory, on_told, NULL);
	read_once(loop, azure, "cold");
	azjit_inventory_counts(inventory, &counts);
	if (counts.vms != vms || counts.policies < groups || counts.managed_ports < vms)
		die("inventory", "it has not all machines, policies and ports");
	(void)printf("vms %zu\npolicies %zu\nports %zu\n", counts.vms, counts.policies, counts.managed_ports);
	look_up(inventory);
	for (unsigned long i = strtoul(argv[4], NULL, 10); i > 0; i--) {
		azjit_inventory_refresh(inventory);
		read_once(loop, azure, "refresh");
	}
	managed(inventory);
	(void)printf("malloced_bytes %zu\nrss_kib %zu\nrss_peak_kib %zu\n", malloced() - before,
	             status_kib("VmRSS"), status_kib("VmHWM"));
	azjit_inventory_free(inventory);
	azjit_azure_free(azure);
	azjit_loop_free(loop);
	azjit_config_free(config);
	return 0;
}

// --- the broker ---------------------------------------------------------------------------------------

static size_t message(char *bytes, size_t size, char **words, size_t count, size_t vm)
{
	struct azjit_wire_out out;

	azjit_wire_begin(&out, bytes, size, words[0]);
	for (size_t i = 1; i < count; i++) {
		char pair[512], *equals, *at;

		(void)snprintf(pair, sizeof(pair), "%s", words[i]);
		at = strchr(pair, '@');
		if (at) {
			char tail[256], name[64];

			(void)snprintf(tail, sizeof(tail), "%s", at + 1);
			machine(name, sizeof(name), vm);
			(void)snprintf(at, sizeof(pair) - (size_t)(at - pair), "%s%s", name, tail);
		}
		equals = strchr(pair, '=');
		if (!equals)
			die(words[i], "no KEY=VALUE");
		*equals = '\0';
		azjit_wire_put(&out, pair, equals + 1);
	}
	return azjit_wire_end(&out);
}

// One question on a connection of its own, as callers ask.
static bool ask(const char *socket, unsigned uid, const char *bytes, size_t len, char *ret_result,
                size_t size)
{
	char buffer[AZJIT_WIRE_MAX_ROOT_BYTES];
	struct azjit_wire_in in = {.bytes = buffer, .size = sizeof(buffer)};
	struct azjit_wire_msg msg = {0};
	int fd = azjit_wire_connect(socket, uid, 5000),
	    r = fd < 0 ? fd : azjit_wire_send(fd, bytes, len, NULL, 0, 5000);

	while (r >= 0) {
		r = azjit_wire_receive(fd, &in, 0, &msg);
		if (r <= 0 || strcmp(msg.verb, "DONE") == 0)
			break;
	}
	(void)snprintf(ret_result, size, "%s", r > 0 ? azjit_wire_get(&msg, "result") : strerror(-r));
	if (r > 0 && strcmp(ret_result, "ok") != 0)
		(void)fprintf(stderr, "scale: %s: %s\n", ret_result, azjit_wire_get(&msg, "reason"));
	if (fd >= 0)
		(void)close(fd);
	return r > 0;
}

static volatile sig_atomic_t stopped;

static void on_term(int signo)
{
	stopped = signo;
}

// The answers' times as a caller sees them and, "busy", the processor time that the broker took for other
// things and for the answer until it came: how long it kept the caller, whatever else this machine does.
static int ask_all(int argc, char **argv)
{
	unsigned uid = (unsigned)strtoul(argv[1], NULL, 10);
	size_t count = strtoull(argv[4], NULL, 10), done = 0, well = 0;
	unsigned pause_ms = (unsigned)strtoul(argv[5], NULL, 10);
	uint64_t *ns = calloc(count, sizeof(*ns)), *busy = calloc(count, sizeof(*busy));
	uint32_t random = (uint32_t)getpid();
	clockid_t broker;

	vms = strtoull(argv[3], NULL, 10);
	if (!ns || !busy || clock_getcpuclockid((pid_t)strtol(argv[2], NULL, 10), &broker) != 0)
		die(argv[2], "its processor time cannot be read");
	(void)signal(SIGTERM, on_term);
	for (; done < count && !stopped; done++) {
		char bytes[AZJIT_WIRE_MAX_BYTES], result[64];
		uint64_t from;
		size_t len;

		random = random * 1664525 + 1013904223;
		len = message(bytes, sizeof(bytes), argv + 6, (size_t)argc - 6, (random >> 4) % vms);
		from = now_ns(CLOCK_MONOTONIC);
		busy[done] = now_ns(broker);
		(void)ask(argv[0], uid, bytes, len, result, sizeof(result));
		busy[done] = now_ns(broker) - busy[done];
		ns[done] = now_ns(CLOCK_MONOTONIC) - from;
		well += strcmp(result, "ok") == 0;
		(void)usleep(pause_ms * 1000);
	}
	(void)printf("asked %zu\nwell %zu\n", done, well);
	print_times("answer", ns, done);
	print_times("busy", busy, done);
	free(ns);
	free(busy);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 7 && strcmp(argv[1], "inventory") == 0)
		return inventory(argv + 2);
	if (argc > 8 && strcmp(argv[1], "ask") == 0)
		return ask_all(argc - 2, argv + 2);
	(void)fputs("usage: see the beginning of tests/bench/scale.c\n", stderr);
	return 64;
}
