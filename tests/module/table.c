// SPDX-License-Identifier: Apache-2.0
// The table: phase × what the broker does × on_error × control flag, each with the exact code that
// libpam returns, the time it may take, what is logged and shown, and that the host is as it was.
#include "host.h"

#include <azjit/result.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#define WORKERS  12
#define SLACK_MS 2500 // of a busy machine; a deadline that is missing shows as more
#define LIMIT_S  8

enum class { CLASS_REFUSE = 0, CLASS_PASS, CLASS_TROUBLE };
enum control { REQUIRED = 0, SUFFICIENT, IGNORED, CONTROL_COUNT_ };

struct test_case {
	struct plan plan;
	bool allow;
	enum control control;
};

static const char *const controls[CONTROL_COUNT_] = {"required", "sufficient", "[default=ignore]"};

// A new result is an error here until someone decides what a login makes of it.
static enum class class_of_result(enum azjit_result result) {
	switch (result){
		case AZJIT_OK : return CLASS_PASS;
		case AZJIT_DENIED : case AZJIT_NOT_FOUND : case AZJIT_AMBIGUOUS : case
		AZJIT_NOT_MANAGED : case AZJIT_STOPPED : case AZJIT_RESULT_COUNT_ : return CLASS_REFUSE;
		case AZJIT_USAGE : case AZJIT_CONFIG : case AZJIT_IDENTITY : case AZJIT_FORBIDDEN : case
		AZJIT_THROTTLED : case AZJIT_UNREACHABLE : case AZJIT_PROTOCOL : case AZJIT_REQUEST_REFUSED :
		        case AZJIT_REQUEST_FAILED : case AZJIT_RULE_MISSING : case AZJIT_RULE_SHADOWED : case
		AZJIT_NOT_RUNNING : case AZJIT_UNSUPPORTED : case AZJIT_PORT_CLOSED : case
		AZJIT_DEADLINE : case AZJIT_BROKER_DOWN : case AZJIT_BUSY : case AZJIT_LEDGER : case
		AZJIT_CANCELED : case AZJIT_SYSTEM : case AZJIT_NOMEM : return CLASS_TROUBLE;
	}
return CLASS_REFUSE;
}

static enum class class_of(const struct plan *plan) {
	switch (plan->fault){
		case FAULT_NONE : case FAULT_PROGRESS : return CLASS_PASS;
		case FAULT_RESULT : return class_of_result(azjit_result_from_name(plan->result));
		case FAULT_NO_RESULT : case FAULT_UNKNOWN_RESULT : return CLASS_REFUSE;
		default : return CLASS_TROUBLE;
	}
}

static bool makes_sense(const struct plan *plan)
{
	switch (plan->fault) {
	case FAULT_NO_SESSION:
	case FAULT_BAD_SESSION:
	case FAULT_LONG_SESSION:
	case FAULT_DEAF:
		return plan->phase == PHASE_OPEN;
	case FAULT_QUEUE_FULL:
	case FAULT_RESET:
		return plan->phase != PHASE_COMMIT;
	case FAULT_STRANGER:
		return plan->phase == PHASE_ACCOUNT || plan->phase == PHASE_OPEN;
	default:
		return plan->phase != PHASE_COMMIT || !fault_is_place(plan->fault);
	}
}

// Only the clock ends these; the others have time enough on a busy machine.
static const char *timeout_of(enum fault fault)
{
	switch (fault) {
	case FAULT_HANG:
	case FAULT_DRIP:
	case FAULT_FLOOD:
	case FAULT_QUEUE_FULL:
		return "300ms";
	default:
		return "2s";
	}
}

// What the module itself must return.
static int code_of(enum phase phase, enum class class, bool allow)
{
	switch (class) {
	case CLASS_PASS:
		return PAM_SUCCESS;
	case CLASS_TROUBLE:
		if (allow)
			return PAM_IGNORE;
		return phase == PHASE_ACCOUNT ? PAM_AUTHINFO_UNAVAIL : PAM_SESSION_ERR;
	case CLASS_REFUSE:
		break;
	}
	return PAM_PERM_DENIED;
}

// What libpam makes of it: pam_permit follows `required` and `[default=ignore]`, pam_deny `sufficient`.
static int outcome_of(const struct test_case *c, int code)
{
	switch (c->control) {
	case REQUIRED:
		return code == PAM_IGNORE ? PAM_SUCCESS : code;
	case SUFFICIENT:
		if (code == PAM_SUCCESS)
			return PAM_SUCCESS;
		// Close takes the action that open's PAM_SUCCESS chose, with close's own code.
		if (c->plan.phase == PHASE_CLOSE && code != PAM_IGNORE)
			return code;
		return c->plan.phase == PHASE_ACCOUNT ? PAM_AUTH_ERR : PAM_SESSION_ERR;
	default:
		return PAM_SUCCESS;
	}
}

static int enter(struct host *host, enum phase phase)
{
	switch (phase) {
	case PHASE_ACCOUNT:
		return pam_acct_mgmt(host->pamh, 0);
	case PHASE_CLOSE:
		return pam_close_session(host->pamh, 0);
	default:
		return pam_open_session(host->pamh, 0);
	}
}

static const char *failure(const char *what, long got, long wanted)
{
	static char text[256];

	(void)snprintf(text, sizeof(text), "%s is %ld, wanted %ld", what, got, wanted);
	return text;
}

static const char *check_said(const struct test_case *c, const struct host *host, int code)
{
	bool refused = code != PAM_SUCCESS && code != PAM_IGNORE;
	unsigned wanted = refused && c->plan.phase == PHASE_ACCOUNT ? 1 : 0;
	const char *session = pam_getenv(host->pamh, "AZJIT_SESSION");
	bool kept = (c->plan.phase == PHASE_OPEN || c->plan.phase == PHASE_COMMIT) && code == PAM_SUCCESS;

	if (host->say_count != wanted || host->prompt_count != 0)
		return failure("count of texts", host->say_count, wanted);
	if (c->plan.phase != PHASE_CLOSE && (session != NULL) != kept)
		return failure("presence of AZJIT_SESSION", session != NULL, kept);
	return NULL;
}

static const char *check_logged(enum class class, bool allow)
{
	int wanted = class == CLASS_REFUSE ? LOG_NOTICE : allow ? LOG_WARNING : LOG_ERR;

	if (host_log_count != (class == CLASS_PASS ? 0 : 1))
		return failure("count of log lines", host_log_count, class == CLASS_PASS ? 0 : 1);
	if (class != CLASS_PASS && host_logged[0] - '0' != wanted)
		return failure("log level", host_logged[0] - '0', wanted);
	return NULL;
}

static const char *judge(const struct test_case *c, struct host *host)
{
	enum class class = class_of(&c->plan);
	int code = code_of(c->plan.phase, class, c->allow), outcome;
	uint64_t start, limit_ms = (c->plan.phase == PHASE_CLOSE ? 1000 : 300) + SLACK_MS;
	struct snapshot before, after;
	const char *wrong;

	host_logged[0] = '\0';
	host_log_count = 0;
	host_snapshot(&before);
	start = host_now_ms();
	outcome = enter(host, c->plan.phase);
	start = host_now_ms() - start;
	host_snapshot(&after);
	if (outcome != outcome_of(c, code))
		return failure("code", outcome, outcome_of(c, code));
	if (start > limit_ms)
		return failure("time in ms", (long)start, (long)limit_ms);
	if (memcmp(&before, &after, sizeof(before)) != 0)
		return failure("change of the host (descriptors)", after.fd_count, before.fd_count);
	wrong = check_said(c, host, code);
	return wrong ? wrong : check_logged(class, c->allow);
}

static const char *run_case(const struct test_case *c)
{
	const char *stranger = c->plan.fault == FAULT_STRANGER && geteuid() != 0 ? "broker_user=daemon" : "";
	const char *wrong = NULL;
	char arguments[128];
	struct fake fake;
	struct host host;

	fake_start(&fake, &c->plan);
	(void)snprintf(arguments, sizeof(arguments), "on_error=%s account_timeout=%s open_timeout=%s %s",
	               c->allow ? "allow" : "deny", timeout_of(c->plan.fault), timeout_of(c->plan.fault),
	               stranger);
	host_stack(&fake, &(struct stack){controls[c->control], arguments,
	                                  c->control == SUFFICIENT ? "required pam_deny.so"
	                                                           : "required pam_permit.so"});
	host_start(&host, &fake, host_user(), true);
	if (c->plan.phase == PHASE_CLOSE) {
		if (pam_open_session(host.pamh, 0) != PAM_SUCCESS)
			wrong = "open before close failed";
		if (fault_is_place(c->plan.fault))
			fake_spoil(&fake);
	}
	if (!wrong)
		wrong = judge(c, &host);
	host_end(&host);
	fake_stop(&fake);
	return wrong;
}

// In a process of its own; exit status 0 if all is well.
static void child(const struct test_case *c)
{
	char name[160], line[1024];
	const char *wrong;
	int len;

	(void)snprintf(name, sizeof(name), "%s %s%s%s on_error=%s %s", phase_name(c->plan.phase),
	               fault_name(c->plan.fault), c->plan.result ? "=" : "",
	               c->plan.result ? c->plan.result : "", c->allow ? "allow" : "deny",
	               controls[c->control]);
	(void)alarm(LIMIT_S);
	wrong = run_case(c);
	len = snprintf(line, sizeof(line), wrong ? "not ok %s: %s; log: %.500s\n" : "ok %s\n", name, wrong,
	               host_logged);
	(void)!write(STDOUT_FILENO, line, (size_t)len);
	_exit(wrong ? 1 : 0);
}

static unsigned running, passed, failed;

static void reap_one(void)
{
	int status = 0;

	if (wait(&status) <= 0)
		return;
	running--;
	if (status == 0)
		passed++;
	else
		failed++;
	if (WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) > 1))
		(void)printf("not ok a case ended with wait status 0x%x\n", (unsigned)status);
}

static void start_case(const struct test_case *c)
{
	if (running == WORKERS)
		reap_one();
	(void)fflush(stdout);
	pid_t pid = fork();

	if (pid == 0)
		child(c);
	running++;
}

static void start_variants(const struct plan *plan)
{
	if (!makes_sense(plan))
		return;
	for (int allow = 0; allow < 2; allow++)
		for (int control = 0; control < CONTROL_COUNT_; control++)
			start_case(&(struct test_case){*plan, allow != 0, (enum control)control});
}

int main(void)
{
	for (int phase = 0; phase < PHASE_COUNT_; phase++) {
		for (int fault = 0; fault < FAULT_COUNT_; fault++)
			if (fault != FAULT_RESULT)
				start_variants(&(struct plan){.fault = (enum fault)fault,
				                              .phase = (enum phase)phase});
		for (int i = 0; i < AZJIT_RESULT_COUNT_; i++) {
			struct plan plan = {.fault = FAULT_RESULT, .phase = (enum phase)phase};

			plan.result = azjit_result_name((enum azjit_result)i);
			plan.reason = "because";
			start_variants(&plan);
		}
	}
	while (running > 0)
		reap_one();
	(void)printf("%u passed, %u failed\n", passed, failed);
	return failed == 0 ? 0 : 1;
}
