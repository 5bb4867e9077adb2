package dev.halcyon.bench.ceiling;

import dev.halcyon.hal.memory.DType;

import java.util.EnumMap;
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
    private final List<PeakLoop> peaks;
    private final ReadBandwidth bandwidth;

    private CeilingMeter(CeilingLoops loops) {
        this.loops = loops;
        this.peaks = PeakLoop.present(loops);
        this.bandwidth = new ReadBandwidth(loops);
    }

    /// {@return a meter with its memory filled and its loops compiled}
    public static CeilingMeter open() {
        CeilingMeter meter = new CeilingMeter(CeilingLoops.best());
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
        return measure(threads, ParallelRate.THOROUGH);
    }

    /// {@return the ceilings of this moment, in about a tenth of a second a loop}
    public MachineCeilings glance(int threads) {
        return measure(threads, ParallelRate.BRIEF);
    }

    private MachineCeilings measure(int threads, ParallelRate rate) {
        Map<DType, Peak> best = new EnumMap<>(DType.class);
        for (PeakLoop loop : peaks) {
            double flops = rate.best(threads, thread -> loop::run);
            best.merge(loop.dtype(), new Peak(flops, loop.label()), Peak::max);
        }
        return new MachineCeilings(
                threads,
                best,
                bandwidth.measure(threads, rate, rate.equals(ParallelRate.THOROUGH)),
                loops.label() + ", " + bandwidth.pages());
    }

    /// Gives the memory back.
    @Override
    public void close() {
        bandwidth.close();
    }
}
