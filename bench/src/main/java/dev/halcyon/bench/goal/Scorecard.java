package dev.halcyon.bench.goal;

import dev.halcyon.bench.goal.Verdict.Standing;
import dev.halcyon.bench.result.BenchFile;
import dev.halcyon.bench.result.NativeCode;
import dev.halcyon.bench.result.Result;
import dev.halcyon.bench.result.Result.PeerResult;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/// A file's results held against the targets.
///
/// @param verdicts one a case, side and bar, in the order of the table
public record Scorecard(List<Verdict> verdicts) {
    public Scorecard {
        verdicts = List.copyOf(verdicts);
    }

    /// {@return the verdicts on a file; those of cases that it does not have are unknown}
    public static Scorecard of(BenchFile file) {
        List<Verdict> verdicts = new ArrayList<>();
        for (Target target : Targets.all()) {
            for (String title : target.cases()) {
                for (NativeCode side : List.of(NativeCode.OFF, NativeCode.ON)) {
                    for (Bar bar : target.bars(side)) {
                        verdicts.add(verdict(file, target, title, side, bar));
                    }
                }
            }
        }
        return new Scorecard(verdicts);
    }

    /// One case of a target with the verdicts on both sides.
    ///
    /// @param target the target
    /// @param title the case, with its suite
    /// @param java verdicts without native code
    /// @param nativeCode verdicts with it
    public record Line(Target target, String title, List<Verdict> java, List<Verdict> nativeCode) {
        public Line {
            java = List.copyOf(java);
            nativeCode = List.copyOf(nativeCode);
        }

        /// {@return whether native code makes no difference, neither wanted nor measured}
        public boolean isSame() {
            return target.java().equals(target.nativeCode())
                    && values(java).equals(values(nativeCode));
        }

        private static List<Optional<Double>> values(List<Verdict> verdicts) {
            return verdicts.stream().map(verdict -> Optional.ofNullable(verdict.value())).toList();
        }

        /// {@return the case without its suite}
        public String caseName() {
            return title.substring(title.indexOf(' ') + 1);
        }

        /// {@return whether there is any value}
        public boolean isKnown() {
            return Stream.concat(java.stream(), nativeCode.stream())
                    .anyMatch(verdict -> verdict.standing() != Standing.UNKNOWN);
        }
    }

    /// {@return the verdicts by case, in the order of the table}
    public List<Line> lines() {
        List<Line> lines = new ArrayList<>();
        for (Target target : Targets.all()) {
            for (String title : target.cases()) {
                lines.add(
                        new Line(
                                target,
                                title,
                                verdicts(target, title, NativeCode.OFF),
                                verdicts(target, title, NativeCode.ON)));
            }
        }
        return lines;
    }

    private List<Verdict> verdicts(Target target, String title, NativeCode side) {
        return verdicts.stream()
                .filter(
                        verdict ->
                                verdict.target() == target
                                        && verdict.title().equals(title)
                                        && verdict.side() == side)
                .toList();
    }

    /// {@return how many hold on a side, in words: `12 of 17 hold, 5 of them reach the aim`}
    public String summary(NativeCode side) {
        long reached = count(side, Standing.REACHED);
        long held = reached + count(side, Standing.HOLDS);
        long known = held + count(side, Standing.MISSED);
        long unknown = count(side, Standing.UNKNOWN);
        return held
                + " of "
                + known
                + " hold, "
                + reached
                + " of them reach what to go for"
                + (unknown == 0 ? "" : "; " + unknown + " not measured");
    }

    /// {@return whether the file has any row that there is a target for}
    public boolean isEmpty() {
        return verdicts.stream().allMatch(verdict -> verdict.standing() == Standing.UNKNOWN);
    }

    /// {@return how many verdicts of a side stand so}
    public long count(NativeCode side, Standing standing) {
        return verdicts.stream()
                .filter(verdict -> verdict.side() == side && verdict.standing() == standing)
                .count();
    }

    private static Verdict verdict(
            BenchFile file, Target target, String title, NativeCode side, Bar bar) {
        Optional<Result> found = row(file, title, side);
        if (found.isEmpty()) {
            return new Verdict(target, title, side, bar, null, false, "not measured");
        }
        Result row = found.get();
        if (!row.isGood()) {
            return new Verdict(
                    target, title, side, bar, null, row.contended(), "failed: " + row.failure());
        }
        Measured measured = measure(file, row, side, bar.yardstick());
        return new Verdict(
                target, title, side, bar, measured.value, row.contended(), measured.remark);
    }

    /// {@return the row of a case on all threads of the processor}
    private static Optional<Result> row(BenchFile file, String title, NativeCode side) {
        return file.results().stream()
                .filter(row -> (row.suite() + " " + row.title()).equals(title))
                .filter(
                        row ->
                                row.nativeCode() == null
                                        ? row.suite().equals("hal")
                                                && row.device().startsWith("cpu")
                                        : row.nativeCode().standsFor(side))
                .findFirst();
    }

    /// A value, or why there is none.
    private record Measured(@Nullable Double value, String remark) {
        static Measured of(@Nullable Double value, String otherwise) {
            return new Measured(value, value == null ? otherwise : "");
        }
    }

    private static Measured measure(
            BenchFile file, Result row, NativeCode side, Yardstick yardstick) {
        double seconds = row.medianSeconds();
        return switch (yardstick) {
            case OF_F32_PEAK ->
                    Measured.of(
                            share(row.flops() / seconds, row.peakF32Flops()), "no ceiling known");
            case OF_BANDWIDTH ->
                    Measured.of(
                            share(row.bytes() / seconds, row.peakBytesPerSecond()),
                            "no ceiling known");
            case OF_FLOOR ->
                    Measured.of(
                            side == NativeCode.OFF ? shareOfF32Floor(row) : row.shareOfFloor(),
                            "no ceiling known");
            case OVER_LIBTORCH -> peer(row, "libtorch");
            case OVER_BEST -> peer(row, "");
            case OVER_BF16 -> overBf16(file, row, side);
            case OVER_ONE_THREAD -> Measured.of(row.oneThreadRatio(), "not timed on one thread");
            case NANOSECONDS -> new Measured(seconds * 1e9, "");
            case ALLOCATED_BYTES -> Measured.of(row.allocatedBytes(), "not counted");
        };
    }

    private static @Nullable Double share(double rate, @Nullable Double ceiling) {
        return ceiling == null ? null : rate / ceiling;
    }

    private static @Nullable Double shareOfF32Floor(Result row) {
        Double flops = share(row.flops() / row.medianSeconds(), row.peakF32Flops());
        Double bytes = share(row.bytes() / row.medianSeconds(), row.peakBytesPerSecond());
        return flops == null || bytes == null ? null : Math.max(flops, bytes);
    }

    private static Measured peer(Result row, String prefix) {
        return row.peers().stream()
                .filter(peer -> peer.name().startsWith(prefix))
                .min(Comparator.comparingDouble(PeerResult::medianSeconds))
                .map(peer -> new Measured(peer.ratio(), peer.name()))
                .orElse(new Measured(null, "no peer took part"));
    }

    private static Measured overBf16(BenchFile file, Result row, NativeCode side) {
        String wide = (row.suite() + " " + row.title()).replace("F8_E4M3", "BF16");
        return row(file, wide, side)
                .filter(Result::isGood)
                .map(bf16 -> new Measured(bf16.medianSeconds() / row.medianSeconds(), ""))
                .orElse(new Measured(null, wide + " was not measured"));
    }
}
