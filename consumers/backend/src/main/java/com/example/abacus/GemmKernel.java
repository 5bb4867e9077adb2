package com.example.abacus;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.linear.Gemm;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.WeightFormat;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.ArrayList;
import java.util.List;

/// Three loops around a multiplication.
final class GemmKernel implements Kernel<Gemm, Gemm.Args, HostWork> {
    private static final Implementation IMPLEMENTATION = new Implementation("gemm", "");

    @Override
    public Class<Gemm> specType() {
        return Gemm.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(IMPLEMENTATION.name());
    }

    @Override
    public Decision<Gemm.Args, HostWork> decide(Gemm spec, Limits limits) {
        if (!spec.b().equals(WeightFormat.rowMajor(spec.b().dtype()))) {
            return Decision.refused(
                    Support.Reason.FORMAT,
                    "b is stored as " + spec.b(),
                    "plain " + WeightFormat.ROW_MAJOR + " elements");
        }
        return Refusal.<Gemm.Args>ofTypes(spec.a(), spec.b().dtype(), spec.out(), spec.accumulate())
                .orElseGet(
                        () ->
                                Decision.planned(
                                        IMPLEMENTATION,
                                        Numerics.F32_INVARIANT,
                                        0,
                                        (args, workspace) -> work(spec, args)));
    }

    private static HostWork work(Gemm spec, Gemm.Args args) {
        if (args.a().rank() == 2) {
            return product(spec, args.a(), matrix(args.b()), args.out(), args.activeRows());
        }
        List<HostWork> batch = new ArrayList<>();
        for (long i = 0; i < args.a().dim(0); i++) {
            Tensor b = matrix(args.b());
            batch.add(
                    product(
                            spec,
                            args.a().get(i),
                            b.rank() == 3 ? b.get(i) : b,
                            args.out().get(i),
                            args.activeRows()));
        }
        return HostWork.inOrder(batch);
    }

    /// Only row-major formats were planned, and `bind` checks that operands have the planned
    /// format.
    private static Tensor matrix(Operand b) {
        return (Tensor) b;
    }

    private static HostWork product(
            Gemm spec, Tensor left, Tensor right, Tensor result, Tensor activeRows) {
        Beads a = Beads.of(spec.transposeA() ? left.transpose(0, 1) : left);
        Beads b = Beads.of(spec.transposeB() ? right.transpose(0, 1) : right);
        Beads out = Beads.of(result);
        LiveRows live = LiveRows.of(a.rows(), activeRows);
        float alpha = (float) spec.alpha();
        float beta = (float) spec.beta();
        return faults -> {
            for (long row = 0; row < live.count(); row++) {
                for (int column = 0; column < spec.n(); column++) {
                    float sum = 0;
                    for (int i = 0; i < spec.k(); i++) {
                        sum += a.get(row, i) * b.get(i, column);
                    }
                    out.set(
                            row,
                            column,
                            alpha * sum + (beta == 0 ? 0 : beta * out.get(row, column)));
                }
            }
        };
    }
}
