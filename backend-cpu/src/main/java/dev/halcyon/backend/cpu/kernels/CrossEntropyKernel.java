package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.elementwise.CrossEntropy;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// Losses of rows of logits, each row by one thread in two passes: its largest logit, then the sum
/// of exponentials.
final class CrossEntropyKernel implements Kernel<CrossEntropy, CrossEntropy.Args, HostWork> {
    private static final String NAME = "cross-entropy";

    private final CpuContext context;

    CrossEntropyKernel(CpuContext context) {
        this.context = context;
    }

    @Override
    public Class<CrossEntropy> specType() {
        return CrossEntropy.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<CrossEntropy.Args, HostWork> decide(CrossEntropy spec, Limits limits) {
        if (RowTypes.lacksAny(spec.logits())) {
            return RowTypes.refuse(spec, spec.logits());
        }
        return Decision.planned(
                context.implementation(NAME),
                Numerics.F32_INVARIANT,
                0,
                (args, workspace) -> new Work(context, spec, args));
    }

    private static final class Work extends RowWork {
        private final Rows logits;
        private final Rows targets;
        private final Rows loss;
        private final Rows logSumExp;
        private final int vocab;

        Work(CpuContext context, CrossEntropy spec, CrossEntropy.Args args) {
            super(context, args.logits().dim(0), spec.vocab(), args.activeRows());
            logits = Rows.of(args.logits());
            targets = Rows.flat(args.targets());
            loss = Rows.flat(args.loss());
            logSumExp = Rows.flat(args.logSumExp());
            vocab = spec.vocab();
        }

        @Override
        void block(long first, long end, int column, int n, int worker) {
            for (long row = first; row < end; row++) {
                int target = targets.intAt(0, row);
                if (target < -1 || target >= vocab) {
                    loss.setFloat(0, row, 0);
                    logSumExp.setFloat(0, row, 0);
                    fault("targets", row, target, vocab);
                } else {
                    row(row, target);
                }
            }
        }

        private void row(long row, int target) {
            Scratch scratch = Scratch.get();
            float max = Float.NEGATIVE_INFINITY;
            for (int from = 0; from < vocab; from += Scratch.LENGTH) {
                int length = Math.min(Scratch.LENGTH, vocab - from);
                logits.load(loops, row, from, scratch.a, 0, length);
                max = Math.max(max, loops.max(scratch.a, 0, length));
            }
            double logSum = 0;
            // An infinite or NaN maximum is the result; shifting by it would turn infinities into
            // NaN.
            if (Math.abs(max) < Float.POSITIVE_INFINITY) {
                double sum = 0;
                for (int from = 0; from < vocab; from += Scratch.LENGTH) {
                    int length = Math.min(Scratch.LENGTH, vocab - from);
                    logits.load(loops, row, from, scratch.a, 0, length);
                    loops.exp(scratch.a, 0, max, 1, scratch.b, 0, length);
                    sum += loops.sum(scratch.b, 0, length);
                }
                logSum = Math.log(sum);
            }
            logSumExp.setFloat(0, row, (float) (max + logSum));
            if (target == -1) {
                loss.setFloat(0, row, 0);
            } else {
                logits.load(loops, row, target, scratch.a, 0, 1);
                loss.setFloat(0, row, (float) ((double) max - scratch.a[0] + logSum));
            }
        }
    }
}
