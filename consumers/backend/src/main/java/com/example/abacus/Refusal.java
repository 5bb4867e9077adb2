package com.example.abacus;

import dev.halcyon.hal.Support;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.spi.Decision;

import java.util.Optional;

/// What the abacus will not do: it counts in F32 and knows rows only.
final class Refusal {
    private Refusal() {}

    static <A extends KernelArgs> Optional<Decision<A, HostWork>> ofTypes(DType... types) {
        for (DType type : types) {
            if (type == DType.F64) {
                return Optional.of(
                        Decision.refused(
                                Support.Reason.FORMAT,
                                "F64 needs more beads than an abacus has",
                                "F32, F16 or BF16"));
            }
        }
        return Optional.empty();
    }
}
