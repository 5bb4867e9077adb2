package dev.halcyon.engine;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.Graph;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.Timepoint;
import dev.halcyon.hal.memory.StepInput;
import dev.halcyon.hal.memory.Tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/// A device whose streams are late: replays, copies and published inputs wait until a timepoint
/// behind them is awaited or something else is submitted. Who reads a result without waiting for it
/// reads what was there before.
///
/// It keeps count of what a stream was asked for, so that a test sees who drained it.
final class DeferringDevice {
    /// What makes the host wait for the whole stream.
    static final Set<String> DRAINING =
            Set.of("synchronize", "readInts", "readFloats", "download", "run", "waitFor");

    private final Device real;
    private final Device device;
    private final List<String> calls = new ArrayList<>();
    private int marks;
    private int awaited;

    DeferringDevice(Device real) {
        this.real = real;
        this.device =
                proxy(
                        Device.class,
                        (method, arguments) ->
                                method.getName().equals("stream")
                                        ? lateStream((String) arguments[0])
                                        : invoke(method, real, arguments));
    }

    Device device() {
        return device;
    }

    /// {@return names of the methods called on streams since the last call of this}
    List<String> takeCalls() {
        List<String> taken = List.copyOf(calls);
        calls.clear();
        return taken;
    }

    /// {@return timepoints that nobody has waited for}
    int unawaited() {
        return marks - awaited;
    }

    private Stream lateStream(String label) {
        Stream stream = real.stream(label);
        ArrayDeque<Runnable> queue = new ArrayDeque<>();
        return proxy(
                Stream.class,
                (method, arguments) -> {
                    calls.add(method.getName());
                    switch (method.getName()) {
                        case "replay" -> queue.add(() -> stream.replay((Graph) arguments[0]));
                        case "copy" ->
                                queue.add(
                                        () ->
                                                stream.copy(
                                                        (Tensor) arguments[0],
                                                        (Tensor) arguments[1]));
                        case "publish" -> queue.add(published(stream, (StepInput) arguments[0]));
                        case "mark" -> {
                            marks++;
                            return late(stream, queue);
                        }
                        default -> {
                            drain(queue, 0);
                            return invoke(method, stream, arguments);
                        }
                    }
                    return null;
                });
    }

    /// The version as it is now: the host may write the next one before this is used.
    private static Runnable published(Stream stream, StepInput input) {
        byte[] version = input.next().toArray(ValueLayout.JAVA_BYTE);
        return () -> {
            input.next().copyFrom(MemorySegment.ofArray(version));
            stream.publish(input);
        };
    }

    private Timepoint late(Stream stream, ArrayDeque<Runnable> queue) {
        Runnable end = () -> {};
        queue.add(end);
        Timepoint[] reached = new Timepoint[1];
        return proxy(
                Timepoint.class,
                (method, arguments) -> {
                    if (method.getName().equals("await")) {
                        if (reached[0] == null) {
                            awaited++;
                            while (queue.contains(end)) {
                                queue.remove().run();
                            }
                            reached[0] = stream.mark();
                        }
                        return reached[0].await((Duration) arguments[0]);
                    }
                    return switch (method.getName()) {
                        case "reached" -> reached[0] != null;
                        case "stream" -> stream;
                        default -> throw new UnsupportedOperationException(method.getName());
                    };
                });
    }

    private static void drain(ArrayDeque<Runnable> queue, int left) {
        while (queue.size() > left) {
            queue.remove().run();
        }
    }

    private interface Answer {
        Object to(Method method, Object[] arguments) throws Throwable;
    }

    private static Object invoke(Method method, Object target, Object[] arguments)
            throws Throwable {
        try {
            return method.invoke(target, arguments);
        } catch (InvocationTargetException thrown) {
            throw thrown.getCause();
        }
    }

    private static <T> T proxy(Class<T> type, Answer answer) {
        return type.cast(
                Proxy.newProxyInstance(
                        type.getClassLoader(),
                        new Class<?>[] {type},
                        (proxy, method, arguments) ->
                                answer.to(method, arguments == null ? new Object[0] : arguments)));
    }
}
