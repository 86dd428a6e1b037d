#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Checks the structure that docs/architecture.md draws. Exit 0: all rules hold; a broken one prints
# the lines that break it.
#   1. The table below: which folder may include which. A folder always includes itself; what is not
#      listed may not be included.
#   2. No include cycle between files. NAME.c, NAME.h and NAME_internal.h count as one file.
#   3. What runs in a traced program: who reads the environment, who has constructors, who may end a
#      process.
set -u
cd "$(dirname "$0")/.." || exit 1
failed=0

fail() {
	echo "check_layers: $1" >&2
	failed=1
}

# folder: the folders that it may include, also on the indented lines below it.
# "preload" alone is the public header uvtrace.h.
layers='
preload/format:
preload/files:
preload/ring: preload/format preload/files
preload/observe: preload/format preload/files preload/ring
preload/runtimes: preload/format preload/observe
preload/segment: preload/format preload/files preload/ring preload/observe preload/runtimes
preload/watch: preload/format preload/files preload/ring preload/observe preload/runtimes
	preload/segment
preload/drain: preload/format preload/files preload/ring preload/observe preload/segment
	preload/watch
preload/patch:
preload/libuv: preload/format preload/patch preload/ring
preload/program: preload/format preload/files preload/ring preload/observe preload/segment
	preload/watch preload/drain
preload/hooks: preload preload/format preload/ring preload/libuv preload/program
preload/ctl: preload/patch preload/libuv preload/format preload/files preload/ring preload/observe
	preload/runtimes preload/segment preload/watch preload/drain preload/program
preload: preload/format preload/ring preload/libuv preload/program preload/hooks
analyzer/base: preload/format
analyzer/trace: analyzer/base preload/format preload/files preload/ring
analyzer/trace/native: analyzer/base analyzer/trace preload/format preload/files
analyzer/timeline: analyzer/base analyzer/trace preload/format
analyzer/timeline/pool: analyzer/base analyzer/trace analyzer/timeline preload/format
analyzer/transactions: analyzer/base analyzer/trace analyzer/timeline preload/format
analyzer/transactions/native: analyzer/base analyzer/trace analyzer/transactions preload/format
analyzer/symbols: analyzer/base analyzer/trace preload/format
analyzer/symbols/native: analyzer/base analyzer/trace analyzer/symbols preload/format preload/files
analyzer/findings: analyzer/base analyzer/trace analyzer/timeline analyzer/transactions
	analyzer/symbols analyzer/findings/advice preload/format
analyzer/findings/advice:
analyzer/findings/meanings: analyzer/findings
analyzer/findings/detect: analyzer/base analyzer/trace analyzer/timeline analyzer/transactions
	analyzer/symbols analyzer/findings preload/format
analyzer/report: analyzer/base analyzer/trace analyzer/timeline analyzer/transactions
	analyzer/symbols analyzer/findings preload/format
analyzer/report/text: analyzer/base analyzer/trace analyzer/timeline analyzer/transactions
	analyzer/symbols analyzer/findings analyzer/report preload/format
analyzer/report/json: analyzer/base analyzer/trace analyzer/timeline analyzer/transactions
	analyzer/symbols analyzer/findings analyzer/report preload/format
analyzer/report/formats: analyzer/base analyzer/trace analyzer/timeline analyzer/transactions
	analyzer/symbols analyzer/findings analyzer/report analyzer/report/text
	analyzer/report/json preload/format preload/files
analyzer/report/formats/exports: analyzer/base analyzer/trace analyzer/timeline
	analyzer/transactions analyzer/transactions/native analyzer/symbols analyzer/findings
	analyzer/report analyzer/report/formats preload/format
analyzer/command: analyzer/base analyzer/timeline analyzer/transactions analyzer/findings
	analyzer/report analyzer/report/formats preload/format
analyzer/jsonl: analyzer/base analyzer/trace analyzer/timeline analyzer/transactions
	analyzer/transactions/native analyzer/symbols analyzer/findings analyzer/report
	preload/format
analyzer/viewer:
analyzer/viewer/wasm: analyzer/viewer analyzer/base analyzer/trace analyzer/timeline
	analyzer/transactions analyzer/symbols analyzer/findings analyzer/report
	analyzer/report/json analyzer/viewer/wasm/stand_ins analyzer/viewer/wasm/sums preload/format
analyzer/viewer/wasm/jobs: analyzer/viewer/wasm analyzer/base analyzer/trace analyzer/timeline
	preload/format
analyzer/viewer/wasm/sums: analyzer/viewer/wasm analyzer/base analyzer/trace preload/format
analyzer/viewer/wasm/stand_ins: analyzer/base analyzer/trace analyzer/symbols
analyzer: analyzer/command analyzer/base analyzer/trace analyzer/timeline analyzer/transactions
	analyzer/symbols analyzer/findings analyzer/report analyzer/report/text
	analyzer/report/formats analyzer/jsonl preload/format preload/ring
'

sources=$(find preload analyzer -path '*/wasm/include' -prune -o \( -name '*.[chS]' \
	-o -name '*.def' \) -print | sort)

# "FILE:LINE INCLUDED", one for each include of a file of the project, both with their paths.
# shellcheck disable=SC2086 # a list of our own file names, without spaces
includes=$(awk -v all="$sources" '
BEGIN {
	count = split(all, names, "\n")
	for (i = 1; i <= count; i++)
		there[names[i]] = 1
}
match($0, /^[ \t]*#[ \t]*include[ \t]*"[^"]+"/) {
	name = substr($0, RSTART, RLENGTH)
	sub(/^[^"]*"/, "", name)
	sub(/"$/, "", name)
	folder = FILENAME
	sub(/\/[^\/]*$/, "", folder)
	found = (folder "/" name) in there ? folder "/" name : ("preload/" name) in there ? \
		"preload/" name : ("analyzer/" name) in there ? "analyzer/" name : ""
	if (found)
		print FILENAME ":" FNR, found
}' $sources)

if ! printf '%s\n' "$includes" | awk -v layers="$layers" '
function folder_of(file) {
	sub(/:[0-9]+$/, "", file)
	sub(/\/[^\/]*$/, "", file)
	return file
}
BEGIN {
	gsub(/\n\t+/, " ", layers)
	count = split(layers, rows, "\n")
	for (i = 1; i <= count; i++) {
		if (split(rows[i], halves, ":") < 2)
			continue
		known[halves[1]] = 1
		words = split(halves[2], folders, " ")
		for (j = 1; j <= words; j++)
			may[halves[1], folders[j]] = 1
	}
}
{
	from = folder_of($1)
	to = folder_of($2)
	if (!(from in known)) {
		print $1 ": its folder is not in the table of layers"
		bad = 1
	} else if (from != to && !((from, to) in may)) {
		print $1 ": includes " $2 ", but " from " may not include " to
		bad = 1
	}
}
END { exit bad }' >&2; then
	fail 'who may include whom: the table in this script'
fi

# tsort prints a loop to standard error and fails.
if ! printf '%s\n' "$includes" | awk '
function module(file) {
	sub(/:[0-9]+$/, "", file)
	sub(/(_internal)?\.[a-zA-Z]+$/, "", file)
	return file
}
{ from = module($1); to = module($2); if (from != to) print from, to }' | tsort >/dev/null; then
	fail 'files that include each other in a circle'
fi

# forbid "RULE" PATTERN FILE ...: none of these files may have a line that matches.
forbid() {
	rule=$1 pattern=$2
	shift 2
	if grep -HnE "$pattern" "$@" >&2; then
		fail "$rule"
	fi
}

# except PATTERN: the sources of preload/ whose path does not match.
except() {
	printf '%s\n' "$sources" | grep '^preload/' | grep -vE "^preload/($1)\$"
}

include='^[[:space:]]*#[[:space:]]*include[[:space:]]*'
# shellcheck disable=SC2046,SC2086 # lists of our own file names, without spaces
{
	forbid 'only hooks/ and libuv/ include <uv.h>' "${include}[<\"]uv\.h" \
		$(except '(hooks|libuv)/.*') $(printf '%s\n' "$sources" | grep '^analyzer/')
	forbid 'only config.c reads the environment' \
		'\<(secure_)?getenv[[:space:]]*\(|\<environ\>' $(except 'program/config\.c')
	forbid 'only libtrace.c has constructors and destructors' \
		'\<(con|de)structor\>[[:space:]]*(\(|\))' $(except 'libtrace\.c')
	# helper.c: the helper'\''s own end before its exec.
	ends='exit|_exit|_Exit|quick_exit|abort|assert|err|errx' prints='printf|fprintf|perror|puts'
	forbid 'what runs in a traced program never ends it and never prints' \
		"^[^/*\"]*\\<($ends|$prints)[[:space:]]*\\(" \
		$(except 'drain/uvtrace_drain\.c|ctl/.*|program/hotpath\.h|program/helper\.c')
}

# The poison list works only on what follows it.
# shellcheck disable=SC2046
if ! awk -v include="$include" '
FNR == 1 { if (has && !last) wrong(file); file = FILENAME; has = last = 0 }
$0 ~ include ".*\\.h[\">]" {
	last = /hotpath\.h"/
	has = has || $0 ~ include "\"(program/)?hotpath\\.h\""
}
END { if (has && !last) wrong(file); exit bad }
function wrong(name) { print name; bad = 1 }' $(except '') >&2; then
	fail 'hotpath.h comes last of the includes'
fi
for file in preload/hooks/hooks_*.c preload/hooks/dispatch.c preload/hooks/site.c \
	preload/program/thread*.c; do
	grep -qE "$include\"(program/)?hotpath\.h\"" "$file" ||
		fail "$file: a hot file includes hotpath.h"
done

# A function that a comment names, as NAME(), occurs as a word outside of comments and strings, or
# is one of these of C++ and libuv. Code and comments are told apart first.
allowed='operator uv_version_string'
# shellcheck disable=SC2046,SC2086
if ! awk -v allowed="$allowed" '
FNR == 1 { inside = 0 }
{
	line = $0; code = ""; comment = ""
	while (line != "") {
		if (inside) {
			at = index(line, "*/")
			comment = comment " " (at ? substr(line, 1, at - 1) : line)
			line = at ? substr(line, at + 2) : ""
			inside = !at
		} else if (match(line, /"([^"\\]|\\.)*"|\047([^\047\\]|\\.)*\047|\/\*|\/\//)) {
			token = substr(line, RSTART, RLENGTH)
			code = code substr(line, 1, RSTART - 1)
			rest = substr(line, RSTART + RLENGTH)
			if (token == "//") { comment = comment " " rest; rest = "" }
			else if (token == "/*") inside = 1
			else code = code " "
			line = rest
		} else { code = code line; line = "" }
	}
	if (FILENAME ~ /^(preload|analyzer)\//)
	while (match(comment, /[A-Za-z_][A-Za-z0-9_]*\(\)/)) {
		name = substr(comment, RSTART, RLENGTH - 2)
		named[FILENAME ":" FNR ": " name "()"] = name
		comment = substr(comment, RSTART + RLENGTH)
	}
	gsub(/[^A-Za-z0-9_]+/, " ", code)
	n = split(code, words, " ")
	for (i = 1; i <= n; i++) coded[words[i]] = 1
}
END {
	split(allowed, words, " ")
	for (i in words)
		coded[words[i]] = 1
	for (place in named)
		if (!(named[place] in coded)) {
			print place
			bad = 1
		}
	exit bad
}' $sources $(find tests -name '*.[ch]') >&2; then
	fail 'a comment names a function that does not exist'
fi
# shellcheck disable=SC2086
forbid 'a comment names functions, not files: "pairs with NAME()"' \
	"pairs with [^.]*[a-z_]+\.[chS]\>" $sources

# shellcheck disable=SC2046,SC2086
if ! awk '
FNR == 1 && !/SPDX-License-Identifier: Apache-2.0/ { print FILENAME; bad = 1 }
{ nextfile }
END { exit bad }' $sources $(find tests -name '*.[ch]') docs/examples/*.c >&2; then
	fail 'each file begins with its SPDX line'
fi
exit $failed
