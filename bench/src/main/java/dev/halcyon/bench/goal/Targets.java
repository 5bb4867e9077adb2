package dev.halcyon.bench.goal;

import static dev.halcyon.bench.goal.Yardstick.ALLOCATED_BYTES;
import static dev.halcyon.bench.goal.Yardstick.NANOSECONDS;
import static dev.halcyon.bench.goal.Yardstick.OF_BANDWIDTH;
import static dev.halcyon.bench.goal.Yardstick.OF_F32_PEAK;
import static dev.halcyon.bench.goal.Yardstick.OF_FLOOR;
import static dev.halcyon.bench.goal.Yardstick.OVER_BEST;
import static dev.halcyon.bench.goal.Yardstick.OVER_BF16;
import static dev.halcyon.bench.goal.Yardstick.OVER_LIBTORCH;
import static dev.halcyon.bench.goal.Yardstick.OVER_ONE_THREAD;

import java.util.Arrays;
import java.util.List;

/// The targets on a processor: what must hold, and what to go for.
public final class Targets {
    private static final String LAYER = "64x1408, hidden 2048, top 6, ";

    private static final List<Target> ALL =
            List.of(
                    same(
                            "F32 GEMM",
                            cases(
                                    "gemm GEMM F32 ",
                                    "512x512x512",
                                    "1024x1024x1024",
                                    "2048x2048x2048",
                                    "4096x4096x4096",
                                    "512x7168x2048"),
                            bar(OF_F32_PEAK, 0.7, 0.85),
                            new Bar(OVER_BEST, null, 1)),
                    new Target(
                            "BF16 GEMM",
                            cases("gemm linear BF16 ", "64x7168x2048, cold", "512x7168x2048, cold"),
                            List.of(bar(OF_F32_PEAK, 0.7, 0.85)),
                            List.of(bar(OVER_LIBTORCH, 0.9, 1.05))),
                    new Target(
                            "BF16 linear, one row",
                            cases("gemm linear BF16 ", "1x7168x2048, cold"),
                            List.of(bar(OF_BANDWIDTH, 0.75, 0.92)),
                            List.of(bar(OVER_LIBTORCH, 1.3, 1.6))),
                    new Target(
                            "BF16 linear, eight rows",
                            cases("gemm linear BF16 ", "8x7168x2048, cold"),
                            List.of(bar(OVER_LIBTORCH, 1.2, 1.5)),
                            List.of(bar(OVER_LIBTORCH, 1.3, 1.6))),
                    same(
                            "MoE layer, few tokens",
                            cases("moe layer BF16 " + LAYER, "1 token", "16 tokens"),
                            bar(OVER_LIBTORCH, 1.4, 2),
                            bar(OF_BANDWIDTH, 0.75, 0.9)),
                    new Target(
                            "MoE layer, many tokens",
                            cases("moe layer BF16 " + LAYER, "256 tokens"),
                            List.of(bar(OVER_LIBTORCH, 0.7, 0.85)),
                            List.of(bar(OVER_LIBTORCH, 1.1, 1.4))),
                    same(
                            "MoE layer, FP8 weights",
                            cases("moe layer F8_E4M3 " + LAYER, "1 token"),
                            bar(OVER_BF16, 1.2, 1.8)),
                    new Target(
                            "MLA decode, 128 heads",
                            cases(
                                    "mla decode 128 heads, ",
                                    "4096 tokens",
                                    "32768 tokens",
                                    "1048576 tokens"),
                            List.of(bar(OF_F32_PEAK, 0.75, 0.88)),
                            List.of(bar(OVER_LIBTORCH, 0.9, 1.2))),
                    new Target(
                            "MLA prefill, F32",
                            cases("mla prefill F32 ", "16 heads, 2048 tokens, causal"),
                            List.of(bar(OVER_LIBTORCH, 1.2, 2)),
                            List.of()),
                    new Target(
                            "MLA prefill, BF16",
                            cases("mla prefill BF16 ", "16 heads, 2048 tokens, causal"),
                            List.of(),
                            List.of(bar(OVER_LIBTORCH, 1.2, 2))),
                    same(
                            "MLA decode, 16 heads",
                            cases("mla decode 16 heads, ", "32768 tokens"),
                            bar(OF_FLOOR, 0.6, 0.75)),
                    new Target(
                            "Muon step, BF16",
                            cases("muon step BF16 ", "2048x7168, Gram", "64 x (1408x2048), Gram"),
                            List.of(bar(OVER_LIBTORCH, 0.6, 0.9)),
                            List.of(bar(OVER_LIBTORCH, 1.2, 1.7))),
                    same(
                            "two threads over one",
                            cases(
                                    "",
                                    "gemm GEMM F32 2048x2048x2048",
                                    "gemm linear BF16 512x7168x2048, cold",
                                    "mla decode 128 heads, 32768 tokens",
                                    "mla prefill F32 16 heads, 2048 tokens, causal",
                                    "mla prefill BF16 16 heads, 2048 tokens, causal",
                                    "muon step BF16 2048x7168, Gram"),
                            bar(OVER_ONE_THREAD, 1.8, 1.95)),
                    same(
                            "call of the API",
                            cases("hal ", "bind ten operands"),
                            bar(NANOSECONDS, 3000, 3000)),
                    same(
                            "call of the API",
                            cases("hal ", "submit one element"),
                            bar(NANOSECONDS, 150, 150),
                            bar(ALLOCATED_BYTES, 0, 0)));

    private Targets() {}

    /// {@return all of them, in the order of the table}
    public static List<Target> all() {
        return ALL;
    }

    /// {@return whether there is a target for a case, by its name with the suite}
    public static boolean isTargeted(String name) {
        return ALL.stream().anyMatch(target -> target.cases().contains(name))
                || name.startsWith("hal ");
    }

    private static Target same(String name, List<String> cases, Bar... bars) {
        return new Target(name, cases, List.of(bars), List.of(bars));
    }

    private static List<String> cases(String common, String... rest) {
        return Arrays.stream(rest).map(each -> common + each).toList();
    }

    private static Bar bar(Yardstick yardstick, double must, double aim) {
        return new Bar(yardstick, must, aim);
    }
}
