package dev.halcyon.bench.report;

import dev.halcyon.bench.result.BenchFile;
import dev.halcyon.bench.result.Machine;
import dev.halcyon.bench.result.Machine.Ceiling;
import dev.halcyon.bench.result.Machine.DeviceInfo;

import java.util.List;

/// What each machine is, and what its devices can do at best.
record MachineCards(List<BenchFile> files) {
    void write(Markup page) {
        page.begin("div", "class", "cards");
        for (BenchFile file : files) {
            Machine machine = file.machine();
            page.begin("section", "class", "card");
            page.element("h2", machine.name());
            page.element(
                    "p",
                    machine.processors()
                            + (machine.processors() == 1 ? " processor, " : " processors, ")
                            + Numbers.bytes(machine.memoryBytes())
                            + " of memory, "
                            + Numbers.bytes(machine.lastLevelCacheBytes())
                            + " last-level cache, "
                            + machine.os()
                            + " "
                            + machine.arch()
                            + ", Java "
                            + machine.java());
            page.element("p", (machine.quick() ? "Quick run of " : "Run of ") + machine.date());
            page.begin("ul");
            for (DeviceInfo device : machine.devices()) {
                page.element(
                        "li",
                        device.id()
                                + (device.emulated() ? " (emulated)" : "")
                                + ": "
                                + device.name()
                                + " "
                                + device.properties());
            }
            machine.ceilings().forEach(ceiling -> page.element("li", describe(ceiling)));
            page.end().end();
        }
        page.end();
    }

    static String describe(Ceiling ceiling) {
        StringBuilder text = new StringBuilder(ceiling.device());
        if (ceiling.threads() > 0) {
            text.append(" on ")
                    .append(ceiling.threads())
                    .append(ceiling.threads() == 1 ? " thread" : " threads");
        }
        text.append(": ");
        ceiling.peaks()
                .forEach(
                        peak ->
                                text.append(Numbers.giga(peak.flops()))
                                        .append(" GFLOP/s ")
                                        .append(peak.dtype())
                                        .append(" (")
                                        .append(peak.how())
                                        .append("), "));
        return text.append(Numbers.giga(ceiling.bytesPerSecond()))
                .append(" GB/s read (")
                .append(ceiling.how())
                .append(")")
                .toString();
    }
}
