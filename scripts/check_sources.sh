#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Checks the shape of the sources. Exit 0: all rules hold; a broken one prints the places.
#   1. No line of a source, script or document is longer than 100 columns, with tabs of 8. Rows of
#      tables are data and may be longer: those of Markdown, and tests/mutations/table.txt.
#   2. No source has more than 450 lines.
#   3. No folder has more than 30 sources.
#   4. C is as clang-format has it, where that is installed; tables that are aligned by hand stand
#      between "clang-format off" and "on".
#   5. Each row of tests/mutations/table.txt still fits the file that it changes.
#   6. A file of ours that a source or document names by its path is there.
# What git ignores, golden files, and what other tools write are not looked at.
set -u
cd "$(dirname "$0")/.." || exit 1
failed=0

fail() {
	echo "check_sources: $1" >&2
	failed=1
}

# "path" for each file of ours that people write.
ours=$(git ls-files -co --exclude-standard | grep -vE '^tests/(golden|fuzz/(corpus|folders))/' |
	grep -E '\.([chS]|cc|def|js|css|html|awk|sh|py|md|[1-9]|in|mk)$|Makefile|^scripts/|^\.ci/' |
	while read -r file; do [ ! -f "$file" ] || echo "$file"; done)
sources=$(printf '%s\n' "$ours" | grep -E '\.([chS]|cc|def|js|css|html|awk|sh|py)$')

# shellcheck disable=SC2086 # a list of our own file names, without spaces
if ! LC_ALL=C awk '
FNR == 1 { markdown = FILENAME ~ /\.md$/ }
length($0) > 12 && !(markdown && /^\|/) {
	line = $0
	gsub(/[\200-\277]/, "", line) # a character is counted by its first byte
	columns = 0
	count = split(line, parts, "\t")
	for (i = 1; i < count; i++)
		columns += length(parts[i]) + 8 - (columns + length(parts[i])) % 8
	columns += length(parts[count])
	if (columns > 100) {
		print FILENAME ":" FNR ": " columns " columns"
		bad = 1
	}
}
END { exit bad }' $ours >&2; then
	fail 'no line is longer than 100 columns'
fi

# shellcheck disable=SC2086
if ! awk '
FNR == 451 { print FILENAME ": has more than 450 lines"; bad = 1 }
END { exit bad }' $sources >&2; then
	fail 'no source has more than 450 lines: split it by subject'
fi

if ! printf '%s\n' "$sources" | awk '
{ sub(/\/[^\/]*$/, ""); count[$0]++ }
END {
	for (folder in count)
		if (count[folder] > 30) {
			print folder ": has " count[folder] " sources"
			bad = 1
		}
	exit bad
}' >&2; then
	fail 'no folder has more than 30 sources: make folders by subject'
fi

if command -v clang-format >/dev/null; then
	formatted=$(printf '%s\n' "$sources" | grep -E '^(preload|analyzer|tests)/.*\.[ch]$')
	# shellcheck disable=SC2086
	clang-format --dry-run -Werror $formatted || fail 'C is as clang-format has it: make format'
fi

named='\<(preload|analyzer|tests|scripts|docs)/[A-Za-z0-9_./-]+\.(c|h|S|def|js|py|sh|md)\>'
# shellcheck disable=SC2086
missing=$(grep -noE "$named" /dev/null $ours | while IFS=: read -r file line path; do
	[ -f "$path" ] || echo "$file:$line: names $path"
done)
if [ "$missing" ]; then
	printf '%s\n' "$missing" >&2
	fail 'a path that is named is that of a file'
fi

if command -v python3 >/dev/null && ! python3 -B tests/mutations/run.py --fits >&2; then
	fail 'the table of mutations fits the sources'
fi
exit $failed
