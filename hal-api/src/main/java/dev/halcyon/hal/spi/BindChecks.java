package dev.halcyon.hal.spi;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.memory.Tensor;

import java.util.ArrayList;
import java.util.List;

/// The checks that do not depend on the spec: liveness, device, writability and overlap at `bind`,
/// and the independence of branches when a graph forks.
public final class BindChecks {
    /// One tensor of an operand; `part` is what its name adds to the operand's, such as `[3]` or
    /// `.scales`.
    private record Named(String part, Tensor tensor, Operands.Access access) {
        String name() {
            return access.name() + part;
        }

        boolean isWritten() {
            return access.mode() != Operands.Mode.READ;
        }
    }

    private BindChecks() {}

    /// Checks every operand of a launch.
    ///
    /// @throws IllegalStateException if one is stale
    /// @throws IllegalArgumentException if one is of another device, read-only but written, or
    ///   overlaps another that it must not
    public static void check(Device device, Operands operands) {
        List<Named> tensors = tensorsOf(operands);
        for (Named named : tensors) {
            checkOne(device, named);
        }
        for (int i = 0; i < tensors.size(); i++) {
            for (int j = 0; j < tensors.size(); j++) {
                if (i != j && tensors.get(i).isWritten()) {
                    checkPair(tensors.get(i), tensors.get(j));
                }
            }
        }
    }

    /// Checks that two pieces of work may run side by side: neither writes what the other reads or
    /// writes.
    ///
    /// @throws IllegalArgumentException if they may not
    public static void checkIndependent(
            String one, Operands oneOperands, String other, Operands otherOperands) {
        List<Named> others = tensorsOf(otherOperands);
        for (Named mine : tensorsOf(oneOperands)) {
            for (Named yours : others) {
                if ((mine.isWritten() || yours.isWritten())
                        && Overlap.between(mine.tensor(), yours.tensor())) {
                    throw new IllegalArgumentException(
                            "two branches of a fork share memory that one of them writes: "
                                    + mine.name()
                                    + " of "
                                    + one
                                    + " ("
                                    + mine.tensor()
                                    + ") and "
                                    + yours.name()
                                    + " of "
                                    + other
                                    + " ("
                                    + yours.tensor()
                                    + "); give each branch memory and a workspace of its own, or"
                                    + " put both in one branch");
                }
            }
        }
    }

    private static List<Named> tensorsOf(Operands operands) {
        List<Named> tensors = new ArrayList<>();
        for (Operands.Access access : operands.accesses()) {
            Operands.forEachTensor(
                    access.operand(),
                    "",
                    (part, tensor) -> tensors.add(new Named(part, tensor, access)));
        }
        return tensors;
    }

    /// A device is itself and no other, whatever its name.
    @SuppressWarnings("ReferenceEquality")
    private static void checkOne(Device device, Named named) {
        Tensor tensor = named.tensor();
        if (!tensor.isAlive()) {
            throw new IllegalStateException(
                    named.name()
                            + " is stale: its arena \""
                            + tensor.arena().label()
                            + "\" was closed or reset after the tensor was made; make it again");
        }
        if (tensor.arena().device() != device) {
            throw new IllegalArgumentException(
                    named.name()
                            + " is memory of "
                            + tensor.arena().device().description().id()
                            + ", the plan is for "
                            + device.description().id()
                            + "; copy it there with stream.copy");
        }
        if (named.isWritten() && !tensor.buffer().isWritable()) {
            throw new IllegalArgumentException(
                    named.name()
                            + " is a mapped file, which cannot be written; copy it into an arena"
                            + " first");
        }
    }

    private static void checkPair(Named written, Named other) {
        if (!Overlap.between(written.tensor(), other.tensor())) {
            return;
        }
        // Of two lists, only elements at one place: a kernel reads element 1 after it has written
        // element 0.
        boolean allowed =
                written.part().equals(other.part())
                        && (written.access().mayEqual().contains(other.access().name())
                                || other.access().mayEqual().contains(written.access().name()));
        if (allowed && Overlap.same(written.tensor(), other.tensor())) {
            return;
        }
        throw new IllegalArgumentException(
                written.name()
                        + " ("
                        + written.tensor()
                        + ") overlaps "
                        + other.name()
                        + " ("
                        + other.tensor()
                        + "); "
                        + (allowed
                                ? "they may be exactly the same range, but not part of each other"
                                : "give the output memory of its own"));
    }
}
