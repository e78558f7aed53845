// SPDX-License-Identifier: Apache-2.0
// enforce NSDIR LOG: makes nftables of one NSG's state, for azsim --enforce (tests/azsim/README.md).
//
// Standard input is the JSON of an Azure Firewall, whose DNAT rules become table `ip firewall` here, or of one
// NSG. For each address it guards that has a network namespace
// NSDIR/ADDRESS, the chains `nic` and `subnet` of table `inet nsg` there are replaced in one
// transaction: inbound rules by priority, first match wins, return (allowed at this level) or drop.
// Counters are named objects, so they outlive the rules that feed them; the base chain (lab) keeps
// established connections whatever the rules say. LOG gets one line per namespace:
//   SECONDS.MICROSECONDS LEVEL ADDRESS SEQ SOURCES
// with the time at which nftables had accepted the rules, and the sources that allow rules of JIT
// let in, each as SOURCE>PORT, or "-".
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NFT      "/usr/sbin/nft"
#define VNET     "10.20.0.0/16"
#define FIREWALL "198.51.100.9" // topology.sh

struct script {
	FILE *out;
	char *text;
	size_t len;
};

static void die(const char *what)
{
	fprintf(stderr, "enforce: %s: %s\n", what, errno ? strerror(errno) : "unexpected input");
	exit(1);
}

static const char *member(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	if (!text)
		die(key);
	return text;
}

// The match expression for one address of a rule, empty for "any"; false if it can match nothing
// in the lab (a service tag whose addresses do not occur here).
static bool address_match(char *buf, size_t size, const char *field, const char *value)
{
	buf[0] = '\0';
	if (strcmp(value, "*") == 0 || strcmp(value, "0.0.0.0/0") == 0)
		return true;
	if (strcmp(value, "VirtualNetwork") == 0)
		snprintf(buf, size, "ip %s " VNET " ", field);
	else if (strcmp(value, "Internet") == 0)
		snprintf(buf, size, "ip %s != " VNET " ", field);
	else if (strcmp(value, "AzureLoadBalancer") == 0)
		snprintf(buf, size, "ip %s 168.63.129.16 ", field);
	else if (strspn(value, "0123456789./") == strlen(value))
		snprintf(buf, size, "ip %s %s ", field, value);
	else
		return false;
	return true;
}

static bool protocol_match(char *buf, size_t size, const char *protocol, const char *port)
{
	bool any_port = strcmp(port, "*") == 0;

	buf[0] = '\0';
	if (strspn(port, "0123456789-*") != strlen(port))
		return false;
	if (strcasecmp(protocol, "tcp") == 0)
		snprintf(buf, size, any_port ? "meta l4proto tcp " : "tcp dport %s ", port);
	else if (strcasecmp(protocol, "udp") == 0)
		snprintf(buf, size, any_port ? "meta l4proto udp " : "udp dport %s ", port);
	else if (strcasecmp(protocol, "icmp") == 0)
		snprintf(buf, size, "meta l4proto icmp ");
	else if (strcmp(protocol, "*") != 0)
		return false;
	else if (!any_port)
		snprintf(buf, size, "meta l4proto { tcp, udp } th dport %s ", port);
	return true;
}

static void counter_name(char *buf, size_t size, const char *level, const char *rule)
{
	snprintf(buf, size, "%s.%s", level, rule);
	for (char *p = buf; *p; p++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.", *p))
			*p = '_';
}

static void write_rule(struct script *s, const char *level, const json_t *rule)
{
	const char *verdict = strcasecmp(member(rule, "access"), "Allow") == 0 ? "return" : "drop";
	json_t *sources = json_object_get(rule, "sources"), *source;
	json_t *destinations = json_object_get(rule, "destinations"), *destination;
	json_t *ports = json_object_get(rule, "ports"), *port;
	char counter[200], saddr[80], daddr[80], dport[80];
	size_t i, j, k;

	if (strcasecmp(member(rule, "direction"), "Inbound") != 0)
		return;
	counter_name(counter, sizeof(counter), level, member(rule, "name"));
	fprintf(s->out, "add counter inet nsg %s\n", counter);
	json_array_foreach(sources, i, source) json_array_foreach(destinations, j, destination)
	        json_array_foreach(ports, k, port)
	{
		if (!address_match(saddr, sizeof(saddr), "saddr", json_string_value(source)) ||
		    !address_match(daddr, sizeof(daddr), "daddr", json_string_value(destination)) ||
		    !protocol_match(dport, sizeof(dport), member(rule, "protocol"), json_string_value(port)))
			continue;
		fprintf(s->out, "add rule inet nsg %s %s%s%scounter name %s %s\n", level, saddr, daddr, dport,
		        counter, verdict);
	}
}

static void write_level(struct script *s, const char *level, const json_t *rules)
{
	json_t *rule;
	size_t i;

	fprintf(s->out, "flush chain inet nsg %s\n", level);
	json_array_foreach((json_t *)rules, i, rule) write_rule(s, level, rule);
	fprintf(s->out, "add rule inet nsg %s counter drop\n", level);
}

static void run_nft(int netns, const struct script *s)
{
	static char *const argv[] = {NFT, "-f", "-", NULL};
	static char *const env[] = {NULL};
	int pipe_fd[2], status;
	pid_t pid;

	if (pipe2(pipe_fd, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		die("fork");
	if (pid == 0) {
		if (setns(netns, CLONE_NEWNET) < 0 || dup2(pipe_fd[0], STDIN_FILENO) < 0)
			die("setns");
		execve(NFT, argv, env);
		die(NFT);
	}
	close(pipe_fd[0]);
	for (size_t done = 0; done < s->len;) {
		ssize_t n = write(pipe_fd[1], s->text + done, s->len - done);

		if (n < 0)
			die("write");
		done += (size_t)n;
	}
	close(pipe_fd[1]);
	errno = 0;
	if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		die("nft refused the rules");
}

// The sources of the allow rules that a JIT request made (azure.md §2.2).
static void write_jit_sources(FILE *out, const json_t *rules)
{
	json_t *rule, *source, *port;
	size_t i, j, k;
	bool any = false;

	json_array_foreach((json_t *)rules, i, rule)
	{
		if (!strstr(member(rule, "name"), "JITRule-"))
			continue;
		json_array_foreach(json_object_get(rule, "sources"), j, source)
		        json_array_foreach(json_object_get(rule, "ports"), k, port)
		                fprintf(out, " %s>%s", json_string_value(source), json_string_value(port));
		any = true;
	}
	fprintf(out, any ? "\n" : " -\n");
}

static void write_log(const char *path, const char *levels, const char *address, const json_t *state)
{
	struct script line = {0};
	struct timespec now;
	int fd;

	clock_gettime(CLOCK_REALTIME, &now);
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	line.out = open_memstream(&line.text, &line.len);
	if (fd < 0 || !line.out)
		die(path);
	fprintf(line.out, "%lld.%06ld %s %s %lld", (long long)now.tv_sec, now.tv_nsec / 1000, levels, address,
	        (long long)json_integer_value(json_object_get(state, "seq")));
	write_jit_sources(line.out, json_object_get(state, "rules"));
	// One write: two NSGs' runs may end at once.
	if (fclose(line.out) != 0 || write(fd, line.text, line.len) != (ssize_t)line.len)
		die(path);
	free(line.text);
	close(fd);
}

static bool contains(const json_t *array, const char *text)
{
	json_t *element;
	size_t i;

	json_array_foreach((json_t *)array, i,
	                   element) if (strcmp(json_string_value(element), text) == 0) return true;
	return false;
}

static void apply(const char *nsdir, const char *log, const json_t *state, const char *address)
{
	bool nic = contains(json_object_get(state, "nic_addresses"), address);
	// An NSG without NIC of this address guards it through its subnet; one on both does both.
	bool subnet = !nic || json_array_size(json_object_get(state, "subnet_prefixes")) > 0;
	struct script s = {0};
	char path[4096];
	int netns;

	snprintf(path, sizeof(path), "%s/%s", nsdir, address);
	netns = open(path, O_RDONLY | O_CLOEXEC);
	if (netns < 0 && errno == ENOENT)
		return;
	if (netns < 0)
		die(path);
	s.out = open_memstream(&s.text, &s.len);
	if (!s.out)
		die("memory");
	if (nic)
		write_level(&s, "nic", json_object_get(state, "rules"));
	if (subnet)
		write_level(&s, "subnet", json_object_get(state, "rules"));
	if (fclose(s.out) != 0)
		die("memory");
	run_nft(netns, &s);
	write_log(log, nic && subnet ? "both" : nic ? "nic" : "subnet", address, state);
	free(s.text);
	close(netns);
}

// --- an Azure Firewall: what it translates, in the namespace where this runs ------------------------------

static const char *first(const json_t *rule, const char *key)
{
	const char *text = json_string_value(json_array_get(json_object_get(rule, key), 0));

	if (!text)
		die(key);
	return text;
}

static void write_dnat(struct script *s, const json_t *state, const json_t *rule)
{
	const char *to = member(rule, "translated_address"), *port = member(rule, "translated_port");
	char saddr[80];
	json_t *source;
	size_t i;

	json_array_foreach(json_object_get(rule, "sources"), i, source)
	{
		if (!address_match(saddr, sizeof(saddr), "saddr", json_string_value(source)))
			continue;
		fprintf(s->out,
		        "add rule ip firewall inward %sip daddr %s tcp dport %s counter dnat to %s:%s\n",
		        saddr, member(state, "address"), first(rule, "ports"), to, port);
	}
	if (json_is_true(json_object_get(state, "own_source")))
		fprintf(s->out,
		        "add rule ip firewall outward ct original ip daddr %s ip daddr %s tcp dport %s "
		        "counter "
		        "snat to %s\n",
		        member(state, "address"), to, port, member(state, "private_address"));
}

// The tables of two firewalls would stand in each other's way; the lab has one that translates.
static void apply_firewall(const json_t *state)
{
	json_t *rules = json_object_get(state, "rules"), *rule;
	int netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	struct script s = {0};
	size_t i;

	s.out = open_memstream(&s.text, &s.len);
	if (netns < 0 || !s.out)
		die("the firewall's namespace");
	fprintf(s.out, "add table ip firewall\n"
	               "add chain ip firewall inward { type nat hook prerouting priority -101; }\n"
	               "add chain ip firewall outward { type nat hook postrouting priority 99; }\n"
	               "flush table ip firewall\n");
	json_array_foreach(rules, i, rule) write_dnat(&s, state, rule);
	if (fclose(s.out) != 0)
		die("memory");
	run_nft(netns, &s);
	free(s.text);
	close(netns);
}

int main(int argc, char **argv)
{
	json_t *state, *address;
	size_t i;

	if (argc != 3) {
		fprintf(stderr, "usage: enforce NSDIR LOG < NSG.json\n");
		return 64;
	}
	errno = 0;
	state = json_loadf(stdin, JSON_REJECT_DUPLICATES, NULL);
	if (!state || !json_is_array(json_object_get(state, "rules")))
		die("the NSG's state");
	if (json_object_get(state, "firewall") && (strcmp(member(state, "address"), FIREWALL) == 0)) {
		apply_firewall(state);
		json_decref(state);
		return 0;
	}
	json_array_foreach(json_object_get(state, "addresses"), i, address)
	        apply(argv[1], argv[2], state, json_string_value(address));
	json_decref(state);
	return 0;
}
