package dev.halcyon.backend.ascend.header;

/// A function of C and its type: one letter for the result, one for each parameter.
///
/// `p` pointer, `l` 64-bit integer, `i` 32-bit integer or enumeration, `s` 16-bit integer, `b`
/// 8-bit integer, `z` bool, `d` double, `f` float, `v` nothing, `.` more arguments, `?` unknown.
///
/// @param name the symbol
/// @param letters the type
public record CFunction(String name, String letters) {
    /// {@return the function of a prototype without its semicolon}
    static CFunction parse(String prototype, CTypes types) {
        int open = prototype.indexOf('(');
        String before = prototype.substring(0, open).strip();
        int start = before.length();
        while (start > 0 && Character.isJavaIdentifierPart(before.charAt(start - 1))) {
            start--;
        }
        StringBuilder letters = new StringBuilder();
        letters.append(types.letter(before.substring(0, start)));
        String inner = prototype.substring(open + 1, prototype.lastIndexOf(')')).strip();
        if (!inner.isEmpty() && !inner.equals("void")) {
            for (String parameter : inner.split(",")) {
                letters.append(types.letter(parameter));
            }
        }
        return new CFunction(before.substring(start), letters.toString());
    }
}
