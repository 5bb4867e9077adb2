package dev.halcyon.hal;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;

/// Finds backends and opens devices.
public final class Halcyon {
    private static final System.Logger LOGGER = System.getLogger(Halcyon.class.getName());

    /// Causes may form a circle.
    private static final int MOST_CAUSES = 20;

    private Halcyon() {}

    /// {@return every backend on the path with what its probe found; never throws because of one of
    /// them}
    public static Discovery discover() {
        return discover(ServiceLoader.load(BackendProvider.class));
    }

    /// {@return every backend that `loader` finds}
    public static Discovery discover(ServiceLoader<BackendProvider> loader) {
        List<Discovery.Entry> entries = new ArrayList<>();
        var providers = loader.stream().iterator();
        String lastFailure = "";
        while (true) {
            try {
                if (!providers.hasNext()) {
                    break;
                }
                var provider = providers.next();
                entries.add(entry(provider.type().getName(), provider.get()));
            } catch (ServiceConfigurationError | LinkageError broken) {
                // A loader that cannot go on, because its path is unreadable, fails in the same
                // words for ever.
                if (broken.toString().equals(lastFailure)) {
                    break;
                }
                lastFailure = broken.toString();
                entries.add(
                        new Discovery.Entry(
                                Discovery.UNLOADABLE, new Unloadable(), unloadable(broken)));
            }
        }
        // By class where two providers share a name, so that the order of the class path decides
        // nothing.
        entries.sort(
                Comparator.comparing(Discovery.Entry::backend)
                        .thenComparing(entry -> entry.provider().getClass().getName()));
        return new Discovery(entries);
    }

    /// Catches whatever a provider throws: one broken backend must not hide the others.
    private static Discovery.Entry entry(String type, BackendProvider provider) {
        String name = type;
        try {
            name = Objects.requireNonNull(provider.name(), "name() is null");
            if (provider.apiVersion() != BackendProvider.API_VERSION) {
                return new Discovery.Entry(
                        name,
                        provider,
                        new Availability.Unavailable(
                                Availability.Reason.INCOMPATIBLE_SPI,
                                type
                                        + " was built for provider interface "
                                        + provider.apiVersion()
                                        + ", hal-api has "
                                        + BackendProvider.API_VERSION,
                                "use versions of the backend and of hal-api that belong together",
                                null));
            }
            return new Discovery.Entry(
                    name, provider, Objects.requireNonNull(provider.probe(), "probe() is null"));
        } catch (Throwable failure) {
            return new Discovery.Entry(
                    name,
                    provider,
                    new Availability.Unavailable(
                            Availability.Reason.PROBE_FAILED,
                            "the probe of " + type + " threw " + failure,
                            "report this to the backend's authors with the stack trace of `halcyon"
                                    + " doctor`",
                            failure));
        }
    }

    private static Availability.Unavailable unloadable(Throwable failure) {
        return new Availability.Unavailable(
                Availability.Reason.PROBE_FAILED,
                "a registered provider cannot be loaded: "
                        + failure.getMessage()
                        + (failure.getCause() == null ? "" : ", because of " + firstCause(failure)),
                "check that the backend's jar and its dependencies are complete and of one version",
                failure);
    }

    /// What broke a static initializer or a constructor lies below two wrappers that say nothing.
    private static Throwable firstCause(Throwable failure) {
        Throwable first = failure;
        Throwable cause = failure.getCause();
        for (int depth = 0; cause != null && depth < MOST_CAUSES; depth++) {
            first = cause;
            cause = first.getCause();
        }
        return first;
    }

    /// {@return the device that `selector` picks, opened with the options of the `halcyon.*` system
    /// properties}
    ///
    /// @throws dev.halcyon.hal.error.BackendUnavailableException if there is none
    public static Device open(Selector selector) {
        return open(selector, DeviceOptions.fromSystemProperties());
    }

    /// {@return the device that `selector` picks}
    ///
    /// Where it falls through to a later choice, one line on the system logger says why.
    ///
    /// @throws dev.halcyon.hal.error.BackendUnavailableException if there is none
    public static Device open(Selector selector, @Nullable DeviceOptions options) {
        Selector.Choice choice = selector.choose(discover());
        if (!choice.passedOver().isEmpty()) {
            LOGGER.log(
                    System.Logger.Level.INFO,
                    selector
                            + " opens "
                            + choice.device().id()
                            + "; not "
                            + String.join("; not ", choice.passedOver()));
        }
        return choice.entry()
                .provider()
                .open(
                        choice.device().ordinal(),
                        options == null ? DeviceOptions.defaults() : options);
    }

    /// Stands in the discovery where a provider could not even be instantiated.
    private static final class Unloadable implements BackendProvider {
        @Override
        public String name() {
            return Discovery.UNLOADABLE;
        }

        @Override
        public int apiVersion() {
            return API_VERSION;
        }

        @Override
        public Availability probe() {
            return unloadable(new IllegalStateException("never loaded"));
        }

        @Override
        public Device open(int ordinal, DeviceOptions options) {
            throw new IllegalStateException("this provider could not be loaded");
        }
    }
}
