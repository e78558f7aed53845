// SPDX-License-Identifier: Apache-2.0
// Who somebody is, asked of the name service. A name that is all digits is a name: nothing is ever read
// as a number. Buffers grow until the name service is content, up to a cap, since an entry of a
// directory can be long and a short buffer must not mean "unknown".
#include <azjit/access.h>

#include <grp.h>
#include <pwd.h>

#define NSS_MAX    (1024 * 1024)
#define GROUPS_MAX 65536

void azjit_person_clear(struct azjit_person *person)
{
	for (size_t i = 0; i < person->groups.count; i++)
		free(person->groups.items[i]);
	free(person->groups.items);
	*person = (struct azjit_person){0};
}

// 0: *ret has the group's name (caller frees; NULL: the group has no name); else an errno value.
static int group_name(gid_t gid, char **ret)
{
	for (size_t size = 1024; size <= NSS_MAX; size *= 2) {
		_cleanup_free_ char *buf = malloc(size);
		struct group entry, *found = NULL;
		int err;

		if (!buf)
			return ENOMEM;
		err = getgrgid_r(gid, &entry, buf, size, &found);
		if (err == ERANGE)
			continue;
		if (!found)
			return err == ENOENT ? 0 : err;
		*ret = strdup(found->gr_name);
		return *ret ? 0 : ENOMEM;
	}
	return ERANGE;
}

static gid_t *group_ids(const char *user, gid_t primary, int *ret_count)
{
	int room = 64;

	while (room <= GROUPS_MAX) {
		_cleanup_free_ gid_t *ids = calloc((size_t)room, sizeof(*ids));
		int count = room;

		if (!ids)
			return NULL;
		if (getgrouplist(user, primary, ids, &count) >= 0) {
			*ret_count = count;
			return STEAL(ids);
		}
		room = count > room ? count : room * 2;
	}
	return NULL;
}

// A group that cannot be looked up now is a failure: to leave it out would refuse for the wrong reason.
static enum azjit_result fill_groups(struct azjit_person *person, gid_t primary, struct azjit_reason *reason)
{
	int count = 0;
	_cleanup_free_ gid_t *ids = group_ids(person->user, primary, &count);

	if (ids)
		person->groups.items = calloc((size_t)count + 1, sizeof(char *));
	if (!ids || !person->groups.items)
		return azjit_fail(reason, AZJIT_SYSTEM, "the groups of the user cannot be read");
	for (int i = 0; i < count; i++) {
		char *name = NULL;
		int err = group_name(ids[i], &name);

		if (err != 0)
			return azjit_fail(reason, AZJIT_SYSTEM,
			                  "the name service does not answer for group %u: %s",
			                  (unsigned)ids[i], strerror(err));
		if (name)
			person->groups.items[person->groups.count++] = name;
	}
	return AZJIT_OK;
}

static enum azjit_result fill_person(const struct passwd *entry, struct azjit_person *ret,
                                     struct azjit_reason *reason)
{
	struct azjit_person person = {.uid = entry->pw_uid};
	enum azjit_result result;

	if (!entry->pw_name[0] || !azjit_copy(person.user, sizeof(person.user), entry->pw_name))
		return azjit_fail(reason, AZJIT_NOT_FOUND, "there is no such user");
	result = fill_groups(&person, entry->pw_gid, reason);
	if (result == AZJIT_OK)
		*ret = person;
	else
		azjit_person_clear(&person);
	return result;
}

// name NULL: by uid.
static enum azjit_result look_up(const char *name, uid_t uid, struct azjit_person *ret,
                                 struct azjit_reason *reason)
{
	int err = 0;

	for (size_t size = 4096; size <= NSS_MAX; size *= 2) {
		_cleanup_free_ char *buf = malloc(size);
		struct passwd entry, *found = NULL;

		if (!buf)
			return azjit_fail(reason, AZJIT_NOMEM, "out of memory");
		err = name ? getpwnam_r(name, &entry, buf, size, &found)
		           : getpwuid_r(uid, &entry, buf, size, &found);
		if (err == ERANGE)
			continue;
		if (found)
			return fill_person(found, ret, reason);
		if (err == 0 || err == ENOENT || err == ESRCH)
			return azjit_fail(reason, AZJIT_NOT_FOUND, "there is no such user");
		break;
	}
	return azjit_fail(reason, AZJIT_SYSTEM, "the name service does not answer: %s", strerror(err));
}

enum azjit_result azjit_person_by_uid(unsigned uid, struct azjit_person *ret, struct azjit_reason *reason)
{
	return look_up(NULL, uid, ret, reason);
}

enum azjit_result azjit_person_by_name(const char *user, struct azjit_person *ret,
                                       struct azjit_reason *reason)
{
	if (!user[0])
		return azjit_fail(reason, AZJIT_NOT_FOUND, "there is no such user");
	return look_up(user, 0, ret, reason);
}
