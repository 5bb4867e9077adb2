package dev.halcyon.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.halcyon.checkpoint.CheckpointException;
import dev.halcyon.checkpoint.CheckpointFolder;
import dev.halcyon.checkpoint.ElementType;
import dev.halcyon.checkpoint.ModelConfig;
import dev.halcyon.checkpoint.Quantization;
import dev.halcyon.checkpoint.TensorShape;
import dev.halcyon.checkpoint.WeightNames;
import dev.halcyon.engine.Sequence.FinishReason;
import dev.halcyon.engine.text.TextTokenizer;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.error.Failure;
import dev.halcyon.hal.error.OutOfDeviceMemoryException;
import dev.halcyon.hal.error.UnsupportedKernelException;
import dev.halcyon.hal.memory.DType;

import org.assertj.core.api.AbstractThrowableAssert;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;

/// What is wrong gets a message that names it, and leaves nothing open.
final class BadInputTest {
    private static final EngineOptions OPTIONS = EngineOptions.defaults().withCapacity(2, 70);
    private static final WeightNames NAMES = new WeightNames("");

    @TempDir private Path temporary;

    private Path folder;
    private LeakWatch watch;
    private Device device;

    @BeforeEach
    void open() {
        folder = temporary.resolve("model");
        watch = new LeakWatch();
        device = Devices.cpu();
    }

    @AfterEach
    void nothingIsLeft() {
        assertThat(device.counters().bytesReserved())
                .as("bytes held before the device is closed")
                .isZero();
        device.close();
        watch.close();
        assertThat(watch.messages()).isEmpty();
    }

    private static TinyCheckpoint plain() {
        return TinyCheckpoint.of(TinyConfigs.deepSeekV3(TinyConfigs.PLAIN), 51);
    }

    private static TinyCheckpoint fp8() {
        return TinyCheckpoint.of(
                TinyConfigs.deepSeekV3(new Quantization.Fp8Blocks(128, 128, false)), 52);
    }

    private AbstractThrowableAssert<?, ?> assertRefused(
            TinyCheckpoint checkpoint, String... parts) {
        checkpoint.write(folder);
        return assertThatThrownBy(() -> Engine.open(folder, device, OPTIONS))
                .hasMessageContainingAll(parts);
    }

    /// What the other tests expect to hear nothing of.
    @Test
    void aDeviceListsWhatIsLeftOpen() {
        try (LeakWatch own = new LeakWatch()) {
            Device another = Devices.cpu();
            assertThat(another.arena("forgotten").isAlive()).isTrue();
            another.close();
            assertThat(own.messages()).hasSize(1).first().asString().contains("forgotten");
        }
        assertThat(watch.takeMessages()).hasSize(1);
    }

    @Test
    void tokensOutsideTheVocabulary() {
        try (Engine engine = Engine.open(plain().write(folder), device, OPTIONS)) {
            for (int token : new int[] {-1, TinyConfigs.VOCABULARY, Integer.MAX_VALUE}) {
                assertThatThrownBy(() -> engine.add(Request.greedy(List.of(1, token), 3)))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContainingAll("token " + token, "vocabulary of 96");
            }
            assertThat(engine.step()).as("nothing was queued").isFalse();
        }
    }

    @Test
    void emptyRequests() {
        assertThatThrownBy(() -> Request.greedy(List.of(), 3))
                .hasMessageContaining("at least one token");
        assertThatThrownBy(() -> Request.greedy(List.of(1), 0))
                .hasMessageContainingAll("maxNewTokens", "0");
    }

    @Test
    void moreTokensThanThereIsRoomFor() {
        ModelConfig small = TinyConfigs.with(TinyConfigs.moonlight(), ElementType.BF16, false, 80);
        TinyCheckpoint.of(small, 53).write(folder);
        try (Engine engine = Engine.open(folder, device, OPTIONS)) {
            assertThatThrownBy(() -> engine.add(Request.greedy(List.of(1, 2, 3), 68)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContainingAll(
                            "3 prompt tokens and 68 new ones are 71",
                            "context is 70",
                            "maxContext");
            assertThatThrownBy(
                            () -> engine.add(Request.greedy(List.of(1, 2, 3), Integer.MAX_VALUE)))
                    .hasMessageContainingAll("2147483650", "context is 70");
            assertThat(engine.generate(Request.greedy(List.of(1, 2, 3), 67)).tokens()).hasSize(67);
        }
        try (Engine engine = Engine.open(folder, device, OPTIONS.withCapacity(1, 1000))) {
            assertThatThrownBy(() -> engine.add(Request.greedy(List.of(1, 2, 3), 78)))
                    .hasMessageContainingAll("context is 80", "the model allows 80");
            assertThat(engine.generate(Request.greedy(List.of(1, 2, 3), 77)).tokens()).hasSize(77);
        }
        try (Engine engine = Engine.open(folder, device, OPTIONS.withCacheTokens(64))) {
            assertThatThrownBy(() -> engine.add(Request.greedy(List.of(1, 2, 3), 62)))
                    .hasMessageContainingAll(
                            "65 tokens need 2 cache pages", "has 1", "cacheTokens");
        }
    }

    @Test
    void optionsOutOfRange() {
        assertThatThrownBy(() -> OPTIONS.withCacheTokens(0))
                .hasMessageContainingAll("cacheTokens", "0");
        assertThatThrownBy(() -> OPTIONS.withChunks(0, 1))
                .hasMessageContainingAll("prefillChunk", "0");
        assertThatThrownBy(() -> OPTIONS.withChunks(1, -1))
                .hasMessageContainingAll("contextChunk", "-1");
        assertThatThrownBy(() -> OPTIONS.withCapacity(0, 1))
                .hasMessageContainingAll("maxSequences", "0");
        assertThatThrownBy(() -> OPTIONS.withCapacity(1 << 20, 1 << 20))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll("1048576 sequences of 1048576 tokens");
        assertThatThrownBy(() -> OPTIONS.withTypes(DType.F64, DType.F32))
                .hasMessageContainingAll("activation", "F64");
    }

    @Test
    void aMissingTensor() {
        assertRefused(
                        plain().remove(NAMES.layer(1).expert(3).up()::equals),
                        "model.layers.1.mlp.experts.3.up_proj.weight")
                .isInstanceOf(CheckpointException.class);
        assertRefused(plain().remove(NAMES.head()::equals), "lm_head.weight");
    }

    @Test
    void aTensorOfAnotherModel() {
        assertRefused(
                        plain().put(
                                        NAMES.finalNorm(),
                                        ElementType.BF16,
                                        TensorShape.of(39),
                                        new double[39]),
                        "model.norm.weight",
                        "[39]",
                        "[40]")
                .isInstanceOf(CheckpointException.class);
    }

    @Test
    void integersWhereNumbersAreWanted() {
        assertRefused(
                        plain().put(
                                        NAMES.finalNorm(),
                                        ElementType.I16,
                                        TensorShape.of(40),
                                        new double[40]),
                        "model.norm.weight",
                        "I16",
                        "convert")
                .isInstanceOf(CheckpointException.class);
    }

    @Test
    void eightBitsWithoutScales() {
        String name = NAMES.layer(2).attentionOutput();
        assertRefused(fp8().remove(WeightNames.blockScales(name)::equals), name + "_scale_inv")
                .isInstanceOf(CheckpointException.class);
    }

    @Test
    void packedWordsOfAnotherType() {
        String words = WeightNames.packedWords(NAMES.layer(1).expert(0).gate());
        TinyCheckpoint packed =
                TinyCheckpoint.of(TinyConfigs.kimiK2(TinyConfigs.packedExperts()), 54);
        packed.put(words, ElementType.U8, TensorShape.of(16, 5), new double[80]);
        assertRefused(packed, words, "I32 words").isInstanceOf(CheckpointException.class);
    }

    @Test
    void eightBitsWhereNoScalesCanBe() {
        assertRefused(
                        plain().put(
                                        NAMES.embedding(),
                                        ElementType.F8_E4M3,
                                        TensorShape.of(96, 40),
                                        new double[3840]),
                        "model.embed_tokens.weight",
                        "F8_E4M3",
                        "scales")
                .isInstanceOf(CheckpointException.class);
    }

    /// Scales beside values that need none: what the device declines it says in its own words.
    @Test
    void weightsThatTheDeviceCannotDecode() {
        TinyCheckpoint scaled =
                fp8().retype(NAMES.layer(0).attentionOutput()::equals, ElementType.BF16);
        assertRefused(scaled, "Gemm", "BF16/F32 128x128", "not decoded here")
                .isInstanceOf(UnsupportedKernelException.class);
    }

    @Test
    void truncatedFiles() throws IOException {
        Path file = plain().write(folder).resolve(CheckpointFolder.SINGLE_FILE_NAME);
        byte[] whole = Files.readAllBytes(file);
        for (int kept : new int[] {0, 7, 8, 100, whole.length / 2, whole.length - 1}) {
            Files.write(file, Arrays.copyOf(whole, kept));
            assertThatThrownBy(() -> Engine.open(folder, device, OPTIONS))
                    .as("%s bytes of %s", kept, whole.length)
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("model.safetensors");
        }
    }

    @Test
    void aTruncatedShard() throws IOException {
        Path file = plain().write(folder, 3).resolve("model-00002-of-00003.safetensors");
        Files.write(file, Arrays.copyOf(Files.readAllBytes(file), 5000));
        assertThatThrownBy(() -> Engine.open(folder, device, OPTIONS))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("model-00002-of-00003.safetensors");
    }

    @Test
    void foldersThatAreNone() {
        assertThatThrownBy(() -> Engine.open(temporary.resolve("nowhere"), device, OPTIONS))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("nowhere");
        assertThatThrownBy(() -> Engine.open(temporary, device, OPTIONS))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("config.json");
    }

    @Test
    void textWithoutATokenizer() {
        plain().write(folder);
        assertThat(TextTokenizer.isIn(folder)).isFalse();
        assertThatThrownBy(() -> TextTokenizer.open(folder))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll(folder.toString(), "tokenizer.json", "token ids");
    }

    /// A header of odd length puts every tensor at an odd place; they are copied, and the answer is
    /// the same.
    @Test
    void aMisalignedFileIsCopiedAndSaidSo() throws IOException {
        Path file = plain().write(folder).resolve(CheckpointFolder.SINGLE_FILE_NAME);
        Request request = Request.greedy(List.of(4, 5, 6), 12);
        List<Integer> expected;
        try (Engine engine = Engine.open(folder, device, OPTIONS)) {
            assertThat(engine.copiedWeights()).isEmpty();
            expected = engine.generate(request).tokens();
        }
        byte[] whole = Files.readAllBytes(file);
        int header =
                Math.toIntExact(ByteBuffer.wrap(whole).order(ByteOrder.LITTLE_ENDIAN).getLong(0));
        ByteBuffer shifted = ByteBuffer.allocate(whole.length + 1).order(ByteOrder.LITTLE_ENDIAN);
        shifted.putLong(header + 1L)
                .put(whole, 8, header)
                .put((byte) ' ')
                .put(whole, 8 + header, whole.length - 8 - header);
        Files.write(file, shifted.array());
        try (Engine engine = Engine.open(folder, device, OPTIONS)) {
            assertThat(engine.copiedWeights())
                    .hasSizeGreaterThan(50)
                    .anySatisfy(
                            line ->
                                    assertThat(line)
                                            .startsWith("model.embed_tokens.weight begins at byte ")
                                            .endsWith(
                                                    "which BF16 elements cannot be read from in"
                                                            + " place"));
            assertThat(engine.generate(request).tokens()).isEqualTo(expected);
        }
    }

    /// FP8 and packed codes are bytes and lie wherever they like; their scales do not.
    @Test
    void misalignedScalesAreCopied() throws IOException {
        Path file = fp8().write(folder).resolve(CheckpointFolder.SINGLE_FILE_NAME);
        byte[] whole = Files.readAllBytes(file);
        int header =
                Math.toIntExact(ByteBuffer.wrap(whole).order(ByteOrder.LITTLE_ENDIAN).getLong(0));
        ByteBuffer shifted = ByteBuffer.allocate(whole.length + 2).order(ByteOrder.LITTLE_ENDIAN);
        shifted.putLong(header + 2L)
                .put(whole, 8, header)
                .put("  ".getBytes(StandardCharsets.US_ASCII));
        shifted.put(whole, 8 + header, whole.length - 8 - header);
        Files.write(file, shifted.array());
        try (Engine engine = Engine.open(folder, device, OPTIONS)) {
            assertThat(engine.copiedWeights())
                    .isNotEmpty()
                    .allSatisfy(
                            line ->
                                    assertThat(line)
                                            .containsAnyOf(
                                                    "_scale_inv begins at byte",
                                                    "e_score_correction_bias begins at byte"));
            Request request = Request.greedy(List.of(4, 5, 6), 8);
            ReferenceGeneration.of(folder, request.prompt(), 8)
                    .assertContinuedBy(
                            engine.generate(request).tokens(), ReferenceGeneration.CLEAR_GAP, 6);
        }
    }

    @Test
    void aVirtualThread() throws InterruptedException {
        plain().write(folder);
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        Thread.ofVirtual()
                .start(() -> thrown.set(catchThrowable(() -> Engine.open(folder, device, OPTIONS))))
                .join();
        assertThat(thrown.get())
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContainingAll("virtual thread", "platform");
    }

    @Test
    void aClosedEngine() {
        Engine engine = Engine.open(plain().write(folder), device, OPTIONS);
        Sequence running = engine.add(Request.greedy(List.of(1), 60));
        Sequence alsoRunning = engine.add(Request.greedy(List.of(1), 60));
        Sequence waiting = engine.add(Request.greedy(List.of(1), 60));
        engine.step();
        engine.step();
        engine.close();
        engine.close();
        assertThat(running.tokens()).hasSizeGreaterThanOrEqualTo(2);
        assertThat(List.of(running, alsoRunning, waiting))
                .allSatisfy(s -> assertThat(s.finishReason()).isEqualTo(FinishReason.CANCELLED));
        assertThatThrownBy(engine::step)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed");
        assertThatThrownBy(() -> engine.add(Request.greedy(List.of(1), 1)))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed");
        engine.cancel(running);
        engine.cancel(waiting);
    }

    @Test
    void anUnfinishedSequenceHasNoReason() {
        try (Engine engine = Engine.open(plain().write(folder), device, OPTIONS)) {
            Sequence sequence = engine.add(Request.greedy(List.of(1), 60));
            assertThatThrownBy(sequence::finishReason).isInstanceOf(IllegalStateException.class);
            assertThat(sequence.isFinished()).isFalse();
        }
    }

    /// The device has no memory for one prompt; that sequence ends, the others go on, its pages and
    /// row are free.
    @Test
    void aPromptThatCannotBeRun() {
        plain().write(folder);
        Request request = Request.greedy(List.of(4, 5, 6), 12);
        List<Integer> expected;
        try (Engine engine = Engine.open(folder, device, OPTIONS)) {
            expected = engine.generate(request).tokens();
        }
        boolean[] exhausted = new boolean[1];
        try (Engine engine = Engine.open(folder, exhaustible(exhausted), OPTIONS)) {
            int pages = engine.availablePages();
            Sequence first = engine.add(request);
            engine.step();
            exhausted[0] = true;
            Sequence unlucky = engine.add(Request.greedy(List.of(9, 9), 20));
            assertThatThrownBy(engine::step).isInstanceOf(OutOfDeviceMemoryException.class);
            assertThat(unlucky.finishReason()).isEqualTo(FinishReason.FAILED);
            assertThat(unlucky.tokens()).isEmpty();
            exhausted[0] = false;
            Sequence next = engine.add(request);
            while (engine.step()) {
                assertThat(unlucky.tokens()).isEmpty();
            }
            assertThat(first.tokens()).isEqualTo(expected);
            assertThat(next.tokens()).isEqualTo(expected);
            assertThat(engine.availablePages()).isEqualTo(pages);
        }
    }

    private Device exhaustible(boolean[] exhausted) {
        return (Device)
                Proxy.newProxyInstance(
                        Device.class.getClassLoader(),
                        new Class<?>[] {Device.class},
                        (proxy, method, arguments) -> {
                            if (exhausted[0] && method.getName().equals("plan")) {
                                throw new OutOfDeviceMemoryException(
                                        Failure.of(
                                                "cpu:0",
                                                "plan",
                                                "no memory is left",
                                                "close something"));
                            }
                            try {
                                return method.invoke(device, arguments);
                            } catch (InvocationTargetException thrown) {
                                throw thrown.getCause();
                            }
                        });
    }
}
