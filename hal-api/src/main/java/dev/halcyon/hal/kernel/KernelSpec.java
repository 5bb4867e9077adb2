package dev.halcyon.hal.kernel;

import java.util.Optional;

/// What is to be computed: an immutable value that names the operation, its upper bounds, the
/// format of every operand and the accumulate type.
///
/// Specs are records, so equal specs are one cache key; they hold no arrays and no device memory.
/// Row counts are upper bounds: the tensors given to `bind` may have fewer rows. A backend is asked
/// about a spec with `device.supports` and plans it with `device.plan`.
///
/// *Evolution.* A component added to a record later has a default that means "as before", and a
/// spec that uses it answers a higher [#revision()]; a backend that does not know that revision
/// declines instead of computing the old thing in silence. Therefore use the named factories and
/// `with…` methods: canonical constructors may grow.
///
/// @param <A> the arguments that the operation takes
public interface KernelSpec<A extends KernelArgs> {
    /// {@return the lowest revision of this spec class that can express this instance; 1 unless a
    /// later component is used}
    default int revision() {
        return 1;
    }

    /// {@return whether a row's result must be the same bits whatever else is in the batch and
    /// whatever the row bounds are}
    ///
    /// A spec with such a component answers with it; a backend that cannot promise it declines.
    default boolean batchInvariant() {
        return false;
    }

    /// {@return the kernel's name, the same on every backend: `MlaDecode`}
    default String name() {
        return getClass().getSimpleName();
    }

    /// Checks arguments against this spec: type, shape and format of every operand.
    ///
    /// Called once by `bind`; liveness, device and overlap are checked there too, from
    /// [#operands(KernelArgs)].
    ///
    /// @throws IllegalArgumentException naming the operand, what it is and what was wanted
    void validate(A args);

    /// {@return every operand with its name and how this spec uses it}
    ///
    /// The arguments alone decide that for most specs; where a component of the spec decides (the
    /// `beta` of a Gemm makes its output an input as well), the spec overrides this, and
    /// [KernelArgs#operands()] assumes the stricter use.
    default Operands operands(A args) {
        return args.operands();
    }

    /// {@return what the operation costs at the upper bounds}
    Cost cost();

    /// {@return what the operation costs with these arguments: the bounds unless a spec can say
    /// better}
    default Cost cost(A args) {
        return cost();
    }

    /// {@return this operation said in finer specs, for backends that have no kernel of their own
    /// for it}
    default Optional<Lowering<A>> lowering() {
        return Optional.empty();
    }
}
