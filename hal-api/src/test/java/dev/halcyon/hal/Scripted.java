package dev.halcyon.hal;

import dev.halcyon.hal.host.FaultSink;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.Lowering;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.kernel.Require;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.BiFunction;

/// A spec that says whatever a test wants said, over one F32 vector that is updated in place;
/// [Script] is its kernel.
///
/// @param name what it is called, and the tests' way to tell two apart
/// @param revision the revision it claims to need
/// @param batchInvariant whether it asks for batch invariance
/// @param reads whether its vector is only read
/// @param halves whether it has a lowering: two of the same kind without one, [#half(int)], with
///   100 bytes of scratch
public record Scripted(
        String name, int revision, boolean batchInvariant, boolean reads, boolean halves)
        implements KernelSpec<Scripted.Args> {
    /// Bytes of the scratch of the lowering, rounded up to the alignment of a workspace.
    public static final long LOWERED_SCRATCH_BYTES = 128;

    /// The operand.
    public record Args(Tensor vector) implements KernelArgs {
        public Args {
            Objects.requireNonNull(vector, "vector");
        }

        @Override
        public Operands operands() {
            return Operands.of().update("vector", vector);
        }
    }

    /// {@return a plain one of revision 1}
    public static Scripted named(String name) {
        return new Scripted(name, 1, false, false, false);
    }

    /// {@return this spec at another revision}
    public Scripted withRevision(int newRevision) {
        return new Scripted(name, newRevision, batchInvariant, reads, halves);
    }

    /// {@return this spec asking for batch invariance}
    public Scripted withBatchInvariance() {
        return new Scripted(name, revision, true, reads, halves);
    }

    /// {@return this spec over a vector that it does not write}
    public Scripted reading() {
        return new Scripted(name, revision, batchInvariant, true, halves);
    }

    /// {@return this spec with a lowering}
    public Scripted withHalves() {
        return new Scripted(name, revision, batchInvariant, reads, true);
    }

    /// {@return one step of the lowering}
    public Scripted half(int number) {
        return named(name + ".half" + number);
    }

    @Override
    public void validate(Args args) {
        Require.tensor("vector", args.vector, DType.F32, -1);
    }

    @Override
    public Operands operands(Args args) {
        return reads ? Operands.of().read("vector", args.vector) : args.operands();
    }

    @Override
    public Cost cost() {
        return new Cost(7, 16);
    }

    @Override
    public Optional<Lowering<Args>> lowering() {
        return halves
                ? Optional.of(
                        Lowering.<Args>builder()
                                .scratch("middle", DType.F32, 25)
                                .step(half(1), (args, scratch) -> args)
                                .step(
                                        half(2),
                                        (args, scratch) ->
                                                new Args(
                                                        Objects.requireNonNull(
                                                                scratch.get("middle"))))
                                .build())
                : Optional.empty();
    }

    /// The kernel of [Scripted]: it decides what its script says.
    ///
    /// @param revision the highest revision it knows
    /// @param script the decision
    public record Script(
            int revision, BiFunction<Scripted, Limits, Decision<Args, HostWork>> script)
            implements Kernel<Scripted, Args, HostWork> {
        /// {@return a kernel that takes every spec and does `work` with its vector}
        public static Script of(Work work) {
            return new Script(1, (spec, limits) -> planned(spec, 0, work));
        }

        /// {@return the decision for an implementation named like the spec}
        public static Decision<Args, HostWork> planned(
                Scripted spec, long workspaceBytes, Work work) {
            return Decision.planned(
                    new Implementation(spec.name(), ""),
                    Numerics.F32_INVARIANT,
                    workspaceBytes,
                    (args, workspace) -> {
                        MemorySegment vector = args.vector().segment();
                        return faults -> work.run(vector, faults);
                    });
        }

        @Override
        public Class<Scripted> specType() {
            return Scripted.class;
        }

        @Override
        public List<String> implementations() {
            return List.of("scripted");
        }

        @Override
        public Decision<Args, HostWork> decide(Scripted spec, Limits limits) {
            return script.apply(spec, limits);
        }
    }

    /// What a scripted kernel does.
    @FunctionalInterface
    public interface Work {
        /// Runs.
        ///
        /// @param vector the memory, as it was found at `bind`
        void run(MemorySegment vector, FaultSink faults);
    }
}
