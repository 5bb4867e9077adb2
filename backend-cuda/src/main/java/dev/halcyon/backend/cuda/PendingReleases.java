package dev.halcyon.backend.cuda;

import java.util.ArrayList;
import java.util.List;

/// What is to be given back once the work that uses it has passed.
///
/// Nobody waits for it: whoever allocates, closes or synchronises looks whether something is ready.
///
/// *Threads.* Usable from any thread.
final class PendingReleases {
    /// Something to give back.
    ///
    /// @param marks what must have been passed
    /// @param action gives it back
    record Release(StreamMarks marks, Runnable action) {}

    private final List<Release> waiting = new ArrayList<>();

    /// Adds something, or gives it back at once if nothing uses it.
    synchronized void add(Release release) {
        waiting.add(release);
        poll();
    }

    /// Gives back what is ready.
    synchronized void poll() {
        waiting.removeIf(
                release -> {
                    boolean passed = release.marks().havePassed();
                    if (passed) {
                        release.action().run();
                    }
                    return passed;
                });
    }

    /// Waits for everything and gives it back.
    synchronized void drain() {
        for (Release release : waiting) {
            release.marks().await();
            release.action().run();
        }
        waiting.clear();
    }
}
