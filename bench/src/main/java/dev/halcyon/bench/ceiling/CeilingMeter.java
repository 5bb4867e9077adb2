package dev.halcyon.bench.ceiling;

import dev.halcyon.hal.memory.DType;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Measures this machine's ceilings, thoroughly once and briefly again beside every row.
///
/// Open, it holds memory far larger than the caches, so that a brief measurement needs no
/// preparation.
public final class CeilingMeter implements AutoCloseable {
    private static final int SHORT_CALLS = 20_000;
    private static final int SHORT_ROUNDS = 8;

    private final CeilingLoops loops;
    private final List<PeakLoop> peaks = new ArrayList<>();
    private final ReadBandwidth bandwidth;

    /// The fastest loop of each type on a number of threads, once that was found out.
    private final Map<Integer, Map<DType, PeakLoop>> fastest = new HashMap<>();

    private CeilingMeter(CeilingLoops loops, NativeLoops inC) {
        this.loops = loops;
        this.peaks.add(new JavaPeakLoop(loops));
        this.peaks.addAll(inC.peaks());
        this.bandwidth = new ReadBandwidth(loops, inC.reader());
    }

    /// {@return a meter with its memory filled and its loops compiled}
    public static CeilingMeter open() {
        CeilingMeter meter = new CeilingMeter(CeilingLoops.best(), NativeLoops.find());
        meter.warmUp();
        return meter;
    }

    /// Many short calls, for a long loop that is compiled while it runs is compiled worse.
    private void warmUp() {
        for (int i = 0; i < SHORT_CALLS; i++) {
            Blackhole.consume((float) loops.multiplyAdds(SHORT_ROUNDS));
            bandwidth.readShortly();
        }
    }

    /// {@return the ceilings, the best of several rounds after the compiler has settled, in about a
    /// second a loop}
    public MachineCeilings measure(int threads) {
        Map<DType, Peak> best = new EnumMap<>(DType.class);
        Map<DType, PeakLoop> first = fastest.computeIfAbsent(threads, _ -> new HashMap<>());
        for (PeakLoop loop : peaks) {
            Peak peak = peak(loop, threads, ParallelRate.THOROUGH);
            Peak known = best.get(loop.dtype());
            if (known == null || peak.flops() > known.flops()) {
                best.put(loop.dtype(), peak);
                first.put(loop.dtype(), loop);
            }
        }
        return ceilings(threads, best, bandwidth.measure(threads));
    }

    /// {@return the ceilings of this moment, in about a tenth of a second a type}
    public MachineCeilings glance(int threads) {
        Map<DType, Peak> now = new EnumMap<>(DType.class);
        Map<DType, PeakLoop> known = fastest.getOrDefault(threads, Map.of());
        for (PeakLoop loop : peaks) {
            if (known.getOrDefault(loop.dtype(), loop).equals(loop)) {
                now.merge(loop.dtype(), peak(loop, threads, ParallelRate.BRIEF), Peak::max);
            }
        }
        return ceilings(threads, now, bandwidth.glance(threads));
    }

    private static Peak peak(PeakLoop loop, int threads, ParallelRate rate) {
        return new Peak(rate.best(threads, _ -> loop::run), loop.label());
    }

    private MachineCeilings ceilings(int threads, Map<DType, Peak> peaks, double bytesPerSecond) {
        return new MachineCeilings(threads, peaks, bytesPerSecond, bandwidth.how(threads));
    }

    /// Gives the memory back.
    @Override
    public void close() {
        bandwidth.close();
    }
}
