package dev.halcyon.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.halcyon.checkpoint.ElementType;
import dev.halcyon.checkpoint.ModelConfig;
import dev.halcyon.checkpoint.Quantization;
import dev.halcyon.checkpoint.WeightNames;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.memory.DType;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;

/// A small checkpoint of every family, with the official names and types, against the oracle's
/// model of the same folder.
final class FamilyGenerationTest {
    private static final List<Integer> PROMPT = List.of(3, 39, 0, 17, 64, 95, 22);
    private static final int COUNT = 16;
    private static final Quantization FP8 = new Quantization.Fp8Blocks(128, 128, false);

    private static Device device;

    @TempDir private Path temporary;

    @BeforeAll
    static void open() {
        device = Devices.cpu();
    }

    @AfterAll
    static void close() {
        device.close();
    }

    private Path folder() {
        return temporary.resolve("model");
    }

    private static void assertLikeTheOracle(Path folder) {
        ReferenceGeneration reference = ReferenceGeneration.of(folder, PROMPT, COUNT);
        EngineOptions options =
                EngineOptions.defaults()
                        .withCapacity(1, 32)
                        .withChunks(3, 2)
                        .withBatchInvariant(true);
        try (Engine engine = Engine.open(folder, device, options)) {
            List<Integer> answer = engine.generate(Request.greedy(PROMPT, COUNT)).tokens();
            reference.assertContinuedBy(answer, ReferenceGeneration.CLEAR_GAP, COUNT);
        }
    }

    @Test
    void deepSeekV2Lite() {
        assertLikeTheOracle(TinyCheckpoint.of(TinyConfigs.deepSeekV2Lite(), 21).write(folder()));
    }

    @Test
    void deepSeekV2() {
        assertLikeTheOracle(TinyCheckpoint.of(TinyConfigs.deepSeekV2(), 2).write(folder()));
    }

    @Test
    void moonlight() {
        assertLikeTheOracle(TinyCheckpoint.of(TinyConfigs.moonlight(), 3).write(folder()));
    }

    /// The prediction layer's tensors are there, in a shard of their own among others, and nobody
    /// asks for them.
    @Test
    void deepSeekV3InShardsWithAPredictionLayer() {
        Path folder =
                TinyCheckpoint.of(TinyConfigs.deepSeekV3(TinyConfigs.PLAIN), 24).write(folder(), 3);
        assertThat(folder.resolve("model-00003-of-00003.safetensors")).isRegularFile();
        assertThat(folder.resolve("model.safetensors.index.json"))
                .content()
                .contains("model.layers.3.shared_head.head.weight");
        assertLikeTheOracle(folder);
    }

    @Test
    void deepSeekV3InFp8() {
        assertLikeTheOracle(TinyCheckpoint.of(TinyConfigs.deepSeekV3(FP8), 5).write(folder()));
    }

    @Test
    void kimiK2() {
        assertLikeTheOracle(
                TinyCheckpoint.of(TinyConfigs.kimiK2(TinyConfigs.PLAIN), 6).write(folder()));
    }

    @Test
    void kimiK25WithPackedExperts() {
        Path folder =
                TinyCheckpoint.wrapped(TinyConfigs.kimiK2(TinyConfigs.packedExperts()), 7)
                        .write(folder());
        assertThat(folder.resolve("config.json")).content().contains("kimi_k25", "text_config");
        assertLikeTheOracle(folder);
    }

    /// The absorbed form needs `kv_b_proj` plain, however it is stored.
    @Test
    void everythingPacked() {
        Quantization all = new Quantization.PackedInt4(8, List.of("lm_head"));
        assertLikeTheOracle(TinyCheckpoint.of(TinyConfigs.kimiK2(all), 8).write(folder()));
    }

    @Test
    void tiedEmbeddings() {
        ModelConfig tied = TinyConfigs.with(TinyConfigs.moonlight(), ElementType.BF16, true, 4096);
        Path folder = TinyCheckpoint.of(tied, 9).write(folder());
        assertThat(folder.resolve("model.safetensors"))
                .satisfies(
                        file ->
                                assertThat(Files.readString(file, StandardCharsets.ISO_8859_1))
                                        .doesNotContain("lm_head"));
        assertLikeTheOracle(folder);
    }

    @Test
    void weightsInF32AndF16() {
        for (ElementType type : List.of(ElementType.F32, ElementType.F16)) {
            ModelConfig config =
                    TinyConfigs.with(TinyConfigs.deepSeekV3(TinyConfigs.PLAIN), type, false, 4096);
            assertLikeTheOracle(
                    TinyCheckpoint.of(config, 10).write(temporary.resolve(type.name())));
        }
    }

    @Test
    void weightsInF64AreRoundedAndSaidSo() {
        ModelConfig config =
                TinyConfigs.with(TinyConfigs.moonlight(), ElementType.F64, false, 4096);
        Path folder = TinyCheckpoint.of(config, 11).write(folder());
        assertLikeTheOracle(folder);
        try (Engine engine =
                Engine.open(folder, device, EngineOptions.defaults().withCapacity(1, 8))) {
            assertThat(engine.copiedWeights())
                    .contains(
                            "model.norm.weight is F64 and was rounded to F32, the widest type that"
                                    + " models run in");
        }
    }

    /// Norms, biases and scales are seen in all sorts of types.
    @Test
    void smallTensorsInOtherTypes() {
        Path folder =
                TinyCheckpoint.of(TinyConfigs.deepSeekV3(FP8), 12)
                        .retype(name -> name.endsWith("scale_inv"), ElementType.BF16)
                        .retype(name -> name.contains("norm"), ElementType.F32)
                        .retype(name -> name.endsWith("e_score_correction_bias"), ElementType.BF16)
                        .retype(name -> name.endsWith("gate.weight"), ElementType.F32)
                        .write(folder());
        assertLikeTheOracle(folder);
    }

    /// `quantization_config` does not list what it leaves out; a weight without scales is what it
    /// looks like.
    @Test
    void modulesWithoutScalesArePlain() {
        WeightNames.Layer layer = new WeightNames("").layer(0);
        TinyCheckpoint fp8 = TinyCheckpoint.of(TinyConfigs.deepSeekV3(FP8), 13);
        TinyCheckpoint plain = TinyCheckpoint.of(TinyConfigs.deepSeekV3(TinyConfigs.PLAIN), 13);
        for (String name :
                List.of(layer.keyAndValue(), layer.dense().gate(), layer.attentionOutput())) {
            fp8.remove(WeightNames.blockScales(name)::equals).copy(name, plain);
        }
        assertLikeTheOracle(fp8.write(folder()));
    }

    /// One expert among packed ones that is not, and a projection that no pattern names.
    @Test
    void unpackedModulesArePlain() {
        WeightNames.Layer layer = new WeightNames("").layer(1);
        TinyCheckpoint packed =
                TinyCheckpoint.of(
                        TinyConfigs.kimiK2(new Quantization.PackedInt4(8, List.of("lm_head"))), 14);
        TinyCheckpoint plain = TinyCheckpoint.of(TinyConfigs.kimiK2(TinyConfigs.PLAIN), 14);
        for (String name : List.of(layer.attentionOutput(), layer.expert(5).up())) {
            packed.remove(tensor -> tensor.startsWith(name)).copy(name, plain);
        }
        Path folder = packed.write(folder());
        assertLikeTheOracle(folder);
        try (Engine engine =
                Engine.open(folder, device, EngineOptions.defaults().withCapacity(1, 8))) {
            assertThat(engine.copiedWeights())
                    .containsExactly(
                            layer.expert(0).gate()
                                    + " and the weights beside it are stored in several ways and"
                                    + " were converted to F32");
        }
    }

    /// Between kernels in BF16, as far as the gaps allow.
    @Test
    void bf16Activations() {
        Path folder =
                TinyCheckpoint.of(TinyConfigs.deepSeekV3(TinyConfigs.PLAIN), 15).write(folder());
        ReferenceGeneration reference = ReferenceGeneration.of(folder, PROMPT, COUNT);
        EngineOptions options =
                EngineOptions.defaults()
                        .withCapacity(1, 32)
                        .withChunks(3, 2)
                        .withTypes(DType.BF16, DType.BF16);
        try (Engine engine = Engine.open(folder, device, options)) {
            List<Integer> answer = engine.generate(Request.greedy(PROMPT, COUNT)).tokens();
            reference.assertContinuedBy(answer, 0.1, 1);
        }
    }

    /// Around the ends of cache pages, in pieces that do not divide them.
    @ParameterizedTest
    @CsvSource({"61, 16, 24", "64, 64, 64", "65, 13, 64", "128, 50, 30"})
    void promptsOverSeveralPages(int length, int prefillChunk, int contextChunk) {
        Path folder =
                TinyCheckpoint.of(TinyConfigs.deepSeekV3(TinyConfigs.PLAIN), 16).write(folder());
        List<Integer> prompt =
                new Random(length).ints(length, 0, TinyConfigs.VOCABULARY).boxed().toList();
        ReferenceGeneration reference = ReferenceGeneration.of(folder, prompt, 8);
        EngineOptions options =
                EngineOptions.defaults()
                        .withCapacity(1, 140)
                        .withChunks(prefillChunk, contextChunk);
        try (Engine engine = Engine.open(folder, device, options)) {
            List<Integer> answer = engine.generate(Request.greedy(prompt, 8)).tokens();
            reference.assertContinuedBy(answer, ReferenceGeneration.CLEAR_GAP, 6);
        }
    }
}
