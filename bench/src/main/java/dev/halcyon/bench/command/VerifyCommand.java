package dev.halcyon.bench.command;

import dev.halcyon.hal.Device;
import dev.halcyon.tck.fixture.FixtureSet;
import dev.halcyon.tck.verify.FixtureResult;
import dev.halcyon.tck.verify.FixtureVerifier;
import dev.halcyon.tck.verify.VerificationReport;

import org.jspecify.annotations.Nullable;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

import tools.jackson.databind.json.JsonMapper;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;

/// `halcyon verify`: every reference case on a device, one line each.
@Command(
        name = "verify",
        mixinStandardHelpOptions = true,
        description = {
            "Runs every reference case on a device through the API.",
            "One line a case: PASS, FAIL or DECLINED, the case, its error and tolerance, or the"
                    + " reason.",
            "Exit code 1 if anything failed, else 2 if anything was declined, else 0."
        })
public final class VerifyCommand implements Callable<Integer> {
    @Spec private @Nullable CommandSpec spec;

    @Mixin private DeviceOption device = new DeviceOption();

    @Option(
            names = "--fixtures",
            paramLabel = "DIR",
            description =
                    "folder with safetensors cases and checkpoint folders (default: the bundled"
                            + " ones)")
    private @Nullable Path fixtures;

    @Option(
            names = "--json",
            paramLabel = "FILE",
            description = "write the results to a file as JSON")
    private @Nullable Path json;

    /// Made by the command line.
    public VerifyCommand() {}

    @Override
    public Integer call() {
        CommandSpec command = Objects.requireNonNull(spec);
        PrintWriter out = command.commandLine().getOut();
        FixtureSet set = fixtures == null ? FixtureSet.bundled() : folder(fixtures);
        try (Device opened = device.open(command.commandLine().getErr())) {
            VerificationReport report =
                    FixtureVerifier.verify(
                            opened,
                            set,
                            result -> {
                                out.println(result.line());
                                out.flush();
                            });
            out.println(report.summary());
            out.flush();
            if (json != null) {
                write(json, opened, report);
            }
            return report.exitCode();
        }
    }

    private static FixtureSet folder(Path folder) {
        if (!Files.isDirectory(folder)) {
            throw new IllegalArgumentException(
                    "--fixtures "
                            + folder
                            + " is not a folder; name one that holds safetensors cases");
        }
        return FixtureSet.in(folder);
    }

    private static void write(Path file, Device device, VerificationReport report) {
        List<Map<String, Object>> results = new ArrayList<>();
        for (FixtureResult result : report.results()) {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("case", result.name());
            object.put("verdict", result.verdict().name());
            object.put("error", Double.isNaN(result.error()) ? null : result.error());
            object.put("tolerance", Double.isNaN(result.tolerance()) ? null : result.tolerance());
            object.put("storage", result.storage());
            object.put("detail", result.detail());
            results.add(object);
        }
        Map<String, Object> whole = new LinkedHashMap<>();
        whole.put("device", device.description().title());
        whole.put("name", device.description().name());
        whole.put("properties", device.description().properties());
        whole.put("summary", report.summary());
        whole.put("results", results);
        try {
            Files.writeString(
                    file,
                    JsonMapper.shared().writerWithDefaultPrettyPrinter().writeValueAsString(whole));
        } catch (IOException unwritable) {
            throw new UncheckedIOException("cannot write " + file, unwritable);
        }
    }
}
