package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.kernel.elementwise.Reduce;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.ArrayList;
import java.util.List;

/// One number from all elements: partial results of blocks, then their combination, once for every
/// tensor of a list.
record ReduceKernel(KernelFunctions functions) implements Kernel<Reduce, Reduce.Args, CudaWork> {
    private static final int MOST_PARTS = 512;

    /// Elements a block, enough to be worth its partial result.
    private static final int PART_ELEMENTS = 4096;

    /// The partial results and, behind them, the total of the tensors so far.
    private static final long WORKSPACE_BYTES = 8L * (MOST_PARTS + 1);

    @Override
    public Class<Reduce> specType() {
        return Reduce.class;
    }

    @Override
    public List<String> implementations() {
        return List.of("reduce");
    }

    @Override
    public Decision<Reduce.Args, CudaWork> decide(Reduce spec, Limits limits) {
        return Decision.planned(
                new Implementation("reduce", ""),
                new Numerics(DType.F64, true, true),
                WORKSPACE_BYTES,
                (args, workspace) -> bind(spec, args, workspace));
    }

    private CudaWork bind(Reduce spec, Reduce.Args args, Tensor workspace) {
        List<Tensor> tensors = new ArrayList<>();
        Operands.forEachTensor(args.x(), "x", (name, tensor) -> tensors.add(tensor));
        List<KernelLaunch> launches = new ArrayList<>();
        long total = workspace.address() + 8L * MOST_PARTS;
        for (int i = 0; i < tensors.size(); i++) {
            Tensor x = tensors.get(i);
            int parts = (int) Math.clamp(Math.ceilDiv(x.elements(), PART_ELEMENTS), 1, MOST_PARTS);
            launches.add(
                    Params.of()
                            .address(x)
                            .address(workspace)
                            .integer(ElementTypes.code(spec.in()))
                            .integer(x.elements())
                            .integer(operation(spec))
                            .launch(functions, "reduce_parts", parts, 1, Rows.BLOCK));
            launches.add(
                    Params.of()
                            .address(workspace)
                            .address(total)
                            .address(i == tensors.size() - 1 ? args.out() : null)
                            .integer(parts)
                            .integer(operation(spec))
                            .integer(i == 0 ? 1 : 0)
                            .launch(functions, "reduce_end", 1, 1, Rows.BLOCK));
        }
        return CudaWork.of(launches.toArray(KernelLaunch[]::new));
    }

    private static int operation(Reduce spec) {
        return switch (spec.operation()) {
            case SUM -> 0;
            case MAX -> 1;
            case NORM -> 2;
        };
    }
}
