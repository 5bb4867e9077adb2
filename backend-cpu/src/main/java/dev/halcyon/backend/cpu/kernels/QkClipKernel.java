package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.backend.cpu.loops.RowLoops;
import dev.halcyon.backend.cpu.parallel.WorkerPool;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.host.FaultSink;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.attention.QkClip;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// The clip of attention logits, head by head; weights of a head that needs none are not touched.
final class QkClipKernel implements Kernel<QkClip, QkClip.Args, HostWork> {
    private static final String NAME = "qk-clip";

    private final CpuContext context;

    QkClipKernel(CpuContext context) {
        this.context = context;
    }

    @Override
    public Class<QkClip> specType() {
        return QkClip.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<QkClip.Args, HostWork> decide(QkClip spec, Limits limits) {
        if (RowTypes.lacksAny(spec.weight())) {
            return RowTypes.refuse(spec, spec.weight());
        }
        return Decision.planned(
                context.implementation(NAME),
                Numerics.F32_INVARIANT,
                0,
                (args, workspace) -> new Work(context, spec, args));
    }

    private static final class Work implements HostWork, WorkerPool.Task {
        private final RowLoops loops;
        private final WorkerPool pool;
        private final QkClip spec;
        private final Rows query;
        private final Rows keyValue;
        private final Rows maxLogit;
        private final @Nullable Rows eta;

        Work(CpuContext context, QkClip spec, QkClip.Args args) {
            this.loops = context.rows();
            this.pool = context.pool();
            this.spec = spec;
            query = Rows.of(args.queryWeight());
            keyValue = Rows.of(args.kvWeight());
            maxLogit = Rows.flat(args.maxLogit());
            eta = Rows.flatOrNull(args.eta());
        }

        @Override
        public void run(FaultSink faults) {
            pool.run(spec.heads(), this);
        }

        @Override
        public void run(int head, int worker) {
            float largest = maxLogit.floatAt(0, head);
            double factor = largest > spec.tau() ? spec.tau() / largest : 1;
            if (eta != null) {
                eta.setFloat(0, head, (float) factor);
            }
            if (factor == 1) {
                return;
            }
            long firstQuery = (long) head * (spec.nopeDim() + spec.ropeDim());
            scale(
                    Math.pow(factor, spec.alpha()),
                    query,
                    firstQuery,
                    spec.nopeDim(),
                    spec.queryRank());
            scale(factor, query, firstQuery + spec.nopeDim(), spec.ropeDim(), spec.queryRank());
            long firstKey = (long) head * (spec.nopeDim() + spec.valueDim());
            scale(
                    Math.pow(factor, 1 - spec.alpha()),
                    keyValue,
                    firstKey,
                    spec.nopeDim(),
                    spec.latentDim());
        }

        private void scale(double factor, Rows weight, long first, int rows, int columns) {
            float[] values = Scratch.get().a;
            for (long row = first; row < first + rows; row++) {
                for (int from = 0; from < columns; from += Scratch.LENGTH) {
                    int n = Math.min(Scratch.LENGTH, columns - from);
                    weight.load(loops, row, from, values, 0, n);
                    loops.scale((float) factor, values, 0, n);
                    weight.store(loops, values, 0, n, row, from);
                }
            }
        }
    }
}
