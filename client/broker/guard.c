// SPDX-License-Identifier: Apache-2.0
// Threat model. Who attacks: a user of the jump host who waits for a port that was opened for another. What
// must hold: a pair counts as guarded only when root's unit reported a table of a generation that we wrote
// and that holds the pair; a state that is missing, odd, or not root's means "not guarded".
#include "guard.h"

#include <azjit/file.h>
#include <azjit/log.h>
#include <limits.h>
#include <sys/epoll.h>
#include <sys/inotify.h>

#define SET_BYTES     (16 * 1024 * 1024)
#define STATE_BYTES   4096
#define LOOK_AGAIN_MS 50 // while settling, in case the directory cannot be watched

struct set {
	struct azjit_managed *pairs;
	size_t count;
	uint64_t generation; // 0: none
};

struct guard {
	struct broker *broker;
	struct set written, applied;
	uint64_t written_ms;
	struct guard_state state;
	bool state_known;
	int inotify;
	struct azjit_source *io, *look;
};

static int compare(const void *a, const void *b)
{
	const struct azjit_managed *x = a, *y = b;
	int order = memcmp(x->addr.bytes, y->addr.bytes, sizeof(x->addr.bytes));

	return order ? order : (int)x->port - (int)y->port;
}

static bool contains(const struct set *set, const struct azjit_addr *addr, uint16_t port)
{
	struct azjit_managed key = {.addr = *addr, .port = port};

	return set->count > 0 && bsearch(&key, set->pairs, set->count, sizeof(key), compare) != NULL;
}

static bool copy_set(const struct set *from, struct set *to)
{
	struct azjit_managed *pairs = malloc((from->count + 1) * sizeof(*pairs));

	if (!pairs)
		return false;
	if (from->count > 0)
		memcpy(pairs, from->pairs, from->count * sizeof(*pairs));
	free(to->pairs);
	to->pairs = pairs;
	to->count = from->count;
	to->generation = from->generation;
	return true;
}

// --- what root's unit reports -------------------------------------------------------------------------

static bool current(const struct guard *guard)
{
	return guard->written.generation != 0 && guard->applied.generation == guard->written.generation;
}

static void read_state(struct guard *guard)
{
	_cleanup_buf_ struct azjit_buf buf = AZJIT_BUF(STATE_BYTES);
	bool was_ok = guard->state_known && guard->state.table_ok;

	guard->state_known = azjit_file_read_trusted(guard->broker->config->guard_state, 0, false, &buf,
	                                             NULL) == AZJIT_OK &&
	                     guard_state_parse(buf.data, &guard->state);
	if (!guard->state_known || !guard->state.table_ok) {
		if (was_ok)
			azjit_log(LOG_WARNING,
			          "the guard's table is gone: open ports are open to every user: %s",
			          guard->state_known ? guard->state.error : "no state is reported");
		guard->applied.count = 0;
		guard->applied.generation = 0;
		return;
	}
	if (guard->state.generation == guard->written.generation &&
	    guard->state.count == guard->written.count && !current(guard))
		(void)copy_set(&guard->written, &guard->applied);
}

static void on_change(void *userdata, int fd, uint32_t events)
{
	char bytes[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	struct guard *guard = userdata;

	(void)events;
	while (read(fd, bytes, sizeof(bytes)) > 0)
		continue;
	read_state(guard);
}

static void on_look(void *userdata)
{
	struct guard *guard = userdata;

	read_state(guard);
	if (guard_settling(guard))
		(void)azjit_source_timer(guard->look, LOOK_AGAIN_MS);
}

// Watches the directory, since the file is replaced by rename. Without it the file is read only after a
// set was written.
static void watch(struct guard *guard)
{
	char dir[PATH_MAX], *slash;

	if (guard->io || !azjit_copy(dir, sizeof(dir), guard->broker->config->guard_state))
		return;
	slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return;
	*slash = '\0';
	if (guard->inotify < 0)
		guard->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (guard->inotify < 0 ||
	    inotify_add_watch(guard->inotify, dir, IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE | IN_ONLYDIR) < 0)
		return;
	(void)azjit_loop_io(guard->broker->loop, guard->inotify, EPOLLIN, on_change, guard, &guard->io);
}

// --- what we write ------------------------------------------------------------------------------------

static bool same(const struct set *set, const struct azjit_managed *pairs, size_t count)
{
	if (set->generation == 0 || set->count != count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (compare(&set->pairs[i], &pairs[i]) != 0)
			return false;
	return true;
}

static uint64_t next_generation(const struct guard *guard)
{
	uint64_t now = (uint64_t)(azjit_time_now() / AZJIT_TICKS_PER_MS);
	uint64_t last = guard->written.generation;

	if (guard->state_known && guard->state.generation > last)
		last = guard->state.generation;
	return now > last ? now : last + 1;
}

static void write_set(struct guard *guard, const struct azjit_managed *pairs, size_t count)
{
	_cleanup_buf_ struct azjit_buf out = AZJIT_BUF(SET_BYTES);
	const char *path = guard->broker->config->guard_set;
	struct set set = {(struct azjit_managed *)pairs, count, next_generation(guard)};
	struct azjit_reason reason = {"no memory"};

	if (!guard_set_format(pairs, count, set.generation, &out) ||
	    azjit_file_replace(path, out.data, out.len, 0644, &reason) != AZJIT_OK ||
	    !copy_set(&set, &guard->written)) {
		azjit_log(LOG_ERR, "the guard's set cannot be written: %s", reason.text);
		return;
	}
	guard->written_ms = azjit_time_monotonic_ms();
	(void)azjit_source_timer(guard->look, LOOK_AGAIN_MS);
}

// What an earlier broker wrote still stands in the table.
static void read_set(struct guard *guard)
{
	_cleanup_buf_ struct azjit_buf buf = AZJIT_BUF(SET_BYTES);
	struct set *set = &guard->written;

	if (azjit_file_read_trusted(guard->broker->config->guard_set, geteuid(), false, &buf, NULL) !=
	    AZJIT_OK)
		return;
	if (guard_set_parse(buf.data, &set->pairs, &set->count, &set->generation))
		qsort(set->pairs, set->count, sizeof(*set->pairs), compare);
}

struct pairs {
	struct azjit_managed *items; // sorted, as inventory gives them
	size_t count;
	bool nomem;
};

static void add_pair(struct pairs *pairs, const struct azjit_addr *addr, uint16_t port)
{
	struct azjit_managed pair = {.addr = *addr, .port = port}, *grown;
	size_t at = 0, end = pairs->count;

	while (at < end) {
		size_t middle = at + (end - at) / 2;

		if (compare(&pairs->items[middle], &pair) < 0)
			at = middle + 1;
		else
			end = middle;
	}
	if (at < pairs->count && compare(&pairs->items[at], &pair) == 0)
		return;
	grown = reallocarray(pairs->items, pairs->count + 1, sizeof(*grown));
	pairs->nomem |= !grown;
	if (!grown)
		return;
	pairs->items = grown;
	memmove(&grown[at + 1], &grown[at], (pairs->count++ - at) * sizeof(*grown));
	grown[at] = pair;
}

// Inventory does not know the ports that Azure opens on a firewall with each request.
static bool add_mapped(void *userdata, const struct azjit_grant_view *view)
{
	struct pairs *pairs = userdata;

	if (view->mapped_port)
		add_pair(pairs, &view->target->dial, view->mapped_port);
	if (view->older_port)
		add_pair(pairs, &view->target->dial, view->older_port);
	return !pairs->nomem;
}

static bool all_pairs(const struct broker *broker, struct pairs *ret)
{
	*ret = (struct pairs){NULL, 0, false};
	if (azjit_inventory_managed(broker->inventory, &ret->items, &ret->count) != AZJIT_OK)
		return false;
	if (broker->engine)
		azjit_engine_grants(broker->engine, add_mapped, ret);
	return !ret->nomem;
}

void guard_update(struct guard *guard)
{
	struct pairs pairs = {NULL, 0, false};

	watch(guard);
	read_state(guard);
	if (azjit_inventory_generation(guard->broker->inventory) > 0 && all_pairs(guard->broker, &pairs) &&
	    !same(&guard->written, pairs.items, pairs.count))
		write_set(guard, pairs.items, pairs.count);
	free(pairs.items);
}

// --- questions ----------------------------------------------------------------------------------------

bool guard_covers(const struct guard *guard, const struct azjit_addr *addr, uint16_t port)
{
	return contains(&guard->applied, addr, port);
}

bool guard_settling(struct guard *guard)
{
	if (guard->written.generation == 0 || current(guard))
		return false;
	return azjit_time_monotonic_ms() - guard->written_ms < GUARD_SETTLE_MS;
}

enum guard_health guard_health(const struct guard *guard)
{
	if (!guard->state_known || !guard->state.table_ok)
		return GUARD_OFF;
	return current(guard) ? GUARD_ON : GUARD_UNKNOWN;
}

enum azjit_result guard_new(struct broker *broker, struct guard **ret)
{
	struct guard *guard = calloc(1, sizeof(*guard));
	enum azjit_result result;

	if (!guard)
		return AZJIT_NOMEM;
	guard->broker = broker;
	guard->inotify = -1;
	result = azjit_loop_timer(broker->loop, 0, on_look, guard, &guard->look);
	if (result != AZJIT_OK) {
		guard_free(guard);
		return result;
	}
	watch(guard);
	read_set(guard);
	read_state(guard);
	*ret = guard;
	return AZJIT_OK;
}

void guard_free(struct guard *guard)
{
	if (!guard)
		return;
	azjit_source_free(guard->io);
	azjit_source_free(guard->look);
	if (guard->inotify >= 0)
		(void)close(guard->inotify);
	free(guard->written.pairs);
	free(guard->applied.pairs);
	free(guard);
}
