# SPDX-License-Identifier: Apache-2.0
#
# contract.awk <contract.def: writes the JavaScript module of what is agreed on there. A field of a
# stroke becomes a method of Strokes that takes the stroke's number; at() gives all of them.

function view_of(type) {
	if (!(type in views)) {
		printf "contract.awk: no array for %s\n", type >"/dev/stderr"
		failed = 1
		exit 1
	}
	return views[type]
}

BEGIN {
	FS = "[(), \t\"]+"
	views["double"] = "doubles 8 Float64Array"
	views["float"] = "floats 4 Float32Array"
	views["uint64_t"] = "longs 8 BigUint64Array"
	views["uint32_t"] = "words 4 Uint32Array"
	views["uint8_t"] = "bytes 1 Uint8Array"
}

/^STROKE_FIELD\(/ {
	split(view_of($3), view, " ")
	if ($2 % view[2]) {
		printf "contract.awk: %s lies at %d\n", $4, $2 >"/dev/stderr"
		failed = 1
		exit 1
	}
	arrays[view[1]] = view[3]
	fields[++field_count] = $4
	array_of[$4] = view[1]
	size_of[$4] = view[2]
	offset_of[$4] = $2
	end = $2 + view[2]
}
/^STROKE_TYPE\(/ { types[type_count++] = $2 }
/^CHART\(/ { charts = charts (charts ? ", " : "") "'" $3 "'" }
/^BRIEF\(/ { briefs = briefs " " $2 ": " brief_count++ "," }
/^RUN\(/ { runs = runs " " $2 ": " run_count++ "," }
/^PROGRESS\(/ { stages = stages (stages ? ", " : "") "'" $3 "'" }

END {
	if (failed)
		exit 1
	bytes = int((end + 7) / 8) * 8
	print "/* Made by contract.awk of contract.def. */"
	printf "export const STROKE_BYTES = %d;\n", bytes
	printf "export const STROKE = {"
	for (i = 0; i < type_count; i++)
		printf "%s %s: %d", i ? "," : "", types[i], i
	print " };"
	printf "export const CHART_KEYS = [%s];\n", charts
	printf "export const BRIEFS = %d;\n", brief_count
	printf "export const BRIEF = {%s };\n", briefs
	printf "export const RUNS = %d;\n", run_count
	printf "export const RUN = {%s };\n", runs
	printf "export const PROGRESS_TEXTS = [%s];\n\n", stages
	print "/* Strokes as C leaves them in a buffer. */"
	print "export class Strokes {"
	print "\tconstructor(buffer) {"
	print "\t\tthis.length = buffer.byteLength / STROKE_BYTES;"
	for (name in arrays)
		printf "\t\tthis.%s = new %s(buffer);\n", name, arrays[name]
	print "\t}\n"
	for (i = 1; i <= field_count; i++) {
		name = fields[i]
		printf "\t%s(i) {\n\t\treturn this.%s[i * %d + %d];\n\t}\n\n", name, array_of[name],
			bytes / size_of[name], offset_of[name] / size_of[name]
	}
	print "\tat(i) {\n\t\treturn {"
	for (i = 1; i <= field_count; i++)
		printf "\t\t\t%s: this.%s(i),\n", fields[i], fields[i]
	print "\t\t};\n\t}\n}"
}
