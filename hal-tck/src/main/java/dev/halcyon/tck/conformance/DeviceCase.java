package dev.halcyon.tck.conformance;

import dev.halcyon.hal.Device;
import dev.halcyon.tck.verify.Verdict;

import java.util.Set;

/// A case about memory, streams and graphs rather than about one kernel.
///
/// @param variant what it is about, after `Device` in the name
/// @param rule throws [Violation] where the device breaks the rule
record DeviceCase(String variant, Rule rule) implements ConformanceCase {
    /// What a device must do.
    @FunctionalInterface
    interface Rule {
        /// Tries the device.
        void hold(Device device) throws Violation;
    }

    /// A rule that was broken.
    static final class Violation extends Exception {
        private static final long serialVersionUID = 1;

        Violation(String what) {
            super(what);
        }
    }

    /// Something that must be refused.
    @FunctionalInterface
    interface Forbidden {
        /// Tries it.
        void attempt() throws Exception;
    }

    static void require(boolean condition, String what) throws Violation {
        if (!condition) {
            throw new Violation(what);
        }
    }

    /// Requires that `forbidden` throws an exception of that type and leaves the virtual machine
    /// alive.
    static void refuses(String what, Class<? extends Exception> type, Forbidden forbidden)
            throws Violation {
        try {
            forbidden.attempt();
        } catch (Exception thrown) {
            require(
                    type.isInstance(thrown),
                    what + " must throw " + type.getSimpleName() + ", it threw " + thrown);
            return;
        }
        throw new Violation(what + " must throw " + type.getSimpleName() + ", it was accepted");
    }

    @Override
    public String name() {
        return "Device " + variant;
    }

    @Override
    public String spec() {
        return "Device";
    }

    @Override
    public boolean isThorough() {
        return false;
    }

    @Override
    public CaseResult run(Device device, long seed) {
        try {
            rule.hold(device);
            return result(Verdict.PASS, "");
        } catch (Violation violation) {
            return result(Verdict.FAIL, String.valueOf(violation.getMessage()));
        } catch (RuntimeException failed) {
            return result(Verdict.FAIL, "threw " + failed);
        }
    }

    private CaseResult result(Verdict verdict, String detail) {
        return new CaseResult(name(), spec(), verdict, Double.NaN, Double.NaN, Set.of(), detail);
    }
}
