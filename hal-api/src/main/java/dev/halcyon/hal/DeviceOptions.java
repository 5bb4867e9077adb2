package dev.halcyon.hal;

import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;

/// How a device is opened.
///
/// @param traceAllocations whether arenas remember the stack of their creation, for the leak report
/// @param checkThreads whether streams and arenas verify that one thread at a time uses them
/// @param planCacheSize most plans kept
/// @param properties settings of one backend, by name: `halcyon.cpu.threads` → `2`
public record DeviceOptions(
        boolean traceAllocations,
        boolean checkThreads,
        int planCacheSize,
        Map<String, String> properties) {
    /// Plans kept unless somebody says otherwise; an engine with a few buckets needs far fewer.
    public static final int DEFAULT_PLAN_CACHE_SIZE = 1024;

    public DeviceOptions {
        Objects.requireNonNull(properties, "properties");
        properties = Map.copyOf(properties);
        if (planCacheSize < 1) {
            throw new IllegalArgumentException(
                    "planCacheSize must be at least 1, not " + planCacheSize);
        }
    }

    /// {@return no tracing, no checks, no properties}
    public static DeviceOptions defaults() {
        return new DeviceOptions(false, false, DEFAULT_PLAN_CACHE_SIZE, Map.of());
    }

    /// {@return the options that the `halcyon.*` system properties ask for}
    ///
    /// `halcyon.trace=true` traces allocations and checks threads; everything else that begins with
    /// `halcyon.` becomes a property.
    public static DeviceOptions fromSystemProperties() {
        boolean trace = Boolean.getBoolean("halcyon.trace");
        Map<String, String> settings =
                System.getProperties().stringPropertyNames().stream()
                        .filter(key -> key.startsWith("halcyon."))
                        .collect(Collectors.toMap(key -> key, System::getProperty));
        return new DeviceOptions(trace, trace, DEFAULT_PLAN_CACHE_SIZE, settings);
    }

    /// {@return these options with another setting of a backend}
    public DeviceOptions withProperty(String key, String value) {
        Map<String, String> merged = new HashMap<>(properties);
        merged.put(key, value);
        return new DeviceOptions(traceAllocations, checkThreads, planCacheSize, merged);
    }

    /// {@return these options with allocation tracing and thread checks}
    public DeviceOptions withTracing() {
        return new DeviceOptions(true, true, planCacheSize, properties);
    }

    /// {@return these options with another plan cache size}
    public DeviceOptions withPlanCacheSize(int plans) {
        return new DeviceOptions(traceAllocations, checkThreads, plans, properties);
    }
}
