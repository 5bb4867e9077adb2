package dev.halcyon.checkpoint;

/// What a safetensors header says about one tensor; already checked against the file.
///
/// @param name the tensor's name
/// @param type the element type
/// @param shape the dimensions, row-major
/// @param byteOffset where its first byte stands, counted from the start of the file
/// @param byteLength its length, equal to what type and shape need
public record TensorEntry(
        String name, ElementType type, TensorShape shape, long byteOffset, long byteLength) {
    /// Whether its first byte stands at a multiple of the element size, as every writer in common
    /// use arranges it.
    public boolean aligned() {
        return byteOffset % type.alignmentBytes() == 0;
    }

    @Override
    public String toString() {
        return Quoted.text(name) + " " + type + shape;
    }
}
