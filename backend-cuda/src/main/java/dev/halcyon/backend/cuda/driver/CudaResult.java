package dev.halcyon.backend.cuda.driver;

import java.util.Arrays;

/// The return codes of the driver that mean something to this backend; all others are [#OTHER].
public enum CudaResult {
    /// An argument was wrong: a defect of the backend.
    INVALID_VALUE(1, "CUDA_ERROR_INVALID_VALUE"),
    /// No piece of memory of the wanted size.
    OUT_OF_MEMORY(2, "CUDA_ERROR_OUT_OF_MEMORY"),
    /// The process is ending.
    DEINITIALIZED(4, "CUDA_ERROR_DEINITIALIZED"),
    /// The library is the toolkit's stub.
    STUB_LIBRARY(34, "CUDA_ERROR_STUB_LIBRARY"),
    /// Another process has the device for itself.
    DEVICE_UNAVAILABLE(46, "CUDA_ERROR_DEVICE_UNAVAILABLE"),
    /// There is no device.
    NO_DEVICE(100, "CUDA_ERROR_NO_DEVICE"),
    /// No device of that number.
    INVALID_DEVICE(101, "CUDA_ERROR_INVALID_DEVICE"),
    /// The kernel image is damaged or of a later toolkit.
    INVALID_IMAGE(200, "CUDA_ERROR_INVALID_IMAGE"),
    /// No context is current on this thread.
    INVALID_CONTEXT(201, "CUDA_ERROR_INVALID_CONTEXT"),
    /// The image has no code for this device.
    NO_BINARY_FOR_GPU(209, "CUDA_ERROR_NO_BINARY_FOR_GPU"),
    /// The driver's compiler refuses the PTX.
    INVALID_PTX(218, "CUDA_ERROR_INVALID_PTX"),
    /// The driver came without its compiler, libnvidia-ptxjitcompiler.so.1.
    JIT_COMPILER_NOT_FOUND(221, "CUDA_ERROR_JIT_COMPILER_NOT_FOUND"),
    /// The driver does not know the PTX version.
    UNSUPPORTED_PTX_VERSION(222, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION"),
    /// Compiling was switched off with CUDA_DISABLE_PTX_JIT.
    JIT_COMPILATION_DISABLED(223, "CUDA_ERROR_JIT_COMPILATION_DISABLED"),
    /// No such function.
    NOT_FOUND(500, "CUDA_ERROR_NOT_FOUND"),
    /// The work has not finished yet; not a failure.
    NOT_READY(600, "CUDA_ERROR_NOT_READY"),
    /// A kernel touched memory that is not there; the context is lost.
    ILLEGAL_ADDRESS(700, "CUDA_ERROR_ILLEGAL_ADDRESS"),
    /// A launch needs more registers or shared memory than there is.
    LAUNCH_OUT_OF_RESOURCES(701, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES"),
    /// A kernel ran into the watchdog; the context is lost.
    LAUNCH_TIMEOUT(702, "CUDA_ERROR_LAUNCH_TIMEOUT"),
    /// Somebody else in this process destroyed the context.
    CONTEXT_IS_DESTROYED(709, "CUDA_ERROR_CONTEXT_IS_DESTROYED"),
    /// A kernel's assertion failed; the context is lost.
    ASSERT(710, "CUDA_ERROR_ASSERT"),
    /// Memory with an error that cannot be corrected; the context is lost.
    ECC_UNCORRECTABLE(214, "CUDA_ERROR_ECC_UNCORRECTABLE"),
    /// A kernel's stack is damaged; the context is lost.
    HARDWARE_STACK_ERROR(714, "CUDA_ERROR_HARDWARE_STACK_ERROR"),
    /// A kernel met an instruction that the device does not have; the context is lost.
    ILLEGAL_INSTRUCTION(715, "CUDA_ERROR_ILLEGAL_INSTRUCTION"),
    /// A kernel touched a misaligned address; the context is lost.
    MISALIGNED_ADDRESS(716, "CUDA_ERROR_MISALIGNED_ADDRESS"),
    /// A kernel used an address of the wrong memory space; the context is lost.
    INVALID_ADDRESS_SPACE(717, "CUDA_ERROR_INVALID_ADDRESS_SPACE"),
    /// A kernel's program counter went astray; the context is lost.
    INVALID_PC(718, "CUDA_ERROR_INVALID_PC"),
    /// A kernel failed for no known reason; the context is lost.
    LAUNCH_FAILED(719, "CUDA_ERROR_LAUNCH_FAILED"),
    /// The machine's NVLink fabric has not been set up.
    SYSTEM_NOT_READY(802, "CUDA_ERROR_SYSTEM_NOT_READY"),
    /// Driver library and kernel module are of different versions.
    SYSTEM_DRIVER_MISMATCH(803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"),
    /// The library is one for forward compatibility, which this device does not have.
    COMPAT_NOT_SUPPORTED_ON_DEVICE(804, "CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE"),
    /// A call that a capture does not allow.
    STREAM_CAPTURE_UNSUPPORTED(900, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"),
    /// The capture failed earlier.
    STREAM_CAPTURE_INVALIDATED(901, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED"),
    /// A branch of the capture was not brought back.
    STREAM_CAPTURE_UNJOINED(904, "CUDA_ERROR_STREAM_CAPTURE_UNJOINED"),
    /// An executable graph cannot take another graph's parameters; not a failure.
    GRAPH_EXEC_UPDATE_FAILURE(910, "CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE"),
    /// The driver does not know what went wrong either.
    UNKNOWN(999, "CUDA_ERROR_UNKNOWN"),
    /// Any other code.
    OTHER(-1, "");

    private final int code;
    private final String symbol;

    CudaResult(int code, String symbol) {
        this.code = code;
        this.symbol = symbol;
    }

    /// {@return the constant of a code}
    public static CudaResult of(int code) {
        return Arrays.stream(values()).filter(each -> each.code == code).findFirst().orElse(OTHER);
    }

    /// {@return code and symbolic name, as far as it is known: `700 CUDA_ERROR_ILLEGAL_ADDRESS`}
    public static String describe(int code) {
        return (code + " " + of(code).symbol).strip();
    }

    /// {@return the value of the `CUresult`}
    public int code() {
        return code;
    }

    /// {@return whether the context, and with it the device, is lost to this process for good}
    public boolean losesDevice() {
        return switch (this) {
            case ILLEGAL_ADDRESS,
                    LAUNCH_TIMEOUT,
                    CONTEXT_IS_DESTROYED,
                    ASSERT,
                    ECC_UNCORRECTABLE,
                    HARDWARE_STACK_ERROR,
                    ILLEGAL_INSTRUCTION,
                    MISALIGNED_ADDRESS,
                    INVALID_ADDRESS_SPACE,
                    INVALID_PC,
                    LAUNCH_FAILED ->
                    true;
            default -> false;
        };
    }

    /// {@return whether another image of the same kernels may load where this one did not}
    public boolean asksForAnotherImage() {
        return this == INVALID_IMAGE
                || this == NO_BINARY_FOR_GPU
                || this == INVALID_PTX
                || this == JIT_COMPILER_NOT_FOUND
                || this == JIT_COMPILATION_DISABLED
                || this == UNSUPPORTED_PTX_VERSION;
    }
}
