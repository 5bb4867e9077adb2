package dev.halcyon.backend.ascend.acl;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/// Bindings to the objects that operators take: tensors, scalars, arrays, lists and executors.
///
/// What `create…` returns is CANN's, never dereferenced here, and the null pointer if CANN refused.
/// Objects must live until both phases of an operator have returned; afterwards they may go even if
/// the operator has not run. A tensor list owns its tensors.
public final class OperatorObjects {
    private static final MethodHandle CREATE_TENSOR = handle(BaseFunction.CREATE_TENSOR);
    private static final MethodHandle CREATE_SCALAR = handle(BaseFunction.CREATE_SCALAR);
    private static final MethodHandle CREATE_ARRAY = handle(BaseFunction.CREATE_INT_ARRAY);
    private static final MethodHandle DESTROY = handle(BaseFunction.DESTROY_TENSOR);

    private final Symbols symbols;

    /// Binds the functions of this library, each when it is first called.
    public OperatorObjects(Symbols symbols) {
        this.symbols = symbols;
    }

    private static MethodHandle handle(BaseFunction function) {
        return Signature.handle(function.letters());
    }

    private MemorySegment at(BaseFunction function) {
        return symbols.address(function.symbol(), Since.CANN_8_1);
    }

    private static RuntimeException failed(Throwable failure) {
        if (failure instanceof AbsentFunctionException absent) {
            return absent;
        }
        throw new AssertionError(failure);
    }

    /// {@return a tensor}
    ///
    /// @param dims view extents, 64-bit each
    /// @param rank number of extents
    /// @param strides view strides in elements
    /// @param offset of the first element from `address`, in elements
    /// @param storage extent of the storage in elements, one 64-bit number
    /// @param address where the storage begins, a multiple of 32
    public MemorySegment createTensor(
            MemorySegment dims,
            long rank,
            AclDataType type,
            MemorySegment strides,
            long offset,
            AclFormat format,
            MemorySegment storage,
            long storageRank,
            long address) {
        try {
            return (MemorySegment)
                    CREATE_TENSOR.invokeExact(
                            at(BaseFunction.CREATE_TENSOR),
                            dims,
                            rank,
                            type.value(),
                            strides,
                            offset,
                            format.value(),
                            storage,
                            storageRank,
                            MemorySegment.ofAddress(address));
        } catch (Throwable failure) {
            throw failed(failure);
        }
    }

    /// {@return a scalar, of a copy of the value}
    public MemorySegment createScalar(MemorySegment value, AclDataType type) {
        try {
            return (MemorySegment)
                    CREATE_SCALAR.invokeExact(at(BaseFunction.CREATE_SCALAR), value, type.value());
        } catch (Throwable failure) {
            throw failed(failure);
        }
    }

    /// {@return an array, of a copy of the values}
    public MemorySegment createIntArray(MemorySegment values, long count) {
        return createArray(BaseFunction.CREATE_INT_ARRAY, values, count);
    }

    /// {@return a list, which owns the tensors from now on}
    public MemorySegment createTensorList(MemorySegment tensors, long count) {
        return createArray(BaseFunction.CREATE_TENSOR_LIST, tensors, count);
    }

    private MemorySegment createArray(BaseFunction create, MemorySegment values, long count) {
        try {
            return (MemorySegment) CREATE_ARRAY.invokeExact(at(create), values, count);
        } catch (Throwable failure) {
            throw failed(failure);
        }
    }

    /// Destroys a tensor that is in no list.
    public int destroyTensor(MemorySegment tensor) {
        return destroy(BaseFunction.DESTROY_TENSOR, tensor);
    }

    /// Destroys a scalar.
    public int destroyScalar(MemorySegment scalar) {
        return destroy(BaseFunction.DESTROY_SCALAR, scalar);
    }

    /// Destroys an array.
    public int destroyIntArray(MemorySegment array) {
        return destroy(BaseFunction.DESTROY_INT_ARRAY, array);
    }

    /// Destroys a list and its tensors.
    public int destroyTensorList(MemorySegment list) {
        return destroy(BaseFunction.DESTROY_TENSOR_LIST, list);
    }

    /// Destroys an executor that was never run; running one consumes it.
    public int destroyExecutor(MemorySegment executor) {
        return destroy(BaseFunction.DESTROY_EXECUTOR, executor);
    }

    private int destroy(BaseFunction function, MemorySegment object) {
        try {
            return (int) DESTROY.invokeExact(at(function), object);
        } catch (Throwable failure) {
            throw failed(failure);
        }
    }
}
