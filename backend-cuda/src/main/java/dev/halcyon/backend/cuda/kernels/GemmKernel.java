package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.linear.Gemm;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// The matrix product: on the matrix units for BF16, by multiply-adds in F32 for everything else.
record GemmKernel(KernelFunctions functions) implements Kernel<Gemm, Gemm.Args, CudaWork> {
    static final int TILE = 64;
    static final int MMA_THREADS = 128;
    static final int FMA_THREADS = 256;

    /// The second dimension of a grid.
    static final int MOST_BLOCKS_Y = 65_535;

    @Override
    public Class<Gemm> specType() {
        return Gemm.class;
    }

    @Override
    public List<String> implementations() {
        return List.of("gemm.fma", "gemm.mma");
    }

    @Override
    public Decision<Gemm.Args, CudaWork> decide(Gemm spec, Limits limits) {
        Decision<Gemm.Args, CudaWork> refusal =
                MatrixOperand.refusal(
                        spec.name(), spec.a(), spec.b(), spec.out(), spec.accumulate());
        if (refusal != null) {
            return refusal;
        }
        if (spec.maxBatch() > MOST_BLOCKS_Y) {
            return Decision.refused(
                    Support.Reason.SHAPE,
                    spec.name()
                            + " on a GPU takes a batch of at most "
                            + MOST_BLOCKS_Y
                            + ", not "
                            + spec.maxBatch(),
                    "a smaller bound of the batch");
        }
        boolean mma = MatrixOperand.isForMatrixUnits(spec.a(), spec.b());
        return Decision.planned(
                new Implementation(mma ? "gemm.mma" : "gemm.fma", ""),
                ElementTypes.rowNumerics(),
                0,
                (args, workspace) -> bind(spec, mma, args));
    }

    private CudaWork bind(Gemm spec, boolean mma, Gemm.Args args) {
        boolean batched = args.a().rank() == 3;
        long batch = batched ? args.a().dim(0) : 1;
        long rows = args.a().dim(spec.transposeA() ? -1 : -2);
        if (batch == 0 || rows == 0) {
            return CudaWork.of();
        }
        MatrixOperand a = MatrixOperand.of(args.a(), spec.transposeA());
        MatrixOperand b = MatrixOperand.of(args.b(), !spec.transposeB());
        Tensor out = args.out();
        Params params = b.addTo(a.addTo(Params.of()));
        params.address(out)
                .address(args.activeRows())
                .integer(ElementTypes.code(out.dtype()))
                .integer(out.stride(-2))
                .integer(batched ? out.stride(0) : 0)
                .integer(rows)
                .integer(spec.n())
                .integer(spec.k())
                .real(spec.alpha())
                .real(spec.beta());
        long tiles = Math.ceilDiv(rows, TILE) * Math.ceilDiv(spec.n(), TILE);
        boolean wide = mma && a.isWide(spec.k()) && b.isWide(spec.k());
        return CudaWork.of(
                params.launch(
                        functions,
                        variant("gemm", mma, wide),
                        Math.toIntExact(tiles),
                        (int) batch,
                        mma ? MMA_THREADS : FMA_THREADS));
    }

    static String variant(String kernel, boolean mma, boolean wide) {
        return kernel + (mma ? wide ? "_mma_wide" : "_mma" : "_fma");
    }
}
