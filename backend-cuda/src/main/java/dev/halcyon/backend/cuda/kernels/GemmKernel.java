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
        boolean mma =
                ProductForm.isForMatrixUnits(
                        spec.a(), spec.b(), spec.transposeA() || !spec.transposeB());
        return Decision.planned(
                new Implementation(mma ? "gemm.mma" : "gemm.fma", ""),
                ElementTypes.rowNumerics(),
                MatrixOperand.tableBytes(spec.b(), spec.maxBatch()),
                (args, workspace) -> bind(spec, args, workspace));
    }

    private CudaWork bind(Gemm spec, Gemm.Args args, Tensor workspace) {
        boolean batched = args.a().rank() == 3;
        long batch = batched ? args.a().dim(0) : 1;
        long rows = args.a().dim(spec.transposeA() ? -1 : -2);
        if (batch == 0 || rows == 0) {
            return CudaWork.of();
        }
        AddressTable tables = new AddressTable(functions, workspace.address());
        MatrixOperand a = MatrixOperand.of(args.a(), spec.transposeA());
        MatrixOperand b = MatrixOperand.of(args.b(), !spec.transposeB(), tables);
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
        ProductForm form = ProductForm.of(a, b, batch, rows, spec.n(), spec.k());
        return CudaWork.of(tables, launch(functions, params, form, rows, spec.n(), batch));
    }

    /// {@return the launch of a product, its parameters being complete}
    static KernelLaunch launch(
            KernelFunctions functions,
            Params params,
            ProductForm form,
            long rows,
            long columns,
            long batch) {
        return params.launch(
                functions,
                "gemm" + form.suffix(),
                Math.toIntExact(form.rowTiles(rows) * form.columnTiles(columns)),
                (int) batch,
                form.threads());
    }
}
