// SPDX-License-Identifier: Apache-2.0
// Where a cloud is, out of its metadata: the three shapes, what may be missing, and what is refused.
#include "azure_data.h"

#include "../../client/azure/cloud.h"

#include <azjit/text.h>

#define ASKED "https://management.stack.example"
#define AUTH(login, audiences) \
	"\"authentication\": {\"loginEndpoint\": \"" login "\", \"audiences\": [" audiences "]}"
#define LOGIN    "https://login.stack.example/"
#define AUDIENCE "\"https://management.stack.example/guid\""
#define GOOD     AUTH(LOGIN, AUDIENCE)
#define ENTRY(name, more) \
	"{\"name\": \"" name "\", " GOOD ", \"resourceManager\": \"https://arm." name ".example/\"" more "}"

static enum azjit_result read_cloud(const char *text, struct cloud_endpoints *ret,
                                    struct azjit_reason *reason)
{
	return cloud_read(text, strlen(text), "Stack", ASKED, ret, reason);
}

static void reads(const char *text, const char *manager, const char *login, const char *audience)
{
	struct cloud_endpoints found = {0};
	struct azjit_reason reason = {""};

	if (read_cloud(text, &found, &reason) != AZJIT_OK)
		fail_msg("%s: %s", text, reason.text);
	assert_string_equal(found.resource_manager, manager);
	assert_string_equal(found.login, login);
	assert_string_equal(found.audience, audience);
}

static void refuses(const char *text, enum azjit_result wanted, const char *sentence)
{
	struct cloud_endpoints found;
	struct cloud_endpoints before;
	struct azjit_reason reason = {""};

	memset(&found, 'x', sizeof(found));
	before = found;
	assert_int_equal(read_cloud(text, &found, &reason), wanted);
	if (!strstr(reason.text, sentence))
		fail_msg("%s: %s", text, reason.text);
	assert_memory_equal(&found, &before, sizeof(found));
}

#define OWN "https://management.stack.example/guid/"

static void three_shapes(void **state)
{
	reads("{\"galleryEndpoint\": \"https://g.example\", " GOOD "}", ASKED, "https://login.stack.example",
	      OWN);
	reads("[" ENTRY("Other", "") ", " ENTRY("sTACK", "") "]", "https://arm.stack.example",
	      "https://login.stack.example", OWN);
	reads(ENTRY("Stack", ", \"microsoftGraphResourceId\": 1"), "https://arm.stack.example",
	      "https://login.stack.example", OWN);
	reads("\xef\xbb\xbf" ENTRY("stack", ""), "https://arm.stack.example", "https://login.stack.example",
	      OWN);
}

static void what_may_be_missing(void **state)
{
	reads("[{\"name\": \"Stack\", " GOOD "}]", ASKED, "https://login.stack.example", OWN);
	reads("{\"name\": \"Stack\", \"resourceManager\": null, " GOOD "}", ASKED,
	      "https://login.stack.example", OWN);
	reads("{\"name\": null, " GOOD "}", ASKED, "https://login.stack.example", OWN);
}

static void the_audience_is_resource_managers_own_or_the_first(void **state)
{
	reads("{" AUTH(LOGIN, "\"https://core.stack.example/\", \"https://Management.stack.example\"") "}",
	      ASKED, "https://login.stack.example", "https://Management.stack.example/");
	reads("{" AUTH(LOGIN, "\"https://core.stack.example/\", " AUDIENCE) "}", ASKED,
	      "https://login.stack.example", "https://core.stack.example/");
}

static void names(void **state)
{
	refuses("[" ENTRY("AzureCloud", "") ", " ENTRY("Other", "") "]", AZJIT_CONFIG,
	        "knows no cloud 'Stack', but 'AzureCloud', 'Other'");
	refuses(ENTRY("Other", ""), AZJIT_CONFIG, "knows no cloud 'Stack', but 'Other'");
	refuses("[]", AZJIT_CONFIG, "knows no cloud 'Stack', but none at all");
	refuses("[1, \"Stack\", null]", AZJIT_CONFIG, "knows no cloud 'Stack'");
	refuses("[{\"name\": \"\\u001b[31m\"}]", AZJIT_CONFIG, "\\x1b[31m");
}

static void another_way_to_sign_in(void **state)
{
#define AT(login, provider)                                                                    \
	"{\"name\": \"Stack\", \"authentication\": {\"loginEndpoint\": \"" login "\"" provider \
	", \"audiences\": [" AUDIENCE "]}}"
	refuses(AT("https://adfs.stack.example/adfs", ", \"identityProvider\": \"ADFS\""), AZJIT_CONFIG,
	        "cloud 'Stack' signs in at 'ADFS', which azjit does not support: it needs a cloud that "
	        "signs in at Entra ID");
	refuses(AT("https://adfs.stack.example/adfs/", ""), AZJIT_CONFIG, "signs in at 'ADFS'");
	reads(AT(LOGIN, ", \"identityProvider\": \"aad\", \"tenant\": \"contoso\""), ASKED,
	      "https://login.stack.example", OWN);
}

static void hostile_endpoints(void **state)
{
	static const char *const logins[] = {"http://login.stack.example/",
	                                     "https://login.stack.example@evil.example/",
	                                     "https://user:x@login.stack.example/",
	                                     "https://login.stack.example/evil.example",
	                                     "https://login.stack.example?x",
	                                     "https://login.stack.example#x",
	                                     "//login.stack.example",
	                                     "login.stack.example",
	                                     "https://login.stack.example:99999/",
	                                     "https://",
	                                     ""};
	char text[1024];

	for (size_t i = 0; i < AZJIT_COUNT(logins); i++) {
		(void)snprintf(text, sizeof(text), "{" AUTH("%s", AUDIENCE) "}", logins[i]);
		refuses(text, AZJIT_PROTOCOL, "as its loginEndpoint, which is not https://HOST[:PORT]");
		(void)snprintf(text, sizeof(text), "{" GOOD ", \"resourceManager\": \"%s\"}", logins[i]);
		refuses(text, AZJIT_PROTOCOL, "as its resourceManager, which is not https://HOST[:PORT]");
	}
	refuses("{" GOOD ", \"resourceManager\": 7}", AZJIT_PROTOCOL, "as its resourceManager");
	refuses("{\"authentication\": \"x\"}", AZJIT_PROTOCOL, "gives '' as its loginEndpoint");
	refuses("{}", AZJIT_PROTOCOL, "gives '' as its loginEndpoint");
}

static void hostile_audiences(void **state)
{
	refuses("{" AUTH(LOGIN, "") "}", AZJIT_PROTOCOL, "names no audience to ask tokens for");
	refuses("{" AUTH(LOGIN, "null, " AUDIENCE) "}", AZJIT_PROTOCOL, "names no audience");
	refuses("{\"authentication\": {\"loginEndpoint\": \"" LOGIN "\", \"audiences\": " AUDIENCE "}}",
	        AZJIT_PROTOCOL, "names no audience");
	refuses("{" AUTH(LOGIN, "\"http://management.stack.example/\"") "}", AZJIT_PROTOCOL,
	        "is no https URL");
	refuses("{" AUTH(LOGIN, "\"https://a&scope=b\"") "}", AZJIT_PROTOCOL, "is no https URL");
	refuses("{" AUTH(LOGIN, "\"https://a b\"") "}", AZJIT_PROTOCOL, "is no https URL");
}

static void what_is_no_metadata(void **state)
{
	refuses("", AZJIT_PROTOCOL, "the metadata endpoint of cloud 'Stack' answered with an empty body");
	refuses("<html>", AZJIT_PROTOCOL, "answered with a page of HTML");
	refuses("{" GOOD ", " GOOD "}", AZJIT_PROTOCOL, "answered with something that is no JSON");
	refuses("\"text\"", AZJIT_PROTOCOL, "");
	refuses("[[" GOOD "]]", AZJIT_PROTOCOL, "");
}

static void too_long(void **state)
{
	_cleanup_buf_ struct azjit_buf text = AZJIT_BUF(4096);

	azjit_buf_str(&text, "{\"authentication\": {\"loginEndpoint\": \"https://");
	for (int i = 0; i < 30; i++)
		azjit_buf_str(&text, "abcdefghi.");
	azjit_buf_str(&text, "\", \"audiences\": [" AUDIENCE "]}}");
	refuses(text.data, AZJIT_PROTOCOL, "as its loginEndpoint");
	text.len = 0;
	azjit_buf_str(&text,
	              "{\"authentication\": {\"loginEndpoint\": \"" LOGIN "\", \"audiences\": [\"https://");
	for (int i = 0; i < 60; i++)
		azjit_buf_str(&text, "abcdefghi.");
	azjit_buf_str(&text, "\"]}}");
	refuses(text.data, AZJIT_PROTOCOL, "is no https URL");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(three_shapes),
	        cmocka_unit_test(what_may_be_missing),
	        cmocka_unit_test(the_audience_is_resource_managers_own_or_the_first),
	        cmocka_unit_test(names),
	        cmocka_unit_test(another_way_to_sign_in),
	        cmocka_unit_test(hostile_endpoints),
	        cmocka_unit_test(hostile_audiences),
	        cmocka_unit_test(what_is_no_metadata),
	        cmocka_unit_test(too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
