package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.backend.cpu.loops.AdamRule;
import dev.halcyon.backend.cpu.loops.RowLoops;
import dev.halcyon.backend.cpu.parallel.WorkerPool;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.host.FaultSink;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.optimizer.AdamWStep;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// AdamW over one tensor or a list, by blocks of elements.
final class AdamWStepKernel implements Kernel<AdamWStep, AdamWStep.Args, HostWork> {
    private static final String NAME = "adamw";

    private final CpuContext context;

    AdamWStepKernel(CpuContext context) {
        this.context = context;
    }

    @Override
    public Class<AdamWStep> specType() {
        return AdamWStep.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<AdamWStep.Args, HostWork> decide(AdamWStep spec, Limits limits) {
        if (RowTypes.lacksAny(spec.parameter(), spec.gradient(), spec.moments())) {
            return RowTypes.refuse(spec, spec.parameter(), spec.gradient(), spec.moments());
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
        private final AdamWStep spec;
        private final Rows[] parameters;
        private final Rows[] gradients;
        private final Rows[] firstMoments;
        private final Rows[] secondMoments;
        private final Rows hyper;
        private final Rows step;
        private final PieceBlocks blocks;
        private final AdamRule rule = new AdamRule();

        Work(CpuContext context, AdamWStep spec, AdamWStep.Args args) {
            this.loops = context.rows();
            this.pool = context.pool();
            this.spec = spec;
            parameters = Rows.pieces(args.parameter());
            gradients = Rows.pieces(args.gradient());
            firstMoments = Rows.pieces(args.firstMoment());
            secondMoments = Rows.pieces(args.secondMoment());
            hyper = Rows.flat(args.hyper());
            step = Rows.flat(args.step());
            blocks =
                    new PieceBlocks(
                            parameters.length,
                            args.parameter().shape().elements() / parameters.length);
        }

        @Override
        public void run(FaultSink faults) {
            int t = step.intAt(0, 0);
            if (t < 1) {
                faults.report("step", 0, t, Integer.MAX_VALUE);
                return;
            }
            double learningRate = hyper.floatAt(0, 0);
            double correction1 = 1 - Math.pow(spec.beta1(), t);
            double correction2 = 1 - Math.pow(spec.beta2(), t);
            rule.beta1 = (float) spec.beta1();
            rule.gradient1 = (float) (1 - spec.beta1());
            rule.beta2 = (float) spec.beta2();
            rule.gradient2 = (float) (1 - spec.beta2());
            rule.epsilon = (float) spec.epsilon();
            rule.decay = (float) (1 - learningRate * hyper.floatAt(0, 1));
            switch (spec.form()) {
                case TORCH -> {
                    rule.secondScale = (float) (1 / correction2);
                    rule.rate = (float) (learningRate / correction1);
                }
                case MOONLIGHT -> {
                    rule.secondScale = 1;
                    rule.rate = (float) (learningRate * Math.sqrt(correction2) / correction1);
                }
            }
            pool.run(blocks.count(), this);
        }

        @Override
        public void run(int task, int worker) {
            int piece = blocks.piece(task);
            long first = blocks.first(task);
            long end = blocks.end(task);
            Scratch scratch = Scratch.get();
            for (long from = first; from < end; from += Scratch.LENGTH) {
                int n = (int) Math.min(Scratch.LENGTH, end - from);
                parameters[piece].load(loops, 0, from, scratch.a, 0, n);
                gradients[piece].load(loops, 0, from, scratch.b, 0, n);
                firstMoments[piece].load(loops, 0, from, scratch.c, 0, n);
                secondMoments[piece].load(loops, 0, from, scratch.d, 0, n);
                loops.adamW(rule, scratch.a, scratch.b, scratch.c, scratch.d, n);
                parameters[piece].store(loops, scratch.a, 0, n, 0, from);
                firstMoments[piece].store(loops, scratch.c, 0, n, 0, from);
                secondMoments[piece].store(loops, scratch.d, 0, n, 0, from);
            }
        }
    }
}
