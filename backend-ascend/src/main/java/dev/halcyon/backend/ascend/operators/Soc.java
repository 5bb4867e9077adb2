package dev.halcyon.backend.ascend.operators;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Families of processors, as far as kernels tell them apart.
public enum Soc {
    /// Atlas A2: 910B.
    A2,
    /// Atlas A3: 910C, called `Ascend910_93…`.
    A3,
    /// Ascend 950, the first with 8-bit and 4-bit floats.
    ASCEND_950,
    /// Atlas inference series 310P, without bfloat16.
    ASCEND_310P,
    /// Any other; treated like 310P.
    OTHER;

    private static final Pattern A2_NAME = Pattern.compile("910b\\d.*");

    /// {@return the family of the processor that the runtime names, `Ascend910B3`}
    public static Soc of(String name) {
        String lower = name.toLowerCase(Locale.ROOT);
        String model = lower.startsWith("ascend") ? lower.substring("ascend".length()) : lower;
        Matcher a2 = A2_NAME.matcher(model);
        if (a2.matches()) {
            return A2;
        }
        if (model.startsWith("910_93")) {
            return A3;
        }
        if (model.startsWith("950")) {
            return ASCEND_950;
        }
        return model.startsWith("310p") ? ASCEND_310P : OTHER;
    }

    /// {@return whether its matrix unit takes binary32 as it is}
    public boolean multipliesFloat() {
        return hasBf16();
    }

    /// {@return whether it computes with bfloat16}
    public boolean hasBf16() {
        return this == A2 || this == A3 || this == ASCEND_950;
    }
}
