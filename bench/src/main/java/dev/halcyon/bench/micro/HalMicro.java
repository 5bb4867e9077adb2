package dev.halcyon.bench.micro;

import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.Options;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;

/// Runs [HalBenchmark] from within the command line, in a JVM of its own with this one's flags.
///
/// @param forks JVMs one after the other
/// @param iterations measured iterations in each, after as many that warm up
/// @param iterationMillis length of one
public record HalMicro(int forks, int iterations, int iterationMillis) {
    private static final String ALLOCATED = "gc.alloc.rate.norm";

    /// JMH prefixes names of secondary results in some versions.
    private static final Pattern DECORATION = Pattern.compile("^[^a-z]*");

    /// For figures that are kept.
    public static final HalMicro FULL = new HalMicro(2, 5, 500);

    /// For a look.
    public static final HalMicro QUICK = new HalMicro(1, 5, 300);

    /// What one call costs.
    ///
    /// @param name the benchmark's method
    /// @param medianSeconds median of the iterations
    /// @param spread largest less smallest iteration, relative to the median
    /// @param iterations their number
    /// @param allocatedBytes bytes allocated on the Java heap
    public record Call(
            String name,
            double medianSeconds,
            double spread,
            int iterations,
            double allocatedBytes) {}

    /// {@return the benchmarks' names, in the order in which they run}
    public static List<String> names() {
        return List.of(
                "planCached",
                "bindTenOperands",
                "submitOneElement",
                "replayTenLaunches",
                "arenaReset");
    }

    /// {@return about how long one benchmark takes}
    public double secondsEach() {
        return forks * (2.0 * iterations * iterationMillis / 1e3 + 1.5);
    }

    /// {@return the cost of one benchmark's call}
    ///
    /// @param device which device, as `--device` takes it
    /// @throws IllegalStateException if the JVM that ran it failed
    public Call run(String name, String device) {
        // Several users of a machine may measure at once; the load is watched by other means.
        System.setProperty("jmh.ignoreLock", "true");
        PrintStream out = System.out;
        PrintStream err = System.err;
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        try (PrintStream aside = new PrintStream(said, true, StandardCharsets.UTF_8)) {
            // JMH passes on whatever the other JVM prints, warnings about the harness itself among
            // it.
            System.setOut(aside);
            System.setErr(aside);
            Options options =
                    new OptionsBuilder()
                            .include(
                                    "^"
                                            + Pattern.quote(
                                                    HalBenchmark.class.getName() + "." + name)
                                            + "$")
                            .param("selected", device)
                            .forks(forks)
                            .warmupIterations(iterations)
                            .warmupTime(TimeValue.milliseconds(iterationMillis))
                            .measurementIterations(iterations)
                            .measurementTime(TimeValue.milliseconds(iterationMillis))
                            .timeUnit(TimeUnit.NANOSECONDS)
                            .addProfiler(GCProfiler.class)
                            .shouldFailOnError(true)
                            .verbosity(VerboseMode.SILENT)
                            .build();
            Collection<RunResult> results = new Runner(options).run();
            if (results.size() != 1) {
                throw new IllegalStateException(
                        "JMH ran " + results.size() + " benchmarks named " + name);
            }
            return call(name, results.iterator().next());
        } catch (RunnerException failed) {
            throw new IllegalStateException(
                    "JMH could not run "
                            + name
                            + ": "
                            + failed.getMessage()
                            + "\n"
                            + said.toString(StandardCharsets.UTF_8),
                    failed);
        } finally {
            System.setOut(out);
            System.setErr(err);
        }
    }

    @SuppressWarnings("rawtypes")
    private static Call call(String name, RunResult result) {
        List<Double> nanos = new ArrayList<>();
        result.getBenchmarkResults()
                .forEach(
                        fork ->
                                fork.getIterationResults()
                                        .forEach(
                                                iteration ->
                                                        nanos.add(
                                                                iteration
                                                                        .getPrimaryResult()
                                                                        .getScore())));
        double[] sorted = nanos.stream().mapToDouble(Double::doubleValue).sorted().toArray();
        double median = sorted[sorted.length / 2];
        double allocated = Double.NaN;
        for (var secondary : result.getSecondaryResults().entrySet()) {
            if (DECORATION.matcher(secondary.getKey()).replaceFirst("").equals(ALLOCATED)) {
                allocated = secondary.getValue().getScore();
            }
        }
        return new Call(
                name,
                median / 1e9,
                (sorted[sorted.length - 1] - sorted[0]) / median,
                sorted.length,
                allocated);
    }
}
