package dev.halcyon.backend.ascend.operators;

import dev.halcyon.backend.ascend.acl.AclFormat;
import dev.halcyon.backend.ascend.acl.AclRuntime;
import dev.halcyon.backend.ascend.acl.MemcpyKind;
import dev.halcyon.backend.ascend.acl.OperatorLibrary;
import dev.halcyon.backend.ascend.acl.OperatorObjects;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/// Gives tasks to streams: makes CANN's objects of a call's arguments, runs both phases, and
/// destroys the objects, which CANN has copied by then.
///
/// Phase one is run anew each time. CANN keeps what it found in a cache a thread, and an executor
/// out of that cache cannot be made repeatable, so there is nothing to keep here. Usable from any
/// thread that has the device's context.
public final class Issuer {
    /// Where tasks go.
    public interface Target {
        /// {@return the native stream}
        MemorySegment stream();

        /// {@return the address of a counter of bad indices, one 32-bit number}
        long faultWord();

        /// {@return the address of at least so many bytes that nothing else uses while operators of
        /// this stream run}
        long workspace(long bytes);

        /// Notes what is being done, and fails if the status is not success.
        void check(int status, DeviceTask task);
    }

    private final AclRuntime runtime;
    private final OperatorObjects objects;
    private final OperatorLibrary operators;

    /// Makes an issuer for the libraries of an installation.
    public Issuer(AclRuntime runtime, OperatorObjects objects, OperatorLibrary operators) {
        this.runtime = runtime;
        this.objects = objects;
        this.operators = operators;
    }

    /// Queues a task.
    public void issue(DeviceTask task, Target target) {
        switch (task) {
            case DeviceTask.Move move ->
                    target.check(
                            runtime.memcpyAsync(
                                    move.to(),
                                    move.from(),
                                    move.bytes(),
                                    MemcpyKind.DEVICE_TO_DEVICE,
                                    target.stream()),
                            task);
            case DeviceTask.Set set ->
                    target.check(
                            runtime.memsetAsync(
                                    set.address(), set.value(), set.bytes(), target.stream()),
                            task);
            case OperatorCall call -> run(call, target);
            case DeviceTask.HostPlanned planned -> {
                if (planned.fits().getAsBoolean()) {
                    run(planned.call(), target);
                } else {
                    planned.otherwise().get().forEach(other -> issue(other, target));
                }
            }
        }
    }

    private void run(OperatorCall call, Target target) {
        try (Arena arena = Arena.ofConfined();
                Natives natives = new Natives(arena, target.faultWord())) {
            MemorySegment out = arena.allocate(2 * Long.BYTES, Long.BYTES);
            target.check(prepare(call, natives, out), call);
            long bytes = out.get(ValueLayout.JAVA_LONG, 0);
            MemorySegment executor = out.get(ValueLayout.ADDRESS, Long.BYTES);
            long workspace;
            try {
                workspace = bytes == 0 ? 0 : target.workspace(bytes);
            } catch (RuntimeException noMemory) {
                objects.destroyExecutor(executor);
                throw noMemory;
            }
            target.check(
                    operators.run(call.operator(), workspace, bytes, executor, target.stream()),
                    call);
        }
    }

    /// {@return the workspace that a task needs; nothing is queued}
    public long workspaceBytes(DeviceTask task, Target target) {
        if (task instanceof DeviceTask.HostPlanned planned) {
            return workspaceBytes(planned.call().withLargestArrays(), target);
        }
        if (!(task instanceof OperatorCall call)) {
            return 0;
        }
        try (Arena arena = Arena.ofConfined();
                Natives natives = new Natives(arena, target.faultWord())) {
            MemorySegment out = arena.allocate(2 * Long.BYTES, Long.BYTES);
            target.check(prepare(call, natives, out), call);
            objects.destroyExecutor(out.get(ValueLayout.ADDRESS, Long.BYTES));
            return out.get(ValueLayout.JAVA_LONG, 0);
        }
    }

    private int prepare(OperatorCall call, Natives natives, MemorySegment out) {
        Object[] given = call.arguments();
        Object[] arguments = new Object[given.length + 2];
        String kinds = call.operator().kinds();
        for (int i = 0; i < given.length; i++) {
            arguments[i] = natives.of(given[i], kinds.charAt(i));
        }
        arguments[given.length] = out;
        arguments[given.length + 1] = out.asSlice(Long.BYTES);
        return operators.prepare(call.operator(), arguments);
    }

    /// The objects of one call.
    private final class Natives implements AutoCloseable {
        private final Arena arena;
        private final long faultWord;
        private final List<MemorySegment> tensors = new ArrayList<>();
        private final List<MemorySegment> scalars = new ArrayList<>();
        private final List<MemorySegment> arrays = new ArrayList<>();
        private final List<MemorySegment> lists = new ArrayList<>();

        Natives(Arena arena, long faultWord) {
            this.arena = arena;
            this.faultWord = faultWord;
        }

        Object of(Object argument, char kind) {
            return switch (argument) {
                case null -> MemorySegment.NULL;
                case View view -> keep(tensors, tensor(view));
                case List<?> views -> list(views);
                case Scalar scalar -> keep(scalars, scalar(scalar));
                case HostArray array -> of(array.now().get(), kind);
                case long[] values ->
                        keep(
                                arrays,
                                objects.createIntArray(
                                        arena.allocateFrom(ValueLayout.JAVA_LONG, values),
                                        values.length));
                case String text -> arena.allocateFrom(text);
                case Number number -> number(number, kind);
                default -> argument;
            };
        }

        private Object number(Number number, char kind) {
            return switch (kind) {
                case 'b' -> number.byteValue();
                case 'i' -> number.intValue();
                case 'l' -> number.longValue();
                case 'f' -> number.floatValue();
                default -> number.doubleValue();
            };
        }

        private MemorySegment keep(List<MemorySegment> kept, MemorySegment object) {
            kept.add(object);
            return object;
        }

        private MemorySegment tensor(View view) {
            long address = view.base() == View.FAULT_WORD ? faultWord : view.base();
            return objects.createTensor(
                    arena.allocateFrom(ValueLayout.JAVA_LONG, view.dims()),
                    view.rank(),
                    view.type(),
                    arena.allocateFrom(ValueLayout.JAVA_LONG, view.strides()),
                    view.offset(),
                    AclFormat.ND,
                    arena.allocateFrom(ValueLayout.JAVA_LONG, view.storageElements()),
                    1,
                    address);
        }

        private MemorySegment list(List<?> views) {
            MemorySegment addresses = arena.allocate(ValueLayout.ADDRESS, views.size());
            for (int i = 0; i < views.size(); i++) {
                addresses.setAtIndex(ValueLayout.ADDRESS, i, tensor((View) views.get(i)));
            }
            return keep(lists, objects.createTensorList(addresses, views.size()));
        }

        private MemorySegment scalar(Scalar scalar) {
            MemorySegment value = arena.allocate(Long.BYTES, Long.BYTES);
            switch (scalar.type()) {
                case DOUBLE -> value.set(ValueLayout.JAVA_DOUBLE, 0, scalar.value());
                case FLOAT -> value.set(ValueLayout.JAVA_FLOAT, 0, (float) scalar.value());
                default -> value.set(ValueLayout.JAVA_LONG, 0, (long) scalar.value());
            }
            return objects.createScalar(value, scalar.type());
        }

        @Override
        public void close() {
            tensors.forEach(objects::destroyTensor);
            scalars.forEach(objects::destroyScalar);
            arrays.forEach(objects::destroyIntArray);
            lists.forEach(objects::destroyTensorList);
        }
    }
}
