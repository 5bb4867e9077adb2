package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.loops.MatrixLoops;
import dev.halcyon.backend.cpu.product.PanelLayout;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.WeightFormat;
import dev.halcyon.hal.spi.Decision;

import org.jspecify.annotations.Nullable;

/// Which operands the products take.
final class ProductSupport {
    private ProductSupport() {}

    /// {@return why a product of these types cannot run, or null if it can}
    ///
    /// @param transposed whether b is stored with a row for each column of the result
    static <A extends KernelArgs> @Nullable Decision<A, HostWork> refusal(
            MatrixLoops loops,
            DType a,
            WeightFormat b,
            boolean transposed,
            DType out,
            DType accumulate) {
        if (accumulate != DType.F32) {
            return Decision.refused(
                    Support.Reason.NUMERICS,
                    "accumulate is " + accumulate + ", the tiles add in F32",
                    "accumulate F32");
        }
        if (a == DType.F64 || out == DType.F64 || b.dtype() == DType.F64) {
            return Decision.refused(
                    Support.Reason.FORMAT,
                    "a is " + a + ", b " + b + ", out " + out + "; the tiles compute in F32",
                    "F32, BF16 or F16 operands");
        }
        if (b.isRowMajor()) {
            return refuseScheme(b);
        }
        String panel = PanelLayout.name(loops.panelColumns());
        if (!b.layout().equals(panel) || !PanelLayout.takes(b)) {
            return Decision.refused(
                    Support.Reason.FORMAT,
                    "b is stored as "
                            + b
                            + "; this device knows F32 and BF16 in the layout "
                            + panel,
                    "row-major, or the format that device.preferred names");
        }
        if (!transposed) {
            return Decision.refused(
                    Support.Reason.FORMAT,
                    "b is stored as "
                            + b
                            + " with a row for each step of the sum; panels hold a row for each"
                            + " result",
                    "a row-major b, or transposeB");
        }
        return null;
    }

    private static <A extends KernelArgs> @Nullable Decision<A, HostWork> refuseScheme(
            WeightFormat b) {
        if (b.scheme().isEmpty()) {
            return null;
        }
        boolean values =
                switch (b.dtype()) {
                    case F8_E4M3, F8_E5M2, F4_E2M1, I4 -> true;
                    default -> false;
                };
        boolean scales =
                switch (b.scheme().get().scales()) {
                    case F32, F16, BF16, F8_E8M0 -> true;
                    default -> false;
                };
        if (values && scales) {
            return null;
        }
        return Decision.refused(
                Support.Reason.FORMAT,
                "b is stored as " + b + ", which is not decoded here",
                "values of F8_E4M3, F8_E5M2, F4_E2M1 or I4 with scales of F32, F16, BF16 or"
                        + " F8_E8M0");
    }
}
