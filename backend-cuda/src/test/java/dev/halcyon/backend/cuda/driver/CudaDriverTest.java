package dev.halcyon.backend.cuda.driver;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.backend.cuda.StubLibrary;

import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Both bindings against the stub: the same calls in the same order, and the same answers.
class CudaDriverTest {
    private static final List<String> KINDS =
            List.of(
                    "allocations",
                    "pinned",
                    "streams",
                    "events",
                    "graphs",
                    "executables",
                    "contexts");

    private final StubLibrary stub = StubLibrary.orSkip();

    private final Map<String, Integer> aliveBefore = new HashMap<>();

    @BeforeEach
    void resetStub() {
        stub.reset();
        for (String kind : KINDS) {
            aliveBefore.put(kind, stub.alive(kind));
        }
    }

    private void assertNothingIsAlive() {
        for (String kind : KINDS) {
            assertEquals(aliveBefore.get(kind), stub.alive(kind), kind);
        }
    }

    private CudaDriver driver(String bindings) {
        if (bindings.equals("ffm")) {
            return new FfmDriver(stub.library());
        }
        JCudaLoading.Loaded loaded = JCudaLoading.load(stub.library());
        if (!loaded.whyNotJCuda().isEmpty()) {
            System.out.println("SKIPPED: JCuda: " + loaded.whyNotJCuda());
            Assumptions.abort(loaded.whyNotJCuda());
        }
        assertEquals("jcuda", loaded.driver().bindings());
        return loaded.driver();
    }

    private static CudaDriver current(CudaDriver driver) {
        driver.init();
        driver.setCurrent(driver.retainPrimaryContext(0));
        return driver;
    }

    @ParameterizedTest
    @ValueSource(strings = {"ffm", "jcuda"})
    void copiesThereAndBack(String bindings) {
        CudaDriver driver = current(driver(bindings));
        long stream = driver.createStream();
        long host = driver.allocatePinned(64);
        long device = driver.allocate(64);
        MemorySegment memory = MemorySegment.ofAddress(host).reinterpret(64);
        byte[] sent = new byte[64];
        for (int i = 0; i < 64; i++) {
            sent[i] = (byte) (i * 7);
        }
        memory.copyFrom(MemorySegment.ofArray(sent));
        driver.copy(device, host, 64, stream);
        driver.fillBytes(device + 60, (byte) 3, 4, stream);
        memory.fill((byte) 0);
        driver.copy(host, device, 64, stream);
        driver.synchronizeStream(stream);
        for (int i = 60; i < 64; i++) {
            sent[i] = 3;
        }
        assertArrayEquals(sent, memory.toArray(ValueLayout.JAVA_BYTE));
        driver.free(device);
        driver.freePinned(host);
        driver.destroyStream(stream);
        driver.releasePrimaryContext(0);
        assertNothingIsAlive();
    }

    @ParameterizedTest
    @ValueSource(strings = {"ffm", "jcuda"})
    void capturesBranchesThreadLocally(String bindings) {
        CudaDriver driver = current(driver(bindings));
        long one = driver.createStream();
        long two = driver.createStream();
        long fork = driver.createEvent();
        long join = driver.createEvent();
        long memory = driver.allocate(8);
        stub.takeRecord();
        driver.beginCapture(one);
        driver.record(fork, one);
        driver.waitFor(two, fork);
        driver.fillBytes(memory, (byte) 1, 4, two);
        driver.record(join, two);
        driver.waitFor(one, join);
        driver.fillBytes(memory + 4, (byte) 2, 4, one);
        long graph = driver.endCapture(one);
        assertEquals(
                List.of(
                        "cuStreamBeginCapture_v2(1)",
                        "cuEventRecord()",
                        "cuStreamWaitEvent(0)",
                        "cuMemsetD8Async(1, 4)",
                        "cuEventRecord()",
                        "cuStreamWaitEvent(0)",
                        "cuMemsetD8Async(2, 4)",
                        "cuStreamEndCapture()"),
                stub.takeRecord());
        MemorySegment bytes = MemorySegment.ofAddress(memory).reinterpret(8);
        assertTrue(bytes.get(ValueLayout.JAVA_BYTE, 0) != 1, "a capture ran something");
        long executable = driver.instantiate(graph);
        driver.destroyGraph(graph);
        driver.launchGraph(executable, two);
        driver.synchronizeStream(two);
        assertArrayEquals(
                new byte[] {1, 1, 1, 1, 2, 2, 2, 2}, bytes.toArray(ValueLayout.JAVA_BYTE));
        driver.destroyExecutable(executable);
        driver.free(memory);
        driver.destroyEvent(fork);
        driver.destroyEvent(join);
        driver.destroyStream(one);
        driver.destroyStream(two);
        driver.releasePrimaryContext(0);
        assertNothingIsAlive();
    }

    @ParameterizedTest
    @ValueSource(strings = {"ffm", "jcuda"})
    void namesFunctionAndCodeOfAFailure(String bindings) {
        CudaDriver driver = current(driver(bindings));
        stub.fail("cuMemAlloc_v2", 0, 2);
        CudaDriverException failed =
                assertThrows(CudaDriverException.class, () -> driver.allocate(16));
        assertEquals("cuMemAlloc returned 2 CUDA_ERROR_OUT_OF_MEMORY", failed.getMessage());
        assertEquals(CudaResult.OUT_OF_MEMORY, failed.result());
        assertFalse(failed.text().isEmpty());
        driver.releasePrimaryContext(0);
    }

    @ParameterizedTest
    @ValueSource(strings = {"ffm", "jcuda"})
    void describesTilesToTheCopyEngine(String bindings) {
        CudaDriver driver = current(driver(bindings));
        TensorMap map =
                new TensorMap(
                        TensorMap.Element.BF16,
                        0x7000_0000L,
                        new long[] {7168, 4096},
                        new long[] {14_336},
                        new int[] {64, 128},
                        TensorMap.Swizzle.BYTES_128);
        stub.takeRecord();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment encoded = arena.allocate(TensorMap.BYTES, TensorMap.BYTES);
            driver.encode(map, encoded);
            assertEquals(List.of("cuTensorMapEncodeTiled(9, 2, 0, 3, 2, 0)"), stub.takeRecord());
            // The stub's descriptors hold what it was told.
            assertEquals(0x7000_0000L, encoded.getAtIndex(ValueLayout.JAVA_LONG, 0));
            assertEquals(4096, encoded.getAtIndex(ValueLayout.JAVA_LONG, 2));
            assertEquals(14_336, encoded.getAtIndex(ValueLayout.JAVA_LONG, 6));
            assertEquals(128, encoded.getAtIndex(ValueLayout.JAVA_LONG, 12));
            assertThrows(
                    IllegalArgumentException.class,
                    () -> driver.encode(map, arena.allocate(TensorMap.BYTES + 8, 128).asSlice(8)));
        }
        driver.releasePrimaryContext(0);
    }

    @Test
    void refusesTilesThatTheCopyEngineDoesNotTake() {
        long[] dims = {7168, 4096};
        int[] box = {64, 128};
        record Wrong(long address, long stride, int width, TensorMap.Swizzle swizzle) {}
        for (Wrong wrong :
                List.of(
                        new Wrong(8, 14_336, 64, TensorMap.Swizzle.BYTES_128),
                        new Wrong(16, 14_340, 64, TensorMap.Swizzle.BYTES_128),
                        new Wrong(16, 14_336, 7, TensorMap.Swizzle.NONE),
                        new Wrong(16, 14_336, 512, TensorMap.Swizzle.NONE),
                        new Wrong(16, 14_336, 128, TensorMap.Swizzle.BYTES_128))) {
            assertThrows(
                    IllegalArgumentException.class,
                    () ->
                            new TensorMap(
                                    TensorMap.Element.BF16,
                                    wrong.address(),
                                    dims,
                                    new long[] {wrong.stride()},
                                    new int[] {wrong.width(), box[1]},
                                    wrong.swizzle()),
                    wrong.toString());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"ffm", "jcuda"})
    void asksWhetherWorkHasPassedWithoutWaiting(String bindings) {
        CudaDriver driver = current(driver(bindings));
        stub.set("lazy", 1);
        long stream = driver.createStream();
        long event = driver.createEvent();
        long memory = driver.allocate(8);
        driver.fillBytes(memory, (byte) 1, 8, stream);
        driver.fillBytes(memory, (byte) 2, 8, stream);
        driver.record(event, stream);
        assertFalse(driver.hasPassed(event));
        driver.synchronizeEvent(event);
        assertTrue(driver.hasPassed(event));
        driver.free(memory);
        driver.destroyEvent(event);
        driver.destroyStream(stream);
        driver.releasePrimaryContext(0);
    }

    @ParameterizedTest
    @ValueSource(strings = {"ffm", "jcuda"})
    void findsKernelsOfAModule(String bindings) {
        CudaDriver driver = current(driver(bindings));
        long module = driver.loadModule(Arena.global().allocateFrom("// PTX"));
        stub.takeRecord();
        long function = driver.function(module, "fill");
        assertTrue(function != 0);
        assertEquals(List.of("cuModuleGetFunction(fill)"), stub.takeRecord());
        driver.unloadModule(module);
        driver.releasePrimaryContext(0);
    }

    @ParameterizedTest
    @ValueSource(strings = {"jcuda"})
    void loadsJCudaFromAFolderOfItsOwn(String bindings) throws IOException {
        driver(bindings);
        List<String> mapped =
                Files.readAllLines(Path.of("/proc/self/maps")).stream()
                        .filter(line -> line.contains("libJCudaDriver"))
                        .toList();
        assertFalse(mapped.isEmpty());
        for (String line : mapped) {
            assertTrue(line.contains("/halcyon-jcuda"), line);
        }
    }
}
