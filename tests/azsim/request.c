// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1
#include "request.h"

#include <ctype.h>
#include <microhttpd.h>
#include <string.h>

// Nothing that is not text may reach a JSON string. '?' ends no path that exists.
static char *ascii_only(const char *target)
{
	char *copy = xstrdup(target);

	for (char *p = copy; *p; p++)
		if (!isprint((unsigned char)*p))
			*p = '?';
	return copy;
}

static bool is_text(const char *s)
{
	json_auto_t *text = json_string(s);

	return text;
}

struct request *request_new(struct sim *sim, enum service service, const char *target)
{
	struct request *req = xcalloc(1, sizeof(*req));

	req->sim = sim;
	req->service = service;
	req->target = ascii_only(target);
	req->query = json_object();
	req->received = clock_now(&sim->clock);
	req->received_ms = mono_ms();
	return req;
}

void request_free(struct request *req)
{
	if (!req)
		return;
	for (size_t i = 0; i < req->param_count; i++)
		free(req->params[i].value);
	free(req->method);
	free(req->target);
	free(req->path);
	free(req->correlation);
	free(req->request_id);
	buf_free(&req->body);
	json_decref(req->query);
	json_decref(req->json);
	json_decref(req->fault);
	reply_clear(&req->reply);
	free(req);
}

static int hex(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : isxdigit((unsigned char)c) ? (c | 0x20) - 'a' + 10 : -1;
}

char *percent_decode(const char *s, size_t len, bool plus)
{
	char *out = xcalloc(len + 1, 1), *p = out;

	for (size_t i = 0; i < len; i++) {
		if (s[i] == '%') {
			int hi = i + 2 < len ? hex(s[i + 1]) : -1;
			int lo = hi >= 0 ? hex(s[i + 2]) : -1;

			if (lo < 0 || !(hi | lo)) {
				free(out);
				return NULL;
			}
			*p++ = (char)(hi * 16 + lo);
			i += 2;
		} else {
			*p++ = plus && s[i] == '+' ? ' ' : s[i];
		}
	}
	return out;
}

char *percent_encode(const char *s)
{
	struct buf b = {0};

	buf_add(&b, "", 0);
	for (; *s; s++) {
		char text[4] = {*s};

		if (!isalnum((unsigned char)*s) && !strchr("-._~", *s))
			snprintf(text, sizeof(text), "%%%02X", (unsigned char)*s);
		buf_adds(&b, text);
	}
	return b.data;
}

static bool parse_query(struct request *req, const char *q)
{
	while (*q) {
		size_t n = strcspn(q, "&"), eq = strcspn(q, "=");
		_cleanup_free_ char *name = percent_decode(q, eq < n ? eq : n, true);
		_cleanup_free_ char *value =
		        eq < n ? percent_decode(q + eq + 1, n - eq - 1, true) : xstrdup("");
		json_t *text = value ? json_string(value) : NULL;

		if (!name || !text) {
			json_decref(text);
			return false;
		}
		if (n)
			jset(req->query, name, text);
		else
			json_decref(text);
		q += n + (q[n] == '&');
	}
	return true;
}

static void single_slashes(char *path)
{
	char *out = path;

	for (char *p = path; *p; p++)
		if (*p != '/' || out == path || out[-1] != '/')
			*out++ = *p;
	if (out > path + 1 && out[-1] == '/')
		out--;
	*out = '\0';
}

bool request_parse(struct request *req)
{
	size_t n = strcspn(req->target, "?");

	req->path = percent_decode(req->target, n, false);
	if (!req->path || req->path[0] != '/' || !is_text(req->path)) {
		free(req->path);
		req->path = xstrdup("/");
		return false;
	}
	single_slashes(req->path);
	if (req->body.len)
		req->json = json_loadb(req->body.data, req->body.len,
		                       JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
	return !req->target[n] || parse_query(req, req->target + n + 1);
}

const char *request_header(const struct request *req, const char *name)
{
	const char *value = MHD_lookup_connection_value(req->conn, MHD_HEADER_KIND, name);

	return value && is_text(value) ? value : NULL;
}

const char *query_get(const struct request *req, const char *name)
{
	const char *k;
	json_t *v;

	json_object_foreach(req->query, k, v) if (str_ieq(k, name)) return json_string_value(v);
	return NULL;
}

const char *param(const struct request *req, const char *name)
{
	for (size_t i = 0; i < req->param_count; i++)
		if (strlen(name) == req->params[i].name_len &&
		    !strncmp(req->params[i].name, name, req->params[i].name_len))
			return req->params[i].value;
	return "";
}

char *request_base(const struct request *req)
{
	const char *host = request_header(req, "Host");

	return xasprintf("%s://%s", req->service == SERVICE_IMDS ? "http" : "https",
	                 host ? host : "localhost");
}
