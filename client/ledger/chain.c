// SPDX-License-Identifier: Apache-2.0
// The chain. Against: someone who can write to the file (root, the broker's user, a restored backup)
// and changes, reorders, inserts or removes entries. What must hold: whoever knows one digest from
// outside the file can tell whether any entry up to it was touched. Why it holds: an entry's digest
// covers every byte of the entry and the digest before it, so two files with the same digest at one
// number have the same entries up to there. There is no key: who may write may compute the whole chain
// anew, and only digests kept elsewhere (the anchors in Azure's Activity Log) tell.
//
// To verify a ledger independently of this program:
//
//   digest(0) = 32 zero bytes
//   digest(n) = SHA-256(digest(n-1) || canonical(n))
//
// and canonical(n) is, with every integer big-endian:
//
//   the 15 ASCII bytes "azjit-ledger-1" and 0x00
//   uint64  seq           n: 1 for the first entry, no gaps
//   int64   when          ticks of 100 ns since 1970-01-01T00:00:00Z
//   string  kind          "login", "intent", …: column kind
//   string  event
//   string  session       empty if none
//   string  grant         empty if none: column grant_id
//   string  host
//   uint32  field count
//   for each field, in the order of column pos:
//     string  key
//     string  value
//
// where a string is uint32 length in bytes, then these bytes as they are (no normalisation, no
// terminator). The columns are those of tables entry and field (sqlite.c); entry.digest is digest(n).
//
// The anchor of entry n is a UUID of version 8: the 128 bits are filled, from the left, with the first
// 122 bits of digest(n), except that the four version bits are 1000 and the two variant bits 10
// (RFC 9562 §5.8). An intent's client_request_id is the anchor of the entry whose number stands in its
// field anchor_seq; an intent after an empty ledger carries the anchor of digest(0).
#include "store.h"
#include <azjit/text.h>
#include <openssl/evp.h>

static const char domain[] = "azjit-ledger-1";

static void cleanup_md(EVP_MD_CTX **md)
{
	EVP_MD_CTX_free(*md);
}

static bool add_u32(EVP_MD_CTX *md, uint32_t value)
{
	uint8_t bytes[4];

	for (unsigned i = 0; i < 4; i++)
		bytes[i] = (uint8_t)(value >> (24 - 8 * i));
	return EVP_DigestUpdate(md, bytes, sizeof(bytes)) == 1;
}

static bool add_u64(EVP_MD_CTX *md, uint64_t value)
{
	return add_u32(md, (uint32_t)(value >> 32)) && add_u32(md, (uint32_t)value);
}

static bool add_string(EVP_MD_CTX *md, const char *string)
{
	size_t len = string ? strlen(string) : 0;

	return len <= UINT32_MAX && add_u32(md, (uint32_t)len) &&
	       (len == 0 || EVP_DigestUpdate(md, string, len) == 1);
}

static bool add_fields(EVP_MD_CTX *md, const struct azjit_entry *entry)
{
	uint32_t count = 0;

	for (size_t i = 0; i < entry->field_count; i++)
		count += entry->fields[i].value != NULL;
	if (!add_u32(md, count))
		return false;
	for (size_t i = 0; i < entry->field_count; i++) {
		const struct azjit_entry_field *field = &entry->fields[i];

		if (field->value && (!add_string(md, field->key) || !add_string(md, field->value)))
			return false;
	}
	return true;
}

bool azjit_chain_digest(const uint8_t previous[AZJIT_DIGEST_BYTES], uint64_t seq, azjit_ticks when,
                        const char *host, const struct azjit_entry *entry,
                        uint8_t ret_digest[AZJIT_DIGEST_BYTES])
{
	_cleanup_(cleanup_md) EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint8_t digest[AZJIT_DIGEST_BYTES];
	unsigned len = 0;

	if (!md || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1 ||
	    EVP_DigestUpdate(md, previous, AZJIT_DIGEST_BYTES) != 1 ||
	    EVP_DigestUpdate(md, domain, sizeof(domain)) != 1 || !add_u64(md, seq) ||
	    !add_u64(md, (uint64_t)when) || !add_string(md, azjit_entry_kind_name(entry->kind)) ||
	    !add_string(md, entry->event) || !add_string(md, entry->session) ||
	    !add_string(md, entry->grant) || !add_string(md, host) || !add_fields(md, entry) ||
	    EVP_DigestFinal_ex(md, digest, &len) != 1 || len != sizeof(digest))
		return false;
	memcpy(ret_digest, digest, sizeof(digest));
	return true;
}
