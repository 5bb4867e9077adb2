package dev.halcyon.bench.load;

import com.sun.management.OperatingSystemMXBean;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.OptionalDouble;

/// Tells how much of the machine other programs used, by what the operating system counts: the time
/// of all processors that were busy, less this process and those that it works with.
///
/// Linux counts in `/proc/stat`, in hundredths of a second; elsewhere the load is unknown.
public final class ForeignLoad {
    /// The share of all processors from which on a measurement counts as disturbed.
    public static final double QUIET = 0.04;

    private static final Path STAT = Path.of("/proc/stat");
    private static final double TICKS_PER_SECOND = 100;

    /// Of `user nice system idle iowait irq softirq steal`, those that are work, here or on the
    /// host.
    private static final int[] BUSY = {1, 2, 3, 6, 7, 8};

    /// Less than this is within the counters' grain.
    static final double GRAIN_SECONDS = 0.03;

    private final Path stat;
    private final OperatingSystemMXBean system =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    private final List<ProcessHandle> friends = new ArrayList<>();

    /// Counts this process alone as own.
    public ForeignLoad() {
        this(STAT);
    }

    /// Counts this process alone as own, and the machine by a file in the form of `/proc/stat`.
    public ForeignLoad(Path stat) {
        this.stat = stat;
    }

    /// Counts these processes as own, too, from now on.
    public void setFriends(Collection<ProcessHandle> processes) {
        friends.clear();
        friends.addAll(processes);
    }

    /// A moment to measure from.
    ///
    /// @param machineSeconds processor time that was busy since the machine started; NaN where
    ///   nobody counts it
    /// @param ownSeconds processor time of this process and its friends
    /// @param nanos the time
    public record Moment(double machineSeconds, double ownSeconds, long nanos) {}

    /// {@return now, with this process and its friends as own}
    public Moment now() {
        double own = seconds(ProcessHandle.current());
        for (ProcessHandle friend : friends) {
            own += seconds(friend);
        }
        return new Moment(machineSeconds(), own, System.nanoTime());
    }

    /// {@return now, with one process alone as own: it is measured, and whatever the rest of the
    /// benchmark does meanwhile, such as compiling in this JVM, disturbs it}
    public Moment now(ProcessHandle measured) {
        return new Moment(machineSeconds(), seconds(measured), System.nanoTime());
    }

    private double seconds(ProcessHandle process) {
        // The bean counts finer.
        return process.equals(ProcessHandle.current())
                ? system.getProcessCpuTime() / 1e9
                : process.info().totalCpuDuration().orElse(Duration.ZERO).toNanos() / 1e9;
    }

    private double machineSeconds() {
        if (!Files.isReadable(stat)) {
            return Double.NaN;
        }
        try {
            String[] fields = Files.readAllLines(stat).getFirst().split(" +");
            double ticks = 0;
            for (int field : BUSY) {
                ticks += field < fields.length ? Double.parseDouble(fields[field]) : 0;
            }
            return ticks / TICKS_PER_SECOND;
        } catch (IOException | NumberFormatException unreadable) {
            return Double.NaN;
        }
    }

    /// {@return the share of all processors that others used since then, empty where it is unknown}
    public OptionalDouble since(Moment start) {
        return between(start, now(), system.getAvailableProcessors());
    }

    static OptionalDouble between(Moment start, Moment end, int processors) {
        Tally tally = new Tally(processors);
        tally.add(start, end);
        return tally.share();
    }

    /// {@return a tally with nothing in it yet}
    public Tally tally() {
        return new Tally(system.getAvailableProcessors());
    }

    /// Adds up what others did in several stretches of time.
    public static final class Tally {
        private final int processors;
        private double foreign;
        private double possible;

        Tally(int processors) {
            this.processors = processors;
        }

        /// Adds the time between two moments that count the same processes as own.
        public void add(Moment start, Moment end) {
            foreign +=
                    end.machineSeconds - start.machineSeconds - (end.ownSeconds - start.ownSeconds);
            possible += (end.nanos - start.nanos) / 1e9 * processors;
        }

        /// {@return the share of all processors that others used, empty where it is unknown}
        public OptionalDouble share() {
            if (Double.isNaN(foreign) || possible <= 0) {
                return OptionalDouble.empty();
            }
            return OptionalDouble.of(foreign < GRAIN_SECONDS ? 0 : Math.min(1, foreign / possible));
        }
    }

    /// Waits until others leave the machine alone.
    ///
    /// @return whether they did before `limit` had passed; true where nobody counts
    public boolean awaitQuiet(Duration limit) {
        long end = System.nanoTime() + limit.toNanos();
        while (true) {
            Moment start = now();
            pause(Duration.ofMillis(400));
            if (since(start).orElse(0) < QUIET) {
                return true;
            }
            if (System.nanoTime() >= end) {
                return false;
            }
        }
    }

    private static void pause(Duration time) {
        try {
            Thread.sleep(time);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(
                    "waiting for a quiet machine was interrupted", interrupted);
        }
    }
}
