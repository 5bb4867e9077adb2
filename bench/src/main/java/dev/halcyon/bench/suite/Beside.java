package dev.halcyon.bench.suite;

import dev.halcyon.bench.ceiling.MachineCeilings;

import org.jspecify.annotations.Nullable;

/// The highest ceilings seen beside a case on a number of threads.
final class Beside {
    private final Subject subject;
    private @Nullable MachineCeilings highest;

    /// @param subject knows the threads; settings of one device share its ceilings
    Beside(Subject subject) {
        this.subject = subject;
    }

    /// Looks once more.
    void glance() {
        join(subject.glance());
    }

    /// Measures thoroughly, for the glances may all have met a bad moment.
    void measureAgain() {
        subject.measureCeilings();
        join(subject.ceilings());
    }

    private void join(@Nullable MachineCeilings now) {
        highest = highest == null || now == null ? now : highest.max(now);
    }

    @Nullable MachineCeilings highest() {
        return highest;
    }
}
