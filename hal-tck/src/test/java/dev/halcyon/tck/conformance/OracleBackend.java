package dev.halcyon.tck.conformance;

import dev.halcyon.hal.Availability;
import dev.halcyon.hal.BackendProvider;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceDescription;
import dev.halcyon.hal.DeviceOptions;
import dev.halcyon.hal.host.HostDevice;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.attention.AttentionMerge;
import dev.halcyon.hal.kernel.attention.CacheAppend;
import dev.halcyon.hal.kernel.attention.CacheGather;
import dev.halcyon.hal.kernel.attention.MlaDecode;
import dev.halcyon.hal.kernel.attention.MlaPrefill;
import dev.halcyon.hal.kernel.attention.MlaSchedule;
import dev.halcyon.hal.kernel.attention.QkClip;
import dev.halcyon.hal.kernel.attention.Rope;
import dev.halcyon.hal.kernel.elementwise.Axpby;
import dev.halcyon.hal.kernel.elementwise.Cast;
import dev.halcyon.hal.kernel.elementwise.Copy;
import dev.halcyon.hal.kernel.elementwise.CrossEntropy;
import dev.halcyon.hal.kernel.elementwise.Embedding;
import dev.halcyon.hal.kernel.elementwise.Fill;
import dev.halcyon.hal.kernel.elementwise.Reduce;
import dev.halcyon.hal.kernel.elementwise.SwiGlu;
import dev.halcyon.hal.kernel.linear.Dequantize;
import dev.halcyon.hal.kernel.linear.Gemm;
import dev.halcyon.hal.kernel.linear.GroupedGemm;
import dev.halcyon.hal.kernel.linear.PackWeight;
import dev.halcyon.hal.kernel.linear.Quantize;
import dev.halcyon.hal.kernel.moe.BalanceLoss;
import dev.halcyon.hal.kernel.moe.ExpertLoad;
import dev.halcyon.hal.kernel.moe.MoeCombine;
import dev.halcyon.hal.kernel.moe.MoeDispatch;
import dev.halcyon.hal.kernel.moe.MoeGate;
import dev.halcyon.hal.kernel.moe.RouterBiasUpdate;
import dev.halcyon.hal.kernel.norm.LayerNorm;
import dev.halcyon.hal.kernel.norm.RmsNorm;
import dev.halcyon.hal.kernel.optimizer.AdamWStep;
import dev.halcyon.hal.kernel.optimizer.MuonUpdate;
import dev.halcyon.hal.kernel.optimizer.NewtonSchulz;
import dev.halcyon.hal.kernel.token.Sample;
import dev.halcyon.hal.spi.Kernel;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// A backend whose kernels are the oracle, rounded to the operands' types; coarse specs run by
/// their lowerings.
///
/// A test exchanges single kernels for broken ones to see whether the kit notices.
public final class OracleBackend implements BackendProvider {
    private final Map<Class<?>, Kernel<?, ?, HostWork>> kernels = new LinkedHashMap<>();

    /// Makes a backend with a kernel for every fine spec.
    public OracleBackend() {
        List.of(
                        kernel(Axpby.class),
                        kernel(Cast.class),
                        kernel(Copy.class),
                        kernel(Fill.class),
                        kernel(SwiGlu.class),
                        kernel(Embedding.class),
                        kernel(Reduce.class),
                        kernel(CrossEntropy.class),
                        kernel(RmsNorm.class),
                        kernel(LayerNorm.class),
                        kernel(Rope.class),
                        kernel(Gemm.class),
                        kernel(GroupedGemm.class),
                        kernel(Quantize.class),
                        kernel(Dequantize.class),
                        kernel(PackWeight.class),
                        kernel(MlaPrefill.class),
                        kernel(MlaDecode.class),
                        kernel(MlaSchedule.class),
                        kernel(AttentionMerge.class),
                        kernel(CacheAppend.class),
                        kernel(CacheGather.class),
                        kernel(QkClip.class),
                        kernel(MoeGate.class),
                        kernel(MoeDispatch.class),
                        kernel(MoeCombine.class),
                        kernel(RouterBiasUpdate.class),
                        kernel(ExpertLoad.class),
                        kernel(BalanceLoss.class),
                        kernel(NewtonSchulz.class),
                        kernel(MuonUpdate.class),
                        kernel(AdamWStep.class),
                        kernel(Sample.class))
                .forEach(this::with);
    }

    private static <S extends KernelSpec<A>, A extends KernelArgs> Kernel<S, A, HostWork> kernel(
            Class<S> type) {
        return new OracleKernel<>(type);
    }

    /// Adds a kernel in the place of the one of its spec.
    public OracleBackend with(Kernel<?, ?, HostWork> kernel) {
        kernels.put(kernel.specType(), kernel);
        return this;
    }

    /// Takes a kernel away.
    public OracleBackend without(Class<?> spec) {
        kernels.remove(spec);
        return this;
    }

    @Override
    public String name() {
        return "oracle";
    }

    @Override
    public int apiVersion() {
        return API_VERSION;
    }

    @Override
    public Availability probe() {
        return new Availability.Available(List.of(description()), List.of());
    }

    private static DeviceDescription description() {
        return new DeviceDescription("oracle", 0, "fp64 oracle", false, Map.of());
    }

    @Override
    public Device open(int ordinal, DeviceOptions options) {
        HostDevice.Builder builder = HostDevice.builder(description(), options);
        kernels.values().forEach(builder::kernel);
        return builder.build();
    }
}
