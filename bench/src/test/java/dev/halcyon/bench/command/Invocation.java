package dev.halcyon.bench.command;

import dev.halcyon.bench.Main;

import java.io.PrintWriter;
import java.io.StringWriter;

/// One run of the command line inside this JVM, and what it left behind.
///
/// @param exitCode the exit code
/// @param out what it wrote to standard output
/// @param err what it wrote to standard error
record Invocation(int exitCode, String out, String err) {
    static Invocation of(String... arguments) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int exitCode =
                Main.commandLine()
                        .setOut(new PrintWriter(out))
                        .setErr(new PrintWriter(err))
                        .execute(arguments);
        return new Invocation(exitCode, out.toString(), err.toString());
    }
}
