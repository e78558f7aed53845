// SPDX-License-Identifier: Apache-2.0
// The sshd of a VM, which everybody of this host reaches from one address. It is not asked for its version:
// a connection that leaves without a login takes a place in MaxStartups and, from OpenSSH 9.8 on, earns the
// address that all share a penalty (azure.md §12.3), and the port would have to be opened for a look. It is
// judged by what it says itself, brought by who may log in there.
#include "doctor.h"
#include "sshd_limits.h"

#include <azjit/buf.h>
#include <azjit/relay.h>
#include <azjit/text.h>
#include <fcntl.h>
#include <stdio.h>

#define TEXT_MAX_BYTES ((size_t)65536)
#define YOUNG_S        120 // the relay counts a connection as young so long (azjit/relay.h)

// line: plain, for it may hold what the VM said.
static char *target_mend(const char *name, const char *line)
{
	struct doctor_word word = doctor_word(name);

	return doctor_text(
	        "echo '%s' | ssh %s sudo tee -a /etc/ssh/sshd_config.d/00-azjit.conf && ssh %s sudo "
	        "systemctl reload ssh",
	        line, word.text, word.text);
}

static uint64_t young_of(const struct doctor *doctor)
{
	const struct azjit_config *config = doctor->direct->config;

	return config ? (uint64_t)config->max_young : AZJIT_RELAY_YOUNG;
}

static void look_at_startups(struct doctor *doctor, const char *name, const struct sshd_limits *limits)
{
	uint64_t young = young_of(doctor);

	if (limits->startups < young)
		doctor_find(
		        doctor, AZJIT_SEVERITY_MEDIUM, "target-startups",
		        "So many logins may be under way there at once; of more, it drops some at random. "
		        "relay.max_young in azjit.conf bounds what the relay lets through.",
		        doctor_text("sshd of %s has MaxStartups %llu, and the relay lets %llu at once "
		                    "through",
		                    name, (unsigned long long)limits->startups, (unsigned long long)young),
		        target_mend(name, "MaxStartups 100:30:200"));
	if (limits->per_source > 0 && limits->per_source < young)
		doctor_find(
		        doctor, AZJIT_SEVERITY_MEDIUM, "target-per-source",
		        "All of this host come from one address; of more logins under way from it, sshd "
		        "drops all. relay.max_young in azjit.conf bounds what the relay lets through.",
		        doctor_text("sshd of %s has PerSourceMaxStartups %llu, and the relay lets %llu at "
		                    "once through",
		                    name, (unsigned long long)limits->per_source, (unsigned long long)young),
		        target_mend(name, "PerSourceMaxStartups none"));
	if (limits->grace_s == 0 || limits->grace_s > YOUNG_S)
		doctor_find(doctor, AZJIT_SEVERITY_LOW, "target-grace",
		            "A connection that never logs in counts in its MaxStartups until then; the relay "
		            "lets the next one through after two minutes.",
		            limits->grace_s ? doctor_text("sshd of %s has LoginGraceTime %llu", name,
		                                          (unsigned long long)limits->grace_s)
		                            : doctor_text("sshd of %s has no LoginGraceTime", name),
		            target_mend(name, "LoginGraceTime 120"));
}

// An element that is no prefix, as one with '!', exempts nobody here.
static bool exempts(const char *list, const struct azjit_prefix *source)
{
	struct azjit_prefix prefix;
	char text[AZJIT_PREFIX_CHARS];
	size_t len;

	for (; *list; list += len, list += *list == ',') {
		len = strcspn(list, ",");
		(void)snprintf(text, sizeof(text), "%.*s", (int)len, list);
		if (len < sizeof(text) && azjit_prefix_parse(text, &prefix) == AZJIT_OK &&
		    azjit_prefix_covers(&prefix, source))
			return true;
	}
	return false;
}

// Prefixes and names, and nothing that would end the quotes of a mend.
static bool plain(const char *list)
{
	return list[strspn(list,
	                   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.:/,!*?_-")] ==
	       '\0';
}

// "PerSourcePenaltyExemptList " and what it is to be: the sources it lacks, and what it has (the first line of
// a configuration counts). False if it lacks none.
static bool exemption(const struct sshd_limits *limits, const struct azjit_sources *sources,
                      struct azjit_buf *ret_line)
{
	char text[AZJIT_PREFIX_CHARS];
	bool lacks = false;

	azjit_buf_str(ret_line, "PerSourcePenaltyExemptList ");
	for (size_t i = 0; i < sources->count; i++) {
		azjit_prefix_format(&sources->items[i], text);
		if (exempts(limits->exempt.text, &sources->items[i]))
			continue;
		azjit_buf_printf(ret_line, "%s%s", lacks ? "," : "", text);
		lacks = true;
	}
	if (*limits->exempt.text)
		azjit_buf_printf(ret_line, ",%s", plain(limits->exempt.text) ? limits->exempt.text : "…");
	return lacks;
}

static void look_at_penalties(struct doctor *doctor, const char *name, const struct sshd_limits *limits,
                              const struct azjit_sources *sources)
{
	_cleanup_buf_ struct azjit_buf line = AZJIT_BUF(TEXT_MAX_BYTES);

	if (!limits->penalties)
		return;
	if (!sources)
		doctor_unseen(doctor,
		              "whether PerSourcePenaltyExemptList of %s has this host: which address it "
		              "sees is not known",
		              name);
	else if (exemption(limits, sources, &line))
		doctor_find(
		        doctor, AZJIT_SEVERITY_MEDIUM, "target-penalties",
		        "All of this host come from one address; who fails to log in there a few times "
		        "keeps everybody out for a while.",
		        doctor_text("sshd of %s has PerSourcePenalties and does not exempt this host from "
		                    "them",
		                    name),
		        line.failed ? NULL : target_mend(name, line.data));
}

void doctor_target_sshd(struct doctor *doctor, const char *name, const struct azjit_sources *sources,
                        const char *text)
{
	struct sshd_limits limits;

	if (!sshd_limits_read(text, &limits)) {
		doctor_unseen(doctor, "sshd of %s: the file of --target-sshd is no output of `sshd -T`",
		              name);
		return;
	}
	look_at_startups(doctor, name, &limits);
	look_at_penalties(doctor, name, &limits, sources);
}

// False if the file cannot be read, with errno.
static bool read_text(const char *path, struct azjit_buf *ret)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char chunk[4096];
	ssize_t n = -1;

	while (fd >= 0 && (n = read(fd, chunk, sizeof(chunk))) > 0)
		if (!azjit_buf_add(ret, chunk, (size_t)n)) {
			errno = EFBIG;
			return false;
		}
	return n == 0;
}

void doctor_target(struct doctor *doctor, const json_t *vm, const struct azjit_sources *sources)
{
	_cleanup_buf_ struct azjit_buf text = AZJIT_BUF(TEXT_MAX_BYTES);
	const char *path = doctor->direct->options.target_sshd, *name = json_text(vm, "name");

	if (path && read_text(path, &text))
		doctor_target_sshd(doctor, name, sources, text.data ? text.data : "");
	else if (path)
		doctor_unseen(doctor, "sshd of %s: %s: %m", name, path);
	else if (sources && !azjit_streq(json_text(vm, "os"), "Windows"))
		doctor_unseen(
		        doctor,
		        "sshd of %s, since to connect for a look counts there as a failed login: `ssh %s "
		        "sudo sshd -T >FILE`, then --target-sshd FILE",
		        name, doctor_word(name).text);
}
