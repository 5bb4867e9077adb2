package dev.halcyon.hal.host;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.event.FallbackEvent;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.Decision;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;

/// Runs a spec that its device declined on the device that the caller's policy names: copy there, run, copy back.
final class FallbackDecision {
    private static final System.Logger LOGGER = System.getLogger(FallbackDecision.class.getName());

    private FallbackDecision() {}

    private record Mirrored(Tensor local, Tensor remote) {}

    static <A extends KernelArgs> Decision.Planned<A, HostWork> of(
            HostDevice device, Plan<A> plan, Support.Declined declined) {
        Device target = plan.device();
        AtomicBoolean logged = new AtomicBoolean();
        Implementation implementation = new Implementation(
                "fallback", target.description().id() + "/" + plan.support().implementation());
        Support.Native support =
                new Support.Native(implementation, plan.support().numerics(), false, plan.support().lowered());
        return new Decision.Planned<>(support, 0, (args, workspace) -> {
            DeviceArena remote = device.closeLater(target.arena("fallback of " + plan.spec().name()));
            Stream stream = device.closeLater(target.stream("fallback of " + plan.spec().name()));
            Map<Tensor, Tensor> mirror = new IdentityHashMap<>();
            A remoteArgs = ArgsMirror.map(
                    args, tensor -> mirror.computeIfAbsent(tensor, t -> remote.tensor(t.dtype(), t.shape())));
            Launch launch = plan.bind(remote, remoteArgs, target.workspace(remote, plan));
            List<Mirrored> in = new ArrayList<>();
            List<Mirrored> out = new ArrayList<>();
            for (Operands.Access access : plan.spec().operands(args).accesses()) {
                Operands.forEachTensor(access.operand(), access.name(), (name, tensor) -> {
                    Mirrored pair = new Mirrored(tensor, mirror.get(tensor));
                    in.add(pair);
                    if (access.mode() != Operands.Mode.READ) {
                        out.add(pair);
                    }
                });
            }
            return faults -> {
                in.forEach(pair -> stream.copy(pair.remote(), pair.local()));
                stream.submit(launch);
                stream.synchronize();
                out.forEach(pair -> stream.copy(pair.local(), pair.remote()));
                stream.synchronize();
                report(device, plan, declined, logged);
            };
        });
    }

    private static void report(HostDevice device, Plan<?> plan, Support.Declined declined, AtomicBoolean logged) {
        device.countFallback();
        String kernel = plan.spec().name();
        String target = plan.device().description().id();
        if (logged.compareAndSet(false, true)) {
            LOGGER.log(
                    System.Logger.Level.WARNING,
                    device.description().id() + " declined " + kernel + " (" + declined + "); it runs on " + target
                            + " as the caller's policy allows");
        }
        FallbackEvent event = new FallbackEvent();
        if (event.shouldCommit()) {
            event.device = device.description().id();
            event.target = target;
            event.kernel = kernel;
            event.reason = declined.toString();
            event.commit();
        }
    }
}
