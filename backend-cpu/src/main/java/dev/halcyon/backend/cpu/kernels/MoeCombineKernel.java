package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.moe.MoeCombine;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import org.jspecify.annotations.Nullable;

import java.util.Arrays;
import java.util.List;

/// The weighted sum of a token's expert rows, a stretch of columns at a time over ascending
/// choices.
final class MoeCombineKernel implements Kernel<MoeCombine, MoeCombine.Args, HostWork> {
    private static final String NAME = "moe-combine";

    private final CpuContext context;

    MoeCombineKernel(CpuContext context) {
        this.context = context;
    }

    @Override
    public Class<MoeCombine> specType() {
        return MoeCombine.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<MoeCombine.Args, HostWork> decide(MoeCombine spec, Limits limits) {
        if (RowTypes.lacksAny(spec.rows(), spec.out())) {
            return RowTypes.refuse(spec, spec.rows(), spec.out());
        }
        return Decision.planned(
                context.implementation(NAME),
                Numerics.F32_INVARIANT,
                0,
                (args, workspace) -> new Work(context, spec, args));
    }

    private static final class Work extends RowWork.Elementwise {
        private final Rows rows;
        private final Rows tokenRow;
        private final @Nullable Rows weights;
        private final @Nullable Rows addend;
        private final Rows out;
        private final int topK;

        Work(CpuContext context, MoeCombine spec, MoeCombine.Args args) {
            super(context, args.tokenRow().dim(0), spec.dim(), args.activeRows());
            rows = Rows.of(args.rows());
            tokenRow = Rows.of(args.tokenRow());
            weights = Rows.ofOrNull(args.weights());
            addend = Rows.ofOrNull(args.addend());
            out = Rows.of(args.out());
            topK = spec.topK();
        }

        @Override
        void stretch(long token, int column, int n) {
            if (!areRows(token, column == 0)) {
                out.clear(token, column, n);
                return;
            }
            Scratch scratch = Scratch.get();
            Arrays.fill(scratch.b, 0, n, 0);
            for (int k = 0; k < topK; k++) {
                int row = tokenRow.intAt(token, k);
                if (row >= 0) {
                    rows.load(loops, row, column, scratch.a, 0, n);
                    loops.axpy(
                            weights == null ? 1 : weights.floatAt(token, k),
                            scratch.a,
                            0,
                            scratch.b,
                            0,
                            n);
                }
            }
            if (addend != null) {
                addend.load(loops, token, column, scratch.a, 0, n);
                loops.axpy(1, scratch.a, 0, scratch.b, 0, n);
            }
            out.store(loops, scratch.b, 0, n, token, column);
        }

        private boolean areRows(long token, boolean reports) {
            for (int k = 0; k < topK; k++) {
                int row = tokenRow.intAt(token, k);
                if (row < -1 || row >= rows.rows()) {
                    if (reports) {
                        fault("tokenRow", token * topK + k, row, rows.rows());
                    }
                    return false;
                }
            }
            return true;
        }
    }
}
