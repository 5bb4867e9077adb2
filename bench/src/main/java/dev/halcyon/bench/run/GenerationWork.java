package dev.halcyon.bench.run;

import dev.halcyon.checkpoint.SafetensorsFile;
import dev.halcyon.engine.Engine;
import dev.halcyon.engine.EngineOptions;
import dev.halcyon.engine.Request;
import dev.halcyon.engine.Sequence;
import dev.halcyon.hal.Device;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/// Generation from a checkpoint folder, compared with the tokens that the model's reference code
/// gave.
///
/// @param folder the checkpoint
/// @param title what to call it
public record GenerationWork(Path folder, String title) implements Work {
    private static final String EXPECTED = "expected.safetensors";
    private static final List<Integer> PROMPT_WITHOUT_EXPECTATION = List.of(0);
    private static final int TOKENS_WITHOUT_EXPECTATION = 16;

    @Override
    public String name() {
        return "generation";
    }

    @Override
    public List<Row> run(Device device, Progress progress) {
        progress.doing("generation, " + title);
        Path file = folder.resolve(EXPECTED);
        if (!Files.isRegularFile(file)) {
            Sequence answer =
                    generate(device, PROMPT_WITHOUT_EXPECTATION, TOKENS_WITHOUT_EXPECTATION);
            String note =
                    answer.tokens().size()
                            + " tokens; the folder has no "
                            + EXPECTED
                            + " to compare with";
            return List.of(Row.exact("generation, " + title, "engine", Double.NaN, true, note));
        }
        try (SafetensorsFile expected = SafetensorsFile.open(file)) {
            List<Integer> prompt = ints(expected, "in.prompt");
            List<Integer> wanted = ints(expected, "out.generated");
            long start = System.nanoTime();
            List<Integer> found = generate(device, prompt, wanted.size()).tokens();
            double seconds = (System.nanoTime() - start) / 1e9;
            String note =
                    found.equals(wanted)
                            ? wanted.size() + " tokens equal those of the reference code: " + found
                            : "expected " + wanted + ", got " + found;
            return List.of(
                    Row.exact(
                            "generation, " + title, "engine", seconds, found.equals(wanted), note));
        }
    }

    private Sequence generate(Device device, List<Integer> prompt, int tokens) {
        EngineOptions options = EngineOptions.defaults().withCapacity(1, prompt.size() + tokens);
        try (Engine engine = Engine.open(folder, device, options)) {
            return engine.generate(Request.greedy(prompt, tokens));
        }
    }

    private static List<Integer> ints(SafetensorsFile file, String tensor) {
        return Arrays.stream(file.readInts(tensor)).boxed().toList();
    }
}
