package dev.halcyon.tck.conformance;

import static dev.halcyon.tck.conformance.DeviceCase.refuses;
import static dev.halcyon.tck.conformance.DeviceCase.require;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.Graph;
import dev.halcyon.hal.Recorder;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.Timepoint;
import dev.halcyon.hal.error.StaleGraphException;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.StepInput;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.tck.conformance.DeviceCase.Violation;

import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;

/// Cases about memory, streams, step inputs and graphs; none needs a kernel.
final class DeviceCases {
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private DeviceCases() {}

    static List<ConformanceCase> all() {
        return List.of(
                new DeviceCase("keeps the bytes of every type", DeviceCases::bytes),
                new DeviceCase("copies and fills views", DeviceCases::views),
                new DeviceCase("converts what it reads and writes", DeviceCases::conversions),
                new DeviceCase("refuses transfers that do not fit", DeviceCases::transfers),
                new DeviceCase("publishes step inputs in order", DeviceCases::stepInputs),
                new DeviceCase("replays copies and fills", DeviceCases::graphs),
                new DeviceCase("refuses stale graphs and tensors", DeviceCases::staleness),
                new DeviceCase("orders streams by timepoints", DeviceCases::timepoints),
                new DeviceCase("refuses virtual threads", DeviceCases::virtualThreads),
                new DeviceCase("maps files", DeviceCases::files),
                new DeviceCase("reuses a reset arena", DeviceCases::reset));
    }

    private static void bytes(Device device) throws Violation {
        try (DeviceArena arena = device.arena("bytes");
                Stream stream = device.stream("tck")) {
            for (DType dtype : DType.values()) {
                Tensor tensor = arena.tensor(dtype, 3, 10);
                require(
                        tensor.address() % 64 == 0,
                        "a tensor of " + dtype + " is not aligned to 64 bytes");
                byte[] sent = pattern((int) tensor.byteSize());
                stream.upload(tensor, MemorySegment.ofArray(sent.clone()));
                Tensor copy = arena.tensor(dtype, 3, 10);
                stream.copy(copy, tensor);
                byte[] received = new byte[sent.length];
                stream.download(MemorySegment.ofArray(received), copy);
                require(Arrays.equals(sent, received), dtype + " came back with other bytes");
            }
            Tensor none = arena.tensor(DType.F32, 0, 5);
            stream.upload(none, MemorySegment.ofArray(new byte[0]));
            require(stream.readFloats(none).length == 0, "a tensor without elements has elements");
        }
    }

    private static byte[] pattern(int length) {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            bytes[i] = (byte) (i * 37 + 11);
        }
        return bytes;
    }

    private static void views(Device device) throws Violation {
        try (DeviceArena arena = device.arena("views");
                Stream stream = device.stream("tck")) {
            Tensor whole = arena.tensor(DType.F32, 4, 6);
            stream.fill(whole, -1);
            Tensor inner = whole.slice(0, 1, 3).slice(1, 2, 5);
            stream.fill(inner, 2.5);
            Tensor taken = arena.tensor(DType.F32, 2, 3);
            stream.copy(taken, inner);
            require(
                    Arrays.equals(stream.readFloats(taken), filled(6, 2.5f)),
                    "a strided copy read other elements");
            stream.write(taken, 1f, 2f, 3f, 4f, 5f, 6f);
            stream.copy(inner.transpose(0, 1).transpose(0, 1), taken);
            float[] all = stream.readFloats(whole);
            for (int i = 0; i < all.length; i++) {
                int row = i / 6 - 1;
                int column = i % 6 - 2;
                boolean inside = row >= 0 && row < 2 && column >= 0 && column < 3;
                float wanted = inside ? 1 + row * 3 + column : -1;
                require(
                        all[i] == wanted,
                        "element " + i + " is " + all[i] + " after a strided copy, not " + wanted);
            }
        }
    }

    private static float[] filled(int length, float value) {
        float[] values = new float[length];
        Arrays.fill(values, value);
        return values;
    }

    private static void conversions(Device device) throws Violation {
        try (DeviceArena arena = device.arena("conversions");
                Stream stream = device.stream("tck")) {
            Tensor narrow = arena.tensor(DType.BF16, 3);
            // The middle between two BF16 values goes to the one whose last bit is zero.
            stream.write(narrow, 1 + 0x1p-8f, 1 + 3 * 0x1p-8f, -0f);
            require(
                    Arrays.equals(stream.readFloats(narrow), new float[] {1, 1 + 0x1p-6f, -0f}),
                    "writing BF16 does not round to nearest even");
            Tensor whole = arena.tensor(DType.I64, 2);
            stream.write(whole, Integer.MIN_VALUE, 7);
            require(
                    Arrays.equals(stream.readInts(whole), new int[] {Integer.MIN_VALUE, 7}),
                    "I64 does not keep integers");
        }
    }

    private static void transfers(Device device) throws Violation {
        try (DeviceArena arena = device.arena("transfers");
                Stream stream = device.stream("tck")) {
            Tensor tensor = arena.tensor(DType.F32, 2, 3);
            refuses(
                    "a copy between shapes",
                    IllegalArgumentException.class,
                    () -> stream.copy(arena.tensor(DType.F32, 3, 2), tensor));
            refuses(
                    "a copy between types",
                    IllegalArgumentException.class,
                    () -> stream.copy(arena.tensor(DType.I32, 2, 3), tensor));
            refuses(
                    "an upload of too few bytes",
                    IllegalArgumentException.class,
                    () -> stream.upload(tensor, MemorySegment.ofArray(new byte[23])));
            refuses(
                    "a download of too many bytes",
                    IllegalArgumentException.class,
                    () -> stream.download(MemorySegment.ofArray(new byte[25]), tensor));
            refuses(
                    "a write of too many values",
                    IllegalArgumentException.class,
                    () -> stream.write(tensor, new float[7]));
            refuses(
                    "an upload into a strided view",
                    IllegalArgumentException.class,
                    () ->
                            stream.upload(
                                    tensor.slice(1, 0, 2), MemorySegment.ofArray(new byte[16])));
        }
    }

    private static void stepInputs(Device device) throws Violation {
        try (DeviceArena arena = device.arena("step inputs");
                Stream stream = device.stream("tck")) {
            StepInput input = arena.stepInput(DType.I32, 2);
            refuses("publishing nothing", IllegalStateException.class, () -> stream.publish(input));
            refuses("reading before publishing", IllegalStateException.class, input::published);
            Tensor seen = arena.tensor(DType.I32, 6, 2);
            Graph graph =
                    device.record(arena, recorder -> recorder.copy(seen.get(5), input.tensor()));
            for (int version = 0; version < 5; version++) {
                MemorySegment next = input.next();
                next.setAtIndex(ValueLayout.JAVA_INT, 0, version);
                next.setAtIndex(ValueLayout.JAVA_INT, 1, -version);
                stream.publish(input);
                stream.copy(seen.get(version), input.tensor());
                stream.replay(graph);
            }
            int[] all = stream.readInts(seen);
            for (int version = 0; version < 5; version++) {
                require(
                        all[2 * version] == version && all[2 * version + 1] == -version,
                        "version "
                                + version
                                + " was seen as "
                                + all[2 * version]
                                + ", "
                                + all[2 * version + 1]);
            }
            require(all[10] == 4, "the last replay saw version " + all[10] + ", not 4");
            require(
                    input.published().getAtIndex(ValueLayout.JAVA_INT, 0) == 4,
                    "the published version is not the last one");
        }
    }

    private static void graphs(Device device) throws Violation {
        try (DeviceArena arena = device.arena("graphs");
                Stream stream = device.stream("tck")) {
            Tensor a = arena.tensor(DType.F32, 4);
            Tensor b = arena.tensor(DType.F32, 4);
            Tensor c = arena.tensor(DType.F32, 4);
            AtomicReference<@Nullable Recorder> kept = new AtomicReference<>();
            stream.write(a, 9f, 9f, 9f, 9f);
            Graph graph =
                    device.record(
                            arena,
                            recorder -> {
                                kept.set(recorder);
                                recorder.copy(b, a);
                                recorder.fork(
                                        List.of(
                                                branch -> branch.fill(a, 7),
                                                branch -> branch.copy(c, b)));
                            });
            require(stream.readFloats(a)[0] == 9, "recording ran something");
            Recorder late = kept.get();
            refuses(
                    "a recorder after its recording",
                    IllegalStateException.class,
                    () -> {
                        if (late != null) {
                            late.fill(a, 1);
                        }
                    });
            for (float value : new float[] {1, 2}) {
                stream.fill(a, value);
                stream.replay(graph);
                require(stream.readFloats(a)[3] == 7, "a replayed fill did not happen");
                require(
                        stream.readFloats(c)[3] == value,
                        "a replay did not see what changed before it");
            }
            require(graph.size() == 3, "the graph has " + graph.size() + " nodes, not 3");
        }
    }

    private static void staleness(Device device) throws Violation {
        try (DeviceArena home = device.arena("home");
                Stream stream = device.stream("tck")) {
            DeviceArena shortLived = device.arena("short-lived");
            Tensor tensor = shortLived.tensor(DType.F32, 4);
            Tensor other = home.tensor(DType.F32, 4);
            Graph graph = device.record(home, recorder -> recorder.copy(other, tensor));
            stream.replay(graph);
            shortLived.reset();
            require(
                    !tensor.isAlive() && !graph.isAlive(),
                    "a reset left a tensor or its graph alive");
            refuses(
                    "a replay after a reset",
                    StaleGraphException.class,
                    () -> stream.replay(graph));
            refuses(
                    "reading a stale tensor",
                    IllegalStateException.class,
                    () -> stream.readFloats(tensor));
            refuses("the address of a stale tensor", IllegalStateException.class, tensor::address);
            shortLived.close();
            shortLived.close();
            refuses(
                    "an allocation in a closed arena",
                    IllegalStateException.class,
                    () -> shortLived.tensor(DType.F32, 1));
            stream.fill(other, 1);
            require(stream.readFloats(other)[0] == 1, "a refused replay spoilt the stream");
        }
    }

    private static void timepoints(Device device) throws Violation {
        try (DeviceArena arena = device.arena("timepoints");
                Stream writer = device.stream("writer");
                Stream reader = device.stream("reader")) {
            Tensor tensor = arena.tensor(DType.F32, 1 << 16);
            Tensor copy = arena.tensor(DType.F32, 1 << 16);
            for (int round = 1; round <= 3; round++) {
                writer.fill(tensor, round);
                Timepoint written = writer.mark();
                reader.waitFor(written);
                reader.copy(copy, tensor);
                Timepoint taken = reader.mark();
                writer.waitFor(taken);
                require(taken.await(PATIENCE), "a timepoint was not reached in " + PATIENCE);
                require(
                        written.reached() && taken.reached(),
                        "a timepoint that was waited for is not reached");
                float[] values = reader.readFloats(copy);
                require(
                        values[0] == round && values[values.length - 1] == round,
                        "round " + round + " read " + values[0] + " behind a timepoint");
                Timepoint later = writer.mark();
                require(
                        later.sequence() > written.sequence(),
                        "a later timepoint has no larger number");
            }
        }
    }

    private static void virtualThreads(Device device) throws Violation {
        AtomicReference<@Nullable Throwable> thrown = new AtomicReference<>();
        Thread thread =
                Thread.ofVirtual()
                        .start(
                                () -> {
                                    try (Stream stream = device.stream("virtual")) {
                                        stream.synchronize();
                                    } catch (RuntimeException refused) {
                                        thrown.set(refused);
                                    }
                                });
        try {
            thread.join();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new Violation("interrupted");
        }
        require(
                thrown.get() instanceof IllegalStateException,
                "a stream on a virtual thread must throw IllegalStateException, it threw "
                        + thrown.get());
    }

    private static void files(Device device) throws Violation {
        try {
            Path file = Files.createTempFile("halcyon-tck", ".bin");
            try (DeviceArena arena = device.arena("files");
                    Stream stream = device.stream("tck")) {
                Files.write(file, pattern(64));
                Tensor mapped;
                try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
                    mapped = arena.map(channel, 8, DType.U8, Shape.of(40));
                    refuses(
                            "a misaligned mapping",
                            IllegalArgumentException.class,
                            () -> arena.map(channel, 2, DType.F32, Shape.of(2)));
                    refuses(
                            "a mapping beyond the end",
                            IllegalArgumentException.class,
                            () -> arena.map(channel, 60, DType.U8, Shape.of(5)));
                }
                byte[] read = new byte[40];
                stream.download(MemorySegment.ofArray(read), mapped);
                require(
                        Arrays.equals(read, Arrays.copyOfRange(pattern(64), 8, 48)),
                        "a mapped file has other bytes once it is closed");
            } finally {
                Files.deleteIfExists(file);
            }
        } catch (IOException failed) {
            throw new UncheckedIOException("cannot use the temporary folder", failed);
        }
    }

    private static void reset(Device device) throws Violation {
        try (DeviceArena arena = device.arena("per step");
                Stream stream = device.stream("tck")) {
            long reserved = 0;
            for (int step = 0; step < 4; step++) {
                Tensor tensor = arena.tensor(DType.F32, 1000);
                stream.fill(tensor, step);
                require(
                        stream.readFloats(tensor)[999] == step,
                        "a reset arena hands out memory that is in use");
                require(
                        step < 1 || arena.bytesReserved() == reserved,
                        "a reset arena allocates again");
                reserved = arena.bytesReserved();
                long epoch = arena.epoch();
                arena.reset();
                require(arena.epoch() != epoch, "a reset does not change the epoch");
                require(arena.bytesInUse() == 0, "a reset arena has bytes in use");
            }
        }
    }
}
