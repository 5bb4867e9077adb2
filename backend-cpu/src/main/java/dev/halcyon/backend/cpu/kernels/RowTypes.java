package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.hal.Support;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.spi.Decision;

/// The element types that the row kernels compute with: everything goes through F32, which F64
/// would not survive.
final class RowTypes {
    private RowTypes() {}

    /// {@return whether any of the types is one that the loops do not compute with}
    static boolean lacksAny(DType... types) {
        for (DType type : types) {
            if (type != DType.F32 && type != DType.BF16 && type != DType.F16) {
                return true;
            }
        }
        return false;
    }

    /// {@return the refusal of a spec that [#lacksAny] is true for}
    static <A extends KernelArgs> Decision<A, HostWork> refuse(KernelSpec<A> spec, DType... types) {
        StringBuilder names = new StringBuilder();
        for (DType type : types) {
            if (lacksAny(type) && names.indexOf(type.name()) < 0) {
                names.append(names.isEmpty() ? "" : " and ").append(type);
            }
        }
        return Decision.refused(
                Support.Reason.FORMAT,
                spec.name() + " has operands of " + names + "; this kernel computes in F32",
                "F32, BF16 or F16 operands; Cast converts");
    }
}
