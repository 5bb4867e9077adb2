package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.attention.Rope;
import dev.halcyon.hal.kernel.attention.RotaryFrequencies;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// Rotary embeddings: a row's cosines and sines once, in F64, then all its heads.
final class RopeKernel implements Kernel<Rope, Rope.Args, HostWork> {
    private static final String NAME = "rope";

    private final CpuContext context;

    RopeKernel(CpuContext context) {
        this.context = context;
    }

    @Override
    public Class<Rope> specType() {
        return Rope.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<Rope.Args, HostWork> decide(Rope spec, Limits limits) {
        if (RowTypes.lacksAny(spec.in(), spec.out())) {
            return RowTypes.refuse(spec, spec.in(), spec.out());
        }
        double[] inverseFrequencies = new double[spec.frequencies().dim() / 2];
        for (int i = 0; i < inverseFrequencies.length; i++) {
            inverseFrequencies[i] = spec.frequencies().inverseFrequency(i);
        }
        return Decision.planned(
                context.implementation(NAME),
                Numerics.F32_INVARIANT,
                0,
                (args, workspace) -> new Work(context, spec, args, inverseFrequencies));
    }

    private static final class Work extends RowWork {
        private final Rows x;
        private final Rows out;
        private final Rows positions;
        private final long xHeadElements;
        private final long outHeadElements;
        private final int heads;
        private final int headDim;
        private final int first;
        private final int dim;
        private final boolean neighbours;
        private final boolean copiesRest;
        private final double[] inverseFrequencies;
        private final double direction;
        private final double magnitude;
        private final float[][] cos;
        private final float[][] sin;
        private final float[][] run;

        Work(CpuContext context, Rope spec, Rope.Args args, double[] inverseFrequencies) {
            super(
                    context,
                    args.x().dim(0),
                    Math.multiplyExact(spec.heads(), spec.headDim()),
                    args.activeRows());
            RotaryFrequencies frequencies = spec.frequencies();
            x = Rows.of(args.x());
            out = Rows.of(args.out());
            positions = Rows.flat(args.positions());
            xHeadElements = args.x().stride(1);
            outHeadElements = args.out().stride(1);
            heads = spec.heads();
            headDim = spec.headDim();
            first = spec.firstRotated();
            dim = frequencies.dim();
            neighbours = spec.pairing() == Rope.Pairing.INTERLEAVED;
            boolean inPlace =
                    args.x().buffer() == args.out().buffer()
                            && args.x().byteOffset() == args.out().byteOffset()
                            && spec.in() == spec.out();
            copiesRest = !inPlace && dim < headDim;
            this.inverseFrequencies = inverseFrequencies;
            direction = spec.inverse() ? -1 : 1;
            magnitude = frequencies.magnitude();
            int threads = context.pool().threads();
            cos = new float[threads][dim];
            sin = new float[threads][dim];
            run = new float[threads][dim];
        }

        @Override
        void block(long firstRow, long end, int column, int n, int worker) {
            for (long row = firstRow; row < end; row++) {
                turn(positions.intAt(0, row), cos[worker], sin[worker]);
                for (int head = 0; head < heads; head++) {
                    head(row, head * xHeadElements, head * outHeadElements, worker);
                }
            }
        }

        /// Lays out the factors as the loops take them: each value's own, then the one of its
        /// partner.
        private void turn(int position, float[] cosines, float[] sines) {
            int half = dim / 2;
            for (int i = 0; i < half; i++) {
                double angle = position * inverseFrequencies[i] * direction;
                float cosine = (float) (Math.cos(angle) * magnitude);
                float sine = (float) (Math.sin(angle) * magnitude);
                int a = neighbours ? 2 * i : i;
                int b = neighbours ? 2 * i + 1 : i + half;
                cosines[a] = cosine;
                cosines[b] = cosine;
                sines[a] = -sine;
                sines[b] = sine;
            }
        }

        private void head(long row, long from, long to, int worker) {
            float[] values = run[worker];
            x.load(loops, row, from + first, values, 0, dim);
            if (neighbours) {
                loops.rotateNeighbours(values, 0, cos[worker], sin[worker], values, 0, dim);
            } else {
                loops.rotateHalves(values, 0, cos[worker], sin[worker], values, 0, dim);
            }
            out.store(loops, values, 0, dim, row, to + first);
            if (copiesRest) {
                convert(row, from, to, first);
                convert(row, from + first + dim, to + first + dim, headDim - first - dim);
            }
        }

        private void convert(long row, long from, long to, int n) {
            float[] values = Scratch.get().a;
            for (int done = 0; done < n; done += Scratch.LENGTH) {
                int length = Math.min(Scratch.LENGTH, n - done);
                x.load(loops, row, from + done, values, 0, length);
                out.store(loops, values, 0, length, row, to + done);
            }
        }
    }
}
