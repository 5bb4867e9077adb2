package dev.halcyon.bench.doctor;

import dev.halcyon.hal.DeviceOptions;
import dev.halcyon.hal.Halcyon;
import dev.halcyon.hal.Selector;
import dev.halcyon.hal.error.HalException;

import java.util.List;

/// What a backend says of one of its devices after a thorough look.
///
/// @param device which device, marked when emulated
/// @param lines one a finding
public record Examination(String device, List<String> lines) {
    public Examination {
        lines = List.copyOf(lines);
    }

    /// {@return the examination of the device that a selector takes; why there is none, if so}
    public static Examination of(String selector) {
        try {
            Selector.Choice choice = Selector.of(selector).choose(Halcyon.discover());
            List<String> lines =
                    choice.entry()
                            .provider()
                            .examine(
                                    choice.device().ordinal(),
                                    DeviceOptions.fromSystemProperties());
            return new Examination(
                    choice.device().title(),
                    lines.isEmpty() ? List.of("its backend has no open questions") : lines);
        } catch (HalException | IllegalArgumentException unavailable) {
            return new Examination(selector, List.of("not examined: " + unavailable.getMessage()));
        }
    }

    /// {@return a block of text to send}
    String toText() {
        StringBuilder text = new StringBuilder();
        text.append("---- examination of ").append(device).append(", to send back ----");
        lines.forEach(line -> text.append(System.lineSeparator()).append(line));
        return text.append(System.lineSeparator()).append("---- end ----").toString();
    }
}
