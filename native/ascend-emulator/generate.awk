# Writes what the tables in abi/ imply. -v what=declarations|operators|prototypes|numbers|trampolines, for trampolines also -v library=NAME
# -v profile=8.1|head -v machine=x86_64|aarch64; for operators and trampolines -v implemented="name name ...".

function mark(type) { return type == "HIF8" || type ~ /^F8_|^F4_/ ? "bit(" type ")" : "bit(" type ")" }

function c_type(kind) {
    if (kind == "i8") return "int8_t"
    if (kind == "i64") return "int64_t"
    if (kind == "u64") return "uint64_t"
    if (kind == "f32") return "float"
    if (kind == "f64") return "double"
    if (kind == "bool") return "bool"
    if (kind == "dt") return "int32_t"
    if (kind == "str") return "const char *"
    return "const void *"
}

function role(kind, name, op) {
    if (kind !~ /^(T|oT|L|oL)$/) return "NONE"
    if (name ~ /Ref$/ || (op ~ /^aclnnInplace/ && name == "self")) return "INOUT"
    if (kind ~ /^o/ || name ~ /Out$|OutOptional$/ || name == "softmaxLse") return "OUT"
    if (name == "out" && op !~ /SparseFlashAttentionGrad/) return "OUT"
    return "IN"
}

function optional(kind, name) {
    if (kind == "str" || kind == "IA") return "true"
    if (name ~ /Optional/) return "true"
    return name ~ /^(outOut|expandedScaleOut|kRopeOut|cKvOut|softmaxOutOut|softmaxLse|blockTable|actualSeqLengthsQuery|actualSeqLengthsKv|queryRope|keyRope|zlossOut|lseForZlossOut|expertTokensCountOrCumsumOut|expertTokensBeforeCapacityOut|softmaxMaxOut|softmaxSumOut|dpseOut|offset|bias|dcosOut|dsinOut|probsGradOut|gradScalesOut|maxExpAvgSqsRef)$/ ? "true" : "false"
}

function trampoline(name) {
    printf "\t.globl %s\n\t.type %s, %%function\n%s:\n", name, name, name
    if (machine == "aarch64") printf "\tb impl_%s\n", name
    else printf "\tjmp impl_%s@PLT\n", name
    printf "\t.size %s, .-%s\n", name, name
}

BEGIN {
    n = split(implemented, list, " ")
    for (i = 1; i <= n; i++) have[list[i]] = 1
    if (what == "trampolines") print "\t.text"
}

# abi/functions.txt
FILENAME ~ /functions.txt$/ && !/^#/ && NF {
    group = $1; since = $2
    line = $0
    sub(/^[a-z]+ [^ ]+ /, "", line)
    match(line, /[A-Za-z0-9_]+\(/)
    name = substr(line, RSTART, RLENGTH - 1)
    if (what == "declarations")
        printf "EMU_EXPORT %simpl_%s;\n", substr(line, 1, RSTART - 1), substr(line, RSTART)
    if (what == "trampolines" && (name in have) && (since == "8.1" || profile == "head"))
        if (group == "acl" ? library ~ /^(acl_rt|ascendcl)$/ : group == "base" ? library == "nnopbase" : library == "opapi_" group)
            trampoline(name)
}

# abi/constants.txt
FILENAME ~ /constants.txt$/ && !/^#/ && NF && what == "numbers" {
    printf "constexpr int64_t abi_%s_%s%s = %s;\n", $1, $2, $3 == "-" ? "" : "_" $3, $4
}

# abi/operators.txt
FILENAME ~ /operators.txt$/ && !/^#/ && NF {
    split($0, field, / *\| */)
    op = field[1]
    if (!(op in have)) next
    if (what == "trampolines") {
        if (field[3] != "8.1" && profile != "head") next
        if (library == "opapi_" field[2] || library == "opapi") {
            trampoline(op "GetWorkspaceSize")
            trampoline(op)
        }
        next
    }
    if (what != "operators" && what != "prototypes") next
    count = split(field[5], parameter, /, */)
    signature = ""; raw = ""
    if (what == "operators") printf "static const Parameter parameters_%s[] = {\n", op
    for (i = 1; i <= count; i++) {
        words = split(parameter[i], word, " ")
        types = "0"; same = "nullptr"
        if (words > 2 && word[3] ~ /^=/) same = "\"" substr(word[3], 2) "\""
        else if (words > 2) {
            m = split(word[3], type, "/")
            types = ""
            for (k = 1; k <= m; k++) types = types (k > 1 ? " | " : "") mark(type[k])
        }
        if (what == "operators") printf "    {\"%s\", \"%s\", Role::%s, %s, %s, %s},\n", word[2], word[1], role(word[1], word[2], op), optional(word[1], word[2]), types, same
        signature = signature c_type(word[1]) " " word[2] ", "
        raw = raw (i > 1 ? ", " : "") "Raw(" (word[1] == "str" ? "static_cast<const void *>(" word[2] ")" : word[2]) ")"
    }
    if (what == "prototypes") {
        printf "EMU_EXPORT int32_t impl_%sGetWorkspaceSize(%suint64_t *workspaceSize, void **executor);\n", op, signature
        printf "EMU_EXPORT int32_t impl_%s(void *workspace, uint64_t workspaceSize, void *executor, void *stream);\n", op
        next
    }
    printf "};\nstatic const Operator operator_%s = {\"%s\", \"%s\", \"%s\", parameters_%s, %d};\n", op, op, field[2], field[4], op, count
    printf "EMU_EXPORT int32_t impl_%sGetWorkspaceSize(%suint64_t *workspaceSize, void **executor)\n{\n", op, signature
    printf "    const Raw raw[] = {%s};\n    return phase1(operator_%s, raw, workspaceSize, executor);\n}\n", raw, op
    printf "EMU_EXPORT int32_t impl_%s(void *workspace, uint64_t workspaceSize, void *executor, void *stream)\n{\n", op
    printf "    return phase2(operator_%s, workspace, workspaceSize, executor, stream);\n}\n", op
}

END { if (what == "trampolines") print "\t.section .note.GNU-stack,\"\",%progbits" }
