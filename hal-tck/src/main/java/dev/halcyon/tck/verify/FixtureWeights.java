package dev.halcyon.tck.verify;

import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.tck.fixture.Fixture;

import java.util.List;
import java.util.function.UnaryOperator;

/// The weights of a case, in the run's element type.
///
/// @param fixture the case
/// @param bench the run
/// @param rename from the name that is asked for to the tensor's
record FixtureWeights(Fixture fixture, Workbench bench, UnaryOperator<String> rename)
        implements WeightSource {
    @Override
    public Tensor matrix(String name) {
        String tensor = rename.apply(name);
        return bench.weight(
                fixture.doubles(tensor), fixture.dim(tensor, 0), fixture.dim(tensor, 1));
    }

    @Override
    public Tensor plain(String name) {
        return matrix(name);
    }

    @Override
    public Tensor vector(String name) {
        double[] values = fixture.doubles(rename.apply(name));
        return bench.weight(values, values.length);
    }

    @Override
    public Tensor f32(String name) {
        double[] values = fixture.doubles(rename.apply(name));
        return bench.tensor(DType.F32, values, values.length);
    }

    @Override
    public Tensor all(List<String> names) {
        String first = rename.apply(names.getFirst());
        Tensor stack =
                bench.arena()
                        .tensor(
                                bench.storage(),
                                names.size(),
                                fixture.dim(first, 0),
                                fixture.dim(first, 1));
        for (int i = 0; i < names.size(); i++) {
            bench.write(stack.get(i), fixture.doubles(rename.apply(names.get(i))));
        }
        return stack;
    }

    @Override
    public boolean has(String name) {
        return fixture.has(rename.apply(name));
    }
}
