package dev.halcyon.hal.host;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.spi.Decision;

/// The decision to run a spec that its device declined on the device that the caller's policy
/// names.
final class FallbackDecision {
    private FallbackDecision() {}

    static <A extends KernelArgs> Decision.Planned<A, HostWork> of(
            HostDevice device, Plan<A> plan, Support.Declined declined) {
        Device target = plan.device();
        Implementation implementation =
                new Implementation(
                        "fallback",
                        target.description().id() + "/" + plan.support().implementation());
        Support.Native support =
                new Support.Native(
                        implementation, plan.support().numerics(), false, plan.support().lowered());
        return new Decision.Planned<>(
                support,
                0,
                (args, workspace) -> device.keep(FallbackWork.of(device, plan, declined, args)));
    }
}
