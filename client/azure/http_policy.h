// SPDX-License-Identifier: Apache-2.0
#ifndef AZJIT_AZURE_HTTP_POLICY_H
#define AZJIT_AZURE_HTTP_POLICY_H

#include "http.h"

#include <curl/curl.h>

// curl_easy_setopt, true if it was taken.
#define SET(option, value) (curl_easy_setopt(easy, (option), (value)) == CURLE_OK)

// Everything that decides where a handle goes, whom it trusts and how long it takes. False if one option
// was refused; then the handle must not be used. The URL is copied by libcurl.
bool http_policy(CURL *easy, const struct http_request *request, const char *ca_file, const char *proxy);

#endif
