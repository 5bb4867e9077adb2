package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.linear.GroupedGemm;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// Products over segments that only the device knows: enough blocks for any segments, each of which
/// finds its tile or ends.
record GroupedGemmKernel(KernelFunctions functions)
        implements Kernel<GroupedGemm, GroupedGemm.Args, CudaWork> {
    /// Columns of the narrowest tile.
    private static final int SMALLEST_TILE = 64;

    @Override
    public Class<GroupedGemm> specType() {
        return GroupedGemm.class;
    }

    @Override
    public List<String> implementations() {
        return List.of("grouped_gemm.fma", "grouped_gemm.mma");
    }

    @Override
    public Decision<GroupedGemm.Args, CudaWork> decide(GroupedGemm spec, Limits limits) {
        Decision<GroupedGemm.Args, CudaWork> refusal =
                MatrixOperand.refusal(
                        spec.name(), spec.a(), spec.b(), spec.out(), spec.accumulate());
        if (refusal != null) {
            return refusal;
        }
        boolean sums = spec.kind() == GroupedGemm.Kind.K_GROUPED;
        long blocksY = sums ? spec.groups() : Math.ceilDiv(spec.n(), SMALLEST_TILE);
        if (blocksY > GemmKernel.MOST_BLOCKS_Y) {
            return Decision.refused(
                    Support.Reason.SHAPE,
                    spec.name()
                            + " on a GPU takes at most "
                            + GemmKernel.MOST_BLOCKS_Y
                            + (sums ? " groups" : " times 64 columns")
                            + ", not "
                            + (sums ? spec.groups() : spec.n()),
                    "smaller products");
        }
        boolean mma = ProductForm.isForMatrixUnits(spec.a(), spec.b(), sums);
        return Decision.planned(
                new Implementation(mma ? "grouped_gemm.mma" : "grouped_gemm.fma", ""),
                ElementTypes.rowNumerics(),
                MatrixOperand.tableBytes(spec.b(), spec.groups()),
                (args, workspace) -> bind(spec, args, workspace));
    }

    private CudaWork bind(GroupedGemm spec, GroupedGemm.Args args, Tensor workspace) {
        boolean sums = spec.kind() == GroupedGemm.Kind.K_GROUPED;
        boolean masked = spec.kind() == GroupedGemm.Kind.MASKED;
        Tensor out = args.out();
        long rows = args.a().dim(masked ? 1 : 0);
        if (rows == 0 && !sums) {
            return CudaWork.of();
        }
        MatrixOperand a = MatrixOperand.of(args.a(), sums);
        AddressTable tables = new AddressTable(functions, workspace.address());
        MatrixOperand b = MatrixOperand.of(args.b(), sums, tables);
        int columns = sums ? spec.k() : spec.n();
        Params params = b.addTo(a.addTo(Params.of()));
        params.address(out)
                .address(args.segmentStart())
                .address(args.segmentCount())
                .integer(spec.groups())
                .integer(rows)
                .faults()
                .integer(ElementTypes.code(out.dtype()))
                .integer(out.stride(-2))
                .integer(out.rank() == 3 ? out.stride(0) : 0)
                .integer(columns)
                .integer(spec.k())
                .integer(sums ? 1 : 0)
                .integer(sums ? spec.n() : 0)
                .integer(spec.add() ? 1 : 0);
        long height = sums ? spec.n() : masked ? rows : Math.ceilDiv(rows, spec.groups());
        long depth = sums ? rows : spec.k();
        ProductForm form = ProductForm.of(a, b, spec.groups(), height, columns, depth);
        long columnTiles = form.columnTiles(columns);
        long blocksX =
                sums
                        ? form.rowTiles(spec.n()) * columnTiles
                        : masked
                                ? form.rowTiles(rows) * spec.groups()
                                : rows / form.rows() + spec.groups();
        return CudaWork.of(
                tables,
                params.launch(
                        functions,
                        "grouped_gemm" + form.suffix(),
                        Math.toIntExact(blocksX),
                        (int) (sums ? spec.groups() : columnTiles),
                        form.threads()));
    }
}
