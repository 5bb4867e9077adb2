package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.attention.Rope;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// Rotation by position: a block a row, with the frequencies among the parameters.
record RopeKernel(KernelFunctions functions) implements Kernel<Rope, Rope.Args, CudaWork> {
    /// As many as the parameter block has places for.
    private static final int MOST_PAIRS = 256;

    @Override
    public Class<Rope> specType() {
        return Rope.class;
    }

    @Override
    public List<String> implementations() {
        return List.of("rope");
    }

    @Override
    public Decision<Rope.Args, CudaWork> decide(Rope spec, Limits limits) {
        if (ElementTypes.isWide(spec.in(), spec.out())) {
            return ElementTypes.declineWide(spec.name());
        }
        if (spec.frequencies().dim() / 2 > MOST_PAIRS) {
            return Decision.refused(
                    Support.Reason.SHAPE,
                    spec.name()
                            + " on a GPU turns at most "
                            + 2 * MOST_PAIRS
                            + " values a head, not "
                            + spec.frequencies().dim(),
                    "a shorter run, or the CPU backend");
        }
        return Decision.planned(
                new Implementation("rope", ""),
                ElementTypes.rowNumerics(),
                0,
                (args, workspace) -> bind(spec, args));
    }

    private CudaWork bind(Rope spec, Rope.Args args) {
        Tensor x = args.x();
        if (x.dim(0) == 0) {
            return CudaWork.of();
        }
        int pairs = spec.frequencies().dim() / 2;
        Params params =
                Params.of()
                        .address(x)
                        .address(args.positions())
                        .address(args.out())
                        .address(args.activeRows())
                        .integer(ElementTypes.code(spec.in()))
                        .integer(ElementTypes.code(spec.out()))
                        .integer(x.dim(0))
                        .integer(spec.heads())
                        .integer(spec.headDim())
                        .integer(spec.firstRotated())
                        .integer(pairs)
                        .integer(spec.pairing() == Rope.Pairing.INTERLEAVED ? 1 : 0)
                        .integer(spec.inverse() ? 1 : 0)
                        .integer(x.stride(0))
                        .integer(x.stride(1))
                        .integer(args.out().stride(0))
                        .integer(args.out().stride(1))
                        .integer(args.positions().stride(0))
                        .real(spec.frequencies().magnitude());
        for (int i = 0; i < MOST_PAIRS; i++) {
            params.real(i < pairs ? spec.frequencies().inverseFrequency(i) : 0);
        }
        return CudaWork.of(
                params.launch(functions, "rope", Math.toIntExact(x.dim(0)), 1, Rows.BLOCK));
    }
}
