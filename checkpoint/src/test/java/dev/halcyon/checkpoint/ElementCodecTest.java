package dev.halcyon.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;

class ElementCodecTest {
    @ParameterizedTest
    @EnumSource(SmallFloat.class)
    void everyPatternSurvivesDecodingAndEncoding(SmallFloat format) {
        int patterns = format == SmallFloat.HALF || format == SmallFloat.BFLOAT ? 1 << 16 : 1 << 8;
        for (int bits = 0; bits < patterns; bits++) {
            double value = format.decode(bits);
            if (Double.isNaN(value)) {
                assertThat(format.decode(format.encode(value))).isNaN();
            } else {
                assertThat(format.encode(value))
                        .as("pattern %x, value %s", bits, value)
                        .isEqualTo(bits);
            }
        }
    }

    @Test
    void halfAgreesWithTheJdk() {
        SplittableRandom random = new SplittableRandom(1);
        for (int i = 0; i < 200_000; i++) {
            float value = Float.intBitsToFloat(random.nextInt());
            short expected = Float.floatToFloat16(value);
            if (Float.isNaN(value)
                    || (Float.float16ToFloat(expected) != value && Math.abs(value) >= 65520)) {
                continue;
            }
            assertThat((short) SmallFloat.HALF.encode(value)).as("%s", value).isEqualTo(expected);
        }
    }

    /// The nearest representable neighbour, and of two equally near ones that with the even
    /// pattern.
    @ParameterizedTest
    @EnumSource(SmallFloat.class)
    void roundsToNearestEven(SmallFloat format) {
        int positive = format == SmallFloat.HALF || format == SmallFloat.BFLOAT ? 1 << 15 : 1 << 7;
        for (int bits = 0; bits + 1 < positive; bits++) {
            double low = format.decode(bits);
            double high = format.decode(bits + 1);
            if (Double.isNaN(high) || Double.isInfinite(high) || Double.isNaN(low)) {
                break;
            }
            double middle = low / 2 + high / 2;
            assertThat(format.encode(middle)).isEqualTo(bits + (bits & 1));
            assertThat(format.encode(Math.nextDown(middle))).isEqualTo(bits);
            assertThat(format.encode(Math.nextUp(middle))).isEqualTo(bits + 1);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "F8_E4M3, 0x00, 0",
        "F8_E4M3, 0x01, 0.001953125",
        "F8_E4M3, 0x08, 0.015625",
        "F8_E4M3, 0x7e, 448",
        "F8_E4M3, 0xfe, -448",
        "F8_E4M3, 0x7f, NaN",
        "F8_E4M3, 0x38, 1",
        "F8_E4M3, 0x3c, 1.5",
        "F8_E5M2, 0x7b, 57344",
        "F8_E5M2, 0x7c, Infinity",
        "F8_E5M2, 0xfc, -Infinity",
        "F8_E5M2, 0x7d, NaN",
        "F8_E5M2, 0x01, 0.0000152587890625",
        "F8_E5M2, 0x3c, 1",
        "F8_E8M0, 0x7f, 1",
        "F8_E8M0, 0x80, 2",
        "F8_E8M0, 0xff, NaN",
        "I8, 0xff, -1",
        "U8, 0xff, 255",
        "BOOL, 0x01, 1",
        "BOOL, 0x00, 0",
        "BOOL, 0x02, 1"
    })
    void knownBytes(ElementType type, String bits, double value) {
        MemorySegment data = MemorySegment.ofArray(new byte[] {(byte) (int) Integer.decode(bits)});
        assertThat(ElementCodec.decode(type, data, 0)).isEqualTo(Double.valueOf(value));
    }

    @ParameterizedTest
    @CsvSource({
        "F64, -0x1.23456789abcdep-1000",
        "F32, 0x1.000002p10",
        "F16, 65504",
        "BF16, 0x1.02p-126",
        "F8_E4M3, -3.5",
        "F8_E5M2, 0.375",
        "F8_E8M0, 0x1p-127",
        "F8_E8M0, 0x1p127",
        "F8_E8M0, NaN",
        "I64, -0x1p63",
        "I64, 0x1p62",
        "U64, 0x1p63",
        "U64, 12",
        "U64, 0x1.fffffffffffffp63",
        "I32, -2147483648",
        "U32, 4294967295",
        "I16, -32768",
        "U16, 65535",
        "I8, -128",
        "U8, 255",
        "BOOL, 1",
        "F32, Infinity",
        "F16, -Infinity",
        "BF16, NaN",
        "F8_E4M3, NaN"
    })
    void exactValuesSurvive(ElementType type, String text) {
        double value = Double.parseDouble(text);
        MemorySegment data = MemorySegment.ofArray(new byte[24]);
        ElementCodec.encode(type, data, 1, value);
        assertThat(ElementCodec.decode(type, data, 1)).isEqualTo(Double.valueOf(value));
        assertThat(ElementCodec.handles(type)).isTrue();
    }

    @ParameterizedTest
    @CsvSource({
        "F32, 1e300",
        "F16, 65520",
        "BF16, 1e39",
        "F8_E4M3, 465",
        "F8_E4M3, Infinity",
        "F8_E5M2, 70000",
        "F8_E8M0, 3",
        "F8_E8M0, 0",
        "F8_E8M0, -1",
        "F8_E8M0, 0x1p128",
        "I64, 0x1p63",
        "U64, -1",
        "U64, 0x1p64",
        "I32, 0.5",
        "U32, -1",
        "I16, 32768",
        "U16, 65536",
        "I8, 128",
        "U8, -1",
        "BOOL, 2",
        "I32, NaN"
    })
    void valuesThatDoNotFitAreRefused(ElementType type, String text) {
        MemorySegment data = MemorySegment.ofArray(new byte[8]);
        assertThatThrownBy(() -> ElementCodec.encode(type, data, 0, Double.parseDouble(text)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("does not fit");
    }

    @Test
    void largestUnsignedRoundsOnce() {
        MemorySegment data = MemorySegment.ofArray(new byte[] {-1, -1, -1, -1, -1, -1, -1, -1});
        assertThat(ElementCodec.decode(ElementType.U64, data, 0)).isEqualTo(0x1p64);
        assertThat(ElementCodec.decode(ElementType.U32, data, 0)).isEqualTo(4294967295.0);
        assertThat(ElementCodec.decode(ElementType.U16, data, 0)).isEqualTo(65535.0);
    }

    @Test
    void packedAndComplexTypesHaveNoNumbers() {
        MemorySegment data = MemorySegment.ofArray(new byte[8]);
        for (ElementType type :
                new ElementType[] {ElementType.F4, ElementType.F6_E2M3, ElementType.C64}) {
            assertThat(ElementCodec.handles(type)).isFalse();
            assertThatThrownBy(() -> ElementCodec.encode(type, data, 0, 1))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> ElementCodec.decode(type, data, 0))
                    .isInstanceOf(IllegalArgumentException.class);
        }
        assertThat(ElementType.C64.alignmentBytes()).isEqualTo(4);
        assertThat(ElementType.F6_E3M2.bytes(4)).isEqualTo(3);
        assertThat(ElementType.F6_E3M2.alignmentBytes()).isEqualTo(1);
    }
}
