package dev.halcyon.tck.conformance;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.tck.verify.Verdict;

import java.util.Set;
import java.util.TreeSet;

/// A case of a real model's size, run once and compared where samples are taken.
///
/// @param spec the spec that it is about
/// @param variant what is particular, after the spec in the name
/// @param isThorough whether it runs only when full counts are asked for
/// @param problem makes the launch and the comparison
record SampledCase(String spec, String variant, boolean isThorough, Sampled<?> problem)
        implements ConformanceCase {
    /// What such a case consists of.
    interface Sampled<A extends KernelArgs> {
        /// {@return the spec to run}
        KernelSpec<A> spec(Device device);

        /// {@return operands in memory of `arena`, filled by `stream`}
        A operands(Device device, DeviceArena arena, Stream stream, long seed);

        /// {@return how far samples of the result are from the oracle}
        Difference compare(A args, Stream stream, long seed);
    }

    @Override
    public String name() {
        return spec + " " + variant;
    }

    @Override
    public CaseResult run(Device device, long seed) {
        return run(device, seed, problem);
    }

    private <A extends KernelArgs> CaseResult run(Device device, long seed, Sampled<A> sampled) {
        KernelSpec<A> kernel = sampled.spec(device);
        if (!(device.supports(kernel) instanceof Support.Native support)) {
            return result(
                    Verdict.DECLINED,
                    Difference.NONE,
                    Set.of(),
                    device.supports(kernel).toString());
        }
        Set<String> implementations = new TreeSet<>(Set.of(support.implementation().name()));
        try (DeviceArena arena = device.arena(name());
                Stream stream = device.stream("tck")) {
            A args = sampled.operands(device, arena, stream, seed);
            stream.run(kernel, args);
            stream.synchronize();
            Difference difference = sampled.compare(args, stream, seed);
            return difference.isWithin()
                    ? result(Verdict.PASS, difference, implementations, "")
                    : result(
                            Verdict.FAIL,
                            difference,
                            implementations,
                            difference.describe() + " [seed " + seed + "]");
        } catch (RuntimeException | OutOfMemoryError failed) {
            return result(Verdict.FAIL, Difference.NONE, implementations, "threw " + failed);
        }
    }

    private CaseResult result(
            Verdict verdict, Difference difference, Set<String> implementations, String detail) {
        return new CaseResult(
                name(),
                spec,
                verdict,
                difference.error(),
                difference.tolerance(),
                implementations,
                detail);
    }
}
