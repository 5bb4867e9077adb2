package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.acl.Operator;
import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.elementwise.CrossEntropy;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// [CrossEntropy] from the log-softmax of every row.
///
/// `log-sum-exp = logit - log-softmax` in every column; at the largest logit nothing cancels and
/// nothing is infinite.
record CrossEntropyKernel(Platform platform)
        implements Kernel<CrossEntropy, CrossEntropy.Args, AscendWork> {
    private static final String NAME = "cross-entropy";

    private record Views(
            View logits, View targets, View loss, View logSumExp, @Nullable View activeRows) {}

    @Override
    public Class<CrossEntropy> specType() {
        return CrossEntropy.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<CrossEntropy.Args, AscendWork> decide(CrossEntropy spec, Limits limits) {
        Decision<CrossEntropy.Args, AscendWork> refusal =
                Composed.refuseBf16(platform, spec.logits());
        if (refusal != null) {
            return refusal;
        }
        View perRow = View.unbound(DType.F32, spec.maxRows());
        AclDataType compute = Composed.acl(Composed.compute(spec.logits()));
        return Composed.decide(
                platform,
                NAME,
                Composed.reductions(Composed.compute(spec.logits())),
                new Views(
                        View.unbound(spec.logits(), spec.maxRows(), spec.vocab()),
                        View.unbound(DType.I32, spec.maxRows()),
                        perRow,
                        perRow,
                        View.unbound(DType.I32, 1)),
                args ->
                        new Views(
                                View.of(args.logits()),
                                View.of(args.targets()),
                                View.of(args.loss()),
                                View.of(args.logSumExp()),
                                Composed.optional(args.activeRows())),
                (c, views) -> compose(c, compute, views));
    }

    private static void compose(Composition c, AclDataType compute, Views views) {
        long rows = views.loss().dim(0);
        if (rows == 0) {
            return;
        }
        View logits = c.dense(c.as(compute, views.logits()));
        View live = RowBounds.replaceDead(c, views.targets(), views.activeRows(), -1);
        View targets = c.scratch(AclDataType.INT32, rows);
        View skipped = c.checkIndices(live, views.logits().dim(1), -1, 0, targets);
        View largest = c.scratch(compute, rows, 1);
        c.largestInRows(logits, largest);
        View logarithm = c.scratch(compute, logits.dims());
        c.call(Operator.LOG_SOFTMAX, logits, 1, logarithm);
        View ofLargest = c.scratch(compute, rows, 1);
        c.largestInRows(logarithm, ofLargest);
        View logSumExp = c.scratch(compute, rows, 1);
        c.add(largest, ofLargest, -1, logSumExp);
        View chosen = c.scratch(compute, rows, 1);
        c.call(Operator.GATHER, logarithm, 1, targets.unsqueeze(1), chosen);
        View loss = c.scratch(compute, rows, 1);
        c.multiply(chosen, -1, loss);
        c.fillWhere(loss, skipped.unsqueeze(1), 0);
        // A row with a bad target has no log-sum-exp either; one with none has.
        View bad = c.scratch(AclDataType.INT32, rows);
        c.convert(skipped, bad);
        View absent = c.scratch(AclDataType.INT32, rows);
        c.convert(c.equal(live, -1), absent);
        c.addTo(bad, absent, -1);
        c.fillWhere(logSumExp, c.greater(bad, 0).unsqueeze(1), 0);
        c.convert(loss.reshape(rows), views.loss());
        c.convert(logSumExp.reshape(rows), views.logSumExp());
    }
}
