#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Checks who may know whom: the order of dependencies that docs/architecture.md draws, held by grep.
# Each rule is one line at the bottom; a broken one prints the lines that break it. Exit 0: all hold.
set -u
cd "$(dirname "$0")/.." || exit 1
failed=0

# forbid "RULE" PATTERN FILE ...: none of these files may have a line that matches.
forbid() {
	rule=$1 pattern=$2
	shift 2
	files=
	for file; do
		[ -f "$file" ] && files="$files $file"
	done
	[ -n "$files" ] || return 0
	# shellcheck disable=SC2086 # a list of our own file names, without spaces
	if grep -HnE "$pattern" $files >&2; then
		echo "check_layers: $rule" >&2
		failed=1
	fi
}

# except NAME-PATTERN FILE ...: the files whose base name does not match.
except() {
	pattern=$1
	shift
	for file; do
		case ${file##*/} in
		*[!a-zA-Z0-9_.]*) ;;
		*) echo "${file##*/}" | grep -qE "^($pattern)\$" || echo "$file" ;;
		esac
	done
}

include='^[[:space:]]*#[[:space:]]*include[[:space:]]*'
preload=$(ls preload/*.[chS] preload/*.def 2>/dev/null)
analyzer=$(ls analyzer/*.[ch] 2>/dev/null)
mains='uvtrace_drain\.c|trace_ctl\.c'
# shellcheck disable=SC2086,SC2046 # lists of our own file names
{
	# drain.h is a contract: of it they use drain_wake alone.
	forbid 'hooks never see what encodes and writes' "$include\"(writer|encoder|segment|modules|sampler|watchdog|look|rings)\.h\"" \
		preload/hooks_* preload/site.[ch] preload/thread.[ch]
	forbid 'the drain knows neither hooks, sites nor threads' "$include\"(hooks.*|thread|site|real|config|helper)\.h\"" \
		preload/encoder.[ch] preload/writer.[ch] preload/segment.[ch] preload/drain.[ch] preload/rings.[ch] preload/modules.[ch] preload/machine.[ch] preload/sampler.[ch] \
		preload/orphans.[ch] preload/folder.[ch] preload/short_file.[ch] preload/watchdog.[ch] preload/look*.[ch] preload/doing.[ch] \
		preload/crc32c.[ch] preload/uvtrace_drain.c
	forbid 'the analyzer shares only trace_*, shared.h, laps.h, crc32c.h and version.h with the preload' \
		"$include\"(\.\./.*|$(except 'trace_.*|shared\.h|laps\.h|crc32c\.h|version\.h|clock\.h' preload/*.h | sed 's,.*/,,; s/\./\\./' | paste -sd'|'))\"" \
		$analyzer
	forbid 'the preload knows nothing of the analyzer' \
		"$include\"(\.\./.*|$(ls analyzer/*.h | sed 's,.*/,,; s/\./\\./' | paste -sd'|'))\"" $preload
	forbid 'only hooks_* and real include <uv.h>' "${include}[<\"]uv\.h" \
		$(except 'hooks.*|real\.[ch]' $preload) $analyzer
	forbid 'only config reads the environment' '\<(secure_)?getenv[[:space:]]*\(|\<environ\>' \
		$(except 'config\.c' $preload)
	forbid 'only libtrace.c has constructors and destructors' '\<(con|de)structor\>[[:space:]]*(\(|\))' \
		$(except 'libtrace\.c' $preload)
	forbid 'what runs in a traced program never ends it and never prints' \
		'^[^/*"]*\<(exit|_exit|_Exit|quick_exit|abort|assert|printf|fprintf|perror|puts|err|errx)[[:space:]]*\(' \
		$(except "$mains|hotpath\.h|helper\.c" $preload) # helper.c: the helper's own end before its exec
}

# The poison list works only on what follows it.
for file in $preload; do
	last=$(grep -E "$include.*\.h[\">]" "$file" | tail -n 1)
	if grep -qE "$include\"hotpath\.h\"" "$file" && [ "${last#*\"hotpath.h\"}" = "$last" ]; then
		echo "check_layers: $file: hotpath.h comes last of the includes" >&2
		failed=1
	fi
done
for file in preload/hooks_*.c preload/thread.c preload/site.c; do
	if [ -f "$file" ] && ! grep -qE "$include\"hotpath\.h\"" "$file"; then
		echo "check_layers: $file: a hot file includes hotpath.h" >&2
		failed=1
	fi
done

for file in $preload $analyzer tests/*/*.[ch] docs/examples/*.c; do
	[ -f "$file" ] || continue
	if ! head -n 1 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0'; then
		echo "check_layers: $file: begins with its SPDX line" >&2
		failed=1
	fi
done
exit $failed
