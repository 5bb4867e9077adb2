package dev.halcyon.bench.ceiling;

/// The best this machine's processor does, on the threads that the device uses.
///
/// @param threads threads measured together
/// @param flops F32 multiply-adds a second, each counted as two
/// @param bytesPerSecond bytes read a second from memory far larger than the caches
/// @param how which loops measured it
public record MachineCeilings(int threads, double flops, double bytesPerSecond, String how) {
    /// {@return the least time in seconds that this much work takes}
    public double floorSeconds(double workFlops, double workBytes) {
        return Math.max(workFlops / flops, workBytes / bytesPerSecond);
    }

    /// {@return the ceilings, measured now, over about two seconds}
    public static MachineCeilings measure(int threads) {
        CeilingLoops loops = CeilingLoops.best();
        double flops = ParallelRate.best(threads, loops::multiplyAdds);
        double bytes = ReadBandwidth.measure(threads, loops);
        return new MachineCeilings(threads, flops, bytes, loops.label());
    }
}
