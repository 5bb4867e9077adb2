package dev.halcyon.hal;

/// What a device has done since it was opened; a snapshot.
///
/// @param submits launches run, those of replays included
/// @param replays graphs replayed
/// @param plansCached plans in the cache now
/// @param planHits plans answered from the cache
/// @param planMisses plans made
/// @param planEvictions plans dropped from the full cache
/// @param bytesReserved native memory that arenas hold now
/// @param peakBytesReserved the most they ever held
/// @param fallbacks submits that ran on another device under a [FallbackPolicy]
/// @param faults bad indices met by kernels
public record Counters(
        long submits,
        long replays,
        long plansCached,
        long planHits,
        long planMisses,
        long planEvictions,
        long bytesReserved,
        long peakBytesReserved,
        long fallbacks,
        long faults) {}
