package dev.halcyon.bench.report;

import static dev.halcyon.hal.memory.DType.BF16;
import static dev.halcyon.hal.memory.DType.F32;

import dev.halcyon.bench.result.BenchFile;
import dev.halcyon.bench.result.BenchFile.Absence;
import dev.halcyon.bench.result.Machine;
import dev.halcyon.bench.result.Machine.Ceiling;
import dev.halcyon.bench.result.Machine.DeviceInfo;
import dev.halcyon.bench.result.Machine.TypePeak;
import dev.halcyon.bench.result.NativeCode;
import dev.halcyon.bench.result.Result;
import dev.halcyon.bench.result.Result.PeerResult;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// Made-up results of two machines, one of them with an emulated device as well.
public final class SampleFiles {
    private SampleFiles() {}

    /// {@return both machines' results}
    public static List<BenchFile> two() {
        return List.of(server(), laptop());
    }

    /// {@return a machine with two threads, every suite, peers, something contended and something
    /// that failed}
    public static BenchFile server() {
        Machine machine =
                machine(
                        "Example Processor 9000 with <a long & \"quoted\" name>",
                        List.of(
                                new DeviceInfo(
                                        "cpu:0",
                                        "Example Processor 9000",
                                        false,
                                        Map.of("isa", "512", "threads", "2")),
                                new DeviceInfo("ascend:0", "Emulated accelerator", true, Map.of())),
                        List.of(ceiling(2, 229e9, 457e9, 31e9), ceiling(1, 116e9, 231e9, 27e9)));
        List<Result> rows = new ArrayList<>();
        rows.add(
                row(
                        "gemm",
                        "GEMM F32 512x512x512",
                        "cpu:0",
                        1.7e-3,
                        268e6,
                        3.1e6,
                        0.69,
                        peers(0.9, 1.1, 1.4)));
        rows.add(
                row(
                        "gemm",
                        "GEMM F32 2048x2048x2048",
                        "cpu:0",
                        95e-3,
                        17.2e9,
                        50e6,
                        0.79,
                        peers(0.95, 1.02, 1.3)));
        rows.add(
                row(
                        "gemm",
                        "GEMM F32 512x7168x2048",
                        "cpu:0",
                        82e-3,
                        15e9,
                        77e6,
                        0.8,
                        peers(0.96, 1.05, 1.2)));
        rows.add(
                row(
                        "gemm",
                        "linear BF16 1x7168x2048, cold",
                        "cpu:0",
                        1.05e-3,
                        29e6,
                        29.4e6,
                        0.9,
                        peers(1.6, 5)));
        rows.add(
                row(
                        "gemm",
                        "linear BF16 8x7168x2048, cold",
                        "cpu:0",
                        1.3e-3,
                        235e6,
                        29.5e6,
                        0.73,
                        peers(1.5)));
        rows.add(
                row(
                        "moe",
                        "layer BF16 64x1408, hidden 2048, top 6, 1 token",
                        "cpu:0",
                        4e-3,
                        104e6,
                        104e6,
                        0.84,
                        peers(1.7)));
        rows.add(
                row(
                        "moe",
                        "layer BF16 64x1408, hidden 2048, top 6, 256 tokens",
                        "cpu:0",
                        160e-3,
                        26e9,
                        1.1e9,
                        0.36,
                        peers(0.8)));
        rows.add(
                row(
                        "mla",
                        "decode 128 heads, 32768 tokens",
                        "cpu:0",
                        52e-3,
                        9.1e9,
                        38e6,
                        0.38,
                        peers(0.57)));
        rows.add(
                row(
                        "mla",
                        "prefill F32 16 heads, 2048 tokens, causal",
                        "cpu:0",
                        140e-3,
                        21e9,
                        58e6,
                        0.65,
                        List.of()));
        rows.add(
                row(
                        "muon",
                        "step BF16 2048x7168, Gram",
                        "cpu:0",
                        2.1,
                        300e9,
                        0.3e9,
                        0.31,
                        peers(0.9)));
        rows.add(row("gemm", "GEMM F32 512x512x512", "ascend:0", 9, 268e6, 3.1e6, null, List.of()));
        rows.add(call("submit one element", 120e-9, 0));
        rows.add(call("bind ten operands", 2.4e-6, 3400));
        return new BenchFile(
                machine,
                rows,
                List.of(
                        new Absence(
                                "muon step BF16 64 x (1408x2048), Gram", "cpu:0", "out of time")),
                List.of(
                        new Absence(
                                "Jlama, native in gemm linear BF16 8x7168x2048",
                                null,
                                "its result differs from ours by 0.3")));
    }

    /// {@return another machine, which lacks what the first has of muon}
    public static BenchFile laptop() {
        Machine machine =
                machine(
                        "Another Processor",
                        List.of(new DeviceInfo("cpu:0", "Another Processor", false, Map.of())),
                        List.of(ceiling(2, 90e9, 90e9, 60e9)));
        return new BenchFile(
                machine,
                List.of(
                        row(
                                "gemm",
                                "GEMM F32 512x512x512",
                                "cpu:0",
                                4e-3,
                                268e6,
                                3.1e6,
                                0.5,
                                List.of()),
                        row(
                                "gemm",
                                "GEMM F32 2048x2048x2048",
                                "cpu:0",
                                0.4,
                                17.2e9,
                                50e6,
                                0.48,
                                List.of())),
                List.of(),
                List.of());
    }

    private static Machine machine(String name, List<DeviceInfo> devices, List<Ceiling> ceilings) {
        return new Machine(
                name,
                "Linux 6.1",
                "amd64",
                "25",
                2,
                24L << 30,
                32L << 20,
                "2026-01-02T03:04:05Z",
                false,
                devices,
                ceilings);
    }

    private static Ceiling ceiling(int threads, double f32, double bf16, double bytes) {
        return new Ceiling(
                "cpu:0",
                threads,
                List.of(
                        new TypePeak(F32, f32, "Vector API, 512 bits"),
                        new TypePeak(BF16, bf16, "vdpbf16ps")),
                bytes,
                "Vector API, 512 bits, large pages");
    }

    private static List<PeerResult> peers(double... ratios) {
        List<PeerResult> peers = new ArrayList<>();
        for (int i = 0; i < ratios.length; i++) {
            peers.add(
                    new PeerResult(
                            List.of("libtorch", "oneDNN", "MKL").get(i),
                            "1." + i,
                            ratios[i],
                            ratios[i],
                            0.02,
                            1e-6));
        }
        return peers;
    }

    private static Result row(
            String suite,
            String title,
            String device,
            double seconds,
            double flops,
            double bytes,
            @Nullable Double share,
            List<PeerResult> ratios) {
        List<PeerResult> peers =
                ratios.stream()
                        .map(
                                peer ->
                                        new PeerResult(
                                                peer.name(),
                                                peer.version(),
                                                peer.ratio() * seconds,
                                                peer.ratio(),
                                                peer.spread(),
                                                peer.error()))
                        .toList();
        boolean contended = title.contains("8x7168");
        return new Result(
                suite,
                title,
                device,
                "gemm.panel/512",
                device.startsWith("cpu") ? NativeCode.SAME : null,
                "F32",
                seconds,
                0.03,
                flops,
                bytes,
                share,
                peers,
                2,
                7,
                contended,
                contended ? 0.31 : 0.01,
                229e9,
                229e9,
                31e9,
                1e-6,
                2e-5,
                "samples against the oracle",
                null,
                title.contains("32768") ? 1.93 : null,
                null,
                "");
    }

    private static Result call(String title, double seconds, double allocated) {
        return new Result(
                "hal", title, "cpu:0", "JMH", null, "", seconds, 0.05, 0, 0, null, List.of(), 0, 10,
                false, null, null, null, null, null, null, null, null, null, allocated, "");
    }
}
