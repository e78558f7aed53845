// SPDX-License-Identifier: Apache-2.0
// nft's words for the guard's set of refusals. Included once.
#ifndef AZJIT_TESTS_GUARD_LIST_H
#define AZJIT_TESTS_GUARD_LIST_H

#define SET(more)                                                                                         \
	"{\"nftables\": [{\"metainfo\": {\"json_schema_version\": 1}}, {\"set\": {\"family\": \"inet\", " \
	"\"name\": \"attempts\", \"table\": \"azjit_guard\", \"flags\": [\"timeout\"]" more "}}]}"
#define ELEM(key, count)                          \
	"{\"elem\": {\"val\": {\"concat\": [" key \
	"]}, \"expires\": 86399, \"counter\": {\"packets\": " count ", \"bytes\": 60}}}"
#define ONE(key, count) SET(", \"elem\": [" ELEM(key, count) "]")
#define BOB_WEB         "2002, \"10.20.1.4\", 22"

#endif
