package dev.halcyon.backend.ascend.graph;

import dev.halcyon.backend.ascend.acl.AclRuntime;
import dev.halcyon.backend.ascend.acl.CaptureMode;
import dev.halcyon.backend.ascend.acl.ReturnCode;
import dev.halcyon.backend.ascend.memory.Block;
import dev.halcyon.backend.ascend.memory.BlockPool;
import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.DeviceTask;
import dev.halcyon.backend.ascend.operators.Issuer;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.function.BiConsumer;

/// Work that the device replays with one call.
///
/// The addresses of everything it touches are baked in, the workspace of its operators included, so
/// that lies in a block of the graph's own.
///
/// @param handle CANN's
/// @param memory the graph's counter of bad indices, then its workspace
/// @param countsFaults whether it counts bad indices
/// @param updates operators that take numbers from the host
public record CapturedGraph(
        MemorySegment handle, Block memory, boolean countsFaults, HostUpdates updates) {
    /// The counter has a place of its own before the workspace.
    private static final long COUNTER_BYTES = 512;

    /// {@return the recording of `work`; null if the processor has no graphs}
    ///
    /// Workspaces are measured first, because nothing may be allocated during a capture. The caller
    /// holds the lock of the device's captures, and the context is current.
    ///
    /// @param stream one that nothing else uses
    /// @param check notes a task and fails unless its status is success
    public static @Nullable CapturedGraph of(
            AscendWork work,
            AclRuntime runtime,
            Issuer issuer,
            MemorySegment stream,
            BlockPool pool,
            BiConsumer<Integer, String> check) {
        long workspace = workspaceBytes(work, issuer, stream, check);
        Block memory = pool.take(COUNTER_BYTES + workspace);
        Capturing target = new Capturing(stream, memory, check);
        HostUpdates updates = new HostUpdates();
        try (Arena arena = Arena.ofConfined()) {
            int begun = runtime.captureBegin(stream, CaptureMode.THREAD_LOCAL);
            if (begun == ReturnCode.FEATURE_NOT_SUPPORTED) {
                pool.give(memory, List.of());
                return null;
            }
            check.accept(begun, "aclmdlRICaptureBegin");
            MemorySegment place = arena.allocate(ValueLayout.ADDRESS);
            try {
                if (work.countsFaultsInGraphs()) {
                    issuer.issue(new DeviceTask.Set(memory.address(), 0, Integer.BYTES), target);
                }
                for (DeviceTask task : work.tasks()) {
                    if (task instanceof DeviceTask.HostPlanned planned) {
                        updates.add(planned, capture(planned, runtime, issuer, target, place));
                    } else {
                        issuer.issue(task, target);
                    }
                }
            } catch (RuntimeException failed) {
                // A capture that failed must still be ended, and answers that it was invalidated.
                int ended = runtime.captureEnd(stream, place);
                if (ended == ReturnCode.SUCCESS) {
                    runtime.destroyGraph(place.get(ValueLayout.ADDRESS, 0));
                }
                throw failed;
            }
            check.accept(runtime.captureEnd(stream, place), "aclmdlRICaptureEnd");
            return new CapturedGraph(
                    place.get(ValueLayout.ADDRESS, 0),
                    memory,
                    work.countsFaultsInGraphs(),
                    updates);
        } catch (RuntimeException failed) {
            pool.give(memory, List.of());
            throw failed;
        }
    }

    /// {@return the group of an operator, recorded with the arrays that need the most workspace}
    private static MemorySegment capture(
            DeviceTask.HostPlanned task,
            AclRuntime runtime,
            Issuer issuer,
            Capturing target,
            MemorySegment place) {
        target.check()
                .accept(runtime.captureGroupBegin(target.stream()), "aclmdlRICaptureTaskGrpBegin");
        issuer.issue(task.call().withLargestArrays(), target);
        target.check()
                .accept(
                        runtime.captureGroupEnd(target.stream(), place),
                        "aclmdlRICaptureTaskGrpEnd");
        return place.get(ValueLayout.ADDRESS, 0);
    }

    /// Replaces the arguments of the operators that take numbers from the host, and waits until
    /// that is done. The graph does not run meanwhile, and the caller holds the lock of the
    /// device's captures.
    ///
    /// @param stream one that nothing else uses
    /// @param check notes what was done and fails unless its status is success
    public void update(
            AclRuntime runtime,
            Issuer issuer,
            MemorySegment stream,
            BiConsumer<Integer, String> check) {
        Capturing target = new Capturing(stream, memory, check);
        updates.apply(
                (task, group) -> {
                    check.accept(
                            runtime.updateBegin(stream, group), "aclmdlRICaptureTaskUpdateBegin");
                    issuer.issue(task, target);
                    check.accept(runtime.updateEnd(stream), "aclmdlRICaptureTaskUpdateEnd");
                });
        check.accept(runtime.synchronizeStream(stream), "aclrtSynchronizeStream");
    }

    private static long workspaceBytes(
            AscendWork work,
            Issuer issuer,
            MemorySegment stream,
            BiConsumer<Integer, String> check) {
        Capturing measuring = new Capturing(stream, new Block(COUNTER_BYTES, 0), check);
        long most = 0;
        for (DeviceTask task : work.tasks()) {
            most = Math.max(most, issuer.workspaceBytes(task, measuring));
        }
        return most;
    }

    /// {@return the address of the graph's counter of bad indices}
    public long faultWord() {
        return memory.address();
    }

    private record Capturing(MemorySegment stream, Block memory, BiConsumer<Integer, String> check)
            implements Issuer.Target {
        @Override
        public long faultWord() {
            return memory.address();
        }

        @Override
        public long workspace(long bytes) {
            if (COUNTER_BYTES + bytes > memory.bytes()) {
                throw new IllegalStateException(
                        "an operator asks for a workspace of "
                                + bytes
                                + " bytes in a capture and asked for less before it");
            }
            return memory.address() + COUNTER_BYTES;
        }

        @Override
        public void check(int status, DeviceTask task) {
            check.accept(status, task.name());
        }
    }
}
