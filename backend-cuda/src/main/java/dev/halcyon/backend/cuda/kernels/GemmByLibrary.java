package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.backend.cuda.blas.BlasLtProduct;
import dev.halcyon.backend.cuda.blas.ProductPlanner;
import dev.halcyon.backend.cuda.blas.ProductShape;
import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.kernel.linear.Gemm;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.WeightFormat;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The matrix product by cuBLASLt where a machine has it, and by our own kernel what that library
/// does not take: other types than F32, F16 and BF16, block-scaled weights, and what must not
/// depend on the batch, which the library's choice of algorithm does.
///
/// The library computes every row, also those beyond `activeRows`, whose values are unspecified.
///
/// @param own our own kernel
/// @param library the library
record GemmByLibrary(GemmKernel own, ProductPlanner library)
        implements Kernel<Gemm, Gemm.Args, CudaWork> {
    static final String NAME = "gemm.cublaslt";

    private static final System.Logger LOGGER = System.getLogger(GemmByLibrary.class.getName());

    @Override
    public Class<Gemm> specType() {
        return Gemm.class;
    }

    @Override
    public List<String> implementations() {
        List<String> names = new ArrayList<>(own.implementations());
        names.add(NAME);
        return names;
    }

    @Override
    public Decision<Gemm.Args, CudaWork> decide(Gemm spec, Limits limits) {
        Decision<Gemm.Args, CudaWork> decision = own.decide(spec, limits);
        if (!(decision instanceof Decision.Planned<Gemm.Args, CudaWork> planned)
                || !isForLibrary(spec)) {
            return decision;
        }
        long bytes = Math.min(library.workspaceBytes(), limits.workspaceBytes());
        return Decision.planned(
                new Implementation(NAME, ""),
                new Numerics(DType.F32, false, true),
                Math.max(bytes, planned.workspaceBytes()),
                (args, workspace) -> bind(spec, planned, bytes, args, workspace));
    }

    private static boolean isForLibrary(Gemm spec) {
        DType type = spec.a();
        return !spec.batchInvariant()
                && spec.k() > 0
                && (type == DType.F32 || type == DType.F16 || type == DType.BF16)
                && spec.b().equals(WeightFormat.rowMajor(type))
                && (spec.out() == type || spec.out() == DType.F32)
                && spec.accumulate() == DType.F32;
    }

    private CudaWork bind(
            Gemm spec,
            Decision.Planned<Gemm.Args, CudaWork> planned,
            long bytes,
            Gemm.Args args,
            Tensor workspace) {
        if (args.out().elements() == 0) {
            return CudaWork.of();
        }
        Tensor b = (Tensor) args.b();
        if (isMatrix(args.a()) && isMatrix(b) && isMatrix(args.out())) {
            Optional<BlasLtProduct> product = library.prepare(shape(spec, args, b), bytes);
            if (product.isPresent()) {
                BlasLtProduct found = product.get();
                long scratch = workspace.address();
                return CudaWork.of((driver, stream, faults) -> found.submit(scratch, stream));
            }
        }
        LOGGER.log(
                System.Logger.Level.INFO,
                spec.name()
                        + ": "
                        + library.name()
                        + " has no algorithm for "
                        + args.a()
                        + " by "
                        + b
                        + "; our own kernel runs it");
        return planned.binder().bind(args, workspace);
    }

    /// Whether rows lie one after the other, however far apart.
    private static boolean isMatrix(Tensor tensor) {
        long columns = tensor.dim(-1);
        return (columns == 1 || tensor.stride(-1) == 1)
                && (tensor.dim(-2) == 1 || tensor.stride(-2) >= columns);
    }

    /// A matrix in rows is its transpose in columns, so the library is asked for `outᵀ = bᵀ aᵀ`.
    private static ProductShape shape(Gemm spec, Gemm.Args args, Tensor b) {
        boolean batched = args.a().rank() == 3;
        return new ProductShape(
                side(b, spec.transposeB()),
                side(args.a(), spec.transposeA()),
                side(args.out(), false),
                batched ? Math.toIntExact(args.a().dim(0)) : 1,
                (float) spec.alpha(),
                (float) spec.beta());
    }

    private static ProductShape.Side side(Tensor tensor, boolean transposed) {
        long rows = tensor.dim(-1);
        long columns = tensor.dim(-2);
        return new ProductShape.Side(
                ProductShape.typeOf(tensor.dtype()),
                tensor.address(),
                rows,
                columns,
                columns == 1 ? rows : tensor.stride(-2),
                tensor.rank() == 3 ? tensor.stride(0) : 0,
                transposed);
    }
}
