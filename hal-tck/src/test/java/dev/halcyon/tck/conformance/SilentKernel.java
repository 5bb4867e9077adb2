package dev.halcyon.tck.conformance;

import dev.halcyon.hal.Limits;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// The oracle's kernel of a spec, with its faults kept to itself.
///
/// @param type the spec
record SilentKernel<S extends KernelSpec<A>, A extends KernelArgs>(Class<S> type)
        implements Kernel<S, A, HostWork> {
    @Override
    public Class<S> specType() {
        return type;
    }

    @Override
    public List<String> implementations() {
        return List.of("silent." + type.getSimpleName());
    }

    @Override
    public Decision<A, HostWork> decide(S spec, Limits limits) {
        return switch (new OracleKernel<>(type).decide(spec, limits)) {
            case Decision.Planned<A, HostWork> planned ->
                    new Decision.Planned<>(
                            planned.support(),
                            planned.workspaceBytes(),
                            (args, workspace) -> {
                                HostWork work = planned.binder().bind(args, workspace);
                                return faults -> work.run((operand, position, index, bound) -> {});
                            });
            case Decision.Refused<A, HostWork> refused -> refused;
        };
    }
}
