package dev.halcyon.bench.command;

import dev.halcyon.bench.doctor.DoctorReport;

import org.jspecify.annotations.Nullable;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

import java.io.PrintWriter;
import java.util.Objects;
import java.util.concurrent.Callable;

/// `halcyon doctor`: what was found, what is missing and how to mend it; always prints, always
/// exits with 0.
@Command(
        name = "doctor",
        mixinStandardHelpOptions = true,
        description = "Says what was found, what is missing and how to mend it.")
public final class DoctorCommand implements Callable<Integer> {
    @Spec private @Nullable CommandSpec spec;

    @Option(names = "--json", description = "print one JSON object")
    private boolean json;

    /// Made by the command line.
    public DoctorCommand() {}

    @Override
    public Integer call() {
        PrintWriter out = Objects.requireNonNull(spec).commandLine().getOut();
        DoctorReport report = DoctorReport.gather();
        out.println(json ? report.toJson() : report.toText());
        out.flush();
        return 0;
    }
}
