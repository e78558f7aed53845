// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include "fault.h"

#include <regex.h>
#include <string.h>

#include "mutate.h"
#include "principal.h"
#include "route.h"

struct fault {
	struct fault *next;
	char *id;
	json_t *given;
	regex_t path;
	bool has_path;
	long long seen, hit;
};

static const char *const actions[] = {"status", "throttle", "expired_token", "reset", "hang",
                                      "slow",   "truncate", "malformed",     "mutate"};

static char *wrong_members(const json_t *o, const char *allowed, const char *what)
{
	const char *k;
	json_t *v;

	json_object_foreach((json_t *)o, k, v)
	{
		_cleanup_free_ char *word = xasprintf(" %s ", k);

		if (!strstr(allowed, word))
			return xasprintf("%s has no member '%s'", what, k);
	}
	return NULL;
}

static char *fault_wrong(const json_t *f)
{
	const json_t *action = json_object_get(f, "action");
	const char *type = jstr(action, "type", ""), *when = jstr(f, "when", "instead");
	bool known = false;
	char *wrong = wrong_members(f, " match after count when action ", "a fault");

	if (!wrong)
		wrong = wrong_members(json_object_get(f, "match"), " service method path operation caller ",
		                      "match");
	if (!wrong)
		wrong = wrong_members(
		        action,
		        " type status code message body headers retry_after format bytes delay_ms "
		        "ms_per_byte chunk how seed kinds ",
		        "an action");
	if (wrong)
		return wrong;
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		known |= !strcmp(actions[i], type);
	if (!known)
		return xasprintf("there is no fault action '%s'", type);
	if (strcmp(when, "instead") && strcmp(when, "done"))
		return xstrdup("when is instead or done");
	return NULL;
}

char *fault_add(struct sim *sim, const json_t *fault, char **ret_id)
{
	const char *path = jstr(json_object_get(fault, "match"), "path", NULL);
	struct fault *f, **tail = &sim->faults;
	char *wrong = fault_wrong(fault);

	if (wrong)
		return wrong;
	f = xcalloc(1, sizeof(*f));
	f->has_path = path;
	if (path && regcomp(&f->path, path, REG_EXTENDED | REG_ICASE | REG_NOSUB)) {
		free(f);
		return xasprintf("'%s' is not an extended regular expression", path);
	}
	f->id = xasprintf("f%llu", (unsigned long long)++sim->fault_seq);
	f->given = json_deep_copy(fault);
	while (*tail)
		tail = &(*tail)->next;
	*tail = f;
	*ret_id = xstrdup(f->id);
	return NULL;
}

bool fault_remove(struct sim *sim, const char *id)
{
	struct fault **p = &sim->faults;
	bool found = !id;

	while (*p) {
		struct fault *f = *p;

		if (id && strcmp(f->id, id)) {
			p = &f->next;
			continue;
		}
		found = true;
		*p = f->next;
		if (f->has_path)
			regfree(&f->path);
		json_decref(f->given);
		free(f->id);
		free(f);
	}
	return found;
}

json_t *faults_list_new(const struct sim *sim)
{
	json_t *list = json_array();

	for (const struct fault *f = sim->faults; f; f = f->next) {
		json_t *one = json_deep_copy(f->given);

		jsets(one, "id", f->id);
		jset(one, "seen", json_integer(f->seen));
		jset(one, "hit", json_integer(f->hit));
		jpush(list, one);
	}
	return list;
}

// The caller is not authenticated yet when faults are picked: the token is read for its owner only.
static bool caller_is(const struct request *req, const char *name)
{
	const char *authorization = request_header(req, "Authorization"), *code, *message;
	const char *host = request_header(req, "Host");
	const struct principal *p;

	if (!authorization || !str_istarts(authorization, "Bearer "))
		return false;
	p = principal_of_token(req->sim, authorization + 7, host, &code, &message);
	return p && str_ieq(p->name, name);
}

static bool matches(const struct fault *f, const struct request *req)
{
	static const char *const services[] = {"arm", "login", "imds", "control"};
	const json_t *m = json_object_get(f->given, "match");
	const char *service = jstr(m, "service", NULL), *method = jstr(m, "method", NULL),
	           *operation = jstr(m, "operation", NULL), *caller = jstr(m, "caller", NULL);

	return (!service || str_ieq(service, services[req->service])) &&
	       (!method || str_ieq(method, req->method)) &&
	       (!operation || (req->route && str_glob(operation, req->route->operation))) &&
	       (!f->has_path || !regexec(&f->path, req->path, 0, NULL, 0)) &&
	       (!caller || caller_is(req, caller));
}

void fault_pick(struct request *req)
{
	for (struct fault *f = req->sim->faults; f; f = f->next) {
		long long after = jint(f->given, "after", 0), count = jint(f->given, "count", 1);

		if (!matches(f, req) || (count && f->hit >= count))
			continue;
		if (f->seen++ < after)
			continue;
		f->hit++;
		req->fault = json_deep_copy(json_object_get(f->given, "action"));
		jsets(req->fault, "id", f->id);
		jsets(req->fault, "when", jstr(f->given, "when", "instead"));
		req->fault_kind = strcmp(jstr(req->fault, "type", ""), "slow");
		return;
	}
}

static bool is(const struct request *req, const char *type)
{
	return req->fault && !strcmp(jstr(req->fault, "type", ""), type);
}

bool fault_instead(const struct request *req)
{
	if (!req->fault || is(req, "slow") || is(req, "truncate") || is(req, "malformed") ||
	    is(req, "mutate") || (is(req, "reset") && json_object_get(req->fault, "bytes")))
		return false;
	return !strcmp(jstr(req->fault, "when", ""), "instead");
}

static const char *usual_code(int status)
{
	switch (status) {
	case 400:
		return "BadRequest";
	case 401:
		return "InvalidAuthenticationToken";
	case 403:
		return "AuthorizationFailed";
	case 404:
		return "ResourceNotFound";
	case 409:
		return "Conflict";
	case 410:
		return "Gone";
	case 429:
		return "TooManyRequests";
	case 503:
		return "ServiceUnavailable";
	case 504:
		return "GatewayTimeout";
	default:
		return "InternalServerError";
	}
}

static void answer_status(struct request *req)
{
	int status = (int)jint(req->fault, "status", 500);
	json_t *body = json_object_get(req->fault, "body"), *v;
	const char *code = jstr(req->fault, "code", usual_code(status)), *k;
	const char *message = jstr(req->fault, "message", "The request could not be served.");

	if (json_is_string(body))
		reply_text(req, status, "text/html", json_string_value(body));
	else if (body)
		reply_json(req, status, json_incref(body));
	else if (req->service == SERVICE_ARM)
		reply_error(req, status, code, "%s", message);
	else
		reply_json(req, status, jnew("{s:s s:s}", "error", code, "error_description", message));
	json_object_foreach(json_object_get(req->fault, "headers"), k, v)
	        reply_header(req, k, json_is_string(v) ? json_string_value(v) : "");
}

static void answer_throttle(struct request *req)
{
	const char *format = jstr(req->fault, "format", "seconds");
	long long s = jint(req->fault, "retry_after", 10);
	_cleanup_free_ char *date = time_http(clock_now(&req->sim->clock) + s * TICKS_PER_S);

	if (req->service == SERVICE_ARM)
		reply_error(
		        req, 429, "TooManyRequests",
		        "The request is being throttled as the limit has been reached for operation type.");
	else
		reply_json(req, 429,
		           jnew("{s:s s:s}", "error", "too_many_requests", "error_description",
		                "Temporarily throttled, too many requests"));
	if (!strcmp(format, "date"))
		reply_header(req, "Retry-After", date);
	else if (strcmp(format, "none"))
		reply_headerf(req, "Retry-After", "%lld", s);
}

static void answer_expired(struct request *req)
{
	const char *tenant = req->sim->tenant;

	reply_error(req, 401, "ExpiredAuthenticationToken", "The access token expiry is in the past.");
	reply_headerf(req, "WWW-Authenticate",
	              "Bearer authorization_uri=\"https://login.windows.net/%s\", error=\"invalid_token\", "
	              "error_description=\"The access token expiry is in the past.\"",
	              tenant);
}

void fault_answer(struct request *req)
{
	struct reply *r = &req->reply;

	reply_restart(r);
	if (is(req, "status"))
		answer_status(req);
	else if (is(req, "throttle"))
		answer_throttle(req);
	else if (is(req, "expired_token"))
		answer_expired(req);
	r->hang = is(req, "hang");
	r->reset = is(req, "reset");
	if (!r->status)
		r->status = 500;
}

void fault_before_render(struct request *req)
{
	if (is(req, "mutate"))
		mutate_json(req);
}

static void set_text(struct reply *r, const char *text)
{
	free(r->text);
	r->text = xstrdup(text);
	r->text_len = strlen(text);
}

static void malform(struct request *req)
{
	const char *how = jstr(req->fault, "how", "half");
	struct reply *r = &req->reply;

	if (!strcmp(how, "half") && r->text)
		r->text_len /= 2;
	else if (!strcmp(how, "html"))
		set_text(r,
		         "<html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>");
	else if (!strcmp(how, "garbage"))
		set_text(r, "\x1f\x8b\x01\xff\xfe{]}\"\\u12");
	else if (!strcmp(how, "array"))
		set_text(r, "[1,null,\"x\"]");
	else
		set_text(r, "");
}

void fault_after_render(struct request *req)
{
	struct reply *r = &req->reply;
	long long bytes = jint(req->fault, "bytes", -1);

	if (is(req, "malformed"))
		malform(req);
	if (is(req, "mutate"))
		mutate_text(req);
	if (is(req, "truncate"))
		r->cut_at = bytes >= 0 ? (long)bytes : (long)(r->text_len / 2);
	if (is(req, "reset")) {
		r->reset = true;
		r->cut_at = bytes >= 0 && r->text_len ? (long)bytes : -1;
	}
	if (is(req, "slow")) {
		r->delay_ms = jint(req->fault, "delay_ms", 0);
		r->ms_per_byte = (int)jint(req->fault, "ms_per_byte", 0);
		r->chunk = (int)jint(req->fault, "chunk", 1);
	}
}
