package dev.halcyon.bench.suite;

import dev.halcyon.bench.ceiling.CeilingMeter;
import dev.halcyon.bench.ceiling.MachineCeilings;
import dev.halcyon.bench.problem.DecodeProblem;
import dev.halcyon.bench.problem.GemmProblem;
import dev.halcyon.bench.problem.MoeProblem;
import dev.halcyon.bench.problem.MuonProblem;
import dev.halcyon.bench.problem.PrefillProblem;
import dev.halcyon.bench.problem.Problem;
import dev.halcyon.hal.Device;

import org.jspecify.annotations.Nullable;

/// A device under test: sets problems up on it and knows what it can do at best.
///
/// Experts take long to make, so those of the last layer are kept for the next case that has the
/// same.
final class Subject implements AutoCloseable {
    private final Device device;
    private final int threads;
    private final @Nullable CeilingMeter meter;
    private final boolean emulated;
    private @Nullable MachineCeilings ceilings;
    private @Nullable Experts experts;

    /// @param meter measures the host's ceilings
    Subject(Device device, CeilingMeter meter) {
        this.device = device;
        this.emulated = device.description().emulated();
        boolean isHost = device.description().backend().equals("cpu");
        this.threads =
                isHost
                        ? Integer.parseInt(
                                device.description().properties().getOrDefault("threads", "1"))
                        : 0;
        this.meter = isHost ? meter : null;
    }

    Device device() {
        return device;
    }

    String id() {
        return device.description().id();
    }

    /// {@return host threads that it runs on; 0 for a device that is not the host}
    int threads() {
        return threads;
    }

    boolean isHost() {
        return threads > 0;
    }

    /// Measures the ceilings thoroughly; an emulation has none.
    void measureCeilings() {
        if (!emulated) {
            MachineCeilings now =
                    meter != null ? meter.measure(threads) : DeviceCeilings.measure(device);
            ceilings = ceilings == null || now == null ? now : ceilings.max(now);
        }
    }

    /// {@return the ceilings of this moment; those of other devices do not come and go}
    @Nullable MachineCeilings glance() {
        if (meter == null || emulated) {
            return ceilings;
        }
        MachineCeilings now = meter.glance(threads);
        ceilings = ceilings == null ? now : ceilings.max(now);
        return now;
    }

    /// {@return the best that was ever measured, or null}
    @Nullable MachineCeilings ceilings() {
        return ceilings;
    }

    /// {@return the problem on this device}
    ///
    /// @throws dev.halcyon.hal.error.HalException if the device declines it or has too little
    ///   memory
    Workload prepare(Problem problem, int copies) {
        if (!(problem instanceof MoeProblem)) {
            dropExperts();
        }
        Site site = Site.on(device, problem.title());
        try {
            return switch (problem) {
                case GemmProblem gemm -> new GemmSetup(gemm, copies).on(site);
                case MoeProblem moe -> new MoeSetup(moe, experts(moe, copies)).on(site);
                case DecodeProblem decode -> new DecodeSetup(decode, copies).on(site);
                case PrefillProblem prefill -> new PrefillSetup(prefill).on(site);
                case MuonProblem muon -> new MuonSetup(muon).on(site);
            };
        } catch (RuntimeException unprepared) {
            site.close();
            throw unprepared;
        }
    }

    private Experts experts(MoeProblem problem, int layers) {
        Experts.Key key = Experts.Key.of(problem, layers);
        Experts kept = experts;
        if (kept == null || !kept.key().equals(key)) {
            dropExperts();
            Site site = Site.on(device, "experts");
            try {
                kept = Experts.make(site, key);
            } catch (RuntimeException unmade) {
                site.close();
                throw unmade;
            }
            experts = kept;
        }
        return kept;
    }

    private void dropExperts() {
        if (experts != null) {
            experts.close();
            experts = null;
        }
    }

    /// Closes the device.
    @Override
    public void close() {
        dropExperts();
        device.close();
    }
}
