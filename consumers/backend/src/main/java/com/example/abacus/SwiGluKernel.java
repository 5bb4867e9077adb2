package com.example.abacus;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.elementwise.SwiGlu;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// The gated activation of one element after the other.
final class SwiGluKernel implements Kernel<SwiGlu, SwiGlu.Args, HostWork> {
    private static final Implementation IMPLEMENTATION = new Implementation("swiglu", "");

    @Override
    public Class<SwiGlu> specType() {
        return SwiGlu.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(IMPLEMENTATION.name());
    }

    @Override
    public Decision<SwiGlu.Args, HostWork> decide(SwiGlu spec, Limits limits) {
        return Refusal.<SwiGlu.Args>ofTypes(spec.in(), spec.out())
                .orElseGet(
                        () ->
                                Decision.planned(
                                        IMPLEMENTATION,
                                        Numerics.F32_INVARIANT,
                                        0,
                                        (args, workspace) -> work(spec, args)));
    }

    private static HostWork work(SwiGlu spec, SwiGlu.Args args) {
        Beads gate = Beads.of(args.gate());
        Beads up = Beads.of(args.up());
        Beads out = Beads.of(args.out());
        Beads weights = spec.rowWeight() ? Beads.of(args.rowWeight().unsqueeze(0)) : null;
        LiveRows live = LiveRows.of(gate.rows(), args.activeRows());
        float limit = (float) spec.limit();
        return faults -> {
            for (long row = 0; row < live.count(); row++) {
                for (int i = 0; i < spec.dim(); i++) {
                    float g = Math.min(gate.get(row, i), limit);
                    float u = Math.max(-limit, Math.min(up.get(row, i), limit));
                    float activated = (float) (g / (1 + Math.exp(-g))) * u;
                    out.set(row, i, weights == null ? activated : activated * weights.get(0, row));
                }
            }
        };
    }
}
