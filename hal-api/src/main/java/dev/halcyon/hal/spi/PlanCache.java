package dev.halcyon.hal.spi;

import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.kernel.KernelSpec;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;

/// Plans by spec and limits, bounded, the least recently used dropped first; usable from any
/// thread.
public final class PlanCache {
    private record Key(KernelSpec<?> spec, Limits limits) {}

    private final int capacity;
    private final Map<Key, Plan<?>> plans = new LinkedHashMap<>(16, 0.75f, true);
    private long hits;
    private long misses;
    private long evictions;

    /// Makes an empty cache of at most `capacity` plans.
    public PlanCache(int capacity) {
        this.capacity = capacity;
    }

    /// {@return the cached plan, or the one `make` makes}
    public synchronized Plan<?> get(
            KernelSpec<?> spec, Limits limits, Supplier<? extends Plan<?>> make) {
        Key key = new Key(spec, limits);
        Plan<?> cached = plans.get(key);
        if (cached != null) {
            hits++;
            return cached;
        }
        Plan<?> made = make.get();
        misses++;
        plans.put(key, made);
        if (plans.size() > capacity) {
            var eldest = plans.entrySet().iterator();
            eldest.next();
            eldest.remove();
            evictions++;
        }
        return made;
    }

    /// {@return the number of plans held}
    public synchronized int size() {
        return plans.size();
    }

    /// {@return how often a plan was there}
    public synchronized long hits() {
        return hits;
    }

    /// {@return how often a plan had to be made}
    public synchronized long misses() {
        return misses;
    }

    /// {@return how often a plan was dropped}
    public synchronized long evictions() {
        return evictions;
    }
}
