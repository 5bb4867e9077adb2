package dev.halcyon.backend.cuda.graph;

import dev.halcyon.backend.cuda.driver.CudaDriver;

import org.jspecify.annotations.Nullable;

import java.util.ArrayDeque;
import java.util.Deque;

/// Executable graphs whose arena has gone, kept for the next graph of the same shape: giving one
/// new parameters costs a fraction of instantiating another.
///
/// *Threads.* Usable from any thread.
public final class SpareExecutables {
    private static final int MOST = 16;

    private record Spare(int size, long executable) {}

    private final Deque<Spare> spares = new ArrayDeque<>();

    /// Makes an empty store.
    public SpareExecutables() {}

    /// {@return an executable that does what a graph does}
    ///
    /// @param size steps of the graph
    long executable(CudaDriver driver, long graph, int size) {
        Spare spare = take(size);
        if (spare != null) {
            if (driver.update(spare.executable(), graph)) {
                return spare.executable();
            }
            give(driver, spare.executable(), size);
        }
        return driver.instantiate(graph);
    }

    private synchronized @Nullable Spare take(int size) {
        for (Spare spare : spares) {
            if (spare.size() == size) {
                spares.remove(spare);
                return spare;
            }
        }
        return null;
    }

    /// Takes an executable back that no replay uses.
    void give(CudaDriver driver, long executable, int size) {
        Spare oldest;
        synchronized (this) {
            spares.add(new Spare(size, executable));
            oldest = spares.size() > MOST ? spares.poll() : null;
        }
        if (oldest != null) {
            driver.destroyExecutable(oldest.executable());
        }
    }

    /// Destroys what is kept.
    public void close(CudaDriver driver) {
        while (true) {
            Spare next;
            synchronized (this) {
                next = spares.poll();
            }
            if (next == null) {
                return;
            }
            driver.destroyExecutable(next.executable());
        }
    }
}
