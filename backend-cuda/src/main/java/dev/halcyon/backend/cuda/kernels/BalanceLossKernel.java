package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.moe.BalanceLoss;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.ArrayList;
import java.util.List;

/// The sequence-wise balance loss: token sums, products of sequences, their mean.
record BalanceLossKernel(KernelFunctions functions)
        implements Kernel<BalanceLoss, BalanceLoss.Args, CudaWork> {

    private static final int WARP = 32;

    @Override
    public Class<BalanceLoss> specType() {
        return BalanceLoss.class;
    }

    @Override
    public List<String> implementations() {
        return List.of("balance_loss");
    }

    @Override
    public Decision<BalanceLoss.Args, CudaWork> decide(BalanceLoss spec, Limits limits) {
        return Decision.planned(
                new Implementation("balance_loss", ""),
                ElementTypes.rowNumerics(),
                workspaceBytes(spec),
                (args, workspace) -> bind(spec, args, workspace));
    }

    private static long expertBlocks(BalanceLoss spec) {
        return Math.ceilDiv(spec.experts(), WARP);
    }

    private static long workspaceBytes(BalanceLoss spec) {
        return DType.F32.bytes(spec.maxTokens() + spec.maxSequences() * expertBlocks(spec));
    }

    private CudaWork bind(BalanceLoss spec, BalanceLoss.Args args, Tensor workspace) {
        long tokens = args.scores().dim(0);
        long sequences = args.sequenceStart().dim(0) - 1;
        List<KernelLaunch> launches = new ArrayList<>();
        if (tokens > 0 && sequences > 0) {
            launches.add(
                    launch(
                            spec,
                            args,
                            workspace,
                            "balance_loss_tokens",
                            Math.ceilDiv(tokens, Rows.BLOCK / WARP)));
            launches.add(
                    launch(
                            spec,
                            args,
                            workspace,
                            "balance_loss_sequences",
                            sequences * expertBlocks(spec)));
        }
        launches.add(launch(spec, args, workspace, "balance_loss", 1));
        return CudaWork.of(launches.toArray(KernelLaunch[]::new));
    }

    private KernelLaunch launch(
            BalanceLoss spec, BalanceLoss.Args args, Tensor workspace, String kernel, long blocks) {
        return Params.of()
                .address(args.scores())
                .address(args.indices())
                .address(args.sequenceStart())
                .address(args.loss())
                .faults()
                .address(workspace)
                .address(workspace.address() + DType.F32.bytes(spec.maxTokens()))
                .integer(args.scores().dim(0))
                .integer(args.sequenceStart().dim(0) - 1)
                .integer(spec.experts())
                .integer(spec.topK())
                .stride(args.scores(), 0)
                .stride(args.indices(), 0)
                .stride(args.sequenceStart(), 0)
                .real(spec.alpha())
                .launch(functions, kernel, Math.toIntExact(blocks), 1, Rows.BLOCK);
    }
}
