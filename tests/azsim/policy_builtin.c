// SPDX-License-Identifier: Apache-2.0
#include "policy_builtin.h"

#include <sysexits.h>

#include "store.h"
#include "util.h"

static const char definition[] =
        "{\"properties\":{\"displayName\":\"Management ports of virtual machines should be p"
        "rotected with just-in-time network access control\",\"policyType\":\"BuiltIn\","
        "\"mode\":\"All\",\"description\":\"Possible network Just In Time (JIT) access will be"
        " monitored by Azure Security Center as recommendations\",\"metadata\":{"
        "\"version\":\"3.0.0\",\"category\":\"Security Center\"},\"version\":\"3.0.0\","
        "\"parameters\":{\"effect\":{\"type\":\"string\",\"defaultValue\":\"AuditIfNotExists\","
        "\"allowedValues\":[\"AuditIfNotExists\",\"Disabled\"],\"metadata\":{"
        "\"displayName\":\"Effect\","
        "\"description\":\"Enable or disable the execution of the policy\"}}},"
        "\"policyRule\":{\"if\":{\"field\":\"type\","
        "\"equals\":\"Microsoft.Compute/virtualMachines\"},\"then\":{\"effect\":\"["
        "parameters('effect')]\",\"details\":{\"type\":\"Microsoft.Security/assessments\","
        "\"name\":\"805651bc-6ecd-4c73-9b55-97a19d0582d0\",\"existenceCondition\":{"
        "\"field\":\"Microsoft.Security/assessments/status.code\",\"in\":[\"NotApplicable\","
        "\"Healthy\"]}}}},\"versions\":[\"3.0.0\"]},"
        "\"id\":\"/providers/Microsoft.Authorization/policyDefinitions/b0f33259-77d7-4c9e-"
        "aac6-3aabcfae693c\",\"name\":\"b0f33259-77d7-4c9e-aac6-3aabcfae693c\","
        "\"type\":\"Microsoft.Authorization/policyDefinitions\"}";

static const char benchmark[] =
        "{\"properties\":{\"displayName\":\"Microsoft cloud security benchmark\","
        "\"policyType\":\"BuiltIn\","
        "\"description\":\"The Microsoft cloud security benchmark initiative represents th"
        "e policies and controls implementing security recommendations defined in Micro"
        "soft cloud security benchmark,"
        " see https://aka.ms/azsecbm. This also serves as the Microsoft Defender for Cl"
        "oud default policy initiative. You can directly assign this initiative,"
        " or manage its policies and compliance results within Microsoft Defender for C"
        "loud.\",\"metadata\":{\"version\":\"57.56.0\",\"category\":\"Security Center\"},"
        "\"version\":\"57.56.0\",\"versions\":[\"57.56.0\",\"57.55.0\",\"57.54.0\"],\"parameters\":{"
        "\"jitNetworkAccessMonitoringEffect\":{\"type\":\"string\","
        "\"defaultValue\":\"AuditIfNotExists\",\"allowedValues\":[\"AuditIfNotExists\","
        "\"Disabled\"],\"metadata\":{"
        "\"displayName\":\"Management ports of virtual machines should be protected with j"
        "ust-in-time network access control\","
        "\"description\":\"Enable or disable the monitoring of network just-in-time access"
        "\"}}},\"policyDefinitions\":[{"
        "\"policyDefinitionId\":\"/providers/Microsoft.Authorization/policyDefinitions/b0f"
        "33259-77d7-4c9e-aac6-3aabcfae693c\",\"definitionVersion\":\"3.*.*\","
        "\"policyDefinitionReferenceId\":\"jitNetworkAccessMonitoring\",\"parameters\":{"
        "\"effect\":{\"value\":\"[parameters('jitNetworkAccessMonitoringEffect')]\"}},"
        "\"groupNames\":[\"Azure_Security_Benchmark_v3.0_NS-3\","
        "\"Azure_Security_Benchmark_v3.0_PA-2\"]}],\"policyDefinitionGroups\":[{"
        "\"name\":\"Azure_Security_Benchmark_v3.0_NS-3\","
        "\"additionalMetadataId\":\"/providers/Microsoft.PolicyInsights/policyMetadata/Azu"
        "re_Security_Benchmark_v3.0_NS-3\"},{"
        "\"name\":\"Azure_Security_Benchmark_v3.0_PA-2\","
        "\"additionalMetadataId\":\"/providers/Microsoft.PolicyInsights/policyMetadata/Azu"
        "re_Security_Benchmark_v3.0_PA-2\"}]},"
        "\"id\":\"/providers/Microsoft.Authorization/policySetDefinitions/1f3afdf9-d0c9-4c"
        "3d-847f-89da613e70a8\",\"name\":\"1f3afdf9-d0c9-4c3d-847f-89da613e70a8\","
        "\"type\":\"Microsoft.Authorization/policySetDefinitions\"}";

static void put(struct sim *sim, const char *type, const char *id, const char *text)
{
	json_t *body = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	if (!body)
		die(EX_SOFTWARE, "the built-in policy %s is no JSON", id);
	store_put(sim, type, id, body);
}

void policy_builtin_put(struct sim *sim)
{
	put(sim, TYPE_POLICY, POLICY_JIT_ID, definition);
	put(sim, TYPE_POLICY_SET, POLICY_BENCHMARK_ID, benchmark);
}
