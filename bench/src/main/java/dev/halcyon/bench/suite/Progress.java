package dev.halcyon.bench.suite;

import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

import java.io.PrintWriter;

/// Tells on standard error how far the benchmark is and how long it still takes.
///
/// Its steps are seconds as they were estimated, so the time left is about right when cases differ
/// a thousandfold.
final class Progress implements AutoCloseable {
    private final ProgressBar bar;
    private final PrintWriter log;
    private double done;

    Progress(double estimatedSeconds, PrintWriter log) {
        this.log = log;
        this.bar =
                new ProgressBarBuilder()
                        .setTaskName("bench")
                        .setInitialMax(Math.max(1, Math.round(estimatedSeconds)))
                        .setStyle(ProgressBarStyle.ASCII)
                        .setUpdateIntervalMillis(500)
                        .build();
    }

    /// Shows what is being done.
    void doing(String what) {
        bar.setExtraMessage(" " + what);
    }

    /// Counts so many estimated seconds as done.
    void advance(double estimatedSeconds) {
        done += estimatedSeconds;
        bar.stepTo(Math.round(done));
    }

    /// Prints a line that stays.
    void say(String line) {
        log.println("\n" + line);
        log.flush();
    }

    @Override
    public void close() {
        doing("done");
        bar.close();
    }
}
