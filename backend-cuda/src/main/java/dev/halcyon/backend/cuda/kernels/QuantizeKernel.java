package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.linear.Quantize;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.QuantizationScheme.ScaleRule;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// Block scales and the values divided by them: a warp or a block of threads a block.
record QuantizeKernel(KernelFunctions functions)
        implements Kernel<Quantize, Quantize.Args, CudaWork> {

    /// Blocks that are larger get all threads of a block each; device code says the same.
    private static final long LARGEST_WARP_BLOCK = 1024;

    private static final int WARPS = Rows.BLOCK / 32;

    @Override
    public Class<Quantize> specType() {
        return Quantize.class;
    }

    @Override
    public List<String> implementations() {
        return List.of("quantize");
    }

    @Override
    public Decision<Quantize.Args, CudaWork> decide(Quantize spec, Limits limits) {
        if (ElementTypes.isWide(spec.in())) {
            return ElementTypes.declineWide(spec.name());
        }
        return Decision.planned(
                new Implementation("quantize", ""),
                ElementTypes.rowNumerics(),
                0,
                (args, workspace) -> bind(spec, args));
    }

    /// {@return whether a byte may hold values of two blocks}
    private static boolean sharesBytes(Quantize spec) {
        int columns = spec.scheme().blockColumns();
        return spec.scheme().values().isPacked() && columns % 2 == 1 && columns < spec.columns();
    }

    private CudaWork bind(Quantize spec, Quantize.Args args) {
        long rows = args.x().dim(0);
        if (rows == 0) {
            return CudaWork.of();
        }
        long elements = (long) spec.scheme().blockRows() * spec.scheme().blockColumns();
        long blocks =
                Math.ceilDiv(rows, spec.scheme().blockRows())
                        * Math.ceilDiv(spec.columns(), spec.scheme().blockColumns());
        long grid = elements <= LARGEST_WARP_BLOCK ? Math.ceilDiv(blocks, WARPS) : blocks;
        KernelLaunch quantize =
                params(spec, args)
                        .launch(functions, "quantize", Math.toIntExact(grid), 1, Rows.BLOCK);
        if (!sharesBytes(spec)) {
            return CudaWork.of(quantize);
        }
        int pairBlocks = StridedTransfers.blocks(rows * spec.columns() / 2);
        return CudaWork.of(
                quantize,
                params(spec, args).launch(functions, "quantize_pairs", pairBlocks, 1, Rows.BLOCK));
    }

    private static Params params(Quantize spec, Quantize.Args args) {
        QuantizationScheme scheme = spec.scheme();
        return Params.of()
                .address(args.x())
                .address(args.out().values())
                .address(args.out().scales())
                .integer(ElementTypes.code(spec.in()))
                .integer(ElementTypes.code(scheme.values()))
                .integer(ElementTypes.code(scheme.scales()))
                .integer(args.x().dim(0))
                .integer(spec.columns())
                .stride(args.x(), 0)
                .integer(scheme.blockRows())
                .integer(scheme.blockColumns())
                .integer(scheme.rule() == ScaleRule.POWER_OF_TWO ? 1 : 0)
                .integer(sharesBytes(spec) ? 1 : 0)
                .real(Quantize.largest(scheme.values()))
                .real(Quantize.floor(scheme.values()));
    }
}
