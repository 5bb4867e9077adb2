package dev.halcyon.tck.verify;

import dev.halcyon.checkpoint.CheckpointException;
import dev.halcyon.checkpoint.SafetensorsFile;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.error.UnsupportedKernelException;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.tck.fixture.Fixture;
import dev.halcyon.tck.fixture.FixtureKind;
import dev.halcyon.tck.fixture.FixtureSet;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/// Runs reference cases on a device.
///
/// A case runs with its operands in F32 and in BF16 (formats: exactly as given), each once with
/// plans of the very row count and once bounded: with a larger bound, dead rows that are NaN, and
/// `activeRows`. Its line is that of the worst run. Errors are relative to the largest magnitude of
/// a tensor; what is let through is 2e-5 in F32, 3e-2 in BF16, and nothing for formats.
public final class FixtureVerifier {
    private static final double F32_TOLERANCE = 2e-5;
    private static final double BF16_TOLERANCE = 3e-2;

    private final Device device;
    private final Consumer<FixtureResult> progress;
    private final List<FixtureResult> results = new ArrayList<>();

    private FixtureVerifier(Device device, Consumer<FixtureResult> progress) {
        this.device = device;
        this.progress = progress;
    }

    /// One way to run a case.
    private record Run(DType storage, double tolerance, boolean bounded) {
        double roundoff() {
            return storage == DType.BF16 ? 0x1p-8 : 0x1p-24;
        }

        String label() {
            String stored = tolerance == 0 ? "exact" : storage.toString();
            return bounded ? stored + " bounded" : stored;
        }
    }

    /// Runs cases.
    ///
    /// @return one line a case, and one for the gradients of each case that has expected ones
    public static VerificationReport verify(Device device, Iterable<Fixture> fixtures) {
        FixtureVerifier verifier = new FixtureVerifier(device, result -> {});
        fixtures.forEach(verifier::verify);
        return new VerificationReport(verifier.results);
    }

    /// Runs the cases of a folder; what in it looks like a case and cannot be read as one is a FAIL
    /// line, and what is of a kind that this kit does not know a DECLINED one.
    ///
    /// @param progress told every line as soon as it is known
    public static VerificationReport verify(
            Device device, FixtureSet set, Consumer<FixtureResult> progress) {
        FixtureVerifier verifier = new FixtureVerifier(device, progress);
        set.fixtures().forEach(verifier::verify);
        set.rejected().forEach(verifier::report);
        return new VerificationReport(verifier.results);
    }

    private void add(FixtureResult result) {
        results.add(result);
        progress.accept(result);
    }

    private void verify(Fixture fixture) {
        add(result(fixture));
        if (fixture.hasGradients()) {
            add(
                    FixtureResult.declined(
                            fixture.name() + "#grad", "there are no backward specs yet"));
        }
    }

    private FixtureResult result(Fixture fixture) {
        FixtureCheck check =
                switch (fixture.kind()) {
                    case GATE, GATE_HASH -> ExpertCheck::gate;
                    case MOE, MOE_V4 -> ExpertCheck::layer;
                    case RMS_NORM -> NormAndRopeCheck::rmsNorm;
                    case ROPE -> NormAndRopeCheck::rope;
                    case ROPE_V4 -> NormAndRopeCheck::ropeOfLastValues;
                    case MLA -> AttentionCheck::mla;
                    case QK_CLIP -> AttentionCheck::qkClip;
                    case DECODER_LAYER -> ModelCheck::decoderLayer;
                    case TINY_MODEL -> ModelCheck::generation;
                    case NEWTON_SCHULZ -> OptimizerCheck::newtonSchulz;
                    case MUON -> OptimizerCheck::muon;
                    case ADAMW -> OptimizerCheck::adamW;
                    case CODE_TABLES -> FormatCheck::codeTables;
                    case E4M3_ROUND -> FormatCheck::e4m3Round;
                    case BF16_ROUND -> FormatCheck::bf16Round;
                    case FP8_BLOCK_DEQUANT -> FormatCheck::blockDequant;
                    case FP8_ACT_QUANT -> FormatCheck::activationQuant;
                    case INT4_GROUP -> FormatCheck::int4;
                    case FP4_BLOCK -> FormatCheck::fp4;
                    case DSA ->
                            declined("there are no LightningIndexer and SparseAttention specs yet");
                    case V4_ATTENTION ->
                            declined("there are no KvCompressor and SparseAttention specs yet");
                    case V4_HYPER_CONNECTION -> declined("there is no HyperConnections spec yet");
                    case V4_TINY_MODEL ->
                            declined(
                                    "there are no KvCompressor, SparseAttention and"
                                            + " HyperConnections specs yet");
                };
        return runs(fixture.kind()).stream()
                .map(run -> result(fixture, check, run))
                .reduce(FixtureVerifier::worse)
                .orElseThrow();
    }

    private static FixtureCheck declined(String reason) {
        return (fixture, bench, found) -> {
            throw new DeclinedCaseException(reason);
        };
    }

    private static List<Run> runs(FixtureKind kind) {
        return switch (kind) {
            case CODE_TABLES,
                    E4M3_ROUND,
                    BF16_ROUND,
                    FP8_BLOCK_DEQUANT,
                    FP8_ACT_QUANT,
                    INT4_GROUP,
                    FP4_BLOCK ->
                    List.of(new Run(DType.F32, 0, false), new Run(DType.F32, 0, true));
            default ->
                    List.of(
                            new Run(DType.F32, F32_TOLERANCE, false),
                            new Run(DType.F32, F32_TOLERANCE, true),
                            new Run(DType.BF16, BF16_TOLERANCE, false),
                            new Run(DType.BF16, BF16_TOLERANCE, true));
        };
    }

    /// Whatever a case provokes is that case's result: a broken file, a device that fails, a defect
    /// of a kernel.
    private FixtureResult result(Fixture fixture, FixtureCheck check, Run run) {
        Comparison found = new Comparison(run.tolerance(), run.roundoff());
        try (Workbench bench = new Workbench(device, run.storage(), run.bounded())) {
            check.run(fixture, bench, found);
            return found.result(fixture.name(), run.label());
        } catch (DeclinedCaseException declined) {
            return FixtureResult.declined(fixture.name(), declined.reason());
        } catch (UnsupportedKernelException declined) {
            return FixtureResult.declined(fixture.name(), run.label() + ": " + oneLine(declined));
        } catch (CheckpointException | IllegalArgumentException broken) {
            return FixtureResult.failed(fixture.name(), run.label() + ": " + oneLine(broken));
        } catch (RuntimeException | StackOverflowError | OutOfMemoryError | InternalError failed) {
            return FixtureResult.failed(
                    fixture.name(),
                    run.label()
                            + ": "
                            + failed.getClass().getSimpleName()
                            + ": "
                            + oneLine(failed));
        }
    }

    private static String oneLine(Throwable failure) {
        return String.valueOf(failure.getMessage())
                .lines()
                .reduce((a, b) -> a + "; " + b)
                .orElse("");
    }

    private static FixtureResult worse(FixtureResult a, FixtureResult b) {
        int order = a.verdict().compareTo(b.verdict());
        if (order != 0) {
            return order > 0 ? a : b;
        }
        return severity(b) > severity(a) ? b : a;
    }

    private static double severity(FixtureResult result) {
        if (Double.isNaN(result.error())) {
            return Double.POSITIVE_INFINITY;
        }
        return result.error() == 0 ? 0 : result.error() / result.tolerance();
    }

    private void report(FixtureSet.Rejected rejected) {
        Path file =
                Files.isDirectory(rejected.path())
                        ? rejected.path().resolve(FixtureSet.EXPECTED_FILE_NAME)
                        : rejected.path();
        String name = rejected.path().toAbsolutePath().normalize().getFileName().toString();
        if (name.endsWith(".safetensors")) {
            name = name.substring(0, name.length() - ".safetensors".length());
        }
        String kind = unknownKind(file);
        add(
                kind.isEmpty()
                        ? FixtureResult.failed(name, rejected.reason())
                        : FixtureResult.declined(
                                name, "cases of the kind '" + kind + "' are unknown to this kit"));
    }

    /// The kind that a readable file names and that nobody here knows; empty if that is not what is
    /// wrong with it.
    private static String unknownKind(Path file) {
        try (SafetensorsFile opened = SafetensorsFile.open(file)) {
            String kind = opened.metadata().get(Fixture.KIND_KEY);
            return kind == null || FixtureKind.of(kind).isPresent() ? "" : kind;
        } catch (CheckpointException unreadable) {
            return "";
        }
    }
}
