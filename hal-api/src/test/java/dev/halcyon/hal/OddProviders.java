package dev.halcyon.hal;

import dev.halcyon.hal.error.BackendUnavailableException;
import dev.halcyon.hal.error.Failure;

import org.jspecify.annotations.Nullable;

import java.util.List;
import java.util.Map;

/// Providers that misbehave, one in each way, and two that do not; loaded by [ProviderLoader].
public final class OddProviders {
    private OddProviders() {}

    /// A provider that finds nothing.
    public abstract static class Plain implements BackendProvider {
        @Override
        public String name() {
            return getClass().getSimpleName();
        }

        @Override
        public int apiVersion() {
            return API_VERSION;
        }

        @Override
        public Availability probe() {
            return new Availability.Unavailable(
                    Availability.Reason.NO_DEVICE, "looked", "plug one in", null);
        }

        @Override
        public Device open(int ordinal, DeviceOptions options) {
            throw new BackendUnavailableException(
                    Failure.of(name(), "open", "not for real", "do not"));
        }
    }

    /// Finds nothing, and says so.
    public static final class Absent extends Plain {}

    /// Finds two devices, of which neither is number 0.
    public static final class Present extends Plain {
        @Override
        public Availability probe() {
            return new Availability.Available(
                    List.of(
                            new DeviceDescription("Present", 1, "first", false, Map.of()),
                            new DeviceDescription("Present", 3, "second", true, Map.of())),
                    List.of("slow today"));
        }
    }

    /// Throws in its constructor.
    public static final class BrokenConstructor extends Plain {
        /// Throws.
        public BrokenConstructor() {
            throw new IllegalStateException("the constructor fell over");
        }
    }

    /// Throws in its static initializer.
    public static final class BrokenInitializer extends Plain {
        static final int NEVER = Integer.parseInt("the initializer fell over");
    }

    /// Throws when asked for its name.
    public static final class BrokenName extends Plain {
        @Override
        public String name() {
            throw new IllegalStateException("no name");
        }
    }

    /// Has no name.
    public static final class NullName extends Plain {
        @Override
        @SuppressWarnings("NullAway")
        public String name() {
            return nothing();
        }
    }

    /// Throws when asked for the version it was compiled with.
    public static final class BrokenVersion extends Plain {
        @Override
        public int apiVersion() {
            throw new AbstractMethodError("apiVersion");
        }
    }

    /// Was compiled with another version.
    public static final class OtherVersion extends Plain {
        @Override
        public int apiVersion() {
            return API_VERSION + 41;
        }

        @Override
        public Availability probe() {
            throw new AssertionError("a provider of another version is not probed");
        }
    }

    /// Throws an exception in its probe.
    public static final class BrokenProbe extends Plain {
        @Override
        public Availability probe() {
            throw new UnsupportedOperationException("the probe fell over");
        }
    }

    /// Throws an error in its probe that is neither an exception nor of the linker.
    public static final class FailedAssertion extends Plain {
        @Override
        public Availability probe() {
            throw new AssertionError("the probe asserted");
        }
    }

    /// Runs out of stack in its probe.
    public static final class EndlessProbe extends Plain {
        @Override
        @SuppressWarnings("InfiniteRecursion")
        public Availability probe() {
            return probe();
        }
    }

    /// Finds null.
    public static final class NullProbe extends Plain {
        @Override
        public Availability probe() {
            return nothing();
        }
    }

    /// Finds no device and calls that available.
    public static final class EmptyProbe extends Plain {
        @Override
        public Availability probe() {
            return new Availability.Available(List.of(), List.of());
        }
    }

    /// Is in the list of providers, but none.
    public static final class NotAProvider {}

    /// What a provider returns that was compiled without null checks.
    @SuppressWarnings({"TypeParameterUnusedInFormals", "NullAway"})
    static <T> T nothing() {
        @Nullable T nothing = null;
        return nothing;
    }
}
