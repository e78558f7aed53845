// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include "record.h"

#include <errno.h>
#include <microhttpd.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>

#include "principal.h"
#include "route.h"

#define KEEP_EXCHANGES 10000

void record_open(struct sim *sim)
{
	if (!sim->opt.record)
		return;
	sim->record = fopen(sim->opt.record, "ae");
	if (!sim->record)
		die(EX_CANTCREAT, "%s: %s", sim->opt.record, strerror(errno));
}

static enum MHD_Result add_header(void *cls, enum MHD_ValueKind kind, const char *key, const char *value)
{
	_cleanup_free_ char *name = str_lower(key);
	json_t *text = json_string(value ? value : "");

	if (text && strcasecmp(key, "Authorization") && strcasecmp(key, "Cookie") &&
	    strcasecmp(key, "X-IDENTITY-HEADER") && strcasecmp(key, "x-azsim-kind"))
		jset(cls, name, text);
	else
		json_decref(text);
	return MHD_YES;
}

static json_t *request_new_json(struct request *req, bool secret)
{
	json_t *headers = json_object(), *out;
	bool imds = req->service == SERVICE_IMDS, login = req->service == SERVICE_LOGIN;
	_cleanup_free_ char *url = xasprintf("%s%s",
	                                     imds    ? "http://169.254.169.254"
	                                     : login ? "https://login.microsoftonline.com"
	                                             : "https://management.azure.com",
	                                     req->target);

	MHD_get_connection_values(req->conn, MHD_HEADER_KIND, add_header, headers);
	out = jnew("{s:s s:s s:o}", "method", req->method, "url", url, "headers", headers);
	if (req->json && !secret)
		jset(out, "body", json_incref(req->json));
	return out;
}

static json_t *response_new_json(const struct request *req, bool secret)
{
	const struct reply *r = &req->reply;
	json_t *headers = json_object(), *out, *body = NULL;
	_cleanup_free_ char *status = xasprintf("%d", r->status);

	for (size_t i = 0; i < r->header_count; i++) {
		_cleanup_free_ char *name = str_lower(r->headers[i].name);

		jsets(headers, name, r->headers[i].value);
	}
	out = jnew("{s:s s:o}", "statusCode", status, "headers", headers);
	if (r->text_len && !secret) {
		body = json_loadb(r->text, r->text_len, JSON_DECODE_ANY, NULL);
		jset(out, "body", body ? body : json_string("(not JSON)"));
	}
	return out;
}

// Resource Manager's own documents exist for these versions only, and the checker cannot map others:
// they have no provider name to map by.
static bool has_document(const struct request *req)
{
	static const struct {
		const char *operations, *version;
	} documents[] = {
	        {"Subscriptions_*", "2020-01-01"}, {"Subscriptions_*", "2022-12-01"},
	        {"Tenants_*", "2022-12-01"},       {"ResourceGroups_*", "2021-04-01"},
	        {"Providers_*", "2021-04-01"},
	};
	const char *version = query_get(req, "api-version");

	if (req->route->manners != MANNERS_ARM)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(documents); i++)
		if (str_glob(documents[i].operations, req->route->operation) &&
		    str_ieq(documents[i].version, version))
			return true;
	return false;
}

// A test may say that its own request is broken on purpose.
static const char *kind_of(const struct request *req)
{
	const char *declared = request_header(req, "x-azsim-kind");

	if (req->fault_kind || str_ieq(declared, "fault"))
		return "fault";
	if (!req->route || req->route->flags & ROUTE_UNSPECIFIED || req->service != SERVICE_ARM ||
	    !has_document(req))
		return "unspecified";
	return "normal";
}

static void write_line(struct request *req)
{
	bool secret = req->service == SERVICE_LOGIN || (req->route && req->route->flags & ROUTE_SECRET);
	json_auto_t *line =
	        jnew("{s:s s:o s:o}", "kind", kind_of(req), "liveRequest", request_new_json(req, secret),
	             "liveResponse", response_new_json(req, secret));

	if (json_dumpf(line, req->sim->record, JSON_COMPACT) || fputc('\n', req->sim->record) == EOF ||
	    fflush(req->sim->record))
		die(EX_IOERR, "%s: %s", req->sim->opt.record, strerror(errno));
}

static void count(struct request *req, const char *operation)
{
	static const char *const classes[] = {"1xx", "2xx", "3xx", "4xx", "5xx"};
	json_t *c = json_object_get(req->sim->counters, operation);
	size_t class = (size_t)(req->reply.status / 100 - 1);
	const char *const bumped[] = {"calls", class < 5 ? classes[class] : "other",
	                              req->fault ? "faults" : NULL};

	if (!c) {
		c = jnew("{s:i s:i s:i s:i s:i}", "calls", 0, "2xx", 0, "4xx", 0, "5xx", 0, "faults", 0);
		jset(req->sim->counters, operation, c);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bumped) && bumped[i]; i++)
		jset(c, bumped[i], json_integer(jint(c, bumped[i], 0) + 1));
}

static void remember(struct request *req, const char *operation)
{
	static const char *const services[] = {"arm", "login", "imds", "control"};
	struct sim *sim = req->sim;
	const char *client = request_header(req, "x-ms-client-request-id");
	_cleanup_free_ char *time = time_iso(req->received, 7);

	if (json_array_size(sim->exchanges) >= KEEP_EXCHANGES)
		json_array_remove(sim->exchanges, 0);
	jpush(sim->exchanges,
	      jnew("{s:I s:s s:s s:s s:s s:s s:i s:s? s:s? s:s? s:O? s:I s:s}", "seq",
	           (json_int_t)++sim->exchange_seq, "time", time, "service", services[req->service],
	           "operation", operation, "method", req->method, "url", req->target, "status",
	           req->reply.reset || req->reply.hang ? 0 : req->reply.status, "caller",
	           req->caller ? req->caller->name : NULL, "client_request_id", client, "correlation_id",
	           req->correlation, "fault", req->fault, "ms", (json_int_t)(mono_ms() - req->received_ms),
	           "peer", req->peer));
}

void record_exchange(struct request *req)
{
	const char *operation = req->route ? req->route->operation : "Unknown";

	count(req, operation);
	remember(req, operation);
	if (req->sim->record)
		write_line(req);
}
