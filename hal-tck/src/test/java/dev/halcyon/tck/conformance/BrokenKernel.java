package dev.halcyon.tck.conformance;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.host.HostElements;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.elementwise.Axpby;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/// A sum of two matrices that is right but for one defect, of the kind that backends really have.
record BrokenKernel(Defect defect) implements Kernel<Axpby, Axpby.Args, HostWork> {
    /// What is wrong.
    enum Defect {
        NONE,
        DROPS_LAST_COLUMN,
        WRITES_BEHIND_ROWS,
        CHANGES_AN_INPUT,
        READS_ITS_OUTPUT,
        READS_ITS_WORKSPACE,
        WRITES_BESIDE_THE_WORKSPACE,
        IGNORES_ROW_STRIDES,
        COMPUTES_IN_BF16,
        DEPENDS_ON_THE_BATCH,
        DEPENDS_ON_THE_BOUND,
        DEPENDS_ON_THE_RUN,
        REMEMBERS_ITS_FIRST_INPUT,
        SUPPORTS_WHAT_IT_DOES_NOT_PLAN,
        THROWS
    }

    private static final int WORKSPACE_BYTES = 64;
    private static int runs;

    @Override
    public Class<Axpby> specType() {
        return Axpby.class;
    }

    @Override
    public List<String> implementations() {
        return List.of("broken.Axpby");
    }

    @Override
    public Decision<Axpby.Args, HostWork> decide(Axpby spec, Limits limits) {
        if (defect == Defect.SUPPORTS_WHAT_IT_DOES_NOT_PLAN
                && limits.workspaceBytes() <= WORKSPACE_BYTES) {
            return Decision.refused(
                    Support.Reason.WORKSPACE, "more than it asked for", "nobody knows");
        }
        return Decision.planned(
                new Implementation("broken.Axpby", ""),
                Numerics.F32_INVARIANT,
                WORKSPACE_BYTES,
                (args, workspace) -> {
                    double[][] remembered = new double[1][];
                    return faults -> run(spec, args, workspace, remembered);
                });
    }

    private void run(Axpby spec, Axpby.Args args, Tensor workspace, double[][] remembered) {
        runs++;
        if (defect == Defect.THROWS) {
            throw new IllegalStateException("out of registers");
        }
        double[] x = read(args.x());
        if (defect == Defect.REMEMBERS_ITS_FIRST_INPUT) {
            remembered[0] = remembered[0] == null ? x : remembered[0];
            x = remembered[0];
        }
        double[] y = read(args.y());
        double[] scalars =
                args.scalars() == null
                        ? new double[] {spec.alpha(), spec.beta()}
                        : read(args.scalars());
        int rows = (int) args.x().dim(0);
        long dim = spec.dim();
        boolean last = defect == Defect.DROPS_LAST_COLUMN;
        MemorySegment out = args.out().segment();
        for (int i = 0; i < x.length; i++) {
            double sum = scalars[0] * x[i] + scalars[1] * y[i];
            long row = i / dim;
            long column = i % dim;
            sum +=
                    switch (defect) {
                        case READS_ITS_OUTPUT ->
                                0
                                        * HostElements.get(
                                                out,
                                                args.out().dtype(),
                                                row * args.out().stride(0) + column);
                        case READS_ITS_WORKSPACE ->
                                0 * workspace.segment().get(ValueLayout.JAVA_FLOAT, 0);
                        case DEPENDS_ON_THE_BATCH -> rows * 1e-7 * sum;
                        case DEPENDS_ON_THE_BOUND -> spec.maxRows() * 1e-7 * sum;
                        case DEPENDS_ON_THE_RUN -> runs % 2 * 3e-7 * sum;
                        default -> 0;
                    };
            if (defect == Defect.COMPUTES_IN_BF16) {
                sum = RowReference.rounded(sum, DType.BF16);
            }
            long stride = defect == Defect.IGNORES_ROW_STRIDES ? dim : args.out().stride(0);
            if (!last || column < dim - 1) {
                set(args.out(), out, row * stride + column, sum);
            }
        }
        side(args, workspace);
    }

    private void side(Axpby.Args args, Tensor workspace) {
        switch (defect) {
            case WRITES_BEHIND_ROWS -> {
                Tensor out = args.out();
                long end = (out.dim(0) - 1) * out.stride(0) + out.dim(1);
                MemorySegment whole = out.buffer().segment().asSlice(out.byteOffset());
                if ((end + 1) * out.dtype().bits() / 8 <= whole.byteSize()) {
                    HostElements.set(whole, out.dtype(), end, 0);
                }
            }
            case CHANGES_AN_INPUT -> HostElements.set(args.x().segment(), args.x().dtype(), 0, 7);
            case WRITES_BESIDE_THE_WORKSPACE ->
                    workspace
                            .buffer()
                            .segment()
                            .set(
                                    ValueLayout.JAVA_BYTE,
                                    workspace.byteOffset() + WORKSPACE_BYTES,
                                    (byte) 1);
            default -> {}
        }
    }

    private static void set(Tensor tensor, MemorySegment memory, long at, double value) {
        if ((at + 1) * tensor.dtype().bits() / 8 <= memory.byteSize()) {
            HostElements.set(memory, tensor.dtype(), at, value);
        }
    }

    private static double[] read(Tensor tensor) {
        double[] values = new double[(int) tensor.elements()];
        MemorySegment memory = tensor.segment();
        HostElements.forEach(
                tensor,
                (number, at) ->
                        values[(int) number] = HostElements.get(memory, tensor.dtype(), at));
        return values;
    }
}
