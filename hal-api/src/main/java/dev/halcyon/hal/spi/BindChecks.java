package dev.halcyon.hal.spi;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.memory.Tensor;
import java.util.ArrayList;
import java.util.List;

/// The checks of `bind` that do not depend on the spec: liveness, device, writability and overlap.
public final class BindChecks {
    private record Named(String name, Tensor tensor, Operands.Access access) {}

    private BindChecks() {}

    /// Checks every operand.
    ///
    /// @throws IllegalStateException if one is stale
    /// @throws IllegalArgumentException if one is of another device, read-only but written, or overlaps another that
    ///     it must not
    public static void check(String kernel, Device device, Operands operands) {
        List<Named> tensors = new ArrayList<>();
        for (Operands.Access access : operands.accesses()) {
            Operands.forEachTensor(
                    access.operand(), access.name(), (name, tensor) -> tensors.add(new Named(name, tensor, access)));
        }
        for (Named named : tensors) {
            checkOne(kernel, device, named);
        }
        for (Named written : tensors) {
            if (written.access().mode() != Operands.Mode.READ) {
                tensors.forEach(other -> checkPair(kernel, written, other));
            }
        }
    }

    private static void checkOne(String kernel, Device device, Named named) {
        Tensor tensor = named.tensor();
        if (!tensor.isAlive()) {
            throw new IllegalStateException(kernel + ": " + named.name() + " is stale: its arena \""
                    + tensor.arena().label() + "\" was closed or reset after the tensor was made");
        }
        if (tensor.arena().device() != device) {
            throw new IllegalArgumentException(kernel + ": " + named.name() + " is memory of "
                    + tensor.arena().device().description().id() + ", the plan is for "
                    + device.description().id() + "; copy it there with stream.copy");
        }
        if (named.access().mode() != Operands.Mode.READ && !tensor.buffer().isWritable()) {
            throw new IllegalArgumentException(kernel + ": " + named.name()
                    + " is a mapped file, which cannot be written; copy it into an arena first");
        }
    }

    private static void checkPair(String kernel, Named written, Named other) {
        if (written.access() == other.access() && written.name().equals(other.name())) {
            return;
        }
        if (!Overlap.between(written.tensor(), other.tensor())) {
            return;
        }
        boolean allowed = written.access().mayEqual().contains(other.access().name())
                || other.access().mayEqual().contains(written.access().name());
        if (allowed && Overlap.same(written.tensor(), other.tensor())) {
            return;
        }
        throw new IllegalArgumentException(kernel + ": " + written.name() + " (" + written.tensor() + ") overlaps "
                + other.name() + " (" + other.tensor() + "); "
                + (allowed
                        ? "they may be exactly the same range, but not part of each other"
                        : "give the output memory of its own"));
    }
}
