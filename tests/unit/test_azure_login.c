// SPDX-License-Identifier: Apache-2.0
// What Entra ID answers to a login by device code, read.
#include "../../client/azure/claims.h"
#include "../../client/azure/login.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static json_t *json(const char *text)
{
	const char *why = NULL;
	json_t *root = js_read(text, strlen(text), &why);

	assert_non_null(root);
	return root;
}

static void the_documented_answer(void **state)
{
	json_auto_t *root =
	        json("{\"user_code\": \"ABCD1234X\", \"device_code\": \"d-1\", \"verification_uri\": "
	             "\"https://microsoft.com/devicelogin\", \"expires_in\": 900, \"interval\": 5, "
	             "\"message\": \"To sign in, …\"}");
	struct device_code code;

	(void)state;
	assert_null(device_code_read(root, &code));
	assert_string_equal(code.code, "d-1");
	assert_int_equal(code.expires_s, 900);
	assert_int_equal(code.interval_s, 5);
	assert_string_equal(code.message, "To sign in, …");
}

static void what_is_missing(void **state)
{
	static const struct {
		const char *answer, *why;
	} cases[] = {
	        {"{}", "no device_code"},
	        {"[]", "no device_code"},
	        {"{\"device_code\": 7, \"message\": \"m\", \"expires_in\": 900}", "no device_code"},
	        {"{\"device_code\": \"d\", \"expires_in\": 900}", "nothing to tell a person"},
	        {"{\"device_code\": \"d\", \"user_code\": \"u\", \"expires_in\": 900}",
	         "nothing to tell a person"},
	        {"{\"device_code\": \"d\", \"verification_uri\": \"u\", \"expires_in\": 900}",
	         "nothing to tell a person"},
	        {"{\"device_code\": \"d\", \"message\": \"m\"}", "no expires_in"},
	        {"{\"device_code\": \"d\", \"message\": \"m\", \"expires_in\": 0}", "no expires_in"},
	        {"{\"device_code\": \"d\", \"message\": \"m\", \"expires_in\": -5}", "no expires_in"},
	        {"{\"device_code\": \"d\", \"message\": \"m\", \"expires_in\": \"soon\"}", "no expires_in"},
	};
	struct device_code code;

	(void)state;
	for (size_t i = 0; i < AZJIT_COUNT(cases); i++) {
		json_auto_t *root = json(cases[i].answer);

		assert_string_equal(device_code_read(root, &code), cases[i].why);
	}
	assert_string_equal(device_code_read(NULL, &code), "no device_code");
}

static void numbers_are_bounded(void **state)
{
	static const struct {
		const char *expires, *interval;
		int64_t expires_s, interval_s;
	} cases[] = {
	        {"900", "0", 900, 5},         {"900", "-1", 900, 5},          {"900", "null", 900, 5},
	        {"\"900\"", "\"7\"", 900, 7}, {"999999999999", "1", 3600, 1}, {"1", "999999999999", 1, 60},
	};
	struct device_code code;
	char text[256];

	(void)state;
	for (size_t i = 0; i < AZJIT_COUNT(cases); i++) {
		(void)snprintf(
		        text, sizeof(text),
		        "{\"device_code\": \"d\", \"message\": \"m\", \"expires_in\": %s, \"interval\": %s}",
		        cases[i].expires, cases[i].interval);
		json_auto_t *root = json(text);

		assert_null(device_code_read(root, &code));
		assert_int_equal(code.expires_s, cases[i].expires_s);
		assert_int_equal(code.interval_s, cases[i].interval_s);
	}
}

static void the_message_is_printable(void **state)
{
	json_auto_t *escape =
	        json("{\"device_code\": \"d\", \"expires_in\": 9, \"message\": \"a\\u001b[2J\\nb\"}");
	json_auto_t *none = json("{\"device_code\": \"d\", \"expires_in\": 9, \"user_code\": \"U\\u0007\", "
	                         "\"verification_uri\": \"https://m/d\"}");
	char long_text[4096];
	struct device_code code;

	(void)state;
	assert_null(device_code_read(escape, &code));
	assert_string_equal(code.message, "a\\x1b[2J\\x0ab");
	assert_null(device_code_read(none, &code));
	assert_string_equal(code.message, "To sign in, open the page https://m/d and enter the code U\\x07.");
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	json_auto_t *huge =
	        json_pack("{s:s, s:i, s:s}", "device_code", "d", "expires_in", 9, "message", long_text);

	assert_null(device_code_read(huge, &code));
	assert_int_equal(strlen(code.message), sizeof(code.message) - 1);
}

static void what_errors_mean(void **state)
{
	static const struct {
		const char *code;
		enum device_verdict verdict;
		enum azjit_result result;
		const char *words;
	} cases[] = {
	        {"authorization_pending", DEVICE_PENDING, AZJIT_OK, ""},
	        {"slow_down", DEVICE_SLOWER, AZJIT_OK, ""},
	        {"authorization_declined", DEVICE_ENDED, AZJIT_DENIED,
	         "the login was declined in the browser"},
	        {"access_denied", DEVICE_ENDED, AZJIT_DENIED, "the login was declined in the browser"},
	        {"expired_token", DEVICE_ENDED, AZJIT_DEADLINE,
	         "the code has expired before somebody logged in with it: run `azjit login` again"},
	        {"bad_verification_code", DEVICE_ENDED, AZJIT_REQUEST_REFUSED,
	         "Entra ID does not know the code that it gave, or it was used already: run `azjit login` "
	         "again"},
	        {"invalid_grant", DEVICE_ENDED, AZJIT_IDENTITY,
	         "Entra ID lets nobody log in (invalid_grant): its words"},
	        {"Authorization_Pending", DEVICE_ENDED, AZJIT_IDENTITY,
	         "Entra ID lets nobody log in (Authorization_Pending): its words"},
	        {"", DEVICE_ENDED, AZJIT_IDENTITY, "Entra ID lets nobody log in (no error code): its words"},
	};

	(void)state;
	for (size_t i = 0; i < AZJIT_COUNT(cases); i++) {
		enum azjit_result result = AZJIT_OK;
		struct azjit_reason reason = {""};

		assert_int_equal(device_code_judge(cases[i].code, "its words", &result, &reason),
		                 cases[i].verdict);
		assert_int_equal(result, cases[i].result);
		assert_string_equal(reason.text, cases[i].words);
	}
}

static void refresh_tokens(void **state)
{
	static const char *const none[] = {"{}", "{\"refresh_token\": 7}", "{\"refresh_token\": null}"};
	json_auto_t *good = json("{\"refresh_token\": \"0.A\"}"), *huge = json_object();
	char *text = malloc(20000);

	(void)state;
	for (size_t i = 0; i < AZJIT_COUNT(none); i++) {
		json_auto_t *root = json(none[i]);

		assert_string_equal(login_refresh_token(root), "");
	}
	assert_string_equal(login_refresh_token(good), "0.A");
	login_wipe(good, "refresh_token");
	assert_string_equal(login_refresh_token(good), "");
	login_wipe(good, "nothing");
	assert_non_null(text);
	memset(text, 'x', 19999);
	text[19999] = '\0';
	assert_int_equal(json_object_set_new(huge, "refresh_token", json_string(text)), 0);
	assert_string_equal(login_refresh_token(huge), "");
	free(text);
}

static void the_scope_asks_for_what_stays(void **state)
{
	_cleanup_buf_ struct azjit_buf form = AZJIT_BUF(256);

	(void)state;
	assert_true(login_add_scope(&form, "https://management.azure.com/"));
	assert_string_equal(form.data,
	                    "&scope=https%3A%2F%2Fmanagement.azure.com%2F.default%20offline_access");
}

// {"exp":1700000000}, {"exp":"x"}
static void the_end_of_a_token(void **state)
{
	struct azjit_claims claims = {.expires = 7};

	(void)state;
	assert_true(claims_read("h.eyJleHAiOjE3MDAwMDAwMDB9.s", &claims));
	assert_true(claims.expires == INT64_C(1700000000) * AZJIT_TICKS_PER_S);
	assert_true(claims_read("h.eyJleHAiOiJ4In0.s", &claims));
	assert_true(claims.expires == 0);
}

static void a_cleared_login_is_empty(void **state)
{
	struct azjit_login login = {.tenant = strdup("t"), .refresh_token = strdup("secret")};

	(void)state;
	azjit_login_clear(&login);
	assert_null(login.tenant);
	assert_null(login.refresh_token);
	azjit_login_clear(&login);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_documented_answer),
	        cmocka_unit_test(what_is_missing),
	        cmocka_unit_test(numbers_are_bounded),
	        cmocka_unit_test(the_message_is_printable),
	        cmocka_unit_test(what_errors_mean),
	        cmocka_unit_test(refresh_tokens),
	        cmocka_unit_test(the_scope_asks_for_what_stays),
	        cmocka_unit_test(the_end_of_a_token),
	        cmocka_unit_test(a_cleared_login_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
