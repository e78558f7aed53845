// SPDX-License-Identifier: Apache-2.0
// What an answer that is no success says: the union of every error shape seen (azure.md §5.3, §4,
// §6.2, §6.4), and what it means as a result.
#ifndef AZJIT_AZURE_ERROR_H
#define AZJIT_AZURE_ERROR_H

#include <azjit/result.h>

#define ERROR_CODE_CHARS    128
#define ERROR_MESSAGE_CHARS 8192

struct error_text {
	char code[ERROR_CODE_CHARS];       // "" if none; printable
	char message[ERROR_MESSAGE_CHARS]; // whole, printable; a sentence of ours if Azure gave none
};

// Reads {"error":{"code","message","details"}}, {"code","message"}, {"error","error_description"},
// {"Message"}, HTML, plain text and nothing at all. `who` names the service in our own sentence.
void error_read(const char *who, int http_status, const char *body, size_t len, struct error_text *ret);

// The result of a read, or of a write, that was answered so.
enum azjit_result error_result(int http_status, bool write);

#endif
