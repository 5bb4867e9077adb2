package dev.halcyon.backend.cuda.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.halcyon.backend.cuda.StubLibrary;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;

/// The parts of kernels that need no threads, exhaustively over small shapes, by
/// `native/cuda-stub/host/checks.cpp`: numbers of tiles, orders of candidates, ragged sequences,
/// codes of 8 and 4 bits.
class HeaderLogicTest {
    @BeforeAll
    static void needsKernels() {
        StubLibrary.withKernelsOrSkip();
    }

    @ParameterizedTest
    @ValueSource(strings = {"triangle", "ranking", "ragged", "codes"})
    void holdsEverywhere(String what) throws Throwable {
        try (Arena arena = Arena.ofConfined()) {
            SymbolLookup library = SymbolLookup.libraryLookup(StubLibrary.kernels(), arena);
            int failures =
                    (int)
                            Linker.nativeLinker()
                                    .downcallHandle(
                                            library.find("halcyon_check_" + what).orElseThrow(),
                                            FunctionDescriptor.of(ValueLayout.JAVA_INT))
                                    .invokeExact();
            assertEquals(0, failures, what);
        }
    }
}
