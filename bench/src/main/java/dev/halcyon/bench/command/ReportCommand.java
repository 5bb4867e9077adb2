package dev.halcyon.bench.command;

import dev.halcyon.bench.report.ReportMarkdown;
import dev.halcyon.bench.report.ReportPage;
import dev.halcyon.bench.result.BenchFile;

import org.jspecify.annotations.Nullable;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;

/// `halcyon report`: results of the benchmark as a page.
@Command(
        name = "report",
        mixinStandardHelpOptions = true,
        description =
                "Makes one HTML page, which needs nothing else, of the results of one or more"
                        + " machines; or Markdown, if the name ends so.")
public final class ReportCommand implements Callable<Integer> {
    @Spec private @Nullable CommandSpec spec;

    @Parameters(arity = "1..*", paramLabel = "FILE", description = "files of halcyon bench --json")
    private List<Path> files = List.of();

    @Option(
            names = {"-o", "--output"},
            paramLabel = "PAGE",
            defaultValue = "report.html",
            description =
                    "where to write the page, .html or .md; may be given several times (default:"
                            + " ${DEFAULT-VALUE})")
    private List<Path> outputs = List.of(Path.of("report.html"));

    /// Made by the command line.
    public ReportCommand() {}

    @Override
    public Integer call() {
        PrintWriter out = Objects.requireNonNull(spec).commandLine().getOut();
        List<BenchFile> read = files.stream().map(BenchFile::read).toList();
        for (Path output : outputs) {
            String page =
                    output.toString().endsWith(".md")
                            ? ReportMarkdown.of(read)
                            : ReportPage.of(read);
            try {
                Files.writeString(output, page);
            } catch (IOException unwritable) {
                throw new IllegalArgumentException(
                        "cannot write " + output + ": " + unwritable.getMessage(), unwritable);
            }
            out.println(output + ": " + files.size() + (files.size() == 1 ? " file" : " files"));
        }
        out.flush();
        return 0;
    }
}
