package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.attention.MlaDecode;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.ArrayList;
import java.util.List;

/// Attention over the paged latent cache: parts of sequences into the workspace, then their merge.
record MlaDecodeKernel(KernelFunctions functions)
        implements Kernel<MlaDecode, MlaDecode.Args, CudaWork> {
    private static final int LANES = 8;
    private static final int CACHE_ROWS = 8;
    private static final int MOST_PARTS = 16;
    private static final int MOST_VALUES = 4;

    /// What a block may use without being allowed more.
    private static final long MOST_SHARED_BYTES = 47L << 10;

    @Override
    public Class<MlaDecode> specType() {
        return MlaDecode.class;
    }

    @Override
    public List<String> implementations() {
        return List.of("mla_decode");
    }

    @Override
    public Decision<MlaDecode.Args, CudaWork> decide(MlaDecode spec, Limits limits) {
        DType cache = spec.cache().dtype();
        if (ElementTypes.isWide(spec.query(), spec.out(), spec.accumulate(), cache)) {
            return ElementTypes.declineWide(spec.name());
        }
        if (!spec.cache().isRowMajor() || !CacheKernels.isReadable(cache)) {
            return Decision.refused(
                    Support.Reason.FORMAT,
                    spec.name() + " on a GPU does not read a cache of " + spec.cache(),
                    "a row-major cache of F32, F16, BF16 or an 8-bit type");
        }
        if (sharedBytes(spec) > MOST_SHARED_BYTES || spec.latentDim() > MOST_VALUES * Rows.BLOCK) {
            return Decision.refused(
                    Support.Reason.SHAPE,
                    spec.name()
                            + " on a GPU takes cache rows of at most "
                            + MOST_SHARED_BYTES / 4 / (LANES + CACHE_ROWS)
                            + " values, not "
                            + spec.cache().rowDim(),
                    "shorter rows, or the CPU backend");
        }
        long lanes = (long) spec.queriesPerSequence() * spec.heads();
        long partials =
                Math.multiplyExact(spec.maxSequences() * lanes * parts(spec), spec.latentDim() + 2);
        return Decision.planned(
                new Implementation("mla_decode", ""),
                ElementTypes.rowNumerics(),
                DType.F32.bytes(partials),
                (args, workspace) -> bind(spec, args, workspace));
    }

    private static long sharedBytes(MlaDecode spec) {
        return 4L * (LANES + CACHE_ROWS) * spec.cache().rowDim();
    }

    private static long parts(MlaDecode spec) {
        long longest = (long) spec.maxPagesPerSequence() * spec.cache().rowsPerPage();
        return Math.clamp(Math.ceilDiv(longest, spec.splitRows()), 1, MOST_PARTS);
    }

    private CudaWork bind(MlaDecode spec, MlaDecode.Args args, Tensor workspace) {
        long sequences = args.lengths().dim(0);
        if (sequences == 0) {
            return CudaWork.of(
                    args.maxLogit() == null
                            ? new KernelLaunch[0]
                            : new KernelLaunch[] {begin(spec, args, workspace)});
        }
        long lanes = (long) spec.queriesPerSequence() * spec.heads();
        List<KernelLaunch> launches = new ArrayList<>();
        if (args.maxLogit() != null) {
            launches.add(begin(spec, args, workspace));
        }
        launches.add(
                params(spec, args, workspace)
                        .launch(
                                functions,
                                "mla_decode_parts",
                                Math.toIntExact(sequences * Math.ceilDiv(lanes, LANES)),
                                (int) parts(spec),
                                Rows.BLOCK,
                                (int) sharedBytes(spec)));
        launches.add(
                params(spec, args, workspace)
                        .launch(
                                functions,
                                "mla_decode_merge",
                                Math.toIntExact(sequences * lanes),
                                1,
                                Rows.BLOCK));
        return CudaWork.of(launches.toArray(KernelLaunch[]::new));
    }

    private KernelLaunch begin(MlaDecode spec, MlaDecode.Args args, Tensor workspace) {
        return params(spec, args, workspace)
                .launch(
                        functions,
                        "mla_decode_begin",
                        StridedTransfers.blocks(spec.heads()),
                        1,
                        32);
    }

    private static Params params(MlaDecode spec, MlaDecode.Args args, Tensor workspace) {
        Tensor lse = args.logSumExp();
        return Params.of()
                .address(args.query())
                .address(args.cache().storage())
                .address(args.blockTable())
                .address(args.lengths())
                .address(args.sink())
                .address(args.out())
                .address(lse)
                .address(args.maxLogit())
                .address(args.activeRows())
                .faults()
                .address(workspace)
                .integer(ElementTypes.code(spec.query()))
                .integer(ElementTypes.code(spec.cache().dtype()))
                .integer(ElementTypes.code(spec.out()))
                .integer(args.lengths().dim(0))
                .integer(spec.queriesPerSequence())
                .integer(spec.heads())
                .integer(spec.latentDim())
                .integer(spec.ropeDim())
                .integer(args.cache().pages())
                .integer(spec.cache().rowsPerPage())
                .integer(spec.maxPagesPerSequence())
                .integer(spec.splitRows())
                .integer(parts(spec))
                .integer(args.query().stride(0))
                .integer(args.query().stride(1))
                .integer(args.out().stride(0))
                .integer(args.out().stride(1))
                .integer(args.blockTable().stride(0))
                .integer(args.lengths().stride(0))
                .integer(args.sink() == null ? 0 : args.sink().stride(0))
                .integer(lse == null ? 0 : lse.stride(0))
                .integer(lse == null ? 0 : lse.stride(1))
                .integer(args.maxLogit() == null ? 0 : args.maxLogit().stride(0))
                .real(spec.softmaxScale());
    }
}
