package dev.halcyon.hal.host;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceOptions;
import dev.halcyon.hal.Expect;
import dev.halcyon.hal.FakeBackend;
import dev.halcyon.hal.InFlight;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Scripted;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.kernel.elementwise.Axpby;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.Tensor;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/// Files are read where they lie, for as long as the arena has them and not a moment longer.
final class MappedFileTest {
    private static final int NUMBERS = 3000;

    @TempDir Path folder;

    private final Device device = FakeBackend.open();
    private final DeviceArena arena = device.arena("files");
    private final Stream stream = device.stream("main");
    private Path file;

    @BeforeEach
    void write() throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(NUMBERS * 4).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < NUMBERS; i++) {
            bytes.putInt(i);
        }
        file = Files.write(folder.resolve("numbers"), bytes.array());
    }

    @AfterEach
    void close() {
        stream.close();
        arena.close();
        device.close();
    }

    private Tensor map(long offset, DType dtype, long... dims) throws IOException {
        try (FileChannel channel = FileChannel.open(file)) {
            return arena.map(channel, offset, dtype, Shape.of(dims));
        }
    }

    @Test
    void isReadAfterTheFileWasClosed() throws IOException {
        Tensor numbers = map(0, DType.I32, 30, 100);
        assertArrayEquals(new int[] {2999}, stream.readInts(numbers.get(29).get(99)));
        assertFalse(numbers.buffer().isWritable());
        assertTrue(numbers.buffer().isHostVisible());
    }

    @Test
    void mayBeginAtAnyElementOfAnyPage() throws IOException {
        for (long element : new long[] {1, 3, 1023, 1024, 1025, 2998}) {
            Tensor rest = map(element * 4, DType.I32, NUMBERS - element);
            assertEquals(element, stream.readInts(rest.slice(0, 0, 1))[0]);
            assertEquals(0, rest.address() % 4);
        }
        assertArrayEquals(new int[] {1, 0}, stream.readInts(map(4, DType.U8, 2)));
    }

    @Test
    void aRangeOutsideTheFileIsRefused() {
        Expect.thrown(
                IllegalArgumentException.class,
                () -> map(0, DType.I32, NUMBERS + 1),
                "I32 [3001]",
                "12004 bytes",
                "the file has 12000",
                "truncated");
        assertThrows(IllegalArgumentException.class, () -> map(4, DType.I32, NUMBERS));
        assertThrows(IllegalArgumentException.class, () -> map(-4, DType.I32, 1));
        assertThrows(IllegalArgumentException.class, () -> map(Long.MAX_VALUE - 3, DType.I32, 1));
        assertThrows(IllegalArgumentException.class, () -> map(0, DType.F64, Long.MAX_VALUE));
        assertThrows(IllegalArgumentException.class, () -> map(0, DType.I8, Long.MAX_VALUE));
    }

    @Test
    void aMisalignedElementIsRefusedWithTheRemedy() {
        Expect.thrown(
                IllegalArgumentException.class,
                () -> map(6, DType.F32, 2),
                "file offset 6 is not a multiple of the 4 bytes of F32",
                "stream.upload");
    }

    @Test
    void anEmptyRangeIsLegal() throws IOException {
        assertEquals(0, map(NUMBERS * 4, DType.F32, 0).byteSize());
        assertArrayEquals(new float[0], stream.readFloats(map(8, DType.F32, 3, 0)));
    }

    @Test
    void whatCannotBeReadIsAnIoError() throws IOException {
        FileChannel closed = FileChannel.open(file);
        closed.close();
        assertThrows(
                ClosedChannelException.class, () -> arena.map(closed, 0, DType.U8, Shape.of(1)));
        try (FileChannel writeOnly = FileChannel.open(file, StandardOpenOption.WRITE)) {
            assertThrows(Exception.class, () -> arena.map(writeOnly, 0, DType.U8, Shape.of(1)));
        }
        assertTrue(arena.isAlive());
    }

    @Test
    void isNeverWritten() throws IOException {
        Tensor mapped = map(0, DType.F32, 2, 4);
        Tensor other = arena.tensor(DType.F32, 2, 4);
        String[] words = {"mapped file, which cannot be written"};
        Expect.thrown(IllegalArgumentException.class, () -> stream.fill(mapped, 1), words);
        Expect.thrown(IllegalArgumentException.class, () -> stream.copy(mapped, other), words);
        Expect.thrown(
                IllegalArgumentException.class, () -> stream.write(mapped, new float[8]), words);
        Expect.thrown(
                IllegalArgumentException.class,
                () -> stream.upload(mapped, MemorySegment.ofArray(new byte[32])),
                words);
        Axpby add = Axpby.add(2, 4, DType.F32);
        Expect.thrown(
                IllegalArgumentException.class,
                () -> stream.run(add, Axpby.Args.of(other, other, mapped)),
                "Axpby: out is a mapped file",
                "copy it into an arena first");
        Expect.thrown(
                IllegalArgumentException.class,
                () -> device.record(arena, recorder -> recorder.fill(mapped, 1)),
                words);
        Expect.thrown(
                IllegalArgumentException.class,
                () -> device.record(arena, recorder -> recorder.copy(mapped, other)),
                words);
        assertThrows(IllegalArgumentException.class, () -> mapped.segment().fill((byte) 1));
        stream.run(add, Axpby.Args.of(mapped, other, other));
        stream.synchronize();
    }

    @Test
    void resetAndCloseUnmap() throws IOException {
        Tensor mapped = map(0, DType.I32, NUMBERS);
        MemorySegment memory = mapped.segment();
        arena.reset();
        assertFalse(memory.scope().isAlive());
        assertThrows(IllegalStateException.class, () -> memory.get(ValueLayout.JAVA_INT, 0));
        Expect.thrown(IllegalStateException.class, mapped::segment, "\"files\" is stale");
        MemorySegment again = map(0, DType.I32, NUMBERS).segment();
        assertEquals(1, again.getAtIndex(ValueLayout.JAVA_INT, 1));
        arena.close();
        assertFalse(again.scope().isAlive());
        Expect.thrown(
                IllegalStateException.class, () -> map(0, DType.I32, 1), "\"files\"", "closed");
    }

    @Test
    void aResetDuringALaunchKeepsTheFileForIt() throws Throwable {
        float[] found = new float[1];
        try (InFlight flight = new InFlight();
                Device own =
                        FakeBackend.builder(DeviceOptions.defaults())
                                .kernel(
                                        Scripted.Script.of(
                                                (vector, faults) -> {
                                                    flight.pause();
                                                    found[0] =
                                                            vector.getAtIndex(
                                                                    ValueLayout.JAVA_INT, 2999);
                                                }))
                                .build();
                DeviceArena files = own.arena("files");
                FileChannel channel = FileChannel.open(file)) {
            Tensor mapped = files.map(channel, 0, DType.F32, Shape.of(NUMBERS));
            MemorySegment memory = mapped.segment();
            // Read-only in truth; the spec does not ask for that here.
            Reading reading = new Reading(own, files, mapped);
            flight.start(reading::submit);
            files.reset();
            assertTrue(memory.scope().isAlive());
            flight.finish();
            assertEquals(2999, found[0]);
            assertFalse(memory.scope().isAlive());
        }
    }

    /// A launch over memory that a scripted kernel only reads.
    private record Reading(Device device, DeviceArena arena, Tensor vector) {
        Object submit() {
            Launch launch =
                    device.plan(Scripted.named("read").reading())
                            .bind(arena, new Scripted.Args(vector), device.workspace(arena));
            try (Stream stream = device.stream("reading")) {
                stream.submit(launch);
                return stream.label();
            }
        }
    }
}
