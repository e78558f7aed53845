// SPDX-License-Identifier: Apache-2.0
// What the module reads from, and says to, the program that loaded it.
#ifndef PAM_AZJIT_HOST_H
#define PAM_AZJIT_HOST_H

#include <security/pam_modules.h>
#include <stdbool.h>

// A string item; NULL if it is unset or empty.
const char *host_item(const pam_handle_t *pamh, int item);

// SSH_CONNECTION of the PAM environment; NULL if unset, or if its client address is another than a
// numeric PAM_RHOST: then a module before us (pam_env with user_readenv) let the user write it.
const char *host_ssh_connection(pam_handle_t *pamh);

// True if PAM_TTY names a terminal. sshd says "ssh" there, and what is said to it while a session opens
// goes to the standard output of scp and sftp.
bool host_has_terminal(const pam_handle_t *pamh);

// Shows one line to the user, if the host has a conversation; never prompts.
void host_say(const pam_handle_t *pamh, const char *text);

#endif
