package dev.halcyon.bench;

import dev.halcyon.bench.command.BenchCommand;
import dev.halcyon.bench.command.DoctorCommand;
import dev.halcyon.bench.command.GenerateCommand;
import dev.halcyon.bench.command.ReportCommand;
import dev.halcyon.bench.command.RunCommand;
import dev.halcyon.bench.command.VerifyCommand;
import dev.halcyon.checkpoint.CheckpointException;
import dev.halcyon.hal.error.HalException;

import picocli.CommandLine;
import picocli.CommandLine.Command;

/// The `halcyon` command.
@Command(
        name = "halcyon",
        mixinStandardHelpOptions = true,
        version = "halcyon 0.1.0-SNAPSHOT",
        description = "Kernels of open mixture-of-experts models on any device.",
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {
            DoctorCommand.class,
            RunCommand.class,
            BenchCommand.class,
            ReportCommand.class,
            VerifyCommand.class,
            GenerateCommand.class
        })
public final class Main {
    /// Exit code of a mistake in the arguments or of something missing; the message is on standard
    /// error.
    public static final int EXIT_UNUSABLE = 3;

    private Main() {}

    /// {@return the command line with its error handling, for tests}
    public static CommandLine commandLine() {
        return new CommandLine(new Main())
                .setParameterExceptionHandler(
                        (exception, arguments) -> {
                            exception
                                    .getCommandLine()
                                    .getErr()
                                    .println("halcyon: " + exception.getMessage());
                            exception.getCommandLine().getErr().println("Try 'halcyon --help'.");
                            return EXIT_UNUSABLE;
                        })
                .setExecutionExceptionHandler(Main::explain);
    }

    /// Runs the command line and ends the JVM.
    public static void main(String[] arguments) {
        System.exit(commandLine().execute(arguments));
    }

    /// A user's mistake is one line; anything else is a defect and shows where.
    private static int explain(
            Exception failure, CommandLine command, CommandLine.ParseResult arguments) {
        boolean expected =
                failure instanceof IllegalArgumentException
                        || failure instanceof HalException
                        || failure instanceof CheckpointException;
        String message = failure.getMessage();
        command.getErr().println("halcyon: " + (expected && message != null ? message : failure));
        if (!expected || Boolean.getBoolean("halcyon.trace")) {
            failure.printStackTrace(command.getErr());
        }
        return EXIT_UNUSABLE;
    }
}
