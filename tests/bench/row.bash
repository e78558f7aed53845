# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What the benches print: a row a promise, which `run` lays out, and notes.

# row PROMISE MEASURED VERDICT: kept, MISSED or "too noisy to say".
row() {
	printf 'row\t%s\t%s\t%s\n' "$@"
}

note() {
	printf 'note\t%s\n' "$*"
}

# at_most NUMBER LIMIT: the verdict.
at_most() {
	awk -v n="$1" -v limit="$2" 'BEGIN { print (n != "" && n + 0 <= limit + 0 ? "kept" : "MISSED") }'
}

# percentile P: of the sorted numbers on standard input, nearest rank.
percentile() {
	awk -v p="$1" '{ v[NR] = $1 }
		END { if (!NR) exit 1; k = int(NR * p / 100); if (k < NR * p / 100) k++; print v[k] }'
}
