// SPDX-License-Identifier: Apache-2.0
// Runs calls of client/azure and prints what their callbacks were given, for tests/azure/run to judge.
//
//   driver [KEY=VALUE]… CALL [ARGUMENT]…
//
// Ids are printed in lower case, since Azure's casing of them means nothing. Exit status 0 whenever
// every callback that was due ran exactly once, whatever it was told.
#include "driver.h"

#include <azjit/text.h>
#include <ctype.h>
#include <signal.h>
#include <stdio.h>

struct driver driver = {.times = 1, .repeat = 1};

// In the place of the library's own: what is linked first counts.
const char *arc_directory(void);
const char *arc_directory(void)
{
	return driver.arc_keys ? driver.arc_keys : "/var/opt/azcmagent/tokens";
}

static const struct {
	const char *key;
	const char **text;
} texts[] = {
        {"cloud", &driver.options.cloud},
        {"metadata", &driver.options.metadata_url},
        {"arm", &driver.options.resource_manager_url},
        {"login", &driver.options.login_url},
        {"imds", &driver.options.imds_url},
        {"ca", &driver.options.ca_file},
        {"proxy", &driver.options.proxy},
        {"tenant", &driver.options.tenant_id},
        {"client", &driver.options.client_id},
        {"object", &driver.options.object_id},
        {"resource", &driver.options.msi_res_id},
        {"secret-file", &driver.options.secret_file},
        {"certificate-file", &driver.options.certificate_file},
        {"key-file", &driver.options.key_file},
        {"key", &driver.options.key},
        {"password-file", &driver.options.password_file},
        {"token-file", &driver.options.token_file},
        {"endpoint", &driver.options.endpoint},
        {"header-file", &driver.options.header_file},
        {"arc-keys", &driver.arc_keys},
        {"identity", &driver.identity},
        {"client-request-id", &driver.client_request_id},
        {"correlation-id", &driver.correlation_id},
        {"justification", &driver.justification},
        {"in-callback", &driver.in_callback},
        {"before", &driver.before},
};
static const struct {
	const char *key;
	uint64_t *number;
} numbers[] = {
        {"deadline", &driver.deadline_ms},
        {"retries", &driver.retries},
        {"timeout", &driver.timeout_ms},
        {"times", &driver.times},
        {"repeat", &driver.repeat},
        {"idle", &driver.idle_ms},
        {"cancel-after", &driver.cancel_ms},
        {"free-after", &driver.free_ms},
        {"end", &driver.end_s},
        {"background", &driver.background},
        {"login-after", &driver.login_ms},
        {"tell", &driver.tell},
        {"piecewise", &driver.piecewise},
        {"fail-at", &driver.fail_at},
        {"send-chain", &driver.send_chain},
};

static bool take_setting(char *word)
{
	char *equals = strchr(word, '=');

	if (!equals)
		return false;
	*equals = '\0';
	for (size_t i = 0; i < AZJIT_COUNT(texts); i++)
		if (azjit_streq(word, texts[i].key)) {
			*texts[i].text = equals + 1;
			return true;
		}
	for (size_t i = 0; i < AZJIT_COUNT(numbers); i++)
		if (azjit_streq(word, numbers[i].key) &&
		    azjit_parse_u64(equals + 1, 0, 100000000, numbers[i].number) == AZJIT_OK)
			return true;
	(void)fprintf(stderr, "driver: %s is no setting\n", word);
	exit(64);
}

// --- printing -----------------------------------------------------------------------------------------

const char *lower(const char *text)
{
	static char ring[8][512];
	static unsigned next;
	char *copy = ring[next++ % 8];

	(void)azjit_copy(copy, sizeof(ring[0]), text);
	for (char *c = copy; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return copy;
}

const char *addr_text(struct azjit_addr addr)
{
	static char ring[4][AZJIT_ADDR_CHARS];
	static unsigned next;
	char *text = ring[next++ % 4];

	if (addr.family == AZJIT_FAMILY_NONE)
		return "-";
	azjit_addr_format(&addr, text);
	return text;
}

void print_answer(const struct azjit_answer *answer, size_t count)
{
	driver.more = answer->more && answer->result == AZJIT_OK;
	driver.told += count;
	if (driver.more)
		return;
	count = answer->result == AZJIT_OK ? driver.told : 0;
	driver.told = 0;
	(void)printf(
	        "result=%s http=%d count=%zu code=%s maybe_done=%d retry_after=%lld correlation=%s date=%s\n",
	        azjit_result_name(answer->result), answer->http_status, count, answer->code,
	        answer->maybe_done, (long long)answer->retry_after_ms, *answer->correlation_id ? "yes" : "no",
	        answer->server_time ? "yes" : "no");
	(void)printf("message=%s\n", answer->message);
}

// --- running ------------------------------------------------------------------------------------------

static void stop(void *userdata)
{
	azjit_loop_exit(driver.loop, 0);
}

static void start_round(void *userdata)
{
	driver.began_ms = azjit_time_monotonic_ms();
	driver.due = driver.times;
	if (driver.before) { // one read first, so that there is a token and a kept connection
		driver.due = 1;
		driver.repeat++;
		driver.calls[0] = start_call(driver.before, 0);
		driver.before = NULL;
		return;
	}
	for (size_t i = 0; i < driver.times; i++) {
		driver.calls[i] = start_call(driver.arguments[0], i);
		if (!driver.calls[i]) { // only when memory ran out; then its callback never runs
			(void)printf("result=not-started\n");
			driver.due--;
		}
	}
	if (driver.due == 0)
		azjit_source_timer(driver.stopper, 0);
}

// Between two pieces the call, or the connection, can be given up.
static void piece_told(size_t index)
{
	driver.more = false;
	if (!driver.in_callback)
		return;
	driver.calls[index] = azjit_call_cancel(driver.calls[index]);
	if (azjit_streq(driver.in_callback, "free"))
		azjit_azure_free(STEAL(driver.azure));
	(void)printf("given up after %zu entries\n", driver.told);
	driver.due = 0;
	azjit_source_timer(driver.stopper, 50);
}

void call_ended(size_t index)
{
	if (driver.more) {
		piece_told(index);
		return;
	}
	if (index >= MAX_CALLS || driver.calls[index] == NULL || driver.due == 0) {
		(void)printf("callback out of turn\n");
		driver.status = 1;
	}
	(void)printf("elapsed=%llu\n", (unsigned long long)(azjit_time_monotonic_ms() - driver.began_ms));
	driver.calls[index] = NULL;
	driver.due--;
	if (index == driver.times)
		(void)printf("login ended after %llu ms, %zu still wait\n",
		             (unsigned long long)(azjit_time_monotonic_ms() - driver.began_ms), driver.due);
	if (index == driver.times ||
	    (driver.in_callback && azjit_streq(driver.in_callback, "cancel-others"))) {
		for (size_t i = 0; i < driver.times; i++)
			if (driver.calls[i]) {
				driver.calls[i] = azjit_call_cancel(driver.calls[i]);
				driver.due--;
			}
	} else if (driver.in_callback && azjit_streq(driver.in_callback, "free")) {
		azjit_azure_free(STEAL(driver.azure));
		driver.due = 0;
	}
	if (driver.due == 0 && --driver.repeat > 0 && driver.azure)
		azjit_source_timer(driver.timer, driver.idle_ms);
	else if (driver.due == 0)
		azjit_source_timer(driver.stopper, driver.azure ? 0 : 50);
}

static void cancel_all(void *userdata)
{
	for (size_t i = 0; i < driver.times; i++)
		driver.calls[i] = azjit_call_cancel(driver.calls[i]);
	driver.due = 0;
	(void)printf("canceled\n");
	azjit_source_timer(driver.stopper, 100);
}

// One call for which somebody waits, the last in the table: when it has ended, so has the run.
static void start_login(void *userdata)
{
	driver.began_ms = azjit_time_monotonic_ms();
	(void)printf("login after %zu of %zu\n", (size_t)driver.times - driver.due, (size_t)driver.times);
	driver.due++;
	driver.calls[driver.times] = start_call(driver.arguments[0], driver.times);
}

static void free_azure(void *userdata)
{
	azjit_azure_free(STEAL(driver.azure));
	driver.due = 0;
	(void)printf("freed\n");
	azjit_source_timer(driver.stopper, 100);
}

static void too_late(void *userdata)
{
	(void)printf("callback never ran\n");
	driver.status = 1;
	azjit_loop_exit(driver.loop, 1);
}

static enum azjit_result arm_timers(struct azjit_source *sources[4])
{
	enum azjit_result result = azjit_loop_timer(driver.loop, 0, start_round, NULL, &driver.timer);

	if (result == AZJIT_OK)
		result = azjit_loop_timer(driver.loop, 200000, stop, NULL, &driver.stopper);
	if (result == AZJIT_OK && driver.cancel_ms)
		result = azjit_loop_timer(driver.loop, driver.cancel_ms, cancel_all, NULL, &sources[0]);
	if (result == AZJIT_OK && driver.free_ms)
		result = azjit_loop_timer(driver.loop, driver.free_ms, free_azure, NULL, &sources[1]);
	if (result == AZJIT_OK && driver.login_ms)
		result = azjit_loop_timer(driver.loop, driver.login_ms, start_login, NULL, &sources[3]);
	if (result == AZJIT_OK)
		result = azjit_loop_timer(driver.loop, 120000, too_late, NULL, &sources[2]);
	return result;
}

static void run(void)
{
	struct azjit_source *sources[4] = {NULL};
	struct azjit_azure_operation operation;
	struct azjit_azure_counts counts;

	if (arm_timers(sources) != AZJIT_OK)
		exit(71);
	if (azjit_loop_run(driver.loop) != 0)
		driver.status = 1;
	for (size_t i = 0; i < AZJIT_COUNT(sources); i++)
		azjit_source_free(sources[i]);
	azjit_source_free(driver.timer);
	azjit_source_free(driver.stopper);
	if (!driver.azure)
		return;
	azjit_azure_counts(driver.azure, &counts);
	(void)printf("counts reads=%llu writes=%llu throttled=%llu failed=%llu held=%llu deletes=%llu "
	             "skew_s=%lld\n",
	             (unsigned long long)counts.reads, (unsigned long long)counts.writes,
	             (unsigned long long)counts.throttled, (unsigned long long)counts.failed,
	             (unsigned long long)counts.held, (unsigned long long)counts.deletes,
	             (long long)((azjit_azure_now(driver.azure) - azjit_time_now()) / AZJIT_TICKS_PER_S));
	if (driver.tell)
		(void)printf("token age_s=%lld\n", (long long)counts.token_age_s);
	for (size_t i = 0; driver.tell && azjit_azure_operation(driver.azure, i, &operation); i++)
		if (operation.count)
			(void)printf("operation %s count=%llu median=%u p95=%u\n", operation.name,
			             (unsigned long long)operation.count, operation.median_ms,
			             operation.p95_ms);
	azjit_azure_free(driver.azure);
}

static enum azjit_identity_kind identity_kind(void)
{
	static const struct {
		const char *word;
		enum azjit_identity_kind kind;
	} kinds[] = {
	        {"secret", AZJIT_IDENTITY_CLIENT_SECRET},
	        {"certificate", AZJIT_IDENTITY_CLIENT_CERTIFICATE},
	        {"workload", AZJIT_IDENTITY_WORKLOAD},
	        {"arc", AZJIT_IDENTITY_ARC},
	        {"app-service", AZJIT_IDENTITY_APP_SERVICE},
	        {"none", AZJIT_IDENTITY_NONE},
	};

	for (size_t i = 0; driver.identity && i < AZJIT_COUNT(kinds); i++)
		if (azjit_streq(driver.identity, kinds[i].word))
			return kinds[i].kind;
	return AZJIT_IDENTITY_MANAGED;
}

int main(int argc, char **argv)
{
	struct azjit_reason reason = {0};
	enum azjit_result result;
	int i = 1;

	// What every program that uses the library does at its start (client/azure/http.h).
	(void)unsetenv("SSLKEYLOGFILE");
	(void)signal(SIGPIPE, SIG_IGN);
	while (i < argc && strchr(argv[i], '=') && take_setting(argv[i]))
		i++;
	driver.arguments = (const char *const *)argv + i;
	driver.options.call_timeout_ms = (unsigned)driver.timeout_ms;
	driver.options.identity = identity_kind();
	driver.options.send_chain = driver.send_chain;
	if (i >= argc || driver.times >= MAX_CALLS || azjit_loop_new(&driver.loop) != AZJIT_OK)
		return 64;
	driver.counting = driver.fail_at > 0;
	result = azjit_azure_new(driver.loop, &driver.options, &reason, &driver.azure);
	if (result == AZJIT_OK)
		run();
	else
		(void)printf("new=%s\nmessage=%s\n", azjit_result_name(result), reason.text);
	driver.counting = false;
	azjit_loop_free(driver.loop);
	if (driver.fail_at)
		(void)printf("allocations=%llu\n", (unsigned long long)driver.allocations);
	return driver.status;
}
