package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.backend.cpu.product.FeedForwardPlan;
import dev.halcyon.backend.cpu.product.FeedForwardShape;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.moe.MoeCombine;
import dev.halcyon.hal.kernel.moe.MoeDispatch;
import dev.halcyon.hal.kernel.moe.MoeGate;
import dev.halcyon.hal.kernel.moe.MoeLayer;
import dev.halcyon.hal.kernel.moe.MoeLayer.WeightPosition;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.WeightFormat;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// The mixture-of-experts layer in one piece: router, dispatch, [FeedForward] networks of the
/// experts and of the shared expert side by side, weighted sum.
///
/// What lies between the products stays F32 and in the order in which the next product reads it.
/// Every expert's result is a row of its own until the sum, which goes over a token's choices in
/// ascending order; so results have the same bits for any number of threads.
///
/// [FeedForward]: dev.halcyon.backend.cpu.product.FeedForward
final class MoeLayerKernel implements Kernel<MoeLayer, MoeLayer.Args, HostWork> {
    static final String RESULTS = "results";
    static final String SHARED = "shared";
    static final String INDICES = "indices";
    static final String WEIGHTS = "weights";
    static final String SEGMENT_START = "segmentStart";
    static final String SEGMENT_COUNT = "segmentCount";
    static final String ROW_TOKEN = "rowToken";
    static final String ROW_SLOT = "rowSlot";
    static final String ROW_WEIGHT = "rowWeight";
    static final String TOKEN_ROW = "tokenRow";

    private final CpuContext context;
    private final MoeGateKernel gates;
    private final MoeDispatchKernel dispatches;
    private final MoeCombineKernel sums;

    MoeLayerKernel(CpuContext context) {
        this.context = context;
        this.gates = new MoeGateKernel(context);
        this.dispatches = new MoeDispatchKernel(context);
        this.sums = new MoeCombineKernel(context);
    }

    @Override
    public Class<MoeLayer> specType() {
        return MoeLayer.class;
    }

    @Override
    public List<String> implementations() {
        return FeedForwardPlan.labels(context).stream().map(MoeLayerKernel::name).toList();
    }

    private static String name(String label) {
        return "moelayer." + label;
    }

    /// The parts of a layer.
    ///
    /// @param scratch what the parts hand to each other; their own workspaces follow in the order
    ///   of the components
    record Parts(
            ScratchLayout scratch,
            Decision.Planned<MoeGate.Args, HostWork> gate,
            Decision.Planned<MoeDispatch.Args, HostWork> dispatch,
            FeedForwardPlan experts,
            @Nullable FeedForwardPlan shared,
            Decision.Planned<MoeCombine.Args, HostWork> sum) {
        long workspaceBytes() {
            return scratch.bytes()
                    + align(gate.workspaceBytes())
                    + align(dispatch.workspaceBytes())
                    + experts.workspaceBytes()
                    + (shared == null ? 0 : shared.workspaceBytes())
                    + sum.workspaceBytes();
        }
    }

    static long align(long bytes) {
        return Math.ceilDiv(bytes, 64L) * 64;
    }

    @Override
    public Decision<MoeLayer.Args, HostWork> decide(MoeLayer spec, Limits limits) {
        Decision<MoeLayer.Args, HostWork> refusal = refusal(spec);
        if (refusal != null) {
            return refusal;
        }
        Decision<MoeGate.Args, HostWork> gate = gates.decide(spec.gate(), limits);
        if (!(gate instanceof Decision.Planned<MoeGate.Args, HostWork> router)) {
            Support.Declined declined = (Support.Declined) gate.support();
            return Decision.refused(declined.reason(), declined.detail(), declined.whatWouldWork());
        }
        MoeCombine sum =
                MoeCombine.of(spec.dispatch(), spec.gate().hidden(), DType.F32)
                        .withTypes(DType.F32, spec.out())
                        .withWeights(spec.position() == WeightPosition.AFTER_DOWN)
                        .withAddend(spec.hasShared());
        ScratchLayout scratch;
        try {
            scratch = scratch(spec);
        } catch (ArithmeticException overflow) {
            return Decision.refused(
                    Support.Reason.SHAPE,
                    "its intermediates at these bounds are more bytes than a long can count",
                    "smaller bounds");
        }
        long left = Math.max(0, limits.workspaceBytes() - scratch.bytes());
        long each = spec.hasShared() ? left / 2 : left;
        Parts parts =
                new Parts(
                        scratch,
                        router,
                        planned(dispatches.decide(spec.dispatch(), limits)),
                        plan(experts(spec), each),
                        spec.hasShared() ? plan(shared(spec), each) : null,
                        planned(sums.decide(sum, limits)));
        boolean invariant =
                parts.experts.invariant() && (parts.shared == null || parts.shared.invariant());
        return fitted(
                spec,
                limits,
                parts.workspaceBytes(),
                Decision.planned(
                        context.implementation(name(parts.experts.label())),
                        new Numerics(DType.F32, invariant, true),
                        parts.workspaceBytes(),
                        (args, workspace) ->
                                new MoeLayerWork(context, spec, parts, args, workspace)));
    }

    /// {@return the decision, or a refusal if it needs more memory than it may have: the lowering
    /// then has its try}
    static <A extends KernelArgs> Decision<A, HostWork> fitted(
            KernelSpec<A> spec, Limits limits, long bytes, Decision<A, HostWork> decision) {
        return bytes <= limits.workspaceBytes()
                ? decision
                : Decision.refused(
                        Support.Reason.WORKSPACE,
                        spec.name()
                                + " in one piece needs a workspace of "
                                + bytes
                                + " bytes, the limit is "
                                + limits.workspaceBytes(),
                        "allow at least " + bytes + " bytes");
    }

    private FeedForwardPlan plan(FeedForwardShape shape, long workspace) {
        return FeedForwardPlan.of(shape, context, workspace);
    }

    /// The parts take F32 intermediates and any bounds that the layer's own checks let through.
    private static <A extends KernelArgs> Decision.Planned<A, HostWork> planned(
            Decision<A, HostWork> decision) {
        if (decision instanceof Decision.Planned<A, HostWork> planned) {
            return planned;
        }
        throw new IllegalStateException("a part of the layer is declined: " + decision.support());
    }

    private @Nullable Decision<MoeLayer.Args, HostWork> refusal(MoeLayer spec) {
        if (RowTypes.lacksAny(spec.gate().x(), spec.intermediate(), spec.out())) {
            return RowTypes.refuse(spec, spec.gate().x(), spec.intermediate(), spec.out());
        }
        for (WeightFormat weight :
                List.of(spec.gateUp(), spec.down(), spec.sharedGateUp(), spec.sharedDown())) {
            Decision<MoeLayer.Args, HostWork> refusal =
                    ProductSupport.refusal(
                            context.matrix(), spec.gate().x(), weight, true, DType.F32, DType.F32);
            if (refusal != null) {
                return refusal;
            }
        }
        return null;
    }

    private static ScratchLayout scratch(MoeLayer spec) {
        int tokens = spec.gate().maxTokens();
        int topK = spec.gate().topK();
        int rows = spec.dispatch().maxRows();
        int hidden = spec.gate().hidden();
        ScratchLayout scratch =
                new ScratchLayout()
                        .add(INDICES, DType.I32, tokens, topK)
                        .add(WEIGHTS, DType.F32, tokens, topK)
                        .add(SEGMENT_START, DType.I32, spec.localExperts())
                        .add(SEGMENT_COUNT, DType.I32, spec.localExperts())
                        .add(ROW_TOKEN, DType.I32, rows)
                        .add(ROW_SLOT, DType.I32, rows)
                        .add(TOKEN_ROW, DType.I32, tokens, topK)
                        .add(RESULTS, DType.F32, rows, hidden);
        if (spec.position() == WeightPosition.BEFORE_DOWN) {
            scratch.add(ROW_WEIGHT, DType.F32, rows);
        }
        if (spec.hasShared()) {
            scratch.add(SHARED, DType.F32, tokens, hidden);
        }
        return scratch;
    }

    private static FeedForwardShape experts(MoeLayer spec) {
        return new FeedForwardShape(
                spec.localExperts(),
                spec.dispatch().maxRows(),
                spec.gate().maxTokens(),
                spec.gate().hidden(),
                spec.expertDim(),
                spec.gate().x(),
                spec.intermediate(),
                spec.gateUp(),
                spec.down(),
                (float) spec.limit(),
                DType.F32,
                spec.batchInvariant());
    }

    private static FeedForwardShape shared(MoeLayer spec) {
        int tokens = spec.gate().maxTokens();
        return new FeedForwardShape(
                1,
                tokens,
                tokens,
                spec.gate().hidden(),
                spec.sharedDim(),
                spec.gate().x(),
                spec.intermediate(),
                spec.sharedGateUp(),
                spec.sharedDown(),
                (float) spec.limit(),
                DType.F32,
                spec.batchInvariant());
    }
}
