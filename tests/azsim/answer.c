// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include "answer.h"

#include <string.h>

#include "arm.h"
#include "control.h"
#include "fault.h"
#include "record.h"
#include "route.h"
#include "settings.h"

static bool is_entra_path(const char *path)
{
	return strstr(path, "/oauth2/") || strstr(path, "/.well-known/") || strstr(path, "/discovery/");
}

static enum service service_of(const struct request *req)
{
	const struct options *o = &req->sim->opt;
	const char *host = request_header(req, "Host");

	if (req->service == SERVICE_ARM && !o->listen[SERVICE_CONTROL] && str_istarts(req->path, "/_azsim"))
		return SERVICE_CONTROL;
	if (req->service != SERVICE_ARM || req->sim->ports[SERVICE_ARM] != req->sim->ports[SERVICE_LOGIN])
		return req->service;
	if (str_istarts(host, "login.") || str_istarts(host, "sts."))
		return SERVICE_LOGIN;
	return !str_istarts(host, "management.") && is_entra_path(req->path) ? SERVICE_LOGIN : SERVICE_ARM;
}

static void serve(struct request *req, bool well_formed)
{
	if (!well_formed)
		reply_error(req, 400, "BadRequest", "The request URI is not well formed.");
	else if (req->service == SERVICE_ARM)
		arm_serve(req);
	else if (req->route)
		req->route->handle(req);
	else
		reply_json(req, 404,
		           jnew("{s:s s:s}", "error", "not_found", "error_description", "Not found"));
}

static void add_common_headers(struct request *req)
{
	struct reply *r = &req->reply;
	_cleanup_free_ char *date = time_http(clock_now(&req->sim->clock));

	if (!reply_find_header(r, "Date"))
		reply_header(req, "Date", date);
	if ((r->text || r->body) && !reply_find_header(r, "Content-Type"))
		reply_header(req, "Content-Type",
		             r->content_type ? r->content_type : "application/json; charset=utf-8");
}

static void finish(struct request *req)
{
	add_common_headers(req);
	fault_before_render(req);
	reply_render(&req->reply);
	fault_after_render(req);
	record_exchange(req);
	if (!req->fault_kind)
		reply_gzip(req);
}

void answer(struct request *req)
{
	bool well_formed = request_parse(req);

	req->service = service_of(req);
	if (req->service == SERVICE_CONTROL) {
		control_serve(req);
		add_common_headers(req);
		reply_render(&req->reply);
		return;
	}
	route_find(req);
	fault_pick(req);
	if (req->service == SERVICE_ARM)
		arm_begin(req);
	if (!fault_instead(req))
		serve(req, well_formed);
	if (req->fault && !strcmp(jstr(req->fault, "when", ""), "done") &&
	    (!strcmp(jstr(req->fault, "type", ""), "status") ||
	     !strcmp(jstr(req->fault, "type", ""), "hang") ||
	     !strcmp(jstr(req->fault, "type", ""), "throttle")))
		fault_answer(req);
	else if (fault_instead(req))
		fault_answer(req);
	if (req->service == SERVICE_ARM)
		arm_finish(req);
	finish(req);
}
