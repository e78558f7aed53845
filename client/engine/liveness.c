// SPDX-License-Identifier: Apache-2.0
// Threat model. Who attacks: a person who kills her own monitor to be forgotten while her processes
// work on, or who keeps a pid busy to be taken for another. What must hold: a session is alive while any
// process of it is, known by what the kernel lets nobody change (audit session id, scope) and never by
// the pid alone (start time and boot go with it); a /proc that hides processes ends nothing.
#include "session_list.h"

#include <sys/epoll.h>
#include <sys/syscall.h>

#define SCAN_FIRST_MS 200 // a close that was sent just before the monitor's end is heard first
#define SCAN_MS       3000

static int pidfd_of(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

static void scan_in(struct azjit_sessions *list, uint64_t delay_ms)
{
	if (!list->scanning && azjit_source_timer(list->scan, delay_ms) == AZJIT_OK)
		list->scanning = true;
}

static void orphan(struct session_item *item)
{
	liveness_forget(item);
	item->s.orphaned = true;
	scan_in(item->list, SCAN_FIRST_MS);
}

static void on_exit_of_monitor(void *userdata, int fd, uint32_t events)
{
	(void)fd;
	(void)events;
	orphan(userdata);
}

static bool same_process(const struct session_item *item)
{
	struct session_proc proc;

	return session_proc_read(item->s.pid, &proc) && proc.start == item->s.pid_start && !proc.gone;
}

void liveness_watch(struct session_item *item)
{
	item->pidfd = pidfd_of(item->s.pid);
	// The descriptor is of whoever has the pid now: only then look who that is.
	if (item->pidfd < 0 || !same_process(item) ||
	    azjit_loop_io(item->list->loop, item->pidfd, EPOLLIN, on_exit_of_monitor, item, &item->watch) !=
	            AZJIT_OK)
		orphan(item);
}

void liveness_forget(struct session_item *item)
{
	item->watch = azjit_source_free(item->watch);
	if (item->pidfd >= 0)
		(void)close(item->pidfd);
	item->pidfd = -1;
}

static bool belongs(const struct session_item *item, pid_t pid, const struct session_proc *proc)
{
	if (pid == item->s.pid && proc->start == item->s.pid_start)
		return true;
	if (item->s.audit != SESSION_NO_AUDIT)
		return proc->audit == item->s.audit;
	if (item->scope[0])
		return azjit_streq(proc->scope, item->scope);
	return proc->uid == item->s.uid && proc->start >= item->s.pid_start;
}

static bool see(void *userdata, pid_t pid, const struct session_proc *proc)
{
	struct azjit_sessions *list = userdata;

	if (proc->gone)
		return true;
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i]->s.orphaned && !list->items[i]->seen)
			list->items[i]->seen = belongs(list->items[i], pid, proc);
	return true;
}

static bool has_orphans(const struct azjit_sessions *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i]->s.orphaned)
			return true;
	return false;
}

void liveness_scan(struct azjit_sessions *list)
{
	bool known;

	for (size_t i = 0; i < list->count; i++)
		list->items[i]->seen = !list->items[i]->s.orphaned;
	known = has_orphans(list) && !session_proc_blind() && session_proc_each(see, list);
	for (size_t i = list->count; known && i-- > 0;)
		if (!list->items[i]->seen)
			session_item_end(list->items[i], "lost");
	if (has_orphans(list))
		scan_in(list, SCAN_MS);
}

static void on_scan(void *userdata)
{
	struct azjit_sessions *list = userdata;

	list->scanning = false;
	if (has_orphans(list))
		liveness_scan(list);
}

enum azjit_result liveness_start(struct azjit_sessions *list)
{
	list->scanning = true;
	return azjit_loop_timer(list->loop, 0, on_scan, list, &list->scan);
}
