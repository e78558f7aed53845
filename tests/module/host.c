// SPDX-License-Identifier: Apache-2.0
#include "host.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

char host_logged[16384];
unsigned host_log_count;

extern char **environ;

// --- libpam's log comes here --------------------------------------------------------------------------
static void take_log(int priority, const char *fmt, va_list args)
{
	size_t used = strlen(host_logged);
	char text[4096];

	(void)vsnprintf(text, sizeof(text), fmt, args);
	host_log_count++;
	(void)snprintf(host_logged + used, sizeof(host_logged) - used, "%d %s\n", priority & LOG_PRIMASK,
	               text);
}

void syslog(int priority, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	take_log(priority, fmt, args);
	va_end(args);
}

void __syslog_chk(int priority, int flag, const char *fmt, ...);
void __syslog_chk(int priority, int flag, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	take_log(priority, fmt, args);
	va_end(args);
}

// --- the conversation ---------------------------------------------------------------------------------
static int converse(int count, const struct pam_message **messages, struct pam_response **responses,
                    void *data)
{
	struct host *host = data;

	for (int i = 0; i < count; i++) {
		size_t used = strlen(host->said);

		if (messages[i]->msg_style != PAM_ERROR_MSG && messages[i]->msg_style != PAM_TEXT_INFO) {
			host->prompt_count++;
			return PAM_CONV_ERR;
		}
		host->say_count++;
		(void)snprintf(host->said + used, sizeof(host->said) - used, "%s\n", messages[i]->msg);
	}
	*responses = calloc((size_t)count, sizeof(**responses));
	return *responses ? PAM_SUCCESS : PAM_BUF_ERR;
}

const char *host_user(void)
{
	static char name[64];
	const struct passwd *pw = getpwuid(geteuid());

	if (!pw)
		exit(99);
	(void)snprintf(name, sizeof(name), "%s", pw->pw_name);
	return name;
}

const char *host_group(void)
{
	static char name[64];
	const struct group *gr = getgrgid(getegid());

	if (!gr)
		exit(99);
	(void)snprintf(name, sizeof(name), "%s", gr->gr_name);
	return name;
}

void host_stack(const struct fake *fake, const struct stack *stack)
{
	static const char *const kinds[] = {"auth", "account", "session"};
	const char *module = getenv("AZJIT_MODULE"), *arguments = stack->arguments;
	char path[96];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/other", fake->dir); // without one libpam complains
	file = fopen(path, "we");
	if (!file || fclose(file) != 0)
		exit(99);
	(void)snprintf(path, sizeof(path), "%s/test", fake->dir);
	file = fopen(path, "we");
	if (!file || !module)
		exit(99);
	for (size_t i = 0; i < 3; i++) {
		(void)fprintf(file, "%s %s %s socket=%s%s%s%s%s %s\n", kinds[i], stack->control, module,
		              fake->path, strstr(arguments, "passes=") ? "" : " passes=",
		              strstr(arguments, "passes=") ? "" : fake->passes,
		              strstr(arguments, "broker_user=") ? "" : " broker_user=",
		              strstr(arguments, "broker_user=") ? "" : host_user(), arguments);
		(void)fprintf(file, "%s %s\n", kinds[i], stack->follower);
	}
	(void)fclose(file);
}

void host_start(struct host *ret, const struct fake *fake, const char *user, bool with_conv)
{
	*ret = (struct host){.conv = {.conv = with_conv ? converse : NULL, .appdata_ptr = ret}};
	host_logged[0] = '\0';
	host_log_count = 0;
	if (pam_start_confdir("test", user, &ret->conv, fake->dir, &ret->pamh) != PAM_SUCCESS)
		exit(99);
}

void host_end(struct host *host)
{
	(void)pam_end(host->pamh, PAM_SUCCESS);
	host->pamh = NULL;
}

void scene_begin(struct scene *ret, const struct plan *plan, const char *control, const char *arguments)
{
	fake_start(&ret->fake, plan);
	host_stack(&ret->fake, &(struct stack){control, arguments, "required pam_permit.so"});
	host_start(&ret->host, &ret->fake, host_user(), true);
}

void scene_end(struct scene *scene)
{
	if (scene->host.pamh)
		host_end(&scene->host);
	fake_stop(&scene->fake);
}

void set_item(struct scene *scene, int item, const char *value)
{
	if (pam_set_item(scene->host.pamh, item, value) != PAM_SUCCESS)
		exit(99);
}

bool asked(const char *text, const char *line)
{
	char wanted[256];

	(void)snprintf(wanted, sizeof(wanted), "%s\n", line);
	return strstr(text, wanted) != NULL;
}

// --- what a guest must leave as it was ----------------------------------------------------------------
static void mix(uint64_t *hash, const void *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		*hash = (*hash ^ ((const unsigned char *)bytes)[i]) * UINT64_C(0x100000001b3);
}

static void mix_descriptors(struct snapshot *ret)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t used = 0;

	if (!dir)
		exit(99);
	for (const struct dirent *entry; (entry = readdir(dir));) {
		if (entry->d_name[0] == '.' || strtol(entry->d_name, NULL, 10) == dirfd(dir))
			continue;
		ret->fd_count++;
		mix(&ret->hash, entry->d_name, strlen(entry->d_name) + 1);
		if (used < sizeof(ret->fds) - 8)
			used += (size_t)snprintf(ret->fds + used, sizeof(ret->fds) - used, "%s ",
			                         entry->d_name);
	}
	(void)closedir(dir);
}

void host_snapshot(struct snapshot *ret)
{
	struct itimerval timer;
	char cwd[4096] = "";
	mode_t mask = umask(0);
	sigset_t set;

	(void)umask(mask);
	*ret = (struct snapshot){.hash = UINT64_C(0xcbf29ce484222325)};
	mix_descriptors(ret);
	for (int signo = 1; signo < 65; signo++) {
		struct sigaction action;

		if (sigaction(signo, NULL, &action) == 0)
			mix(&ret->hash, &action.sa_handler, sizeof(action.sa_handler));
	}
	(void)sigprocmask(SIG_SETMASK, NULL, &set);
	for (int signo = 1; signo < 65; signo++)
		mix(&ret->hash, (char[]){(char)sigismember(&set, signo)}, 1);
	mix(&ret->hash, &mask, sizeof(mask));
	mix(&ret->hash, cwd, getcwd(cwd, sizeof(cwd)) ? strlen(cwd) : 0);
	for (char **variable = environ; *variable; variable++)
		mix(&ret->hash, *variable, strlen(*variable) + 1);
	(void)getitimer(ITIMER_REAL, &timer);
	mix(&ret->hash, &timer.it_interval, sizeof(timer.it_interval));
}

uint64_t host_now_ms(void)
{
	struct timespec ts = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}
