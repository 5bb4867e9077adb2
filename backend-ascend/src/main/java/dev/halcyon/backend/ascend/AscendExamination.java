package dev.halcyon.backend.ascend;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.acl.Operator;
import dev.halcyon.backend.ascend.header.HeaderComparison;
import dev.halcyon.backend.ascend.header.HeaderFiles;
import dev.halcyon.backend.ascend.header.InterfaceTable;
import dev.halcyon.backend.ascend.operators.Scalar;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.error.HalException;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/// What only an installation can say: whether its headers agree with the table of the interface,
/// what it lacks, and how it answers the questions that documents leave open.
///
/// @param device an open device
/// @param installation where its CANN is
record AscendExamination(AscendDevice device, CannInstallation installation) {
    private static final int SIZE = 32;
    private static final int ROPE = 64;
    private static final int LATENT = 512;
    private static final int PAGE = 128;
    private static final int MOST_NAMED = 12;

    /// {@return one line a finding}
    List<String> lines() {
        List<String> lines = new ArrayList<>();
        lines.add("device: " + device.description().title() + " " + device.description().name());
        lines.add("properties: " + device.description().properties());
        lines.add("java: " + Runtime.version() + " on " + System.getProperty("os.arch"));
        lines.addAll(headers());
        lines.add("operators that are absent: " + absentOperators());
        try (DeviceArena arena = device.arena("examination")) {
            lines.addAll(questions(arena));
            lines.add("question: graphs by capture: " + capture(arena));
        }
        lines.add(
                "question: arguments replaced in recorded graphs: "
                        + (device.context().runtime().canUpdate()
                                ? "the functions are there"
                                : "the functions are absent"));
        lines.add("question: HcclCommConfig: not asked, the backend binds no collectives");
        return lines;
    }

    private List<String> headers() {
        Path folder = installation.root().resolve("include");
        if (!Files.isDirectory(folder)) {
            return List.of("headers: none in " + folder + ", so they were not compared");
        }
        return compare(folder);
    }

    /// {@return how the headers of a folder differ from the table}
    static List<String> compare(Path folder) {
        HeaderComparison result =
                HeaderComparison.of(InterfaceTable.read(), HeaderFiles.under(folder));
        List<String> lines = new ArrayList<>();
        lines.add(
                "headers: "
                        + result.agreed()
                        + " entries agree, "
                        + result.differences().size()
                        + " differ, "
                        + result.absent().size()
                        + " are absent"
                        + some(result.absent()));
        result.differences().forEach(difference -> lines.add("headers: DIFFERENT: " + difference));
        return lines;
    }

    private static String some(List<String> names) {
        if (names.isEmpty()) {
            return "";
        }
        return names.size() <= MOST_NAMED
                ? ": " + String.join(", ", names)
                : ": " + String.join(", ", names.subList(0, MOST_NAMED)) + ", ...";
    }

    private String absentOperators() {
        List<String> absent =
                Arrays.stream(Operator.values())
                        .filter(operator -> !device.platform().has(operator))
                        .map(Operator::symbol)
                        .toList();
        return absent.isEmpty() ? "none" : String.join(", ", absent);
    }

    private List<String> questions(DeviceArena arena) {
        PhaseOne ask = new PhaseOne(device);
        View a = View.of(arena.tensor(DType.BF16, SIZE, SIZE));
        View b = View.of(arena.tensor(DType.BF16, SIZE, SIZE));
        View wide = View.of(arena.tensor(DType.F32, SIZE, SIZE));
        List<String> lines = new ArrayList<>();
        lines.add("question: FLOAT from BF16 factors: " + ask.ask(Operator.MM, a, b, wide, 0));
        View batch = View.of(arena.tensor(DType.BF16, 2, SIZE, SIZE));
        View other = View.of(arena.tensor(DType.BF16, 2, SIZE, SIZE));
        Scalar one = new Scalar(AclDataType.FLOAT, 1);
        lines.add(
                "question: cubeMathType 4: "
                        + ask.ask(Operator.BADDBMM, batch, batch, batch, one, one, other, 4));
        View pairs = View.of(arena.tensor(DType.BF16, 1, 1, 1, ROPE));
        View turned = View.of(arena.tensor(DType.BF16, 1, 1, 1, ROPE));
        lines.add(
                "question: InterleaveRope: "
                        + ask.ask(Operator.INTERLEAVE_ROPE, pairs, pairs, pairs, turned));
        for (int heads : new int[] {2, 3, 6, 128}) {
            lines.add("question: decode with " + heads + " heads: " + decode(ask, arena, heads));
        }
        View square = View.of(arena.tensor(DType.BF16, SIZE, SIZE));
        lines.add(
                "question: cost of phase one: "
                        + (device.description().emulated()
                                ? "not measured on an emulation"
                                : String.format(
                                        Locale.ROOT,
                                        "%.1f us",
                                        ask.microseconds(Operator.MM, a, b, square, 0))));
        return lines;
    }

    private static String decode(PhaseOne ask, DeviceArena arena, int heads) {
        View query = View.of(arena.tensor(DType.BF16, 1, heads, 1, LATENT));
        View queryRope = View.of(arena.tensor(DType.BF16, 1, heads, 1, ROPE));
        List<View> cache = List.of(View.of(arena.tensor(DType.BF16, 1, PAGE, LATENT)));
        View cacheRope = View.of(arena.tensor(DType.BF16, 1, PAGE, ROPE));
        View table = View.of(arena.tensor(DType.I32, 1, 1));
        View out = View.of(arena.tensor(DType.BF16, 1, heads, 1, LATENT));
        View sums = View.of(arena.tensor(DType.F32, 1, heads, 1, 1));
        Operator operator = Operator.FUSED_INFER_ATTENTION_SCORE_V3;
        Object[] arguments = new Object[operator.kinds().length()];
        arguments[0] = query;
        arguments[1] = cache;
        arguments[2] = List.of(View.of(arena.tensor(DType.BF16, 1, PAGE, LATENT)));
        arguments[6] = new long[] {PAGE};
        arguments[14] = table;
        arguments[24] = queryRope;
        arguments[25] = cacheRope;
        Object[] numbers = {
            heads,
            0.1,
            (long) Integer.MAX_VALUE,
            (long) Integer.MAX_VALUE,
            "BNSD",
            1,
            0,
            0,
            PAGE,
            0,
            false,
            0,
            0,
            out,
            sums
        };
        System.arraycopy(numbers, 0, arguments, 27, numbers.length);
        return ask.ask(operator, arguments);
    }

    private String capture(DeviceArena arena) {
        if (!device.context().runtime().canCapture()) {
            return "the functions are absent";
        }
        Tensor tensor = arena.tensor(DType.F32, SIZE);
        try (Stream stream = device.stream("examination")) {
            stream.fill(tensor, 0);
            stream.synchronize();
            var graph = device.record(arena, recorder -> recorder.fill(tensor, 2));
            stream.replay(graph);
            return stream.readFloats(tensor)[SIZE - 1] == 2
                    ? "they work"
                    : "they give wrong results";
        } catch (HalException refused) {
            return "refused: " + refused.getMessage();
        }
    }
}
