package dev.halcyon.bench.goal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.halcyon.bench.goal.Verdict.Standing;
import dev.halcyon.bench.report.SampleFiles;
import dev.halcyon.bench.result.BenchFile;
import dev.halcyon.bench.result.NativeCode;
import dev.halcyon.bench.result.Result;
import dev.halcyon.bench.result.Result.PeerResult;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

import java.util.List;

final class ScorecardTest {
    private static Result row(
            String suite,
            String title,
            @Nullable NativeCode nativeCode,
            double seconds,
            PeerResult... peers) {
        return new Result(
                suite,
                title,
                "cpu:0",
                "some kernel",
                nativeCode,
                "BF16",
                seconds,
                0.01,
                80,
                20,
                0.5,
                List.of(peers),
                suite.equals("hal") ? 0 : 2,
                7,
                false,
                0.0,
                1000.0,
                100.0,
                50.0,
                1e-3,
                1e-2,
                "samples",
                null,
                1.9,
                suite.equals("hal") ? 8.0 : null,
                "");
    }

    private static PeerResult peer(String name, double seconds, double ours) {
        return new PeerResult(name, "1", seconds, seconds / ours, 0, 0);
    }

    private static BenchFile file(Result... rows) {
        return new BenchFile(SampleFiles.laptop().machine(), List.of(rows), List.of(), List.of());
    }

    private static Verdict verdict(
            BenchFile file, String title, NativeCode side, Yardstick yardstick) {
        return Scorecard.of(file).verdicts().stream()
                .filter(
                        each ->
                                each.title().equals(title)
                                        && each.side() == side
                                        && each.bar().yardstick() == yardstick)
                .findFirst()
                .orElseThrow();
    }

    @Test
    void holdsEachSideAgainstItsOwnBars() {
        BenchFile file =
                file(
                        row(
                                "gemm",
                                "linear BF16 512x7168x2048, cold",
                                NativeCode.ON,
                                0.5,
                                peer("libtorch", 0.5, 0.5),
                                peer("oneDNN", 0.4, 0.5)),
                        row("gemm", "linear BF16 512x7168x2048, cold", NativeCode.OFF, 1));
        String title = "gemm linear BF16 512x7168x2048, cold";
        Verdict java = verdict(file, title, NativeCode.OFF, Yardstick.OF_F32_PEAK);
        assertThat(java.value()).isCloseTo(0.8, within(1e-12));
        assertThat(java.standing()).isEqualTo(Standing.HOLDS);
        Verdict inC = verdict(file, title, NativeCode.ON, Yardstick.OVER_LIBTORCH);
        assertThat(inC.value()).isCloseTo(1, within(1e-12));
        assertThat(inC.standing()).isEqualTo(Standing.HOLDS);
        assertThat(inC.measured()).isEqualTo("1.00x libtorch");
        assertThat(inC.wanted()).isEqualTo("0.90x / 1.05x libtorch");
    }

    @Test
    void aRowThatIsTheSameEitherWayStandsForBoth() {
        BenchFile file =
                file(row("gemm", "GEMM F32 512x512x512", NativeCode.SAME, 1, peer("MKL", 0.9, 1)));
        String title = "gemm GEMM F32 512x512x512";
        for (NativeCode side : List.of(NativeCode.OFF, NativeCode.ON)) {
            assertThat(verdict(file, title, side, Yardstick.OF_F32_PEAK).standing())
                    .isEqualTo(Standing.HOLDS);
            Verdict best = verdict(file, title, side, Yardstick.OVER_BEST);
            assertThat(best.word()).isEqualTo("not reached");
            assertThat(best.measured()).isEqualTo("0.90x MKL");
        }
        assertThat(TargetText.aligned(Scorecard.of(file))).contains("same").doesNotContain("1024");
    }

    @Test
    void theFastestFormOfLibtorchCounts() {
        BenchFile file =
                file(
                        row(
                                "mla",
                                "prefill F32 16 heads, 2048 tokens, causal",
                                NativeCode.OFF,
                                1,
                                peer("libtorch", 3, 1),
                                peer("libtorch sdpa", 1.5, 1),
                                peer("another", 1.1, 1)));
        Verdict verdict =
                verdict(
                        file,
                        "mla prefill F32 16 heads, 2048 tokens, causal",
                        NativeCode.OFF,
                        Yardstick.OVER_LIBTORCH);
        assertThat(verdict.value()).isEqualTo(1.5);
        assertThat(verdict.measured()).isEqualTo("1.50x libtorch sdpa");
    }

    @Test
    void theFloorWithoutNativeCodeKnowsTheF32PeakAlone() {
        String title = "decode 16 heads, 32768 tokens";
        BenchFile file = file(row("mla", title, NativeCode.SAME, 1.6));
        // 80 operations of 100 a second take 0.8 s, 20 bytes of 50 a second 0.4 s.
        assertThat(verdict(file, "mla " + title, NativeCode.OFF, Yardstick.OF_FLOOR).value())
                .isCloseTo(0.5, within(1e-12));
        assertThat(verdict(file, "mla " + title, NativeCode.ON, Yardstick.OF_FLOOR).value())
                .isEqualTo(0.5);
    }

    @Test
    void eightBitWeightsAreHeldAgainstOurOwnOfSixteen() {
        String layer = " 64x1408, hidden 2048, top 6, 1 token";
        BenchFile file =
                file(
                        row("moe", "layer BF16" + layer, NativeCode.OFF, 3),
                        row("moe", "layer F8_E4M3" + layer, NativeCode.OFF, 2));
        Verdict verdict =
                verdict(file, "moe layer F8_E4M3" + layer, NativeCode.OFF, Yardstick.OVER_BF16);
        assertThat(verdict.value()).isEqualTo(1.5);
        assertThat(verdict.standing()).isEqualTo(Standing.HOLDS);
    }

    @Test
    void callsOfTheApiCostAtMost() {
        BenchFile file = file(row("hal", "submit one element", null, 140e-9));
        String title = "hal submit one element";
        assertThat(verdict(file, title, NativeCode.ON, Yardstick.NANOSECONDS).standing())
                .isEqualTo(Standing.REACHED);
        assertThat(verdict(file, title, NativeCode.ON, Yardstick.ALLOCATED_BYTES).standing())
                .isEqualTo(Standing.MISSED);
    }

    @Test
    void whatWasNotMeasuredIsUnknownAndSaidSo() {
        Scorecard card = Scorecard.of(file());
        assertThat(card.isEmpty()).isTrue();
        assertThat(card.verdicts())
                .allSatisfy(verdict -> assertThat(verdict.word()).isEqualTo("not measured"));
        assertThat(card.summary(NativeCode.ON)).startsWith("0 of 0 hold").contains("not measured");
    }

    @Test
    void markdownHasAsManyCellsInEveryRow() {
        String text =
                TargetText.markdown(
                        Scorecard.of(
                                file(row("gemm", "GEMM F32 512x512x512", NativeCode.SAME, 1))));
        assertThat(text.lines().filter(line -> line.startsWith("|")))
                .hasSize(4)
                .allSatisfy(
                        line ->
                                assertThat(line.chars().filter(c -> c == '|').count())
                                        .isEqualTo(7));
    }
}
