package dev.halcyon.bench.command;

import dev.halcyon.checkpoint.CheckpointFolder;
import dev.halcyon.engine.Engine;
import dev.halcyon.engine.EngineOptions;
import dev.halcyon.engine.Request;
import dev.halcyon.engine.SamplingOptions;
import dev.halcyon.engine.Sequence;
import dev.halcyon.engine.text.TextTokenizer;
import dev.halcyon.hal.Device;

import org.jspecify.annotations.Nullable;

import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

import tools.jackson.databind.json.JsonMapper;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;

/// `halcyon generate`: continues a prompt with a model from a checkpoint folder.
@Command(
        name = "generate",
        mixinStandardHelpOptions = true,
        description = "Continues a prompt with a model of the DeepSeek V2, V3 or Kimi K2 family.")
public final class GenerateCommand implements Callable<Integer> {
    private static final int MOST_COPIES_REPORTED = 8;

    @Spec private @Nullable CommandSpec spec;

    @Mixin private DeviceOption device = new DeviceOption();

    @Option(
            names = "--model",
            paramLabel = "DIR",
            required = true,
            description = "checkpoint folder")
    private Path model = Path.of("");

    @ArgGroup(multiplicity = "1")
    private Prompt prompt = new Prompt();

    @Option(
            names = "--max-new",
            paramLabel = "N",
            defaultValue = "16",
            description = "most tokens to add (default: ${DEFAULT-VALUE})")
    private int maxNew;

    @Option(
            names = "--temperature",
            paramLabel = "T",
            defaultValue = "0",
            description = "0 takes the likeliest token (default: ${DEFAULT-VALUE})")
    private double temperature;

    @Option(
            names = "--top-p",
            paramLabel = "P",
            defaultValue = "1",
            description = "probability mass to choose from (default: ${DEFAULT-VALUE})")
    private double topP;

    @Option(
            names = "--seed",
            paramLabel = "S",
            defaultValue = "0",
            description = "seed of the random numbers (default: ${DEFAULT-VALUE})")
    private long seed;

    @Option(names = "--ignore-stop", description = "go on after the model's end-of-text token")
    private boolean ignoreStop;

    @Option(
            names = "--pack",
            description =
                    "copy the weights into the device's own layouts: a longer start, faster tokens,"
                            + " twice the memory")
    private boolean pack;

    @Option(names = "--json", description = "print one JSON object")
    private boolean json;

    /// The prompt, in one of two ways.
    static final class Prompt {
        @Option(
                names = "--prompt",
                paramLabel = "TEXT",
                description = "prompt as text; needs the model's tokenizer.json")
        @Nullable String text;

        @Option(names = "--prompt-ids", paramLabel = "1,2,3", description = "prompt as token ids")
        @Nullable String ids;
    }

    /// Made by the command line.
    public GenerateCommand() {}

    @Override
    public Integer call() {
        CommandSpec command = Objects.requireNonNull(spec);
        PrintWriter log = command.commandLine().getErr();
        PrintWriter out = command.commandLine().getOut();
        SamplingOptions sampling = new SamplingOptions(temperature, topP, 0, seed);
        if (maxNew < 1) {
            throw new IllegalArgumentException("--max-new must be at least 1, not " + maxNew);
        }
        try (TextTokenizer tokenizer = tokenizer(log);
                CheckpointFolder folder = CheckpointFolder.open(model)) {
            List<Integer> ids = promptIds(tokenizer);
            int context = context(folder, ids.size());
            try (Device opened = device.open(log);
                    Engine engine =
                            Engine.open(
                                    folder,
                                    opened,
                                    EngineOptions.defaults()
                                            .withCapacity(1, context)
                                            .withPackedWeights(pack))) {
                report(engine.copiedWeights(), log);
                Set<Integer> stop = ignoreStop ? Set.of() : Set.copyOf(engine.config().endTokens());
                Sequence answer = engine.generate(new Request(ids, maxNew, sampling, stop));
                print(out, tokenizer, ids, answer, opened.description().title());
            }
        }
        out.flush();
        return 0;
    }

    /// A prompt of token ids needs no tokenizer, so one that cannot be read costs it no more than
    /// the text of the answer.
    private @Nullable TextTokenizer tokenizer(PrintWriter log) {
        if (prompt.text != null) {
            return TextTokenizer.open(model);
        }
        if (!json || !TextTokenizer.isIn(model)) {
            return null;
        }
        try {
            return TextTokenizer.open(model);
        } catch (IllegalArgumentException broken) {
            log.println("the answer is without text: " + broken.getMessage());
            return null;
        }
    }

    /// Checked here because the engine is opened with a cache of this size.
    private int context(CheckpointFolder folder, int promptTokens) {
        long tokens = (long) promptTokens + maxNew;
        int most = folder.config().maxPositions();
        if (tokens > most) {
            throw new IllegalArgumentException(
                    promptTokens
                            + " prompt tokens and "
                            + maxNew
                            + " new ones are "
                            + tokens
                            + ", the model's context is "
                            + most
                            + "; shorten the prompt or --max-new");
        }
        return (int) tokens;
    }

    private static void report(List<String> copies, PrintWriter log) {
        copies.stream().limit(MOST_COPIES_REPORTED).forEach(copy -> log.println("copied: " + copy));
        if (copies.size() > MOST_COPIES_REPORTED) {
            log.println("copied: " + (copies.size() - MOST_COPIES_REPORTED) + " more");
        }
        log.flush();
    }

    private List<Integer> promptIds(@Nullable TextTokenizer tokenizer) {
        if (prompt.text != null && tokenizer != null) {
            return tokenizer.encode(prompt.text);
        }
        String text = Objects.requireNonNull(prompt.ids);
        try {
            return Arrays.stream(text.split(",", -1))
                    .map(String::strip)
                    .map(Integer::valueOf)
                    .toList();
        } catch (NumberFormatException malformed) {
            throw new IllegalArgumentException(
                    "--prompt-ids is \""
                            + text
                            + "\"; it must be whole numbers separated by commas",
                    malformed);
        }
    }

    /// Text answers text and ids answer ids; JSON has what there is.
    private void print(
            PrintWriter out,
            @Nullable TextTokenizer tokenizer,
            List<Integer> ids,
            Sequence answer,
            String deviceTitle) {
        if (json) {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("device", deviceTitle);
            object.put("prompt", ids);
            object.put("tokens", answer.tokens());
            object.put("finish", answer.finishReason().name().toLowerCase(Locale.ROOT));
            if (tokenizer != null) {
                object.put("text", tokenizer.decode(answer.tokens()));
            }
            out.println(JsonMapper.shared().writeValueAsString(object));
        } else if (tokenizer != null) {
            out.println(tokenizer.decode(answer.tokens()));
        } else {
            out.println(
                    answer.tokens().stream().map(String::valueOf).collect(Collectors.joining(",")));
        }
    }
}
