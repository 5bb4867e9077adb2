package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.backend.ascend.operators.Refusal;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.Decision;

import org.jspecify.annotations.Nullable;

import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Function;

/// Makes decisions out of compositions: written once without memory to plan, and once with memory
/// to bind.
final class Composed {
    private Composed() {}

    /// {@return the decision to run a composition, or its refusal}
    ///
    /// @param name of the implementation
    /// @param atBounds the operands at the spec's bounds, without memory
    /// @param views makes the operands from arguments
    /// @param recipe writes the composition
    static <A extends KernelArgs, V> Decision<A, AscendWork> decide(
            Platform platform,
            String name,
            Numerics numerics,
            V atBounds,
            Function<A, V> views,
            BiConsumer<Composition, V> recipe) {
        Composition planned = Composition.planned(platform);
        try {
            recipe.accept(planned, atBounds);
        } catch (Refusal refusal) {
            return new Decision.Refused<>(refusal.declined());
        } catch (ArithmeticException overflow) {
            return Decision.refused(
                    Support.Reason.SHAPE,
                    name + " at these bounds needs intermediates of more bytes than a long counts",
                    "smaller bounds");
        }
        return Decision.planned(
                new Implementation(name, "aclnn"),
                numerics,
                planned.workspaceBytes(),
                (args, workspace) -> {
                    Composition bound = Composition.bound(platform, workspace);
                    recipe.accept(bound, views.apply(args));
                    return bound.work();
                });
    }

    static @Nullable View optional(@Nullable Tensor tensor) {
        return tensor == null ? null : View.of(tensor);
    }

    /// {@return what sums and functions of these types are computed in}
    static DType compute(DType... types) {
        return List.of(types).contains(DType.F64) ? DType.F64 : DType.F32;
    }

    static AclDataType acl(DType dtype) {
        return View.typeOf(dtype);
    }

    /// {@return what kernels promise that sum with CANN's reductions and products: how these split
    /// their work depends on the whole shape, so a row's result may depend on the others}
    static Numerics reductions(DType compute) {
        return new Numerics(compute, false, true);
    }

    /// {@return what kernels promise whose operators treat every row by itself}
    static Numerics rows(DType compute) {
        return new Numerics(compute, true, true);
    }

    /// {@return a refusal of bfloat16 on a processor without it; null if the types are fine}
    static <A extends KernelArgs> @Nullable Decision<A, AscendWork> refuseBf16(
            Platform platform, DType... types) {
        return platform.soc().hasBf16() || !List.of(types).contains(DType.BF16)
                ? null
                : Decision.refused(
                        Support.Reason.HARDWARE,
                        platform.soc() + " does not compute with BF16",
                        "F16 or F32");
    }
}
