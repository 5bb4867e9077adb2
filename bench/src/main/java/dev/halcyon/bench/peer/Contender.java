package dev.halcyon.bench.peer;

import dev.halcyon.bench.problem.DecodeProblem;
import dev.halcyon.bench.problem.GemmProblem;
import dev.halcyon.bench.problem.MoeProblem;
import dev.halcyon.bench.problem.MuonProblem;
import dev.halcyon.bench.problem.PrefillProblem;
import dev.halcyon.bench.problem.Problem;
import dev.halcyon.hal.memory.DType;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/// One way to run problems with another library: which library, in which form, in which
/// environment.
///
/// @param name what the report calls it
/// @param form what its process is started with
/// @param jvmFlags flags of its JVM beside those that all have
/// @param quick whether it takes part in a quick run
/// @param runs which problems it has a form for
public record Contender(
        String name, String form, List<String> jvmFlags, boolean quick, Predicate<Problem> runs) {
    private static final Predicate<Problem> F32_PRODUCT =
            problem -> problem instanceof GemmProblem gemm && gemm.dtype() == DType.F32;

    private static final Predicate<Problem> BF16_LINEAR =
            problem ->
                    problem instanceof GemmProblem gemm
                            && gemm.dtype() == DType.BF16
                            && gemm.linear();

    private static final List<String> ON_MKL = List.of("-Dorg.bytedeco.openblas.load=mkl_rt");

    /// Freed memory stays with the process, in large pages. Otherwise every tensor that libtorch
    /// makes for an instant is mapped and zeroed anew, which doubled its times.
    private static final Map<String, String> KEEP_MEMORY =
            Map.of(
                    "MALLOC_ARENA_MAX", "1",
                    "MALLOC_MMAP_MAX_", "0",
                    "MALLOC_TOP_PAD_", "67108864",
                    "MALLOC_TRIM_THRESHOLD_", "17179869184",
                    "GLIBC_TUNABLES", "glibc.malloc.hugetlb=1");

    /// {@return everybody that may be asked}
    ///
    /// libtorch takes part several times: its matrix library can be OpenBLAS or MKL, and attention
    /// has two forms.
    public static List<Contender> all() {
        return List.of(
                new Contender("libtorch", "torch", List.of(), true, Contender::inTorch),
                new Contender(
                        "libtorch on MKL",
                        "torch",
                        ON_MKL,
                        false,
                        F32_PRODUCT.or(Contender::isF32Prefill)),
                new Contender(
                        "libtorch sdpa",
                        "torch-sdpa",
                        List.of(),
                        true,
                        problem -> problem instanceof PrefillProblem),
                new Contender(
                        "libtorch sdpa on MKL",
                        "torch-sdpa",
                        ON_MKL,
                        false,
                        Contender::isF32Prefill),
                new Contender("OpenBLAS", "openblas", List.of(), false, F32_PRODUCT),
                new Contender("MKL", "mkl", List.of(), false, F32_PRODUCT),
                new Contender("oneDNN", "onednn", List.of(), true, F32_PRODUCT.or(BF16_LINEAR)),
                new Contender("Jlama, native", "jlama-native", List.of(), false, BF16_LINEAR),
                new Contender("Jlama, Vector API", "jlama-panama", List.of(), false, BF16_LINEAR));
    }

    private static boolean isF32Prefill(Problem problem) {
        return problem instanceof PrefillProblem prefill && prefill.dtype() == DType.F32;
    }

    /// Block-scaled weights have no operation there.
    private static boolean inTorch(Problem problem) {
        return switch (problem) {
            case GemmProblem _, DecodeProblem _, PrefillProblem _, MuonProblem _ -> true;
            case MoeProblem moe -> moe.dtype() == DType.BF16;
        };
    }

    /// {@return the environment of its process}
    ///
    /// OpenMP's threads stay where they are, for a kernel may else wake them all on one processor.
    /// MKL shares libgomp with libtorch where both are, for two pools of threads that spin on the
    /// same processors get nowhere.
    Map<String, String> environment(int threads) {
        String count = Integer.toString(threads);
        Map<String, String> environment = new HashMap<>(KEEP_MEMORY);
        environment.put("OMP_NUM_THREADS", count);
        environment.put("MKL_NUM_THREADS", count);
        environment.put("OPENBLAS_NUM_THREADS", count);
        environment.put("OMP_PROC_BIND", "true");
        environment.put("OMP_PLACES", "cores");
        environment.put("MKL_DYNAMIC", "FALSE");
        if (jvmFlags.equals(ON_MKL)) {
            environment.put("MKL_THREADING_LAYER", "GNU");
        }
        return environment;
    }
}
