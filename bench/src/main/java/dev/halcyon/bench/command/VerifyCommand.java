package dev.halcyon.bench.command;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/// `halcyon verify`.
@Command(name = "verify", mixinStandardHelpOptions = true, description = "Checks every fixture on a device.")
public final class VerifyCommand implements Callable<Integer> {
    /// Made by the command line.
    public VerifyCommand() {}

    @Override
    public Integer call() {
        return 3;
    }
}
