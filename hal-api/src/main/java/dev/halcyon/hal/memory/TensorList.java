package dev.halcyon.hal.memory;

import java.util.List;

/// One logical operand whose slices along a new leading dimension lie at many addresses, such as a
/// layer's experts in mapped files.
///
/// Every element has the same shape and format; the operand's shape is `[elements.size(), …]`.
/// Where a spec takes "a tensor or a list" of unequal tensors, such as the parameters of an
/// optimizer, it says so itself.
///
/// @param elements the slices in order, each a [Tensor], [QuantizedTensor] or [PackedTensor]
public record TensorList(List<? extends Operand> elements) implements Operand {
    public TensorList {
        elements = List.copyOf(elements);
        if (elements.isEmpty()) {
            throw new IllegalArgumentException("a tensor list has at least one element");
        }
        Operand first = elements.getFirst();
        for (int i = 0; i < elements.size(); i++) {
            Operand element = elements.get(i);
            if (element instanceof TensorList) {
                throw new IllegalArgumentException(
                        "element " + i + " of a tensor list is itself a list");
            }
            if (!element.shape().equals(first.shape())
                    || !element.format().equals(first.format())) {
                throw new IllegalArgumentException(
                        "element "
                                + i
                                + " of a tensor list is "
                                + element.format()
                                + " "
                                + element.shape()
                                + ", element 0 is "
                                + first.format()
                                + " "
                                + first.shape());
            }
        }
    }

    @Override
    public Shape shape() {
        long[] inner = elements.getFirst().shape().toArray();
        long[] dims = new long[inner.length + 1];
        dims[0] = elements.size();
        System.arraycopy(inner, 0, dims, 1, inner.length);
        return Shape.of(dims);
    }

    @Override
    public WeightFormat format() {
        return elements.getFirst().format().listed();
    }
}
