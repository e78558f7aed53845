// SPDX-License-Identifier: Apache-2.0
/*
 * The headers each provider sends, as recorded (azure.md §1.4, §5.1, §5.4; the recordings).
 */
#define _GNU_SOURCE 1
#include <ctype.h>
#include <string.h>

#include "arm.h"
#include "route.h"

#define MAX_ANSWER_BYTES (8u << 20)

enum { READS, WRITES, DELETES, REQUESTS };

static enum manners manners_of(const struct request *req)
{
	return req->route ? req->route->manners : MANNERS_ARM;
}

static void rate_header(struct request *req, enum manners m)
{
	static const struct {
		const char *name;
		unsigned full;
	} kinds[] = {
	        [READS] = {"x-ms-ratelimit-remaining-subscription-reads", 11999},
	        [WRITES] = {"x-ms-ratelimit-remaining-subscription-writes", 1199},
	        [DELETES] = {"x-ms-ratelimit-remaining-subscription-deletes", 14999},
	        [REQUESTS] = {"x-ms-ratelimit-remaining-subscription-resource-requests", 749},
	};
	bool own = m == MANNERS_SECURITY || m == MANNERS_FANOUT;
	unsigned kind = !strcmp(req->method, "GET")      ? (own ? REQUESTS : READS)
	                : !strcmp(req->method, "DELETE") ? DELETES
	                                                 : WRITES;
	unsigned full = kinds[kind].full;

	if (m == MANNERS_PRICING) {
		kind = REQUESTS;
		full = 249;
	}
	reply_headerf(req, kinds[kind].name, "%u",
	              req->counted ? req->remaining : full - req->sim->spent[kind]++ % (full / 2));
}

static void request_id_header(struct request *req, enum manners m)
{
	const char *id = m == MANNERS_SECURITY                     ? ""
	                 : m == MANNERS_ARM || m == MANNERS_FANOUT ? req->correlation
	                                                           : req->request_id;

	reply_header(req, "x-ms-request-id", id);
}

static void network_headers(struct request *req)
{
	const char *client = request_header(req, "x-ms-client-request-id"),
	           *wanted = request_header(req, "x-ms-return-client-request-id"),
	           *etag = jstr(req->reply.body, "etag", NULL);
	_cleanup_free_ char *service_id = guid_next(req->sim);

	reply_header(req, "Server", "Microsoft-HTTPAPI/2.0");
	reply_header(req, "Server", "Microsoft-HTTPAPI/2.0");
	reply_header(req, "x-ms-arm-service-request-id", service_id);
	if (client && str_ieq(wanted, "true"))
		reply_header(req, "x-ms-client-request-id", client);
	if (etag && req->reply.status == 200 && !strcmp(req->method, "GET"))
		reply_header(req, "ETag", etag);
}

static void provider_headers(struct request *req, enum manners m)
{
	switch (m) {
	case MANNERS_SECURITY:
		reply_header(req, "Server", "Kestrel");
		break;
	case MANNERS_FANOUT:
		for (int i = 0; i < 3; i++)
			reply_header(req, "x-ms-original-request-ids", "");
		break;
	case MANNERS_PRICING:
		reply_header(req, "api-supported-versions", "1.0");
		reply_header(req, "Server", "Kestrel");
		break;
	case MANNERS_NETWORK:
		network_headers(req);
		break;
	case MANNERS_COMPUTE:
		reply_header(req, "Server", "Microsoft-HTTPAPI/2.0");
		reply_header(req, "Server", "Microsoft-HTTPAPI/2.0");
		reply_header(req, "x-ms-ratelimit-remaining-resource",
		             "Microsoft.Compute/LowCostGet3Min;3997,Microsoft.Compute/LowCostGet30Min;31997");
		break;
	case MANNERS_INSIGHTS:
		reply_header(req, "Server", "Microsoft-IIS/10.0");
		break;
	case MANNERS_OTHER:
	case MANNERS_ARM:
	case MANNERS_PLAIN:
		break;
	}
}

static char *region_code(const struct sim *sim)
{
	char *code = xstrdup(sim->location), *out = code;

	for (const char *p = sim->location; *p; p++)
		if (*p != ' ')
			*out++ = (char)toupper((unsigned char)*p);
	*out = '\0';
	return code;
}

// Resource Manager takes no longer answer from a provider (azure.md §5.1).
static void cap_answer(struct request *req)
{
	size_t flags = JSON_COMPACT | JSON_ENCODE_ANY;

	if (req->reply.body && json_dumpb(req->reply.body, NULL, 0, flags) > MAX_ANSWER_BYTES)
		reply_error(req, 500, "InternalServerError",
		            "The answer of the resource provider is too large.");
}

void arm_finish(struct request *req)
{
	enum manners m = manners_of(req);
	_cleanup_free_ char *region = region_code(req->sim);
	_cleanup_free_ char *stamp = time_compact(clock_now(&req->sim->clock));

	cap_answer(req);
	// An error of Resource Manager itself is compact; the providers write their own.
	req->reply.pretty |= (m == MANNERS_NETWORK || m == MANNERS_COMPUTE) && req->reply.status != 401 &&
	                     req->reply.status != 403;
	reply_header(req, "Cache-Control", "no-cache");
	reply_header(req, "Pragma", "no-cache");
	reply_header(req, "Expires", "-1");
	if ((req->reply.status < 400 || m == MANNERS_SECURITY || req->counted) &&
	    !(req->route && req->route->flags & ROUTE_OWN_QUOTA))
		rate_header(req, m);
	provider_headers(req, m);
	reply_header(req, "Strict-Transport-Security", "max-age=31536000; includeSubDomains");
	request_id_header(req, m);
	reply_header(req, "x-ms-correlation-request-id", req->correlation);
	reply_headerf(req, "x-ms-routing-request-id", "%s:%s:%s", region, stamp, req->correlation);
	reply_header(req, "X-Content-Type-Options", "nosniff");
}
