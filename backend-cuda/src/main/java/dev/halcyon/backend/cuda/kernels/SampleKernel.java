package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.token.Sample;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// The next token of every row: a block a row, which searches instead of sorting.
record SampleKernel(KernelFunctions functions) implements Kernel<Sample, Sample.Args, CudaWork> {

    private static final String GREEDY = "sample_greedy";
    private static final String RANDOM = "sample_random";
    private static final int THREADS = 512;
    private static final int MOST_WEIGHT_BITS = 44;

    @Override
    public Class<Sample> specType() {
        return Sample.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(GREEDY, RANDOM);
    }

    @Override
    public Decision<Sample.Args, CudaWork> decide(Sample spec, Limits limits) {
        if (ElementTypes.isWide(spec.logits())) {
            return ElementTypes.declineWide(spec.name());
        }
        return Decision.planned(
                new Implementation(spec.random() ? RANDOM : GREEDY, ""),
                ElementTypes.rowNumerics(),
                0,
                (args, workspace) -> bind(spec, args));
    }

    /// {@return what a probability of 1 is as an integer: so large that those of a whole vocabulary
    /// still fit into 63 bits, and no larger than a product in F32 tells apart}
    private static double weightScale(int vocab) {
        int bits = 63 - (Integer.SIZE - Integer.numberOfLeadingZeros(vocab));
        return Math.scalb(1.0, Math.min(MOST_WEIGHT_BITS, bits));
    }

    private CudaWork bind(Sample spec, Sample.Args args) {
        long rows = args.logits().dim(0);
        if (rows == 0) {
            return CudaWork.of();
        }
        return CudaWork.of(
                Params.of()
                        .address(args.logits())
                        .address(args.temperature())
                        .address(args.topP())
                        .address(args.topK())
                        .address(args.seed())
                        .address(args.position())
                        .address(args.ids())
                        .address(args.activeRows())
                        .faults()
                        .integer(ElementTypes.code(spec.logits()))
                        .integer(rows)
                        .integer(spec.vocab())
                        .stride(args.logits(), 0)
                        .stride(args.temperature(), 0)
                        .stride(args.topP(), 0)
                        .stride(args.topK(), 0)
                        .stride(args.seed(), 0)
                        .stride(args.position(), 0)
                        .stride(args.ids(), 0)
                        .real(weightScale(spec.vocab()))
                        .launch(
                                functions,
                                spec.random() ? RANDOM : GREEDY,
                                Math.toIntExact(rows),
                                1,
                                THREADS));
    }
}
