// SPDX-License-Identifier: Apache-2.0
// The one table of keys. A row says what a key is called, what it takes, its default (in the file's own
// syntax), where the value is stored and what it does; reading, range checks, `config show`, the sample
// file and the error sentences all come from it.
#ifndef AZJIT_ENGINE_CONFIG_KEY_H
#define AZJIT_ENGINE_CONFIG_KEY_H

#include <azjit/config.h>
#include <libconfig.h>

#define AZJIT_CONFIG_MAX_BYTES (1024 * 1024)
#define AZJIT_CONFIG_TEXT_MAX  1024 // of one string value

enum azjit_key_type {
	AZJIT_KEY_TEXT = 0, // printable text
	AZJIT_KEY_PATH,     // absolute
	AZJIT_KEY_HTTPS,    // https://HOST[:PORT]
	AZJIT_KEY_HTTP,     // http://HOST[:PORT]
	AZJIT_KEY_URI,      // of a private key: azjit_key_uri_check
	AZJIT_KEY_ENDPOINT, // http://HOST[:PORT][/PATH]
	AZJIT_KEY_TENANT,   // a GUID or a domain
	AZJIT_KEY_GUID,
	AZJIT_KEY_NUMBER,   // int64_t
	AZJIT_KEY_SWITCH,   // bool
	AZJIT_KEY_DURATION, // int64_t, seconds
	AZJIT_KEY_CHOICE,   // a word; stored as its value in a field of `size` bytes, or as text if size is 0
	AZJIT_KEY_GUIDS,
	AZJIT_KEY_USERS, // names of people, exact
	AZJIT_KEY_GROUPS,
	AZJIT_KEY_WORDS, // PAM service names
	AZJIT_KEY_PATTERNS,
	AZJIT_KEY_PORTS,
	AZJIT_KEY_ADDRESSES, // IPv4
	AZJIT_KEY_PREFIX,    // one IPv4 prefix, allocated
	AZJIT_KEY_MAP,       // struct azjit_source_map
	AZJIT_KEY_ALIASES,   // struct azjit_alias
	AZJIT_KEY_SOURCE,    // of a rule: the field is the whole rule
	AZJIT_KEY_TYPES_,
};

struct azjit_key_choice {
	const char *word;
	int64_t value;
};

struct azjit_config_key {
	const char *group; // NULL: top level, or a key of a rule
	const char *name;
	enum azjit_key_type type;
	size_t offset, size;
	const char *def; // NULL: not set
	int64_t min, max;
	const struct azjit_key_choice *choices; // ends with a NULL word
	const char *text;                       // lines parted by \n
};

struct azjit_config_group {
	const char *name, *text;
};

extern const struct azjit_config_key azjit_config_keys[];
extern const size_t azjit_config_key_count;
extern const struct azjit_config_group azjit_config_groups[];
extern const size_t azjit_config_group_count;
extern const struct azjit_config_key azjit_rule_keys[];
extern const size_t azjit_rule_key_count;

// A list as every list field is stored: pointer, then count.
struct azjit_config_list {
	void *items;
	size_t count;
};

// Where a value is read: for sentences.
struct azjit_key_at {
	const char *file;
	const char *path; // "wait.deadline", "rules[2].ports"
	const struct azjit_config_key *key;
	struct azjit_reason *reason;
};

// "FILE:LINE: PATH ..." as AZJIT_CONFIG; the line is the setting's.
enum azjit_result azjit_key_fail(const struct azjit_key_at *at, const config_setting_t *setting,
                                 const char *fmt, ...) _printf_(3, 4);

// Reads a setting into its field of the structure at `base`, instead of what was there.
enum azjit_result azjit_key_read(const struct azjit_key_at *at, const config_setting_t *setting, void *base);
// Writes the value in the file's syntax, or as JSON; false if the buffer failed.
bool azjit_key_write(const struct azjit_config_key *key, const void *base, bool json, struct azjit_buf *out);
bool azjit_key_is_set(const struct azjit_config_key *key, const void *base);
void azjit_key_clear(const struct azjit_config_key *key, void *base);
// "a duration in quotes, from \"1s\" to \"10m\"": for sentences and the sample.
void azjit_key_takes(const struct azjit_config_key *key, char *ret_text, size_t size);
// What somebody wrote instead, for the end of a sentence.
void azjit_key_wrote(const config_setting_t *setting, char *ret_text, size_t size);

// Fills every field of `base` (all zero before) whose key has a default.
enum azjit_result azjit_keys_default(const struct azjit_config_key *keys, size_t count, void *base);
void azjit_keys_clear(const struct azjit_config_key *keys, size_t count, void *base);
// The key of that group (NULL: top level) and name; NULL if there is none.
const struct azjit_config_key *azjit_key_find(const struct azjit_config_key *keys, size_t count,
                                              const char *group, const char *name);
// Edits between two words (insert, delete, change, swap), case ignored.
unsigned azjit_key_distance(const char *a, const char *b);

// What libconfig would do silently and we refuse: @include, numbers that do not fit, NUL in a string.
enum azjit_result azjit_config_scan(const char *text, size_t len, const char *file,
                                    struct azjit_reason *reason);
// Reads the list of rules; `setting` is the member `rules`.
enum azjit_result azjit_config_read_rules(const char *file, const config_setting_t *setting,
                                          struct azjit_config *config, struct azjit_reason *reason);
// Rules between keys, once all are read: identity's members, widths of sources, times of rules.
enum azjit_result azjit_config_cross_check(const char *file, const config_setting_t *root,
                                           const struct azjit_config *config, struct azjit_reason *reason);
// Which keys go with the kind of identity.
enum azjit_result azjit_config_check_identity(const char *file, const config_setting_t *root,
                                              const struct azjit_config *config, struct azjit_reason *reason);
// True if the prefix is IPv4 and not wider than max_prefix; else the sentence's clause.
bool azjit_config_prefix_ok(const struct azjit_prefix *prefix, int64_t max_prefix, const char **ret_why);

#endif
