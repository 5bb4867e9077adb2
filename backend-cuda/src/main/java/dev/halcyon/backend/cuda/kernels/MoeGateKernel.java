package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.moe.MoeGate;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// Routing: the logits as a product into the workspace, then a block a token that picks experts.
record MoeGateKernel(KernelFunctions functions) implements Kernel<MoeGate, MoeGate.Args, CudaWork> {
    private static final int MOST_EXPERTS = 1024;
    private static final int THREADS = 128;

    @Override
    public Class<MoeGate> specType() {
        return MoeGate.class;
    }

    @Override
    public List<String> implementations() {
        return List.of("moe_gate");
    }

    @Override
    public Decision<MoeGate.Args, CudaWork> decide(MoeGate spec, Limits limits) {
        if (ElementTypes.isWide(spec.x(), spec.weight())) {
            return ElementTypes.declineWide(spec.name());
        }
        if (spec.experts() > MOST_EXPERTS) {
            return Decision.refused(
                    Support.Reason.SHAPE,
                    spec.name()
                            + " on a GPU takes at most "
                            + MOST_EXPERTS
                            + " experts, not "
                            + spec.experts(),
                    "fewer experts, or the CPU backend");
        }
        return Decision.planned(
                new Implementation("moe_gate", ""),
                ElementTypes.rowNumerics(),
                DType.F32.bytes((long) spec.maxTokens() * spec.experts()),
                (args, workspace) -> bind(spec, args, workspace));
    }

    private CudaWork bind(MoeGate spec, MoeGate.Args args, Tensor workspace) {
        long tokens = args.x().dim(0);
        return tokens == 0
                ? CudaWork.of()
                : CudaWork.of(logits(spec, args, workspace), choice(spec, args, workspace));
    }

    private KernelLaunch logits(MoeGate spec, MoeGate.Args args, Tensor workspace) {
        long tokens = args.x().dim(0);
        MatrixOperand x = MatrixOperand.of(args.x(), false);
        MatrixOperand weight = MatrixOperand.of(args.weight(), false);
        ProductForm form = ProductForm.of(x, weight, 1, tokens, spec.experts(), spec.hidden());
        Params params = weight.addTo(x.addTo(Params.of()));
        params.address(workspace)
                .address(args.activeRows())
                .integer(ElementTypes.code(DType.F32))
                .integer(spec.experts())
                .integer(0)
                .integer(tokens)
                .integer(spec.experts())
                .integer(spec.hidden())
                .real(1)
                .real(0);
        return GemmKernel.launch(functions, params, form, tokens, spec.experts(), 1);
    }

    private KernelLaunch choice(MoeGate spec, MoeGate.Args args, Tensor workspace) {
        Tensor table = args.expertTable();
        return Params.of()
                .address(workspace)
                .address(args.bias())
                .address(args.tokenIds())
                .address(table)
                .address(args.indices())
                .address(args.weights())
                .address(args.scores())
                .address(args.activeRows())
                .faults()
                .integer(args.x().dim(0))
                .integer(spec.experts())
                .integer(spec.topK())
                .integer(
                        switch (spec.score()) {
                            case SIGMOID -> 0;
                            case SOFTMAX -> 1;
                            case SQRT_SOFTPLUS -> 2;
                        })
                .integer(spec.groups())
                .integer(spec.keptGroups())
                .integer(spec.groupScore() == MoeGate.GroupScore.TOP2_SUM ? 1 : 0)
                .integer(spec.normalise() ? 1 : 0)
                .integer(table == null ? 0 : table.dim(0))
                .integer(table != null && table.dtype() == DType.I64 ? 1 : 0)
                .integer(args.bias() == null ? 0 : args.bias().stride(0))
                .integer(args.tokenIds() == null ? 0 : args.tokenIds().stride(0))
                .integer(table == null ? 0 : table.stride(0))
                .integer(args.indices().stride(0))
                .integer(args.weights().stride(0))
                .integer(args.scores() == null ? 0 : args.scores().stride(0))
                .real(spec.scale())
                .launch(functions, "moe_gate", Math.toIntExact(args.x().dim(0)), 1, THREADS);
    }
}
