package dev.halcyon.engine.weights;

import static org.assertj.core.api.Assertions.assertThat;

import dev.halcyon.checkpoint.CheckpointFolder;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.Halcyon;
import dev.halcyon.hal.Selector;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.kernel.linear.PackWeight;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.PackedTensor;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.TensorList;
import dev.halcyon.tck.fixture.FixtureSet;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;

class WeightPackerTest {
    private Device device;
    private DeviceArena arena;
    private Stream stream;

    @BeforeEach
    void open() {
        device = Halcyon.open(Selector.of("cpu"));
        arena = device.arena("weights");
        stream = device.stream("weights");
    }

    @AfterEach
    void close() {
        stream.close();
        arena.close();
        device.close();
    }

    private ModelWeights load(String fixture, boolean pack) {
        try (CheckpointFolder folder =
                CheckpointFolder.open(FixtureSet.bundled().named(fixture).checkpoint())) {
            return WeightLoader.load(folder, device, arena, DType.F32, pack);
        }
    }

    @Test
    void everyLinearWeightIsInThePreferredLayoutAndUnpacksToTheSameBytes() {
        List<Weight> stored = linear(load("e04_tiny_v3", false));
        List<Weight> packed = linear(load("e04_tiny_v3", true));
        assertThat(packed).hasSameSizeAs(stored);
        for (int i = 0; i < packed.size(); i++) {
            Weight before = stored.get(i);
            Weight after = packed.get(i);
            assertThat(after.format())
                    .isEqualTo(device.preferred(before.operand().shape(), before.format()));
            assertThat(after.operand()).isInstanceOf(PackedTensor.class);
            assertThat(unpacked(after)).isEqualTo(elements(before.operand()));
        }
    }

    @Test
    void whatTheDevicePrefersAsStoredStaysWhereItIs() {
        ModelWeights weights = load("e05_tiny_fp8", true);
        List<Weight> scaled =
                linear(weights).stream().filter(w -> w.format().scheme().isPresent()).toList();
        assertThat(scaled).isNotEmpty();
        assertThat(scaled).noneMatch(weight -> weight.operand() instanceof PackedTensor);
    }

    private static List<Weight> linear(ModelWeights weights) {
        List<Weight> all = new ArrayList<>();
        all.add(weights.head());
        for (LayerWeights layer : weights.layers()) {
            AttentionWeights attention = layer.attention();
            addIfThere(all, attention.query());
            addIfThere(all, attention.queryLatent());
            addIfThere(all, attention.queryFromLatent());
            all.add(attention.latentAndRopeKey());
            all.add(attention.keyAndValue());
            all.add(attention.output());
            addAll(all, layer.dense());
            if (layer.experts() != null) {
                addAll(all, layer.experts().routed());
                addAll(all, layer.experts().shared());
            }
        }
        return all;
    }

    private static void addIfThere(List<Weight> all, Weight weight) {
        if (weight != null) {
            all.add(weight);
        }
    }

    private static void addAll(List<Weight> all, MlpWeights mlp) {
        if (mlp != null) {
            all.addAll(List.of(mlp.gate(), mlp.up(), mlp.down()));
        }
    }

    private List<Float> unpacked(Weight packed) {
        Shape shape = packed.operand().shape();
        Tensor plain = arena.tensor(packed.format().dtype(), shape);
        stream.run(
                new PackWeight(
                        shape.rank() == 3 ? Math.toIntExact(shape.dim(0)) : 0,
                        packed.rows(),
                        packed.columns(),
                        packed.format(),
                        plain.format()),
                PackWeight.Args.of(packed.operand(), plain));
        return elements(plain);
    }

    private List<Float> elements(Operand weight) {
        List<Float> elements = new ArrayList<>();
        if (weight instanceof TensorList list) {
            list.elements().forEach(element -> elements.addAll(elements(element)));
        } else {
            for (float element : stream.readFloats((Tensor) weight)) {
                elements.add(element);
            }
        }
        return elements;
    }
}
