package dev.halcyon.backend.ascend.acl;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.EnumMap;
import java.util.Map;

/// Bindings to the operators, in `libopapi.so` or in the libraries that it was split into.
///
/// Usable from any thread.
public final class OperatorLibrary {
    /// The type of every operator's second function.
    static final String SECOND_PHASE = "iplpp";

    private static final MethodHandle RUN = Signature.handle(SECOND_PHASE);

    private final Symbols symbols;
    private final Map<Operator, Bound> bound = new EnumMap<>(Operator.class);

    /// The first function takes its arguments as one array, since each operator has others.
    private record Bound(MethodHandle prepare, MemorySegment run) {}

    /// Binds the operators of these libraries, each when it is first called.
    public OperatorLibrary(Symbols symbols) {
        this.symbols = symbols;
    }

    /// {@return whether the operator is there}
    public boolean has(Operator operator) {
        return symbols.has(operator.symbol());
    }

    private synchronized Bound bound(Operator operator) {
        return bound.computeIfAbsent(
                operator,
                one -> {
                    MethodHandle typed =
                            Signature.handle(one.firstPhase())
                                    .bindTo(
                                            symbols.address(
                                                    one.symbol() + "GetWorkspaceSize",
                                                    one.since()));
                    return new Bound(
                            typed.asSpreader(Object[].class, typed.type().parameterCount()),
                            symbols.address(one.symbol(), one.since()));
                });
    }

    /// First phase: checks the arguments and makes an executor.
    ///
    /// @param arguments in the operator's order, then where to store workspace size and executor
    /// @return the status
    public int prepare(Operator operator, Object[] arguments) {
        MethodHandle prepare = bound(operator).prepare();
        try {
            return (int) prepare.invokeExact(arguments);
        } catch (Throwable failure) {
            throw new IllegalStateException(
                    "calling " + operator.symbol() + "GetWorkspaceSize", failure);
        }
    }

    /// Second phase: queues the operator; consumes the executor even if it fails.
    ///
    /// @return the status
    public int run(
            Operator operator,
            long workspace,
            long workspaceBytes,
            MemorySegment executor,
            MemorySegment stream) {
        MemorySegment run = bound(operator).run();
        try {
            return (int)
                    RUN.invokeExact(
                            run,
                            MemorySegment.ofAddress(workspace),
                            workspaceBytes,
                            executor,
                            stream);
        } catch (Throwable failure) {
            throw new IllegalStateException("calling " + operator.symbol(), failure);
        }
    }
}
