package dev.halcyon.bench.command;

import dev.halcyon.bench.doctor.DoctorReport;
import dev.halcyon.bench.doctor.Examination;

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

    @Option(
            names = "--device",
            paramLabel = "D",
            defaultValue = "auto",
            description = "the device that --deep looks at (default: ${DEFAULT-VALUE})")
    private String device = "auto";

    @Option(
            names = "--deep",
            description =
                    "examine the device itself and the libraries behind it, and print a block to"
                            + " send to the makers of its backend; may take minutes")
    private boolean deep;

    /// Made by the command line.
    public DoctorCommand() {}

    @Override
    public Integer call() {
        PrintWriter out = Objects.requireNonNull(spec).commandLine().getOut();
        DoctorReport report = DoctorReport.gather();
        if (deep) {
            report = report.with(Examination.of(device));
        }
        out.println(json ? report.toJson() : report.toText());
        out.flush();
        return 0;
    }
}
