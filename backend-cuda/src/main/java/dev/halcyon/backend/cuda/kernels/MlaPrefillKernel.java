package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.attention.MlaPrefill;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.ArrayList;
import java.util.List;

/// Attention over keys and values of every head: on the matrix units where everything is BF16 or
/// F16 and a head is no wider than DeepSeek-V3's, by multiply-adds in F32 otherwise.
record MlaPrefillKernel(KernelFunctions functions)
        implements Kernel<MlaPrefill, MlaPrefill.Args, CudaWork> {
    private static final String MMA = "mla_prefill.mma";
    private static final String FMA = "mla_prefill.fma";

    /// What fits into the registers and the shared memory of a block; device code says the same.
    private static final int MOST_KEY_DIM = 192;

    private static final int MOST_VALUE_DIM = 128;
    private static final int MMA_QUERIES = 64;
    private static final int MMA_THREADS = 128;
    private static final int FMA_QUERIES = 32;
    private static final int FMA_COLUMNS = 128;
    private static final int WIDE_ELEMENTS = 8;

    @Override
    public Class<MlaPrefill> specType() {
        return MlaPrefill.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(FMA, MMA);
    }

    @Override
    public Decision<MlaPrefill.Args, CudaWork> decide(MlaPrefill spec, Limits limits) {
        if (ElementTypes.isWide(spec.in(), spec.out())) {
            return ElementTypes.declineWide(spec.name());
        }
        return Decision.planned(
                new Implementation(isForMatrixUnits(spec) ? MMA : FMA, ""),
                ElementTypes.rowNumerics(),
                0,
                (args, workspace) -> bind(spec, args));
    }

    /// A result of another type would show the rounding of the weights.
    private static boolean isForMatrixUnits(MlaPrefill spec) {
        return spec.in() != DType.F32
                && spec.out() == spec.in()
                && spec.nopeDim() + spec.ropeDim() <= MOST_KEY_DIM
                && spec.valueDim() <= MOST_VALUE_DIM;
    }

    private CudaWork bind(MlaPrefill spec, MlaPrefill.Args args) {
        long sequences = args.queryStart().dim(0) - 1;
        List<KernelLaunch> launches = new ArrayList<>();
        launches.add(
                params(spec, args)
                        .launch(
                                functions,
                                "mla_prefill_begin",
                                Math.toIntExact(Math.ceilDiv(spec.heads(), 32)),
                                1,
                                32));
        long tokens = args.query().dim(0);
        if (tokens > 0 && sequences > 0) {
            boolean mma = isForMatrixUnits(spec);
            long tiles = tokens / (mma ? MMA_QUERIES : FMA_QUERIES) + sequences;
            launches.add(
                    params(spec, args)
                            .launch(
                                    functions,
                                    mma ? variant(spec, args) : "mla_prefill",
                                    Math.toIntExact(Math.multiplyExact(tiles, spec.heads())),
                                    mma ? 1 : Math.ceilDiv(spec.valueDim(), FMA_COLUMNS),
                                    mma ? MMA_THREADS : Rows.BLOCK));
        }
        return CudaWork.of(launches.toArray(KernelLaunch[]::new));
    }

    private static String variant(MlaPrefill spec, MlaPrefill.Args args) {
        boolean isWide =
                spec.nopeDim() % WIDE_ELEMENTS == 0
                        && spec.ropeDim() % WIDE_ELEMENTS == 0
                        && spec.valueDim() % WIDE_ELEMENTS == 0
                        && isWide(args.query())
                        && isWide(args.key())
                        && isWide(args.ropeKey())
                        && isWide(args.value())
                        && isWide(args.out());
        String type = spec.in() == DType.F16 ? "f16" : "bf16";
        return "mla_prefill_" + type + (isWide ? "_wide" : "");
    }

    /// {@return whether all rows begin at multiples of 16 bytes}
    private static boolean isWide(Tensor tensor) {
        for (int i = 0; i < tensor.rank() - 1; i++) {
            if (tensor.dim(i) > 1 && tensor.stride(i) % WIDE_ELEMENTS != 0) {
                return false;
            }
        }
        return tensor.elements() == 0 || tensor.address() % (2 * WIDE_ELEMENTS) == 0;
    }

    private static Params params(MlaPrefill spec, MlaPrefill.Args args) {
        return Params.of()
                .address(args.query())
                .address(args.key())
                .address(args.ropeKey())
                .address(args.value())
                .address(args.queryStart())
                .address(args.keyStart())
                .stride(args.queryStart(), 0)
                .stride(args.keyStart(), 0)
                .integer(args.queryStart().dim(0) - 1)
                .integer(args.query().dim(0))
                .integer(args.key().dim(0))
                .address(args.sink())
                .address(args.out())
                .address(args.logSumExp())
                .address(args.maxLogit())
                .faults()
                .integer(ElementTypes.code(spec.in()))
                .integer(ElementTypes.code(spec.out()))
                .integer(spec.heads())
                .integer(spec.nopeDim())
                .integer(spec.ropeDim())
                .integer(spec.valueDim())
                .integer(spec.causal() ? 1 : 0)
                .stride(args.query(), 0)
                .stride(args.query(), 1)
                .stride(args.key(), 0)
                .stride(args.key(), 1)
                .stride(args.ropeKey(), 0)
                .stride(args.value(), 0)
                .stride(args.value(), 1)
                .stride(args.sink(), 0)
                .stride(args.out(), 0)
                .stride(args.out(), 1)
                .stride(args.logSumExp(), 0)
                .stride(args.logSumExp(), 1)
                .stride(args.maxLogit(), 0)
                .real(spec.softmaxScale());
    }
}
