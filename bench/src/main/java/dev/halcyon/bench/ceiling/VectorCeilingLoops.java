package dev.halcyon.bench.ceiling;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;

/// The loops on the Vector API at the machine's preferred width; reached by name, so that a JVM
/// without it loads.
public final class VectorCeilingLoops implements CeilingLoops {
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
    private static final ByteOrder LITTLE = ByteOrder.LITTLE_ENDIAN;
    private static final int ACCUMULATORS = 20;

    /// Made by reflection.
    public VectorCeilingLoops() {}

    @Override
    public String label() {
        return "Vector API, " + FLOATS.vectorBitSize() + " bits";
    }

    /// Twenty chains cover a latency of four to six cycles on two units, and make the method too
    /// big to be inlined: in its caller, C2 moved the sums between registers and the loop ran at
    /// two thirds of its speed.
    @Override
    public double multiplyAdds(int rounds) {
        FloatVector m = FloatVector.broadcast(FLOATS, 0.999f);
        FloatVector p = FloatVector.broadcast(FLOATS, 1e-3f);
        FloatVector a = p;
        FloatVector b = p;
        FloatVector c = p;
        FloatVector d = p;
        FloatVector e = p;
        FloatVector f = p;
        FloatVector g = p;
        FloatVector h = p;
        FloatVector i = p;
        FloatVector j = p;
        FloatVector k = p;
        FloatVector l = p;
        FloatVector n = p;
        FloatVector o = p;
        FloatVector q = p;
        FloatVector r = p;
        FloatVector s = p;
        FloatVector t = p;
        FloatVector u = p;
        FloatVector v = p;
        for (int round = 0; round < rounds; round++) {
            a = a.fma(m, p);
            b = b.fma(m, p);
            c = c.fma(m, p);
            d = d.fma(m, p);
            e = e.fma(m, p);
            f = f.fma(m, p);
            g = g.fma(m, p);
            h = h.fma(m, p);
            i = i.fma(m, p);
            j = j.fma(m, p);
            k = k.fma(m, p);
            l = l.fma(m, p);
            n = n.fma(m, p);
            o = o.fma(m, p);
            q = q.fma(m, p);
            r = r.fma(m, p);
            s = s.fma(m, p);
            t = t.fma(m, p);
            u = u.fma(m, p);
            v = v.fma(m, p);
        }
        FloatVector sum =
                a.add(b)
                        .add(c)
                        .add(d)
                        .add(e)
                        .add(f)
                        .add(g)
                        .add(h)
                        .add(i)
                        .add(j)
                        .add(k)
                        .add(l)
                        .add(n)
                        .add(o)
                        .add(q)
                        .add(r)
                        .add(s)
                        .add(t)
                        .add(u)
                        .add(v);
        Blackhole.consume(sum.lane(0));
        return 2.0 * ACCUMULATORS * FLOATS.length() * rounds;
    }

    @Override
    public int readBytes() {
        return FLOATS.vectorByteSize();
    }

    @Override
    public float read(MemorySegment memory, long from, long apart, long step, long rounds) {
        IntVector a = IntVector.zero(INTS);
        IntVector b = a;
        IntVector c = a;
        IntVector d = a;
        long end = from + rounds * step;
        for (long at = from; at < end; at += step) {
            a = a.add(IntVector.fromMemorySegment(INTS, memory, at, LITTLE));
            b = b.add(IntVector.fromMemorySegment(INTS, memory, at + apart, LITTLE));
            c = c.add(IntVector.fromMemorySegment(INTS, memory, at + 2 * apart, LITTLE));
            d = d.add(IntVector.fromMemorySegment(INTS, memory, at + 3 * apart, LITTLE));
        }
        return a.add(b).add(c).add(d).lane(0);
    }
}
