package com.example.abacus;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.norm.RmsNorm;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// The norm of one row after the other.
final class RmsNormKernel implements Kernel<RmsNorm, RmsNorm.Args, HostWork> {
    private static final Implementation IMPLEMENTATION = new Implementation("rms-norm", "");

    @Override
    public Class<RmsNorm> specType() {
        return RmsNorm.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(IMPLEMENTATION.name());
    }

    @Override
    public Decision<RmsNorm.Args, HostWork> decide(RmsNorm spec, Limits limits) {
        return Refusal.<RmsNorm.Args>ofTypes(spec.in(), spec.weight(), spec.out())
                .orElseGet(
                        () ->
                                Decision.planned(
                                        IMPLEMENTATION,
                                        Numerics.F32_INVARIANT,
                                        0,
                                        (args, workspace) -> work(spec, args)));
    }

    private static HostWork work(RmsNorm spec, RmsNorm.Args args) {
        Beads x = Beads.of(args.x());
        Beads out = Beads.of(args.out());
        Beads weight = spec.weighted() ? Beads.of(args.weight().unsqueeze(0)) : null;
        Beads inverses =
                args.inverseRms() == null ? null : Beads.of(args.inverseRms().unsqueeze(0));
        LiveRows live = LiveRows.of(x.rows(), args.activeRows());
        return faults -> {
            for (long row = 0; row < live.count(); row++) {
                float squares = 0;
                for (int i = 0; i < spec.dim(); i++) {
                    squares += x.get(row, i) * x.get(row, i);
                }
                float inverse = (float) (1 / Math.sqrt(squares / spec.dim() + spec.epsilon()));
                if (inverses != null) {
                    inverses.set(0, row, inverse);
                }
                for (int i = 0; i < spec.dim(); i++) {
                    out.set(
                            row,
                            i,
                            x.get(row, i) * inverse * (weight == null ? 1 : weight.get(0, i)));
                }
            }
        };
    }
}
