package dev.halcyon.bench.command;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceOptions;
import dev.halcyon.hal.Halcyon;
import dev.halcyon.hal.Selector;

import picocli.CommandLine.Option;

import java.io.PrintWriter;

/// The option `--device` and what it stands for.
final class DeviceOption {
    @Option(
            names = "--device",
            paramLabel = "D",
            defaultValue = "auto",
            description =
                    "cpu, cuda:0, ascend:0 or auto: the first of cuda, ascend and cpu (default:"
                            + " ${DEFAULT-VALUE})")
    private String name = "auto";

    /// {@return the device, open; `log` is told which was taken and why more preferred ones were
    /// not}
    Device open(PrintWriter log) {
        Selector.Choice choice = Selector.of(name).choose(Halcyon.discover());
        choice.passedOver().forEach(reason -> log.println("not taken: " + reason));
        Device device =
                choice.entry()
                        .provider()
                        .open(choice.device().ordinal(), DeviceOptions.fromSystemProperties());
        log.println(
                "device: "
                        + device.description().title()
                        + ", "
                        + device.description().name()
                        + " "
                        + device.description().properties());
        log.flush();
        return device;
    }
}
