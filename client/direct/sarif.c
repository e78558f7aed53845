// SPDX-License-Identifier: Apache-2.0
// Threat model: whoever may name a resource writes into messages that a viewer may render. SARIF has links
// and placeholders in its messages (§3.11.5, §3.11.6); their characters are escaped as it says. A command that
// somebody may paste into a shell must not be escaped, so it is no part of a message.
#include "sarif.h"

#include "policy.h"

#include <azjit/buf.h>
#include <azjit/monitor.h>
#include <azjit/text.h>

#define SCHEMA            "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
#define MESSAGE_MAX_BYTES ((size_t)1024 * 1024)

static const char *level_of(const json_t *finding)
{
	const char *severity = json_text(finding, "severity");

	if (azjit_streq(severity, azjit_severity_name(AZJIT_SEVERITY_HIGH)))
		return "error";
	return azjit_streq(severity, azjit_severity_name(AZJIT_SEVERITY_MEDIUM)) ? "warning" : "note";
}

static void add_escaped(struct azjit_buf *buf, const char *text)
{
	for (const char *c = text; *c; c++) {
		if (*c == '[' || *c == ']')
			azjit_buf_str(buf, "\\");
		else if (*c == '{' || *c == '}')
			azjit_buf_add(buf, c, 1);
		azjit_buf_add(buf, c, 1);
	}
}

static json_t *message_of(const json_t *finding)
{
	_cleanup_buf_ struct azjit_buf text = AZJIT_BUF(MESSAGE_MAX_BYTES);

	add_escaped(&text, json_text(finding, "text"));
	return text.failed ? NULL : json_pack("{s:s}", "text", text.data ? text.data : "");
}

// The rule of the finding's kind, which is made if it is the first of it; -1 if memory ran out.
static int rule_of(json_t *rules, const json_t *finding)
{
	const char *kind = json_text(finding, "kind");
	int count = (int)json_array_size(rules);

	for (int i = 0; i < count; i++)
		if (azjit_streq(json_text(json_array_get(rules, (size_t)i), "id"), kind))
			return i;
	return json_array_append_new(rules, json_pack("{s:s, s:{s:s}, s:{s:s}}", "id", kind,
	                                              "shortDescription", "text", json_text(finding, "why"),
	                                              "defaultConfiguration", "level", level_of(finding))) ==
	                       0
	               ? count
	               : -1;
}

static bool add_result(json_t *results, json_t *rules, const json_t *finding)
{
	const char *about = json_text(finding, "about");
	int rule = rule_of(rules, finding);

	return rule >= 0 &&
	       json_array_append_new(results,
	                             json_pack("{s:s, s:i, s:s, s:o, s:[{s:[{s:s, s:s, s:s}]}], s:{s:s}}",
	                                       "ruleId", json_text(finding, "kind"), "ruleIndex", rule,
	                                       "level", level_of(finding), "message", message_of(finding),
	                                       "locations", "logicalLocations", "name", azjit_id_name(about),
	                                       "fullyQualifiedName", about, "kind", "resource", "properties",
	                                       "mend", json_text(finding, "mend"))) == 0;
}

json_t *sarif_log(const json_t *subscriptions, bool whole)
{
	json_auto_t *rules = json_array(), *results = json_array();
	bool ok = rules && results;

	for (size_t i = 0; i < json_array_size(subscriptions); i++) {
		const json_t *findings = json_object_get(json_array_get(subscriptions, i), "findings");

		for (size_t k = 0; ok && k < json_array_size(findings); k++)
			ok = add_result(results, rules, json_array_get(findings, k));
	}
	return ok ? json_pack("{s:s, s:s, s:[{s:{s:{s:s, s:s, s:O}}, s:[{s:b}], s:O}]}", "$schema", SCHEMA,
	                      "version", "2.1.0", "runs", "tool", "driver", "name", "azjit", "version",
	                      AZJIT_VERSION, "rules", rules, "invocations", "executionSuccessful", (int)whole,
	                      "results", results)
	          : NULL;
}
