package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.acl.Operator;
import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.moe.MoeGate;
import dev.halcyon.hal.kernel.moe.MoeLayer;
import dev.halcyon.hal.kernel.moe.MoeLayer.WeightPosition;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.WeightFormat;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import org.jspecify.annotations.Nullable;

import java.util.List;
import java.util.Objects;

/// [MoeLayer] by CANN's routing operators: gate, sort by expert, grouped products around the
/// activation, the shared expert, and one weighted sum that adds it. The number of launches depends
/// on neither tokens nor experts, and counts stay on the device.
///
/// What the operators do not do (scaled or listed weights, a clamp, weights before the last
/// product, a part of the experts, mixed types) is left to the layer's lowering.
record MoeLayerKernel(Platform platform) implements Kernel<MoeLayer, MoeLayer.Args, AscendWork> {
    private static final String BY_V3 = "moe-layer.init-routing-v3";
    private static final String BY_V2 = "moe-layer.init-routing-v2";
    private static final String INVARIANT = "moe-layer.blocks-of-16-rows";

    /// The innermost extent that CANN's grouped product takes.
    private static final int WIDEST = 65_535;

    /// Most groups of a grouped product.
    private static final int MOST_EXPERTS = 1024;

    private record Views(
            View x,
            View router,
            @Nullable View bias,
            View gateProj,
            View upProj,
            View downProj,
            @Nullable Shared shared,
            View out,
            @Nullable View indices,
            @Nullable View weights,
            @Nullable View activeRows) {}

    /// The shared expert.
    private record Shared(View gate, View up, View down) {}

    @Override
    public Class<MoeLayer> specType() {
        return MoeLayer.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(name(), INVARIANT);
    }

    private String name() {
        return platform.has(Operator.MOE_INIT_ROUTING_V3) ? BY_V3 : BY_V2;
    }

    @Override
    public Decision<MoeLayer.Args, AscendWork> decide(MoeLayer spec, Limits limits) {
        Support.Declined obstacle = obstacle(spec);
        if (obstacle != null) {
            return new Decision.Refused<>(obstacle);
        }
        MoeGate gate = spec.gate();
        long tokens = gate.maxTokens();
        DType dtype = gate.x();
        View wide = View.unbound(dtype, spec.localExperts(), spec.expertDim(), gate.hidden());
        View shared = View.unbound(dtype, spec.sharedDim(), gate.hidden());
        return Composed.decide(
                platform,
                spec.batchInvariant() ? INVARIANT : name(),
                spec.batchInvariant() ? Composed.rows(DType.F32) : Composed.reductions(DType.F32),
                new Views(
                        View.unbound(dtype, tokens, gate.hidden()),
                        View.unbound(gate.weight(), gate.experts(), gate.hidden()),
                        gate.bias() ? View.unbound(DType.F32, gate.experts()) : null,
                        wide,
                        wide,
                        View.unbound(dtype, spec.localExperts(), gate.hidden(), spec.expertDim()),
                        spec.hasShared()
                                ? new Shared(
                                        shared,
                                        shared,
                                        View.unbound(dtype, gate.hidden(), spec.sharedDim()))
                                : null,
                        View.unbound(dtype, tokens, gate.hidden()),
                        View.unbound(DType.I32, tokens, gate.topK()),
                        View.unbound(DType.F32, tokens, gate.topK()),
                        View.unbound(DType.I32, 1)),
                args -> views(spec, args),
                (c, views) -> {
                    if (views.out().dim(0) > 0) {
                        compose(c, spec, views);
                    }
                });
    }

    /// {@return why the operators do not compute this layer; null if they do}
    private Support.@Nullable Declined obstacle(MoeLayer spec) {
        MoeGate gate = spec.gate();
        WeightFormat plain = WeightFormat.rowMajor(gate.x());
        boolean oneType =
                spec.gateUp().equals(plain)
                        && spec.down().equals(plain)
                        && (!spec.hasShared()
                                || spec.sharedGateUp().equals(plain)
                                        && spec.sharedDown().equals(plain))
                        && spec.intermediate() == gate.x()
                        && spec.out() == gate.x();
        if (!oneType || gate.x() == DType.F64) {
            return obstacle(
                    Support.Reason.FORMAT,
                    "CANN's routing and grouped products take one type of 16 or 32 bits",
                    "row-major, unlisted weights of the type of x");
        }
        if (!platform.soc().hasBf16()) {
            return obstacle(
                    Support.Reason.HARDWARE, platform.soc() + " lacks the routing operators", "A2");
        }
        if (spec.limit() != Double.POSITIVE_INFINITY
                || spec.position() != WeightPosition.AFTER_DOWN) {
            return obstacle(
                    Support.Reason.NUMERICS,
                    "CANN's SwiGlu neither clamps nor weighs",
                    "no limit, weights after the last product");
        }
        if (spec.localExperts() != gate.experts() || gate.hashVocab() > 0) {
            return obstacle(
                    Support.Reason.SHAPE,
                    "CANN does not say what its sum does with choices that have no row",
                    "all experts local, no hash table");
        }
        int widest = Math.max(gate.hidden(), spec.expertDim());
        if (widest > WIDEST || gate.experts() > MOST_EXPERTS) {
            return obstacle(
                    Support.Reason.SHAPE,
                    gate.experts()
                            + " experts of "
                            + widest
                            + " columns are beyond a grouped product",
                    "at most " + MOST_EXPERTS + " experts and " + WIDEST + " columns");
        }
        return null;
    }

    private static Support.Declined obstacle(Support.Reason reason, String detail, String instead) {
        return new Support.Declined(reason, detail, instead);
    }

    private static Views views(MoeLayer spec, MoeLayer.Args args) {
        return new Views(
                View.of(args.x()),
                View.of(args.gateWeight()),
                Composed.optional(args.gateBias()),
                matrix(args.gateProj()),
                matrix(args.upProj()),
                matrix(args.downProj()),
                spec.hasShared()
                        ? new Shared(
                                matrix(Objects.requireNonNull(args.sharedGate())),
                                matrix(Objects.requireNonNull(args.sharedUp())),
                                matrix(Objects.requireNonNull(args.sharedDown())))
                        : null,
                View.of(args.out()),
                Composed.optional(args.indices()),
                Composed.optional(args.weights()),
                Composed.optional(args.activeRows()));
    }

    private static View matrix(Operand operand) {
        return View.of((Tensor) operand);
    }

    private static void compose(Composition c, MoeLayer spec, Views views) {
        long tokens = views.x().dim(0);
        int topK = spec.gate().topK();
        View x = c.dense(views.x());
        View weights =
                views.weights() != null
                        ? views.weights()
                        : c.scratch(AclDataType.FLOAT, tokens, topK);
        boolean byRows = spec.batchInvariant();
        View choices = gate(c, spec.gate(), byRows, x, views, weights);
        Expanded rows = Expanded.of(c, x, choices, spec.localExperts());
        View halves = c.scratch(x.type(), 2, tokens * topK, spec.expertDim());
        product(c, byRows, rows.x(), views.gateProj(), rows.counts(), halves.get(0));
        product(c, byRows, rows.x(), views.upProj(), rows.counts(), halves.get(1));
        View results = c.scratch(x.type(), tokens * topK, spec.gate().hidden());
        product(c, byRows, activation(c, halves), views.downProj(), rows.counts(), results);
        Shared shared = views.shared();
        View addend = shared == null ? null : shared(c, byRows, x, shared);
        View out = c.isDense(views.out()) ? views.out() : c.scratch(x.type(), x.dims());
        c.call(
                Operator.MOE_FINALIZE_ROUTING_V2,
                results,
                rows.places(),
                addend,
                null,
                null,
                weights,
                null,
                2,
                out);
        if (out != views.out()) {
            c.copy(out, views.out());
        }
    }

    /// {@return the experts of every token, INT32 `[T, topK]`; 0 for dead tokens, whose weights are
    /// 0, because the operators know no token without experts}
    private static View gate(
            Composition c, MoeGate gate, boolean byRows, View x, Views views, View weights) {
        View chosen =
                views.indices() != null
                        ? views.indices()
                        : c.scratch(AclDataType.INT32, weights.dims());
        MoeGateKernel.route(
                c,
                gate,
                byRows,
                new MoeGateKernel.Views(
                        x, views.router(), views.bias(), null, null, chosen, weights, null, null));
        View activeRows = views.activeRows();
        if (activeRows == null) {
            return chosen;
        }
        View dead = RowBounds.dead(c, x.dim(0), activeRows).unsqueeze(1);
        View routed = c.scratch(AclDataType.INT32, weights.dims());
        c.copy(chosen, routed);
        c.fillWhere(routed, dead, 0);
        c.fillWhere(weights, dead, 0);
        if (views.indices() != null) {
            c.fillWhere(chosen, dead, -1);
        }
        return routed;
    }

    /// A row for every choice, sorted by expert.
    ///
    /// @param x the rows
    /// @param places of every choice's row, INT32 `[T topK]`
    /// @param counts rows of every expert, INT64
    private record Expanded(View x, View places, View counts) {
        static Expanded of(Composition c, View x, View choices, int experts) {
            long count = choices.elements();
            View rows = c.scratch(x.type(), count, x.dim(1));
            View places = c.scratch(AclDataType.INT32, count);
            View counts = c.scratch(AclDataType.INT64, experts);
            if (c.platform().has(Operator.MOE_INIT_ROUTING_V3)) {
                c.call(
                        Operator.MOE_INIT_ROUTING_V3,
                        x,
                        choices,
                        null,
                        null,
                        count,
                        0,
                        experts,
                        0,
                        1,
                        true,
                        -1,
                        new long[] {0, experts},
                        0,
                        rows,
                        places,
                        counts,
                        c.scratch(AclDataType.FLOAT, count));
                return new Expanded(rows, places, counts);
            }
            View narrow = c.scratch(AclDataType.INT32, experts);
            c.call(
                    Operator.MOE_INIT_ROUTING_V2,
                    x,
                    choices,
                    count,
                    0,
                    experts,
                    0,
                    2,
                    false,
                    rows,
                    places,
                    narrow,
                    c.scratch(AclDataType.INT32, experts));
            c.convert(narrow, counts);
            return new Expanded(rows, places, counts);
        }
    }

    private static void product(
            Composition c, boolean byRows, View x, View weights, View counts, View out) {
        View right = weights.transpose(1, 2);
        if (byRows) {
            GroupedGemmKernel.groupedMatmulByBlocks(c, x, right, counts, out);
        } else {
            GroupedGemmKernel.groupedMatmul(c, x, right, counts, out);
        }
    }

    private static void product(Composition c, boolean byRows, View x, View weight, View out) {
        View right = weight.transpose(0, 1);
        if (byRows) {
            Products.multiplyByRows(c, x, right, out);
        } else {
            c.product(x, right, out);
        }
    }

    /// {@return `swiglu(halves[0], halves[1])`}
    private static View activation(Composition c, View halves) {
        View activated = c.scratch(halves.type(), 1, halves.dim(1), halves.dim(2));
        c.call(Operator.SWI_GLU, halves, 0, activated);
        return activated.get(0);
    }

    private static View shared(Composition c, boolean byRows, View x, Shared shared) {
        long tokens = x.dim(0);
        long width = shared.gate().dim(0);
        View activated;
        View both = joined(shared.gate(), shared.up());
        if (both != null) {
            View halves = c.scratch(x.type(), tokens, 2 * width);
            product(c, byRows, x, both, halves);
            activated = c.scratch(x.type(), tokens, width);
            c.call(Operator.SWI_GLU, halves, 1, activated);
        } else {
            View halves = c.scratch(x.type(), 2, tokens, width);
            product(c, byRows, x, shared.gate(), halves.get(0));
            product(c, byRows, x, shared.up(), halves.get(1));
            activated = activation(c, halves);
        }
        View result = c.scratch(x.type(), x.dims());
        product(c, byRows, activated, shared.down(), result);
        return result;
    }

    /// {@return both matrices as one if the second lies right behind the first; else null}
    private static @Nullable View joined(View first, View second) {
        long apart = second.offset() - first.offset();
        boolean sameStorage = (second.base() - first.base()) % first.type().bytes() == 0;
        apart += (second.base() - first.base()) / first.type().bytes();
        if (!sameStorage || apart != first.elements()) {
            return null;
        }
        long[] dims = {first.dim(0) + second.dim(0), first.dim(1)};
        return new View(first.type(), first.base(), first.offset(), dims, first.strides());
    }
}
