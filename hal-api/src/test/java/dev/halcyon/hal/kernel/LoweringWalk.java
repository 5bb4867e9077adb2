package dev.halcyon.hal.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.memory.Buffer;
import dev.halcyon.hal.memory.Tensor;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Walks through a lowering as `bind` does, over memory that does not exist, and checks what must
/// hold for any lowering: every step takes its arguments, no step reads an intermediate before one
/// has written it, every intermediate is used, and every operand of the coarse spec reaches a step
/// that uses it in a way that the coarse spec admits.
public final class LoweringWalk {
    private final Map<String, Tensor> scratch = new HashMap<>();
    private final IdentityHashMap<Buffer, String> scratchNames = new IdentityHashMap<>();
    private final List<KernelArgs> arguments = new ArrayList<>();
    private final List<String> names = new ArrayList<>();

    private LoweringWalk() {}

    /// {@return the walk of `spec` with `args`, all checks passed}
    public static <A extends KernelArgs> LoweringWalk of(KernelSpec<A> spec, A args) {
        spec.validate(args);
        LoweringWalk walk = new LoweringWalk();
        Lowering<A> lowering = spec.lowering().orElseThrow();
        for (Lowering.Scratch piece : lowering.scratch()) {
            Tensor tensor = AbsentMemory.tensor(piece.dtype(), piece.shape().toArray());
            assertEquals(
                    null,
                    walk.scratch.put(piece.name(), tensor),
                    piece.name() + " is declared twice");
            walk.scratchNames.put(tensor.buffer(), piece.name());
        }
        Set<Buffer> written = Collections.newSetFromMap(new IdentityHashMap<>());
        Set<Buffer> used = Collections.newSetFromMap(new IdentityHashMap<>());
        for (Lowering.Step<A, ?> step : lowering.steps()) {
            walk.step(step, args, written, used);
        }
        walk.scratchNames.forEach(
                (buffer, name) -> assertTrue(used.contains(buffer), name + " is never used"));
        for (Operands.Access access : spec.operands(args).accesses()) {
            Operands.forEachTensor(
                    access.operand(),
                    access.name(),
                    (name, tensor) -> {
                        assertTrue(used.contains(tensor.buffer()), name + " reaches no step");
                        assertEquals(
                                access.mode() != Operands.Mode.READ,
                                written.contains(tensor.buffer()),
                                name + " is " + access.mode());
                    });
        }
        return walk;
    }

    private <A extends KernelArgs, B extends KernelArgs> void step(
            Lowering.Step<A, B> step, A args, Set<Buffer> written, Set<Buffer> used) {
        B inner = step.arguments().apply(args, scratch);
        step.spec().validate(inner);
        List<Operands.Access> accesses = step.spec().operands(inner).accesses();
        for (Operands.Access access : accesses) {
            Operands.forEachTensor(
                    access.operand(),
                    access.name(),
                    (name, tensor) -> {
                        used.add(tensor.buffer());
                        String piece = scratchNames.get(tensor.buffer());
                        boolean reads = access.mode() != Operands.Mode.WRITE;
                        assertTrue(
                                piece == null || !reads || written.contains(tensor.buffer()),
                                step.spec().name()
                                        + " reads "
                                        + piece
                                        + " as "
                                        + name
                                        + " before anything wrote it");
                    });
        }
        for (Operands.Access access : accesses) {
            if (access.mode() != Operands.Mode.READ) {
                Operands.forEachTensor(
                        access.operand(),
                        access.name(),
                        (name, tensor) -> written.add(tensor.buffer()));
            }
        }
        arguments.add(inner);
        names.add(step.spec().name());
    }

    /// {@return the names of the steps in order}
    public List<String> names() {
        return List.copyOf(names);
    }

    /// {@return the arguments of step `index`, which are a `type`}
    public <B extends KernelArgs> B args(int index, Class<B> type) {
        return type.cast(arguments.get(index));
    }

    /// {@return whether `tensor` lies in the intermediate `name`}
    public boolean isScratch(Tensor tensor, String name) {
        return name.equals(scratchNames.get(tensor.buffer()));
    }
}
