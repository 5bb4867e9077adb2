package dev.halcyon.bench.command;

import static org.assertj.core.api.Assertions.assertThat;

import dev.halcyon.tck.fixture.Fixture;
import dev.halcyon.tck.fixture.FixtureSet;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// `generate` on the bundled checkpoints: answers on standard output, everything else on standard
/// error.
final class GenerateCommandTest {
    private static final Fixture TINY = FixtureSet.bundled().named("e04_tiny_v3");
    private static final String PROMPT = joined(TINY.ints("in.prompt"));
    private static final String EXPECTED = joined(TINY.ints("out.generated"));

    @TempDir private Path temporary;

    private static String joined(int[] ids) {
        return Arrays.stream(ids).mapToObj(String::valueOf).collect(Collectors.joining(","));
    }

    private static Invocation generate(Path model, String... more) {
        List<String> arguments = new ArrayList<>(List.of("generate", "--model", model.toString()));
        arguments.addAll(List.of(more));
        return Invocation.of(arguments.toArray(String[]::new));
    }

    private static Invocation onCpu(String... more) {
        return generate(
                TINY.checkpoint(),
                Stream.concat(Stream.of("--device", "cpu"), Stream.of(more))
                        .toArray(String[]::new));
    }

    private static void assertRefused(Invocation invocation, String... parts) {
        assertThat(invocation.exitCode()).as("%s", invocation).isEqualTo(3);
        assertThat(invocation.out()).isEmpty();
        assertThat(invocation.err()).contains("halcyon: ").contains(parts).doesNotContain("\tat ");
    }

    @Test
    void idsAnswerIds() {
        Invocation answer = onCpu("--prompt-ids", PROMPT, "--max-new", "16");
        assertThat(answer.exitCode()).isZero();
        assertThat(answer.out().strip()).isEqualTo(EXPECTED);
        assertThat(answer.err()).contains("device: cpu:0").doesNotContain("copied", "WARNING");
    }

    @Test
    void eightBitWeightsToo() {
        Fixture fp8 = FixtureSet.bundled().named("e05_tiny_fp8");
        Invocation answer =
                generate(
                        fp8.checkpoint(),
                        "--prompt-ids",
                        joined(fp8.ints("in.prompt")),
                        "--device",
                        "cpu:0");
        assertThat(answer.out().strip()).isEqualTo(joined(fp8.ints("out.generated")));
    }

    /// `auto` says what it took and why nothing better.
    @Test
    void autoSaysWhatItTook() {
        Invocation answer = generate(TINY.checkpoint(), "--prompt-ids", PROMPT, "--max-new", "1");
        assertThat(answer.exitCode()).isZero();
        assertThat(answer.err()).containsPattern("device: (cpu|cuda|ascend):0");
        if (answer.err().contains("device: cpu:0")) {
            assertThat(answer.err()).contains("not taken: cuda", "not taken: ascend");
        }
    }

    @Test
    void jsonHasPromptTokensAndReason() {
        Invocation answer = onCpu("--prompt-ids", PROMPT, "--max-new", "3", "--json");
        assertThat(answer.exitCode()).isZero();
        JsonNode object = JsonMapper.shared().readTree(answer.out());
        assertThat(object.get("device").stringValue()).isEqualTo("cpu:0");
        assertThat(object.get("prompt").toString()).isEqualTo("[" + PROMPT + "]");
        assertThat("[" + EXPECTED).startsWith(object.get("tokens").toString().replace("]", ""));
        assertThat(object.get("tokens").size()).isEqualTo(3);
        assertThat(object.get("finish").stringValue()).isEqualTo("length");
        assertThat(object.has("text")).isFalse();
    }

    @Test
    void aSeedGivesOneAnswerAndNoTemperatureTheLikeliest() {
        String[] random = {
            "--prompt-ids", PROMPT, "--temperature", "1.5", "--top-p", "0.9", "--seed", "7"
        };
        Invocation first = onCpu(random);
        assertThat(first.exitCode()).isZero();
        assertThat(onCpu(random).out()).isEqualTo(first.out());
        random[random.length - 1] = "8";
        assertThat(onCpu(random).out()).isNotEqualTo(first.out());
        Invocation greedy = onCpu("--prompt-ids", PROMPT, "--temperature", "0", "--seed", "8");
        assertThat(greedy.out().strip()).isEqualTo(EXPECTED);
        Invocation narrow = onCpu("--prompt-ids", PROMPT, "--temperature", "2", "--top-p", "1e-6");
        assertThat(narrow.out().strip()).isEqualTo(EXPECTED);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "1,,2", "1,2,", "one", "1.5", "99999999999", "1 2"})
    void malformedIds(String ids) {
        assertRefused(
                onCpu("--prompt-ids", ids),
                "--prompt-ids is \"" + ids + "\"",
                "separated by commas");
    }

    @Test
    void idsOutsideTheVocabulary() {
        assertRefused(onCpu("--prompt-ids", "1,512"), "token 512", "vocabulary of 512");
        assertRefused(onCpu("--prompt-ids", "-1"), "token -1");
    }

    @Test
    void lengthsAndSamplingOutOfRange() {
        assertRefused(onCpu("--prompt-ids", "1", "--max-new", "0"), "--max-new", "0");
        assertRefused(
                onCpu("--prompt-ids", "1", "--max-new", "2147483647"),
                "2147483648",
                "163840",
                "--max-new");
        assertRefused(onCpu("--prompt-ids", "1", "--max-new", "many"), "--max-new", "many");
        assertRefused(onCpu("--prompt-ids", "1", "--temperature", "-1"), "temperature", "-1.0");
        assertRefused(onCpu("--prompt-ids", "1", "--temperature", "NaN"), "temperature", "NaN");
        assertRefused(onCpu("--prompt-ids", "1", "--top-p", "0"), "top-p", "0.0");
    }

    @Test
    void unknownDevices() {
        assertRefused(
                generate(TINY.checkpoint(), "--prompt-ids", "1", "--device", "tpu"),
                "tpu",
                "not on the class or module path",
                "cpu: ");
        assertRefused(
                generate(TINY.checkpoint(), "--prompt-ids", "1", "--device", "cpu:7"),
                "has no device 7",
                "cpu:0");
        assertRefused(
                generate(TINY.checkpoint(), "--prompt-ids", "1", "--device", "cuda:x"),
                "cuda:x",
                "cpu, cuda:0, ascend:0");
    }

    @Test
    void promptsAreOneOfTwo() {
        assertRefused(onCpu(), "--prompt");
        assertRefused(onCpu("--prompt", "hello", "--prompt-ids", "1"), "--prompt", "exclusive");
    }

    @Test
    void modelsThatAreNone() throws IOException {
        assertRefused(
                generate(temporary.resolve("gone"), "--prompt-ids", "1"), "gone", "does not exist");
        assertRefused(generate(temporary, "--prompt-ids", "1"), "config.json");
        Files.writeString(temporary.resolve("config.json"), "{\"model_type\": \"gpt2\"}");
        assertRefused(generate(temporary, "--prompt-ids", "1"), "gpt2", "deepseek_v3");
    }

    @Test
    void textNeedsATokenizer() {
        assertRefused(onCpu("--prompt", "hello"), "tokenizer.json", "token ids");
    }

    @Test
    void textAnswersText() throws IOException {
        Path model = withTokenizer(words());
        Invocation answer =
                generate(model, "--device", "cpu", "--prompt", "w5 w9", "--max-new", "4");
        assertThat(answer.exitCode()).as("%s", answer).isZero();
        assertThat(answer.out().strip()).matches("w\\d+( w\\d+)*");
        Invocation ids =
                generate(model, "--device", "cpu", "--prompt-ids", "5,9", "--max-new", "4");
        assertThat(ids.out().strip())
                .isEqualTo(answer.out().strip().replace("w", "").replace(' ', ','));
        Invocation json =
                generate(
                        model,
                        "--device",
                        "cpu",
                        "--prompt-ids",
                        "5,9",
                        "--max-new",
                        "4",
                        "--json");
        assertThat(JsonMapper.shared().readTree(json.out()).get("text").stringValue())
                .isEqualTo(answer.out().strip());
    }

    @Test
    void idsDoNotNeedTheTokenizerThatIsBroken() throws IOException {
        Path model = withTokenizer("{");
        String[] ids = {"--device", "cpu", "--prompt-ids", PROMPT, "--max-new", "16", "--json"};
        Invocation answer = generate(model, ids);
        assertThat(answer.exitCode()).isZero();
        assertThat(JsonMapper.shared().readTree(answer.out()).get("tokens").toString())
                .isEqualTo("[" + EXPECTED + "]");
        assertThat(answer.err()).contains("without text", "tokenizer.json");
        assertRefused(
                generate(model, "--device", "cpu", "--prompt", "w5"),
                "tokenizer.json cannot be read");
    }

    private Path withTokenizer(String json) throws IOException {
        for (String file : List.of("config.json", "model.safetensors")) {
            Files.copy(TINY.checkpoint().resolve(file), temporary.resolve(file));
        }
        Files.writeString(temporary.resolve("tokenizer.json"), json);
        return temporary;
    }

    /// A word for every id of the tiny model.
    private static String words() {
        List<String> vocabulary = new ArrayList<>();
        for (int id = 0; id < 512; id++) {
            vocabulary.add("\"w" + id + "\": " + id);
        }
        return """
        {"version": "1.0", "added_tokens": [], "pre_tokenizer": {"type": "Whitespace"},
         "model": {"type": "WordLevel", "unk_token": "w0", "vocab": {%s}}}
        """
                .formatted(String.join(", ", vocabulary));
    }
}
