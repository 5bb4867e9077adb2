package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.backend.cpu.product.FeedForward;
import dev.halcyon.backend.cpu.product.FeedForwardPlan;
import dev.halcyon.backend.cpu.product.FeedForwardRun;
import dev.halcyon.backend.cpu.product.Matrices;
import dev.halcyon.backend.cpu.product.Weights;
import dev.halcyon.hal.host.FaultSink;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.moe.MoeCombine;
import dev.halcyon.hal.kernel.moe.MoeDispatch;
import dev.halcyon.hal.kernel.moe.MoeGate;
import dev.halcyon.hal.kernel.moe.MoeLayer;
import dev.halcyon.hal.kernel.moe.MoeLayer.WeightPosition;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.Tensor;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/// A [MoeLayer] with its operands, see [MoeLayerKernel].
final class MoeLayerWork implements HostWork {
    private final MoeLayer spec;
    private final long tokens;
    private final HostWork gate;
    private final HostWork dispatch;
    private final HostWork sum;
    private final FeedForward experts;
    private final @Nullable FeedForward shared;
    private final FeedForwardRun networks;
    private final Rows segmentStart;
    private final Rows segmentCount;
    private final Rows rowSlot;
    private final Rows weights;
    private final @Nullable Rows rowWeight;
    private final @Nullable Rows activeRows;

    MoeLayerWork(
            CpuContext context,
            MoeLayer spec,
            MoeLayerKernel.Parts parts,
            MoeLayer.Args args,
            Tensor workspace) {
        this.spec = spec;
        this.tokens = args.x().dim(0);
        ScratchLayout scratch = parts.scratch();
        Tensor chosen = given(args.indices(), scratch, workspace, MoeLayerKernel.INDICES);
        Tensor factors = given(args.weights(), scratch, workspace, MoeLayerKernel.WEIGHTS);
        long most = spec.dispatch().maxRows(tokens);
        Tensor starts = scratch.in(workspace, MoeLayerKernel.SEGMENT_START);
        Tensor counts = scratch.in(workspace, MoeLayerKernel.SEGMENT_COUNT);
        Tensor rowToken = scratch.in(workspace, MoeLayerKernel.ROW_TOKEN, most);
        Tensor slots = scratch.in(workspace, MoeLayerKernel.ROW_SLOT, most);
        Tensor tokenRow = scratch.in(workspace, MoeLayerKernel.TOKEN_ROW, tokens);
        Tensor results = scratch.in(workspace, MoeLayerKernel.RESULTS, most);
        boolean weightFirst = spec.position() == WeightPosition.BEFORE_DOWN;
        Tensor beforeDown =
                weightFirst ? scratch.in(workspace, MoeLayerKernel.ROW_WEIGHT, most) : null;
        Tensor addend =
                spec.hasShared() ? scratch.in(workspace, MoeLayerKernel.SHARED, tokens) : null;

        long at = scratch.bytes();
        long gateBytes = parts.gate().workspaceBytes();
        this.gate =
                parts.gate()
                        .binder()
                        .bind(
                                new MoeGate.Args(
                                        args.x(),
                                        args.gateWeight(),
                                        args.gateBias(),
                                        args.tokenIds(),
                                        args.expertTable(),
                                        chosen,
                                        factors,
                                        null,
                                        args.activeRows()),
                                workspace.slice(0, at, at + gateBytes));
        at += MoeLayerKernel.align(gateBytes);
        long dispatchBytes = parts.dispatch().workspaceBytes();
        this.dispatch =
                parts.dispatch()
                        .binder()
                        .bind(
                                new MoeDispatch.Args(
                                        chosen,
                                        starts,
                                        counts,
                                        rowToken,
                                        slots,
                                        tokenRow,
                                        args.activeRows()),
                                workspace.slice(0, at, at + dispatchBytes));
        at += MoeLayerKernel.align(dispatchBytes);

        List<FeedForward> sideBySide = new ArrayList<>();
        int panelRows = context.matrix().panelColumns();
        Matrices x = Matrices.sharing(args.x(), 1);
        this.experts =
                bind(
                        parts.experts(),
                        x,
                        rowToken.segment(),
                        beforeDown == null ? null : beforeDown.segment(),
                        List.of(args.gateProj(), args.upProj(), args.downProj()),
                        spec.localExperts(),
                        panelRows,
                        results,
                        workspace,
                        at);
        sideBySide.add(experts);
        at += parts.experts().workspaceBytes();
        FeedForwardPlan sharedPlan = parts.shared();
        if (sharedPlan != null && addend != null) {
            this.shared =
                    bind(
                            sharedPlan,
                            x,
                            null,
                            null,
                            List.of(
                                    Objects.requireNonNull(args.sharedGate(), "sharedGate"),
                                    Objects.requireNonNull(args.sharedUp(), "sharedUp"),
                                    Objects.requireNonNull(args.sharedDown(), "sharedDown")),
                            1,
                            panelRows,
                            addend,
                            workspace,
                            at);
            sideBySide.add(shared);
            at += sharedPlan.workspaceBytes();
        } else {
            this.shared = null;
        }
        this.networks = new FeedForwardRun(context.pool(), sideBySide);
        this.sum =
                parts.sum()
                        .binder()
                        .bind(
                                new MoeCombine.Args(
                                        results,
                                        tokenRow,
                                        weightFirst ? null : factors,
                                        addend,
                                        args.out(),
                                        args.activeRows()),
                                workspace.slice(0, at, at + parts.sum().workspaceBytes()));
        this.segmentStart = Rows.flat(starts);
        this.segmentCount = Rows.flat(counts);
        this.rowSlot = Rows.flat(slots);
        this.weights = Rows.flat(factors);
        this.rowWeight = Rows.flatOrNull(beforeDown);
        this.activeRows = Rows.flatOrNull(args.activeRows());
    }

    private Tensor given(
            @Nullable Tensor given, ScratchLayout scratch, Tensor workspace, String name) {
        return given != null ? given : scratch.in(workspace, name, tokens);
    }

    private static FeedForward bind(
            FeedForwardPlan plan,
            Matrices x,
            @Nullable MemorySegment rowTable,
            @Nullable MemorySegment factors,
            List<Operand> weights,
            int groups,
            int panelRows,
            Tensor out,
            Tensor workspace,
            long at) {
        return plan.bind(
                x,
                rowTable,
                factors,
                Weights.of(weights.get(0), groups, panelRows),
                Weights.of(weights.get(1), groups, panelRows),
                Weights.of(weights.get(2), groups, panelRows),
                Matrices.sharing(out, 1),
                workspace.slice(0, at, at + plan.workspaceBytes()).segment());
    }

    @Override
    public void run(FaultSink faults) {
        gate.run(faults);
        dispatch.run(faults);
        int rows = 0;
        for (int e = 0; e < spec.localExperts(); e++) {
            int count = segmentCount.intAt(0, e);
            experts.size(e, segmentStart.intAt(0, e), count);
            rows += count;
        }
        if (rowWeight != null) {
            for (int row = 0; row < rows; row++) {
                rowWeight.setFloat(0, row, weights.floatAt(0, rowSlot.intAt(0, row)));
            }
        }
        long live = Rows.live(tokens, activeRows);
        experts.begin(live == 1);
        if (shared != null) {
            shared.size(0, 0, (int) live);
            shared.begin(false);
        }
        networks.run();
        sum.run(faults);
    }
}
