package dev.halcyon.hal.host;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.event.FallbackEvent;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.ArenaEpochs;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/// One launch on another device: copy the operands there, run, copy back what was written.
///
/// The copies live until the device closes or the operands are stale.
final class FallbackWork implements HostWork, AutoCloseable {
    private static final FallbackEvent EVENT = new FallbackEvent();

    private final HostDevice device;
    private final Plan<?> plan;
    private final Support.Declined declined;
    private final DeviceArena remote;
    private final Launch launch;
    private final List<Mirrored> in;
    private final List<Mirrored> out;
    private final ArenaEpochs operandArenas;

    private record Mirrored(Tensor local, Tensor remote) {}

    private FallbackWork(
            HostDevice device,
            Plan<?> plan,
            Support.Declined declined,
            DeviceArena remote,
            Launch launch,
            List<Mirrored> in,
            List<Mirrored> out) {
        this.device = device;
        this.plan = plan;
        this.declined = declined;
        this.remote = remote;
        this.launch = launch;
        this.in = in;
        this.out = out;
        Set<DeviceArena> arenas = new LinkedHashSet<>();
        in.forEach(pair -> arenas.add(pair.local().arena()));
        this.operandArenas = ArenaEpochs.now(arenas);
    }

    static <A extends KernelArgs> FallbackWork of(
            HostDevice device, Plan<A> plan, Support.Declined declined, A args) {
        Device target = plan.device();
        DeviceArena remote = target.arena("fallback of " + plan.spec().name());
        try {
            IdentityHashMap<Tensor, Tensor> mirror = new IdentityHashMap<>();
            A remoteArgs =
                    ArgsMirror.map(
                            args,
                            tensor ->
                                    mirror.computeIfAbsent(
                                            tensor, t -> remote.tensor(t.dtype(), t.shape())));
            Launch launch = plan.bind(remote, remoteArgs, target.workspace(remote, plan));
            List<Mirrored> in = new ArrayList<>();
            List<Mirrored> out = new ArrayList<>();
            for (Operands.Access access : plan.spec().operands(args).accesses()) {
                Operands.forEachTensor(
                        access.operand(),
                        access.name(),
                        (name, tensor) -> {
                            Mirrored pair = new Mirrored(tensor, mirror.get(tensor));
                            in.add(pair);
                            if (access.mode() != Operands.Mode.READ) {
                                out.add(pair);
                            }
                        });
            }
            return new FallbackWork(device, plan, declined, remote, launch, in, out);
        } catch (RuntimeException failed) {
            remote.close();
            throw failed;
        }
    }

    /// Releases the copies if the local launch can never run again.
    ///
    /// @return whether it did
    boolean closeIfStale() {
        if (operandArenas.areCurrent()) {
            return false;
        }
        close();
        return true;
    }

    /// A stream of its own each time: one that failed would fail all later runs, and another thread
    /// may run it next.
    @Override
    public synchronized void run(FaultSink faults) {
        try (Stream stream = plan.device().stream("fallback of " + plan.spec().name())) {
            in.forEach(pair -> stream.copy(pair.remote(), pair.local()));
            stream.submit(launch);
            stream.synchronize();
            out.forEach(pair -> stream.copy(pair.local(), pair.remote()));
            stream.synchronize();
        }
        report();
    }

    private void report() {
        String kernel = plan.spec().name();
        String target = plan.device().description().id();
        device.countFallback(
                kernel,
                "declined "
                        + kernel
                        + " ("
                        + declined
                        + "); it runs on "
                        + target
                        + " as the caller's policy allows");
        if (EVENT.isEnabled()) {
            FallbackEvent event = new FallbackEvent();
            event.device = device.description().id();
            event.target = target;
            event.kernel = kernel;
            event.reason = declined.toString();
            event.commit();
        }
    }

    @Override
    public synchronized void close() {
        remote.close();
    }
}
