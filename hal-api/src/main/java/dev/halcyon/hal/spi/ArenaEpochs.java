package dev.halcyon.hal.spi;

import dev.halcyon.hal.memory.DeviceArena;

import java.util.Set;

/// The arenas that something depends on, each with the epoch it had then; stale as soon as one has
/// moved on.
public final class ArenaEpochs {
    private final DeviceArena[] arenas;
    private final long[] epochs;

    private ArenaEpochs(DeviceArena[] arenas, long[] epochs) {
        this.arenas = arenas;
        this.epochs = epochs;
    }

    /// {@return these arenas as they are now}
    public static ArenaEpochs now(Set<? extends DeviceArena> arenas) {
        DeviceArena[] all = arenas.toArray(DeviceArena[]::new);
        long[] epochs = new long[all.length];
        for (int i = 0; i < all.length; i++) {
            epochs[i] = all[i].epoch();
        }
        return new ArenaEpochs(all, epochs);
    }

    /// {@return the number of arenas}
    public int count() {
        return arenas.length;
    }

    /// {@return one of the arenas}
    public DeviceArena arena(int index) {
        return arenas[index];
    }

    /// {@return the epoch that arena had}
    public long epoch(int index) {
        return epochs[index];
    }

    /// {@return whether every arena is as it was}
    public boolean areCurrent() {
        for (int i = 0; i < arenas.length; i++) {
            if (arenas[i].epoch() != epochs[i]) {
                return false;
            }
        }
        return true;
    }

    /// {@return the label of the first arena that is not as it was, for messages; empty if all are}
    public String stale() {
        for (int i = 0; i < arenas.length; i++) {
            if (arenas[i].epoch() != epochs[i]) {
                return arenas[i].label();
            }
        }
        return "";
    }
}
