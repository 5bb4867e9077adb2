package dev.halcyon.bench.result;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;

import org.jspecify.annotations.Nullable;

import java.util.Comparator;
import java.util.List;

/// One row: a case on a device.
///
/// @param suite gemm, moe, mla, muon or hal
/// @param title the case; `case` in the file
/// @param device which device, `cpu:0`
/// @param variant implementation that ran, and what it was compiled for
/// @param nativeCode whether native code took part; null where the device is not the host, and for
///   calls of the API
/// @param dtype the type whose peak the operations are held against
/// @param medianSeconds median of the rounds' medians
/// @param spread largest less smallest of the rounds' medians, relative to the median
/// @param flops least floating-point operations of a run
/// @param bytes least bytes of a run, from and to memory
/// @param shareOfFloor the least time that ceilings of the same minute allow, relative to the
///   median; null where there are no operations or no ceilings
/// @param peers the others that ran the same, and got the same
/// @param threads host threads of the device; 0 where it is not the host, and for calls of the API
/// @param rounds rounds that count
/// @param contended whether other programs disturbed the row
/// @param foreignLoad median share of all processors that others used; null where nobody counts
/// @param peakFlops the peak that the row was held against, in operations a second
/// @param peakF32Flops the F32 peak of the same minute
/// @param peakBytesPerSecond the read bandwidth that it was held against
/// @param error largest error of the samples, relative to the largest magnitude
/// @param tolerance the most that may be
/// @param checked what was compared with what
/// @param failure why the row does not count; null if it does
/// @param oneThreadRatio time on one thread over this time; null where that was not measured
/// @param allocatedBytes bytes a run or call allocates on the Java heap; null where nobody counts
/// @param note what a reader should know
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Result(
        String suite,
        @JsonProperty("case") String title,
        String device,
        String variant,
        @Nullable NativeCode nativeCode,
        String dtype,
        double medianSeconds,
        double spread,
        double flops,
        double bytes,
        @Nullable Double shareOfFloor,
        List<PeerResult> peers,
        int threads,
        int rounds,
        boolean contended,
        @Nullable Double foreignLoad,
        @Nullable Double peakFlops,
        @Nullable Double peakF32Flops,
        @Nullable Double peakBytesPerSecond,
        @Nullable Double error,
        @Nullable Double tolerance,
        @Nullable String checked,
        @Nullable String failure,
        @Nullable Double oneThreadRatio,
        @Nullable Double allocatedBytes,
        String note) {
    /// Launches allocate next to nothing, boxed vectors gigabytes.
    private static final double BOXING_BYTES = 4e6;

    public Result {
        peers = peers == null ? List.of() : List.copyOf(peers);
    }

    /// A peer's time for the same.
    ///
    /// @param name the peer
    /// @param version its version
    /// @param medianSeconds median of its rounds' medians
    /// @param ratio its time over ours: above 1, we are faster
    /// @param spread as ours
    /// @param error largest difference of its samples from ours, relative to the largest magnitude
    public record PeerResult(
            String name,
            String version,
            double medianSeconds,
            double ratio,
            double spread,
            double error) {}

    /// {@return whether the row counts}
    @JsonIgnore
    public boolean isGood() {
        return failure == null;
    }

    /// {@return whether vectors became objects, which kernels never do on purpose: the JVM has not
    /// compiled their vector code as it can, and the time means little}
    @JsonIgnore
    public boolean isBoxing() {
        return flops > 0 && allocatedBytes != null && allocatedBytes > BOXING_BYTES;
    }

    /// {@return the fastest peer, or null without any}
    public @Nullable PeerResult fastestPeer() {
        return peers.stream()
                .min(Comparator.comparingDouble(PeerResult::medianSeconds))
                .orElse(null);
    }
}
