// SPDX-License-Identifier: Apache-2.0
// The small parts of client/azure that need no network: URLs, when to ask again, error shapes, tokens,
// clouds, memory.
#include "azure_data.h"

#include "../../client/azure/claims.h"
#include "../../client/azure/cloud.h"
#include "../../client/azure/error.h"
#include "../../client/azure/latency.h"
#include "../../client/azure/retry.h"
#include "../../client/azure/url.h"

#include <azjit/text.h>

#define ARM "https://management.azure.com"

// --- URLs ---------------------------------------------------------------------------------------------

static void origins(void **state)
{
	static const struct {
		const char *text, *scheme, *origin; // NULL: refused
	} rows[] = {
	        {"https://Management.Azure.com", "https", ARM},
	        {"https://management.azure.com/", "https", ARM},
	        {"HTTPS://management.azure.com:443", "https", ARM},
	        {"https://127.0.0.1:8443", "https", "https://127.0.0.1:8443"},
	        {"https://[::1]:8443", "https", "https://[::1]:8443"},
	        {"http://169.254.169.254", "http", "http://169.254.169.254"},
	        {"http://169.254.169.254:80/", "http", "http://169.254.169.254"},
	        {"http://management.azure.com", "https", NULL},
	        {"https://169.254.169.254", "http", NULL},
	        {"https://management.azure.com/path", "https", NULL},
	        {"https://management.azure.com?x", "https", NULL},
	        {"https://management.azure.com#x", "https", NULL},
	        {"https://user@management.azure.com", "https", NULL},
	        {"https://user:pass@management.azure.com", "https", NULL},
	        {"https://management.azure.com:0", "https", NULL},
	        {"https://management.azure.com:65536", "https", NULL},
	        {"https://management.azure.com:", "https", NULL},
	        {"https://management.azure.com:4x3", "https", NULL},
	        {"https://", "https", NULL},
	        {"https:///", "https", NULL},
	        {"https://a b", "https", NULL},
	        {"https://a\r\nb", "https", NULL},
	        {"management.azure.com", "https", NULL},
	        {"", "https", NULL},
	};

	for (size_t i = 0; i < AZJIT_COUNT(rows); i++) {
		_cleanup_free_ char *origin = NULL;
		enum azjit_result result = url_origin(rows[i].text, rows[i].scheme, &origin);

		assert_int_equal(result, rows[i].origin ? AZJIT_OK : AZJIT_USAGE);
		if (rows[i].origin)
			assert_string_equal(origin, rows[i].origin);
	}
}

static void endpoints_keep_their_path(void **state)
{
	static const struct {
		const char *text, *url; // NULL: refused
	} rows[] = {
	        {"http://127.0.0.1:41741/MSI/token/", "http://127.0.0.1:41741/MSI/token/"},
	        {"HTTP://LocalHost:80/msi/token", "http://localhost/msi/token"},
	        {"http://127.0.0.1:40342/", "http://127.0.0.1:40342"},
	        {"http://127.0.0.1:40342", "http://127.0.0.1:40342"},
	        {"https://127.0.0.1/msi/token", NULL},
	        {"http://127.0.0.1/msi?x=y", NULL},
	        {"http://127.0.0.1/msi#x", NULL},
	        {"http://127.0.0.1/m%73i", NULL},
	        {"http://127.0.0.1?x", NULL},
	        {"http://user@127.0.0.1/msi", NULL},
	        {"http:///msi", NULL},
	};

	for (size_t i = 0; i < AZJIT_COUNT(rows); i++) {
		_cleanup_free_ char *url = NULL;

		assert_int_equal(url_endpoint(rows[i].text, &url), rows[i].url ? AZJIT_OK : AZJIT_USAGE);
		if (rows[i].url)
			assert_string_equal(url, rows[i].url);
	}
}

static void links_are_followed_to_our_origin_only(void **state)
{
	static const struct {
		const char *link, *url; // NULL: refused
	} rows[] = {
	        {ARM "/subscriptions?api-version=1&$skiptoken=a%2Fb",
	         ARM "/subscriptions?api-version=1&$skiptoken=a%2Fb"},
	        {"https://MANAGEMENT.azure.com:443/x?y", ARM "/x?y"},
	        {ARM "?x=1", ARM "/?x=1"},
	        {ARM "/x?$filter=a eq 'b'", ARM "/x?$filter=a%20eq%20'b'"},
	        {ARM "/\xc3\xa9\"<>\\^`{|}", ARM "/%C3%A9%22%3C%3E%5C%5E%60%7B%7C%7D"},
	        {ARM "/a\r\nHost: evil", ARM "/a%0D%0AHost:%20evil"},
	        {"http://management.azure.com/x", NULL},
	        {"https://evil.example/x", NULL},
	        {"https://management.azure.com.evil.example/x", NULL},
	        {"https://management.azure.com@evil.example/x", NULL},
	        {"https://management.azure.com:8443/x", NULL},
	        {"https://management.azure.com\\@evil.example/x", NULL},
	        {"//management.azure.com/x", NULL},
	        {"/x", NULL},
	        {ARM, NULL},
	        {ARM "#x", NULL},
	        {ARM "/x#y", NULL},
	        {"", NULL},
	};

	for (size_t i = 0; i < AZJIT_COUNT(rows); i++) {
		_cleanup_free_ char *url = NULL;
		enum azjit_result result = url_follow(ARM, rows[i].link, &url);

		assert_int_equal(result, rows[i].url ? AZJIT_OK : AZJIT_PROTOCOL);
		if (rows[i].url)
			assert_string_equal(url, rows[i].url);
	}
}

static void a_link_without_end_is_refused(void **state)
{
	_cleanup_free_ char *link = malloc(2 * URL_MAX_BYTES), *url = NULL;

	memset(link, 'x', 2 * URL_MAX_BYTES);
	memcpy(link, ARM "/", strlen(ARM "/"));
	link[2 * URL_MAX_BYTES - 1] = '\0';
	assert_int_equal(url_follow(ARM, link, &url), AZJIT_PROTOCOL);
	memcpy(link, "/subscriptions/", strlen("/subscriptions/"));
	assert_int_equal(url_resource(ARM, link, "", &url), AZJIT_USAGE);
}

static void ids_in_urls(void **state)
{
	static const struct {
		const char *id, *url; // NULL: refused
	} rows[] = {
	        {"/subscriptions/1/resourceGroups/rg", ARM "/subscriptions/1/resourceGroups/rg?v"},
	        {"/SUBSCRIPTIONS/1", ARM "/SUBSCRIPTIONS/1?v"},
	        {"/subscriptions/1/resourceGroups/a(b)_-.c",
	         ARM "/subscriptions/1/resourceGroups/a(b)_-.c?v"},
	        {"/subscriptions/1/resourceGroups/\xc3\xa9 x",
	         ARM "/subscriptions/1/resourceGroups/%C3%A9%20x?v"},
	        {"/subscriptions/1?x=y", ARM "/subscriptions/1%3Fx%3Dy?v"},
	        {"/subscriptions/1#x", ARM "/subscriptions/1%23x?v"},
	        {"/subscriptions/1%2F..", ARM "/subscriptions/1%252F..?v"},
	        {"/subscriptions/1/..", NULL},
	        {"/subscriptions/../x", NULL},
	        {"/subscriptions/./x", NULL},
	        {"/subscriptions/1/...", NULL},
	        {"/subscriptions//x", NULL},
	        {"/subscriptions/1/", NULL},
	        {"/subscriptions/", NULL},
	        {"subscriptions/1", NULL},
	        {"@evil.example/subscriptions/1", NULL},
	        {".evil.example/subscriptions/1", NULL},
	        {"", NULL},
	        {NULL, NULL},
	};

	for (size_t i = 0; i < AZJIT_COUNT(rows); i++) {
		_cleanup_free_ char *url = NULL;
		enum azjit_result result = url_resource(ARM, rows[i].id, "?v", &url);

		assert_int_equal(result, rows[i].url ? AZJIT_OK : AZJIT_USAGE);
		if (rows[i].url)
			assert_string_equal(url, rows[i].url);
	}
}

// --- when to ask again --------------------------------------------------------------------------------

static void retry_after_in_both_forms(void **state)
{
	azjit_ticks now;

	assert_int_equal(azjit_time_parse_http("Sun, 06 Nov 1994 08:49:37 GMT", &now), AZJIT_OK);
	assert_int_equal(retry_after_ms("0", now), 0);
	assert_int_equal(retry_after_ms("17", now), 17000);
	assert_int_equal(retry_after_ms("86400", now), 86400000);
	assert_int_equal(retry_after_ms("86401", now), -1);
	assert_int_equal(retry_after_ms("-1", now), -1);
	assert_int_equal(retry_after_ms("1.5", now), -1);
	assert_int_equal(retry_after_ms("", now), -1);
	assert_int_equal(retry_after_ms("soon", now), -1);
	assert_int_equal(retry_after_ms("Sun, 06 Nov 1994 08:49:47 GMT", now), 10000);
	assert_int_equal(retry_after_ms("Sun, 06 Nov 1994 08:49:27 GMT", now), 0);
	assert_int_equal(retry_after_ms("Sun, 06 Nov 2094 08:49:47 GMT", now), -1);
	assert_int_equal(retry_after_ms("Sun, 06 Nov 1994 08:49:38 GMT", now + 1), 1000); // never too early
}

static void backoff_doubles_and_is_bounded(void **state)
{
	bool differ = false;

	for (unsigned attempt = 0; attempt < 70; attempt++) {
		uint64_t floor = attempt < 4 ? 500u << attempt : 8000;

		for (int i = 0; i < 20; i++) {
			uint64_t delay = retry_backoff_ms(attempt, 500, 8000);

			assert_in_range(delay, floor, floor + floor / 4);
			differ = differ || delay != retry_backoff_ms(attempt, 500, 8000);
		}
	}
	assert_true(differ);
}

// --- errors -------------------------------------------------------------------------------------------

static void error_shapes(void **state)
{
	static const struct {
		const char *body, *code, *message;
		int status;
	} rows[] = {
	        {"{\"error\":{\"code\":\"AuthorizationFailed\",\"message\":\"The client 'x' …\"}}",
	         "AuthorizationFailed", "The client 'x' …", 403},
	        {"\xef\xbb\xbf{\"error\":{\"code\":\"A\",\"message\":\"B\"}}\r\n", "A", "B", 400},
	        {"{\"error\":{\"code\":\"A\",\"message\":\"\",\"details\":[{},{\"code\":\"D\",\"message\":"
	         "\"deep\"}]}}",
	         "A", "deep", 400},
	        {"{\"error\":{\"details\":[{\"code\":\"D\",\"message\":\"deep\"}]}}", "D", "deep", 400},
	        {"{\"code\":\"BadRequest\",\"message\":\"flat\"}", "BadRequest", "flat", 400},
	        {"{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: "
	         "no\",\"error_codes\":[7000215]}",
	         "invalid_client", "AADSTS7000215: no", 401},
	        {"{\"Message\":\"old\"}", "", "old", 400},
	        {"{\"error\":{\"code\":\"OnlyACode\"}}", "OnlyACode", "X answered 409, OnlyACode", 409},
	        {"{\"error\":null}", "", "X answered 500 with something that is no JSON error", 500},
	        {"[]", "", "X answered 500 with something that is no JSON error", 500},
	        {"garbage", "", "X answered 502 with something that is no JSON error", 502},
	        {"<html><head><TITLE>502 Bad Gateway</TITLE></head></html>", "",
	         "X answered 502 with a page of HTML ('502 Bad Gateway')", 502},
	        {"\r\n <!doctype html>", "", "X answered 502 with a page of HTML", 502},
	        {"", "", "X answered 504 without a word", 504},
	        {" \r\n", "", "X answered 504 without a word", 504},
	        {"{\"error\":{\"code\":\"A\\u001b[31m\",\"message\":\"a\\nb\\u202e\"}}", "A\\x1b[31m", NULL,
	         400},
	};

	for (size_t i = 0; i < AZJIT_COUNT(rows); i++) {
		struct error_text error;

		error_read("X", rows[i].status, rows[i].body, strlen(rows[i].body), &error);
		assert_string_equal(error.code, rows[i].code);
		if (rows[i].message)
			assert_string_equal(error.message, rows[i].message);
		for (const char *c = error.message; *c; c++)
			assert_true((unsigned char)*c >= 0x20);
	}
}

static void long_errors_are_cut_not_overrun(void **state)
{
	size_t size = 3 * sizeof(((struct error_text *)NULL)->message);
	_cleanup_free_ char *body = malloc(size);
	struct error_text error;
	static const char head[] = "{\"message\":\"";

	memset(body, 'm', size);
	memcpy(body, head, strlen(head));
	memcpy(body + size - 3, "\"}", 3);
	error_read("X", 400, body, size - 1, &error);
	assert_int_equal(strlen(error.message), sizeof(error.message) - 1);
}

static void what_a_status_means(void **state)
{
	static const struct {
		int status;
		enum azjit_result read, initiate;
	} rows[] = {
	        {400, AZJIT_PROTOCOL, AZJIT_REQUEST_REFUSED}, {401, AZJIT_IDENTITY, AZJIT_IDENTITY},
	        {403, AZJIT_FORBIDDEN, AZJIT_FORBIDDEN},      {404, AZJIT_NOT_FOUND, AZJIT_REQUEST_REFUSED},
	        {408, AZJIT_UNREACHABLE, AZJIT_UNREACHABLE},  {409, AZJIT_PROTOCOL, AZJIT_REQUEST_REFUSED},
	        {429, AZJIT_THROTTLED, AZJIT_THROTTLED},      {500, AZJIT_UNREACHABLE, AZJIT_UNREACHABLE},
	        {502, AZJIT_UNREACHABLE, AZJIT_UNREACHABLE},  {504, AZJIT_UNREACHABLE, AZJIT_UNREACHABLE},
	        {302, AZJIT_PROTOCOL, AZJIT_PROTOCOL},
	};

	for (size_t i = 0; i < AZJIT_COUNT(rows); i++) {
		assert_int_equal(error_result(rows[i].status, false), rows[i].read);
		assert_int_equal(error_result(rows[i].status, true), rows[i].initiate);
	}
}

// --- tokens -------------------------------------------------------------------------------------------

static void token_answers(void **state)
{
	static const struct {
		const char *json;
		int64_t lifetime_s, refresh_in_s; // 0: refused
	} rows[] = {
	        {"{\"access_token\":\"a.b-c_d\",\"expires_in\":\"3599\",\"expires_on\":\"1541705014\","
	         "\"token_type\":\"Bearer\"}",
	         3599, 0},
	        {"{\"access_token\":\"a\",\"expires_in\":3599,\"token_type\":\"bearer\",\"refresh_in\":1800}",
	         3599, 1800},
	        {"{\"access_token\":\"a\",\"expires_in\":\"86399\",\"refresh_in\":\"43199\"}", 86399, 43199},
	        {"{\"access_token\":\"a\",\"expires_on\":\"2000000600\"}", 600, 0},
	        {"{\"access_token\":\"a\",\"expires_on\":1999999999}", 0, 0},
	        {"{\"access_token\":\"a\",\"expires_in\":3600,\"refresh_in\":7200}", 3600, 0},
	        {"{\"access_token\":\"a\"}", 0, 0},
	        {"{\"access_token\":\"a\",\"expires_in\":\"\"}", 0, 0},
	        {"{\"access_token\":\"a\",\"expires_in\":0}", 0, 0},
	        {"{\"access_token\":\"a\",\"expires_in\":99999999}", 0, 0},
	        {"{\"access_token\":\"\",\"expires_in\":3600}", 0, 0},
	        {"{\"access_token\":7,\"expires_in\":3600}", 0, 0},
	        {"{\"expires_in\":3600}", 0, 0},
	        {"{\"access_token\":\"a\\r\\nX: y\",\"expires_in\":3600}", 0, 0},
	        {"{\"access_token\":\"a b\",\"expires_in\":3600}", 0, 0},
	        {"{\"access_token\":\"a\",\"expires_in\":3600,\"token_type\":\"pop\"}", 0, 0},
	        {"[]", 0, 0},
	};

	for (size_t i = 0; i < AZJIT_COUNT(rows); i++) {
		const char *why;
		json_auto_t *root = js_read(rows[i].json, strlen(rows[i].json), &why);
		struct token_life life = {0};
		const char *token = token_read(root, INT64_C(2000000000) * AZJIT_TICKS_PER_S, &life);

		if ((token != NULL) != (rows[i].lifetime_s != 0) || life.lifetime_s != rows[i].lifetime_s ||
		    life.refresh_in_s != rows[i].refresh_in_s)
			fail_msg("%s", rows[i].json);
	}
	assert_null(token_read(NULL, 0, &(struct token_life){0}));
}

static void documented_imds_answer(void **state)
{
	json_auto_t *root = data_json("imds-example");
	struct token_life life;

	assert_string_equal(token_read(root, 0, &life), "dummytoken");
	assert_int_equal(life.lifetime_s, 3599);
}

static void tokens_are_renewed_ahead_of_need(void **state)
{
	static const struct {
		struct token_life life;
		uint64_t renewal_s;
	} rows[] = {
	        {{86400, 0}, 43200}, {{7200, 0}, 3600}, {{7199, 0}, 6899}, {{3599, 0}, 3299},
	        {{600, 0}, 300},     {{599, 0}, 299},   {{60, 0}, 30},     {{3599, 1000}, 1000},
	};

	for (size_t i = 0; i < AZJIT_COUNT(rows); i++)
		assert_int_equal(token_renewal_ms(&rows[i].life) / 1000, rows[i].renewal_s);
}

// --- the rest -----------------------------------------------------------------------------------------

static void clouds(void **state)
{
	assert_string_equal(cloud_find(NULL)->resource_manager, ARM);
	assert_string_equal(cloud_find("")->name, "AzureCloud");
	assert_string_equal(cloud_find("azureusgovernment")->login, "https://login.microsoftonline.us");
	assert_string_equal(cloud_find("AzureChinaCloud")->audience, "https://management.chinacloudapi.cn/");
	assert_null(cloud_find("AzureGermanCloud"));
}

static void latencies_of_the_last_exchanges(void **state)
{
	struct latency latency = {0};

	assert_int_equal(latency_percentile(&latency, 50), 0);
	latency_add(&latency, 7);
	assert_int_equal(latency_percentile(&latency, 50), 7);
	assert_int_equal(latency_percentile(&latency, 95), 7);
	latency_add(&latency, UINT64_MAX);
	assert_int_equal(latency_percentile(&latency, 50), 7);
	assert_int_equal(latency_percentile(&latency, 95), UINT32_MAX);
	for (unsigned i = 100; i > 0; i--) // and these push the first two out
		latency_add(&latency, i);
	assert_int_equal(latency.count, 102);
	assert_int_equal(latency_percentile(&latency, 50), 50);
	assert_int_equal(latency_percentile(&latency, 95), 95);
	assert_int_equal(latency_percentile(&latency, 100), 100);
}

static void operations_have_names_of_their_own(void **state)
{
	for (int a = 1; a < OPERATION_COUNT_; a++) {
		assert_string_not_equal(operation_name((enum operation)a), "none");
		for (int b = 0; b < a; b++)
			assert_string_not_equal(operation_name((enum operation)a),
			                        operation_name((enum operation)b));
	}
}

static void arenas_align_and_never_overlap(void **state)
{
	struct arena arena = {0};
	unsigned char *last = NULL;

	for (size_t size = 0; size < 3000; size += 7) {
		unsigned char *bytes = arena_array(&arena, 1, size);

		assert_non_null(bytes);
		assert_int_equal((uintptr_t)bytes % _Alignof(max_align_t), 0);
		assert_ptr_not_equal(bytes, last);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(bytes[i], 0);
		memset(bytes, 0xff, size);
		last = bytes;
	}
	assert_non_null(arena_array(&arena, 1, 1024 * 1024));
	assert_null(arena_array(&arena, SIZE_MAX / 2, 4));
	assert_null(arena_array(&arena, SIZE_MAX, 1));
	arena_free(&arena);
	assert_null(arena.blocks);
}

// The payloads: {"tid":"t-1","oid":"o-1","appid":"a-1","upn":"ann\u001b@x","xms_mirid":7}, [1] and {"tid":.
static void claims_of_tokens(void **state)
{
	static const char *const none[] = {
	        "",       "a",   "a.b",     "..",    "h.WzFd.s",     "h.eyJ0aWQiOg.s",
	        "h.e=.s", "h.+", "h.e+A.s", "h. .s", "h.eyJ0aWQiOg",
	};
	struct azjit_claims claims = {.tenant = "untouched"};

	(void)state;
	for (size_t i = 0; i < AZJIT_COUNT(none); i++)
		assert_false(claims_read(none[i], &claims));
	assert_string_equal(claims.tenant, "untouched");
	assert_true(claims_read("h.eyJ0aWQiOiJ0LTEiLCJvaWQiOiJvLTEiLCJhcHBpZCI6ImEtMSIsInVwbiI6ImFublx1MDAxY"
	                        "kB4IiwieG1zX21pcmlkIjo3fQ.s",
	                        &claims));
	assert_string_equal(claims.tenant, "t-1");
	assert_string_equal(claims.object, "o-1");
	assert_string_equal(claims.application, "a-1");
	assert_string_equal(claims.user, "ann\\x1b@x");
	assert_string_equal(claims.resource, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(origins),
	        cmocka_unit_test(endpoints_keep_their_path),
	        cmocka_unit_test(links_are_followed_to_our_origin_only),
	        cmocka_unit_test(a_link_without_end_is_refused),
	        cmocka_unit_test(ids_in_urls),
	        cmocka_unit_test(retry_after_in_both_forms),
	        cmocka_unit_test(backoff_doubles_and_is_bounded),
	        cmocka_unit_test(error_shapes),
	        cmocka_unit_test(long_errors_are_cut_not_overrun),
	        cmocka_unit_test(what_a_status_means),
	        cmocka_unit_test(token_answers),
	        cmocka_unit_test(documented_imds_answer),
	        cmocka_unit_test(tokens_are_renewed_ahead_of_need),
	        cmocka_unit_test(claims_of_tokens),
	        cmocka_unit_test(clouds),
	        cmocka_unit_test(latencies_of_the_last_exchanges),
	        cmocka_unit_test(operations_have_names_of_their_own),
	        cmocka_unit_test(arenas_align_and_never_overlap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
